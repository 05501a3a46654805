from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import Client, modify_settings, override_settings
from django.urls import include, path

import passpost
from passpost_django.allauth import AccountAdapter
from passpost_django.checks import check_settings
from pytest_passpost import Fault, SmtpServer, reply

WriteFile = Callable[..., Path]
CODE = re.compile("[A-Z0-9]{3,}-?[A-Z0-9]{3,}")


class Urls:
    urlpatterns = (path("accounts/", include("allauth.urls")),)


@pytest.fixture(autouse=True)
def urls(file: Path) -> Iterator[None]:
    with override_settings(ROOT_URLCONF=Urls):
        yield


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    call_command("migrate", verbosity=0)


@pytest.fixture
def ada() -> Iterator[Any]:
    user = get_user_model().objects.create_user("ada", "ada@example.com", "correct horse")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    yield user
    user.delete()


@pytest.fixture
def nobody() -> Iterator[None]:
    yield
    get_user_model().objects.all().delete()


def post(url: str, language: str = "en", **data: str) -> Any:
    # A host that anyone may name.
    client = Client(HTTP_HOST="evil.example.net", HTTP_ACCEPT_LANGUAGE=language)
    return client.post(f"/accounts/{url}/", data)


def text(server: SmtpServer) -> str:
    (received,) = server.mails
    content: str = received.message.get_content()
    return content.strip()


def test_a_code_to_sign_in(server: SmtpServer, ada: Any) -> None:
    assert post("login/code", "zh-CN", email="ada@example.com").status_code == 302
    assert CODE.fullmatch(text(server))
    assert server.mails[0].message["subject"] == "您的验证码"


def test_a_link_to_set_a_password_is_on_our_site(server: SmtpServer, ada: Any) -> None:
    post("password/reset", email="ada@example.com")
    assert text(server).startswith("https://www.example.com/accounts/password/reset/key/")
    assert server.mails[0].message["subject"] == "New password"


@pytest.mark.parametrize("by_code", [False, True])
@pytest.mark.usefixtures("nobody")
def test_the_confirmation_of_an_address(server: SmtpServer, *, by_code: bool) -> None:
    with override_settings(ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=by_code):
        post("signup", email="bob@example.com", password1="correct horse battery")
    assert server.mails[0].message["subject"] == "Welcome"
    assert text(server).startswith("https://www.example.com/accounts/") != by_code


def test_the_rest_goes_out_as_allauth_renders_it(server: SmtpServer) -> None:
    post("password/reset", email="nobody@example.com")
    (received,) = server.mails
    assert received.message["subject"].startswith("[www.example.com] ")
    shown = "".join(
        part.get_content() for part in received.message.walk() if not part.is_multipart()
    )
    assert "https://www.example.com/accounts/signup/" in shown
    assert "evil" not in shown


def test_a_prefix_of_ones_own(server: SmtpServer) -> None:
    with override_settings(ACCOUNT_EMAIL_SUBJECT_PREFIX="Shop: "):
        post("password/reset", email="nobody@example.com")
    assert server.mails[0].message["subject"].startswith("Shop: ")


def test_a_site_of_the_database(server: SmtpServer) -> None:
    sites = modify_settings(INSTALLED_APPS={"append": "django.contrib.sites"})
    with sites, override_settings(SITE_ID=1):
        call_command("migrate", verbosity=0)
        post("password/reset", email="nobody@example.com")
    assert server.mails[0].message["subject"].startswith("[example.com] ")


class Shops(AccountAdapter):
    usages: ClassVar = {**AccountAdapter.usages, "account/email/unknown_account": "Register"}

    def base_url(self) -> str:
        return "https://shop.example.org"


def test_an_adapter_of_ones_own(server: SmtpServer) -> None:
    with override_settings(ACCOUNT_ADAPTER=f"{__name__}.Shops", PASSPOST_BASE_URL=None):
        assert check_settings() == []
        post("password/reset", email="nobody@example.com")
    assert text(server) == "https://shop.example.org/accounts/signup/"


def test_an_email_with_neither_code_nor_link() -> None:
    assert AccountAdapter().payload("account/email/password_changed", {"ip": "::1"}) == {}


def test_without_the_sites_address_nothing_is_sent(server: SmtpServer, ada: Any) -> None:
    with override_settings(PASSPOST_BASE_URL=None), pytest.raises(ImproperlyConfigured):
        post("password/reset", email="ada@example.com")
    assert server.mails == []


def test_a_failure_is_raised_in_the_view(server: SmtpServer, ada: Any) -> None:
    server.script(Fault("rcpt", reply("550 5.1.1 No such user")))
    with pytest.raises(passpost.SendError) as caught:
        post("login/code", email="ada@example.com")
    assert caught.value.outcome == "rejected"


def test_a_link_elsewhere_stays_as_it_is(server: SmtpServer) -> None:
    context = {"activate_url": "https://app.example.com/confirm/key"}
    get_adapter().send_mail("account/email/email_confirmation", "ada@example.com", context)
    assert text(server) == "https://app.example.com/confirm/key"


def test_a_code_is_not_sent_once_it_has_expired(server: SmtpServer, ada: Any) -> None:
    with (
        override_settings(ACCOUNT_LOGIN_BY_CODE_TIMEOUT=-1),
        pytest.raises(passpost.SendError) as caught,
    ):
        post("login/code", email="ada@example.com")
    assert (caught.value.outcome, server.mails) == ("rejected", [])
    connection.close()
