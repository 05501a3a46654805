"""Settings of both generations, in the shapes that their guides show, parse as they are."""

from __future__ import annotations

from typing import Any

import pytest

import passpost
from pytest_passpost import SmtpServer

TEMPLATE = """{
"subject": "< register-template-subject > ",
"content": "< The code is {{code}} . (register) > ",
"usageType": "Register",
"contentType": "text/plain"
}"""
SMTP_2022 = {
    "gmail": f"""{{
"host": "smtp.gmail.com",
"port": 587, // your SMTP port
"username": "< your-gmail-address > ",
"password": "< password-to-previous-gmail-address > ",
"fromEmail": "< your-gmail-address > ",
"templates": [
{TEMPLATE}
]
}}""",
    "sendgrid": f"""{{
"host": "smtp.sendgrid.net",
"port": "587", // as text, as the table of types has it
"username": "apiKey",
"password": "< api-key-with-at-least-mail-permission > ",
"fromEmail": "< email-address-of-a-verified-sender > ",
"templates": [
{TEMPLATE}
]
}}""",
    "aliyun": f"""{{
"host": "< SMTP-service-address > ",
"port": 1234,
"username": "< email-address-of-chosen-sender-address > ",
"password": "< api-key-with-at-least-mail-permission > ",
"fromEmail": "< email-address-of-a-verified-sender-should-be-the-same-as- `username` > ",
"templates": [
{TEMPLATE}
]
}}""",
}
TEMPLATES = [
    {"subject": "Code", "content": "{{code}}", "usageType": "Test", "contentType": "text/plain"}
]
LOGIN = {"user": "ada", "pass": "s3cr3t"}
TODAY: dict[str, dict[str, Any]] = {
    "login": {"auth": LOGIN},
    "login by name": {"auth": {**LOGIN, "type": "login"}},
    "relay": {"auth": {}},
    "refresh token": {
        "auth": {
            "type": "oauth2", "user": "ada@example.com", "clientId": "i", "clientSecret": "s",
            "refreshToken": "r", "accessUrl": "https://oauth2.example.com/token",
        }
    },
    "access token": {
        "auth": {"type": "oauth2", "user": "a@b.org", "accessToken": "t", "expires": 1735689600000}
    },
}  # fmt: skip
DIRECT_MAIL = """{
  "accessKeyId": "< access-key-id >",
  "accessKeySecret": "< access-key-secret >",
  "accountName": "< sender-address >",
  "fromAlias": "< tag >",
  "templates": [
    {"subject": "Register", "content": "{{code}}", "usageType": "Register"},
  ]
}"""


@pytest.mark.parametrize("provider", SMTP_2022)
def test_the_settings_of_2022_parse_with_their_placeholders(provider: str) -> None:
    connector = passpost.Host().configure("smtp", SMTP_2022[provider])
    assert connector.config.port in {587, 1234}
    warned = {warning.path for warning in connector.warnings}
    assert {"templates", "fromEmail"} <= warned
    missing = [
        warning.message for warning in connector.warnings if "no template" in warning.message
    ]
    assert missing == ["no template for `SignIn`, `ForgotPassword` or `Generic`"]


@pytest.mark.parametrize("form", TODAY)
def test_each_form_of_auth_parses(form: str) -> None:
    settings = {"host": "smtp.example.com", "fromEmail": "a@example.com", "templates": TEMPLATES}
    connector = passpost.Host().configure("smtp", {**settings, **TODAY[form]})
    assert [template.usage_type for template in connector.config.templates] == ["Generic"]


def test_the_settings_of_direct_mail_parse_and_mean_html() -> None:
    connector = passpost.Host().configure("aliyun-dm", DIRECT_MAIL)
    assert connector.config.default_content_type == "text/html"
    assert {"accountName"} <= {problem.path for problem in connector.placeholders}


def test_a_config_with_one_template_sends() -> None:
    with SmtpServer() as server:
        settings = {
            "host": "127.0.0.1", "port": str(server.port), "ignoreTLS": True,
            "fromEmail": "no-reply@example.com", "templates": TEMPLATES,
        }  # fmt: skip
        with passpost.Mailer(passpost.Host().configure("smtp", settings)) as mailer:
            mailer.send(passpost.Message(to="a@b.org", usage="Register", payload={"code": "7"}))
    assert server.mails[0].message.get_content().strip() == "7"
