"""The server of the demonstration."""

from __future__ import annotations

import pytest

import passpost
from passpost_smtp import hooks
from passpost_smtp_stand_in.server import StandIn
from pytest_passpost import StandIn as Protocol

TEMPLATES = [
    {"usageType": "SignIn", "subject": "Your code", "content": "Code {{code}}\n"},
    {
        "usageType": "SignIn",
        "locale": "zh-CN",
        "subject": "您的验证码",
        "content": "<p>验证码 {{code}}</p>",
        "contentType": "text/html",
    },
]


def test_it_takes_mails_and_shows_them_as_they_are_read() -> None:
    host = passpost.Host()
    host.register(hooks)
    with StandIn() as provider:
        assert isinstance(provider, Protocol)
        smtp = host.configure("smtp", {**provider.settings, "templates": TEMPLATES})
        with passpost.Mailer(smtp) as mailer:
            for locale in ("en", "zh-CN"):
                mailer.send(
                    passpost.Message(
                        to="ada@example.com",
                        usage="SignIn",
                        payload={"code": "123456"},
                        locale=locale,
                    )
                )
        english, chinese = provider.received
        assert (english.subject, english.text, english.html) == ("Your code", "Code 123456\n", None)
        assert (chinese.subject, chinese.html) == ("您的验证码", "<p>验证码 123456</p>\n")
        assert english.sender == "Example <no-reply@example.com>"
        assert english.recipient == "ada@example.com"


def test_it_refuses_a_wrong_password() -> None:
    host = passpost.Host()
    host.register(hooks)
    with StandIn() as provider:
        settings = {**provider.wrong_settings, "templates": TEMPLATES}
        message = passpost.Message(to="a@example.com", usage="SignIn", payload={"code": "1"})
        with (
            passpost.Mailer(host.configure("smtp", settings)) as mailer,
            pytest.raises(passpost.SendError) as caught,
        ):
            mailer.send(message)
        assert caught.value.scope == "account"
        assert caught.value.hint
        assert provider.received == ()
