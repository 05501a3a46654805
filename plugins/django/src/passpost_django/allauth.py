"""The adapter for django-allauth: its codes and links go out with the templates of the settings.

::

    ACCOUNT_ADAPTER = "passpost_django.allauth.AccountAdapter"
    PASSPOST_BASE_URL = "https://www.example.com"

Links never begin with the address that a request names, which anyone can choose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.apps import apps
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ImproperlyConfigured

import passpost
from passpost_django.languages import _, active_locales
from passpost_django.mailers import DEFAULT, mailer

__all__ = ["AccountAdapter"]

_CODE_LIFETIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account/email/login_code": "LOGIN_BY_CODE_TIMEOUT",
        "account/email/email_confirmation": "EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
        "account/email/email_confirmation_signup": "EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
        "account/email/password_reset_code": "PASSWORD_RESET_BY_CODE_TIMEOUT",
    }
)
"""The setting of allauth that says how many seconds a code is good for."""

_LINKS: Final = ("activate_url", "password_reset_url", "signup_url")


class Site(NamedTuple):
    """What the templates of allauth show of the site."""

    domain: str
    name: str


class AccountAdapter(DefaultAccountAdapter):
    """Sends codes and links with passpost's templates, and leaves the other emails to allauth.

    The payload is ``code``, or ``link`` where allauth is set to send links.

    Attributes:
        usages: The usage for each of allauth's emails; those that are missing go out as allauth
            renders them, through Django's email backend.
        using: The alias in ``MAILERS`` whose settings file counts.
    """

    usages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "account/email/login_code": "SignIn",
            "account/email/email_confirmation": "Register",
            "account/email/email_confirmation_signup": "Register",
            "account/email/password_reset_key": "ForgotPassword",
            "account/email/password_reset_code": "ForgotPassword",
        }
    )
    using: ClassVar[str] = DEFAULT

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of allauth's emails.

        Raises:
            passpost.SendError: The email was rejected, or its outcome is unknown.
            passpost.MessageError: The template does not fit; nothing was sent.
            ImproperlyConfigured: ``PASSPOST_BASE_URL`` is not set, or not valid.
        """
        context = {**context, **self._own_links(context)}
        usage = self.usages.get(template_prefix)
        if usage is None:
            context["current_site"] = self.site()
            super().send_mail(template_prefix, email, context)
            return
        message = passpost.Message(
            to=email,
            usage=usage,
            payload=self.payload(template_prefix, context),
            locale=active_locales(),
            deadline=_deadline(template_prefix, context),
        )
        # Error reports show the variables of each frame.
        del context
        mailer(self.using).send(message)

    def payload(self, template_prefix: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for the template. Override it to add your own."""
        del template_prefix
        if "code" in context:
            return {"code": context["code"]}
        link = next((context[name] for name in _LINKS if name in context), None)
        return {} if link is None else {"link": link}

    def base_url(self) -> str:
        """Return what links begin with: ``PASSPOST_BASE_URL``. Override it for several sites.

        Raises:
            ImproperlyConfigured: It is not set, or is not the address of a site.
        """
        return base_url()

    def format_email_subject(self, subject: str) -> str:
        """Return a subject with the prefix that allauth adds: the site's name, unless it is set."""
        prefix = app_settings.EMAIL_SUBJECT_PREFIX
        return f"[{self.site().name}] {subject}" if prefix is None else f"{prefix}{subject}"

    def site(self) -> Any:
        """Return the site of ``django.contrib.sites``, or that of ``PASSPOST_BASE_URL``."""
        if apps.is_installed("django.contrib.sites"):
            return get_current_site(current.request)
        domain = urlsplit(self.base_url()).netloc
        return Site(domain, domain)

    def _own_links(self, context: Mapping[str, Any]) -> dict[str, str]:
        """Return the links that begin with the request's address, with the site's in its place."""
        request = context.get("request") or current.request
        named = request.get_host() if request is not None else None
        base = self.base_url()
        return {
            name: link.replace(f"{parts.scheme}://{parts.netloc}", base, 1)
            for name, link in context.items()
            if name.endswith("_url")
            and isinstance(link, str)
            and (parts := urlsplit(link)).netloc == named
        }


def base_url() -> str:
    """Return the address that links begin with.

    Raises:
        ImproperlyConfigured: It is not set, or is not the address of a site.
    """
    url = str(getattr(settings, "PASSPOST_BASE_URL", "")).rstrip("/")
    scheme, _mark, place = url.partition("://")
    if scheme in {"http", "https"} and place and urlsplit(url).netloc == place:
        return url
    raise ImproperlyConfigured(
        _(
            "PASSPOST_BASE_URL must be set to the address of the site, without a path: links in "
            "emails never begin with the address that a request names"
        )
    )


def _deadline(template_prefix: str, context: Mapping[str, Any]) -> dt.datetime | None:
    lifetime = _CODE_LIFETIMES.get(template_prefix)
    if lifetime is None or "code" not in context:
        return None
    seconds = getattr(app_settings, lifetime)
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
