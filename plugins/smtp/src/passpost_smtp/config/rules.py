"""What has to fit together in the settings, and the mistakes that are known of providers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from passpost import Problem
from passpost.config import HostName, is_placeholder, rule
from passpost.wire import check_name, check_value
from passpost_smtp.config.auth import Auth, LoginAuth

if TYPE_CHECKING:
    from passpost import Address, Secret

IMPLICIT_PORT: Final = 465
"""The port where TLS comes before everything (RFC 8314)."""

_CLEAR_PORTS: Final = frozenset((25, 80, 587, 2525))
_APP_PASSWORD: Final = re.compile(r"[A-Za-z]{16}")


def provider_of(host: HostName) -> str:
    """Name the provider behind a host, or give an empty text."""
    name = host.lower().removesuffix(".")
    if name in {"smtp.gmail.com", "smtp.googlemail.com"}:
        return "gmail"
    if name.startswith("smtpdm") and name.endswith((".aliyun.com", ".aliyuncs.com")):
        return "aliyun"
    return "sendgrid" if name == "smtp.sendgrid.net" else ""


class SmtpRules:
    """The rules of `SmtpConfig`."""

    __slots__ = ()

    if TYPE_CHECKING:
        host: HostName
        port: int | None
        secure: bool | None
        require_tls: bool | None
        ignore_tls: bool
        auth: Auth | None
        username: str | None
        password: Secret | None
        from_email: Address
        custom_headers: Mapping[str, str | tuple[str, ...]]
        disable_file_access: bool | None
        disable_url_access: bool | None

    @rule("require_tls", "ignore_tls")
    def _starttls_is_wanted_or_not(self) -> Iterator[Problem]:
        if self.ignore_tls and self.require_tls:
            yield _contradiction("requireTLS")

    @rule("secure", "port", "require_tls", "ignore_tls")
    def _tls_modes_agree(self) -> Iterator[Problem]:
        implicit = self.secure if self.secure is not None else self.port == IMPLICIT_PORT
        if implicit and self.ignore_tls and not self.require_tls:
            yield _contradiction(f"port {IMPLICIT_PORT}" if self.secure is None else "secure")
        if implicit and self.require_tls is False:
            yield Problem(
                "requireTLS",
                "has no effect: TLS comes before everything here",
                "take it out, or write secure: false",
                "warning",
            )

    @rule("secure", "port")
    def _port_fits(self) -> Iterator[Problem]:
        if self.secure and self.port in _CLEAR_PORTS:
            yield Problem(
                "secure",
                f"port {self.port} begins in clear: TLS fails with “wrong version number”",
                f"write false for port {self.port}, or use port {IMPLICIT_PORT}",
                "warning",
            )
        if self.secure is False and self.port == IMPLICIT_PORT:
            yield Problem(
                "secure",
                "port 465 waits for TLS: without it both sides wait until the timeout",
                "write true, or use port 587",
                "warning",
            )

    @rule("auth", "username", "password")
    def _one_sign_in(self) -> Iterator[Problem]:
        old = [key for key in ("username", "password") if getattr(self, key) is not None]
        if self.auth is not None and old:
            yield Problem(old[0], "stands beside auth", "write auth alone; it is the newer form")
        elif len(old) == 1:
            missing = "password" if old == ["username"] else "username"
            yield Problem(
                missing,
                f"is missing, while {old[0]} is there",
                "write both, or none where the server needs no sign-in",
            )

    @rule("auth", "username", "password", "ignore_tls", "host")
    def _password_in_clear(self) -> Iterator[Problem]:
        local = self.host in {"localhost", "127.0.0.1", "::1"}
        if self.ignore_tls and self._user and not local:
            yield Problem(
                "ignoreTLS",
                "the password may go over the network in clear",
                "take it out, unless the way to the server is safe without TLS",
                "warning",
            )

    @rule("host", "auth", "username", "from_email")
    def _aliyun_user(self) -> Iterator[Problem]:
        user = self._user
        if (
            provider_of(self.host) != "aliyun"
            or not user
            or _unfilled(user, self.from_email.address)
        ):
            return
        if user.lower() != self.from_email.address.lower():
            yield Problem(
                self._key("username", "auth.user"),
                "Aliyun wants the sender address itself as the user name",
                "write the address of fromEmail",
                "warning",
            )

    @rule("host", "auth", "username")
    def _sendgrid_user(self) -> Iterator[Problem]:
        user = self._user
        if provider_of(self.host) != "sendgrid" or not user or user == "apikey" or _unfilled(user):
            return
        yield Problem(
            self._key("username", "auth.user"),
            "SendGrid has one user name for everyone, the word apikey in lower case",
            "write apikey, and the API key as the password",
            "warning",
        )

    @rule("host", "auth", "username", "password")
    def _gmail_password(self) -> Iterator[Problem]:
        password = self._password
        if provider_of(self.host) != "gmail" or not password:
            return
        text = password.reveal().replace(" ", "")
        if not is_placeholder(password.reveal()) and not _APP_PASSWORD.fullmatch(text):
            yield Problem(
                self._key("password", "auth.pass"),
                "Gmail takes an app password here, which has 16 letters; this is none",
                "make one at https://myaccount.google.com/apppasswords",
                "warning",
            )

    @rule("custom_headers")
    def _headers_fit(self) -> Iterator[Problem]:
        for name, values in self.custom_headers.items():
            if reason := check_name(name):
                yield Problem(f"customHeaders.{name}", reason, "take it out")
            for value in (values,) if isinstance(values, str) else values:
                if reason := check_value(value):
                    yield Problem(f"customHeaders.{name}", reason, "write it in one line")
        names = [name.lower() for name in self.custom_headers]
        if len(set(names)) < len(names):
            yield Problem(
                "customHeaders", "a header is there twice in different spellings", "keep one"
            )

    @rule("disable_file_access", "disable_url_access")
    def _nothing_to_disable(self) -> Iterator[Problem]:
        for key, value in (
            ("disableFileAccess", self.disable_file_access),
            ("disableUrlAccess", self.disable_url_access),
        ):
            if value is not None:
                yield Problem(
                    key,
                    "has no effect: passpost puts no file and no URL into a mail",
                    "take it out",
                    "warning",
                )

    @property
    def _user(self) -> str | None:
        return self.username if self.auth is None else self.auth.user

    @property
    def _password(self) -> Secret | None:
        if self.auth is None:
            return self.password
        return self.auth.pass_ if isinstance(self.auth, LoginAuth) else None

    def _key(self, old: str, new: str) -> str:
        return old if self.auth is None else new


def _unfilled(*texts: str) -> bool:
    return any(is_placeholder(text) for text in texts)


def _contradiction(other: str) -> Problem:
    return Problem("ignoreTLS", f"contradicts {other}, which wants TLS", "take one of the two out")
