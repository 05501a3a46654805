"""What Django shows of a failed send: to developers on a page, to operators in an email."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.views.debug import ExceptionReporter
from django.views.decorators.debug import sensitive_variables

import passpost
import passpost_django
from pytest_passpost import Fault, SmtpServer, reply

CODE = "493817"
View = Callable[[HttpRequest], HttpResponse]


class NoUrls:
    urlpatterns = ()


def new_code() -> str:
    # The page shows the source around each frame, too.
    return CODE


def through_a_template(request: HttpRequest) -> HttpResponse:
    passpost_django.send("ada@example.com", "SignIn", {"code": new_code()})
    return HttpResponse()


def rendered_by_django(request: HttpRequest) -> HttpResponse:
    mail.EmailMessage("Hello", new_code(), to=["ada@example.com"]).send()
    return HttpResponse()


def not_an_email(request: HttpRequest) -> HttpResponse:
    mail.EmailMessage(
        "Hello",
        new_code(),
        to=["ada@example.com"],
        headers={"X-Code": new_code(), "From": "other@example.com"},
    ).send()
    return HttpResponse()


def not_a_message(request: HttpRequest) -> HttpResponse:
    passpost_django.send("nobody", "SignIn", {"code": new_code()})
    return HttpResponse()


def lacks_a_variable(request: HttpRequest) -> HttpResponse:
    passpost_django.send("ada@example.com", "SignIn", {"cod": new_code()})
    return HttpResponse()


def not_an_argument(request: HttpRequest) -> HttpResponse:
    passpost_django.send("ada@example.com", "SignIn", {"code": new_code()}, local="zh-CN")
    return HttpResponse()


VIEWS = [
    through_a_template, rendered_by_django, not_an_email, not_a_message, not_an_argument,
    lacks_a_variable,
]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_for_developers(server: SmtpServer, file: Path, view: View) -> None:
    class Urls:
        urlpatterns = (path("", view),)

    server.script(Fault("rcpt", reply("550 5.1.1 No such user"), optional=True))
    with override_settings(DEBUG=True, ROOT_URLCONF=Urls):
        page = Client(raise_request_exception=False).get("/").content.decode()
    assert "Traceback" in page
    assert view.__name__ in page
    assert CODE not in page


@sensitive_variables()  # type: ignore[untyped-decorator]  # Django is not typed
def with_variables_of_its_own(request: Any) -> None:
    code = new_code()
    mail.send_mail("Hello", code, None, ["ada@example.com"], html_message=code)


def test_the_report_to_operators(server: SmtpServer, file: Path) -> None:
    server.script(Fault("rcpt", reply("550 5.1.1 No such user")))
    request = RequestFactory().get("/")
    with pytest.raises(passpost.SendError) as caught:
        with_variables_of_its_own(request)
    reporter = ExceptionReporter(request, caught.type, caught.value, caught.tb, is_email=True)
    with override_settings(ROOT_URLCONF=NoUrls):
        page, text = reporter.get_traceback_html(), reporter.get_traceback_text()
    assert "with_variables_of_its_own" in page
    assert CODE not in page + text
