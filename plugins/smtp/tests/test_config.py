"""Settings of both generations, and the mistakes that they are known for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from passpost import ConfigError, Secret
from passpost.config import form_fields, json_schema, parse, read, reference_table, warnings
from passpost_smtp import hooks
from passpost_smtp.config import (
    EncryptedKey,
    Login,
    LoginAuth,
    ServiceAccountAuth,
    SmtpConfig,
    TokenAuth,
)
from passpost_smtp.limits import Limits
from passpost_smtp.presets import PRESETS

BASIC: dict[str, Any] = {
    "host": "smtp.example.com",
    "fromEmail": "no-reply@example.com",
    "templates": [
        {"usageType": usage, "subject": "s", "content": "{{code}}"}
        for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
    ],
}


def config(**settings: Any) -> SmtpConfig:
    return parse(SmtpConfig, {**BASIC, **settings})


def problems(**settings: Any) -> dict[str, str]:
    """Return what is wrong with settings, by path."""
    with pytest.raises(ConfigError) as caught:
        config(**settings)
    return {
        problem.path: f"{problem.message} - {problem.remedy}"
        for problem in caught.value.problems
        if problem.severity == "error"
    }


def warned(**settings: Any) -> dict[str, str]:
    return {
        problem.path: f"{problem.message} - {problem.remedy}"
        for problem in warnings(config(**settings))
    }


@pytest.mark.parametrize(
    ("settings", "security", "port"),
    [
        ({}, "starttls", 587),
        ({"port": 465}, "implicit", 465),
        ({"port": "465"}, "implicit", 465),
        ({"port": 25}, "starttls", 25),
        ({"secure": True}, "implicit", 465),
        ({"secure": True, "port": 2465}, "implicit", 2465),
        ({"secure": False}, "starttls", 587),
        ({"secure": False, "port": 465}, "starttls", 465),
        ({"requireTLS": True}, "starttls", 587),
        ({"requireTLS": False}, "opportunistic", 587),
        ({"ignoreTLS": True}, "none", 587),
        ({"ignoreTLS": True, "requireTLS": False}, "none", 587),
        ({"ignoreTLS": False, "port": 465}, "implicit", 465),
    ],
)
def test_how_tls_comes_up(settings: dict[str, Any], security: str, port: int) -> None:
    made = config(**settings)
    assert (made.security, made.port_number) == (security, port)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"secure": True, "ignoreTLS": True}, "ignoreTLS"),
        ({"port": 465, "ignoreTLS": True}, "ignoreTLS"),
        ({"requireTLS": True, "ignoreTLS": True}, "ignoreTLS"),
    ],
)
def test_tls_settings_that_contradict_each_other(settings: dict[str, Any], path: str) -> None:
    assert "contradicts" in problems(**settings)[path]


def test_the_older_form_of_credentials() -> None:
    made = config(username="ada", password="pw")
    assert made.login == Login("ada", Secret("pw"))
    assert made.signs_in
    assert made.security == "starttls"


def test_no_credentials_are_a_relay() -> None:
    for made in (config(), config(auth={}), config(auth={"type": "login"})):
        assert made.login is None
        assert not made.signs_in


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"username": "ada"}, "password"),
        ({"password": "pw"}, "username"),
        ({"auth": {"user": "ada"}}, "auth.pass"),
        ({"auth": {"pass": "pw"}}, "auth.user"),
        ({"auth": {"user": "a", "pass": "p"}, "username": "a", "password": "p"}, "username"),
        ({"auth": {"type": "oauth2", "user": "a"}}, "auth"),
        ({"auth": {"user": "a", "refreshToken": "r", "clientId": "c"}}, "auth.clientSecret"),
        ({"auth": {"user": "a", "serviceClient": "c"}}, "auth.privateKey"),
        ({"auth": {"user": "a", "clientId": "c", "accessToken": "t", "pass": "p"}}, "auth.pass"),
        ({"auth": {"user": "a", "pass": "p\r\n"}}, "auth.pass"),
        ({"auth": {"user": "a\0", "pass": "p"}}, "auth.user"),
        ({"auth": "ada:pw"}, "auth"),
    ],
)
def test_credentials_that_are_not_whole(settings: dict[str, Any], path: str) -> None:
    found = problems(**settings)
    assert path in found
    assert "pw" not in " ".join(found.values())


def test_the_kinds_of_auth() -> None:
    assert isinstance(config(auth={"user": "a", "pass": "p"}).auth, LoginAuth)
    assert isinstance(config(auth={"type": "login", "user": "a", "pass": "p"}).auth, LoginAuth)
    token = config(auth={"type": "OAuth2", "user": "a", "accessToken": "t", "expires": "1"}).auth
    assert isinstance(token, TokenAuth)
    assert token.expires == 1
    account = config(auth={"user": "a", "serviceClient": "c", "privateKey": "a\nb"}).auth
    assert isinstance(account, ServiceAccountAuth)
    key = {"key": "a\nb", "passphrase": "p"}
    account = config(auth={"user": "a", "serviceClient": "c", "privateKey": key}).auth
    assert isinstance(account, ServiceAccountAuth)
    assert account.private_key == EncryptedKey(key=Secret("a\nb"), passphrase=Secret("p"))


@pytest.mark.parametrize(
    "url", ["http://example.com/token", "ftp://example.com", "token", "https://", "http://[x"]
)
def test_tokens_come_over_https(url: str) -> None:
    auth = {"user": "a", "accessToken": "t", "accessUrl": url}
    assert "auth.accessUrl" in problems(auth=auth)


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        ({"secure": True, "port": 587}, "secure", "wrong version number"),
        ({"secure": False, "port": 465}, "secure", "wait"),
        ({"secure": True, "requireTLS": False}, "requireTLS", "no effect"),
        ({"ignoreTLS": True, "auth": {"user": "a", "pass": "p"}}, "ignoreTLS", "unencrypted"),
        ({"tls": {"rejectUnauthorized": False}}, "tls.rejectUnauthorized", "not verified"),
        ({"disableFileAccess": True}, "disableFileAccess", "no effect"),
        ({"disableUrlAccess": False}, "disableUrlAccess", "no effect"),
        (
            {"host": "smtp.gmail.com", "username": "a@gmail.com", "password": "hunter2!"},
            "password",
            "apppasswords",
        ),
        (
            {"host": "smtp.gmail.com", "auth": {"user": "a@gmail.com", "pass": "hunter2!"}},
            "auth.pass",
            "apppasswords",
        ),
        (
            {"host": "smtpdm.aliyun.com", "auth": {"user": "someone", "pass": "p"}},
            "auth.user",
            "fromEmail",
        ),
        (
            {"host": "smtpdm-ap-southeast-1.aliyuncs.com", "username": "x", "password": "p"},
            "username",
            "fromEmail",
        ),
        (
            {"host": "smtp.sendgrid.net", "username": "apiKey", "password": "p"},
            "username",
            "apikey",
        ),
        (
            {"host": "smtp.sendgrid.net", "auth": {"user": "someone", "pass": "p"}},
            "auth.user",
            "apikey",
        ),
        (
            {"host": "smtp.qq.com", "auth": {"user": "1@qq.com", "pass": "hunter2!"}},
            "auth.pass",
            "授权码",
        ),
        ({"fromEmail": "< your-gmail-address >"}, "fromEmail", "placeholder"),
        ({"host": "<smtp-server>"}, "host", "placeholder"),
    ],
)
def test_mistakes_that_are_known(settings: dict[str, Any], path: str, words: str) -> None:
    found = warned(**settings)
    assert words in found[path]
    assert "hunter2" not in found[path]


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "smtp.gmail.com", "username": "a@gmail.com", "password": "abcd efgh ijkl mnop"},
        {"host": "smtp.gmail.com", "username": "< a >", "password": "< p >"},
        {"host": "smtp.qq.com", "username": "1@qq.com", "password": "abcdefghijklmnop"},
        {"host": "smtp.163.com", "username": "a@163.com", "password": "hunter2!"},
        {"host": "smtp.sendgrid.net", "username": "apikey", "password": "p"},
        {"host": "smtp.sendgrid.net", "username": "<user>", "password": "p"},
        {"host": "smtpdm.aliyun.com", "username": "No-Reply@example.com", "password": "p"},
        {"host": "smtp.example.com", "username": "ada", "password": "hunter2!"},
        {"host": "127.0.0.1", "ignoreTLS": True, "username": "ada", "password": "p"},
        {"secure": True, "port": 465},
        {"secure": False, "port": 587},
        {"customHeaders": {"X-Tag": ["one", "two"]}},
    ],
)
def test_what_is_right_is_not_warned_of(settings: dict[str, Any]) -> None:
    assert {
        path for path in warned(**settings) if "placeholder" not in warned(**settings)[path]
    } == set()


@pytest.mark.parametrize(
    "name", ["mail.example.com", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"]
)
def test_names_for_ehlo(name: str) -> None:
    assert config(name=name).ehlo_name("127.0.0.1") == name


@pytest.mark.parametrize(
    "name",
    [
        "пример.рф",
        "a b",
        "a\r\nMAIL",
        "",
        "-a",
        "a..b",
        "[1.2.3]",
        "192.0.2.1]",
        "[IPv6:192.0.2.1]",
        5,
    ],
)
def test_names_that_are_none_for_ehlo(name: object) -> None:
    assert "name" in problems(name=name)


def test_a_name_beyond_ascii_is_explained() -> None:
    assert "xn--" in problems(name="пример.рф")["name"]


def test_without_a_name_the_host_name_or_the_address_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "app.example.com")
    assert config().ehlo_name("192.0.2.1") == "app.example.com"
    for invalid_part in ("laptop", "Адас-Laptop.local", "a_b.example.com"):
        monkeypatch.setattr("socket.gethostname", lambda invalid_part=invalid_part: invalid_part)
        assert config().ehlo_name("192.0.2.1") == "[192.0.2.1]"
        assert config().ehlo_name("2001:db8::1") == "[IPv6:2001:db8::1]"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("localAddress", "eth0"),
        ("localAddress", 5),
        ("port", 0),
        ("port", "smtp"),
        ("secure", "true"),
        ("connectionTimeout", 0),
        ("pool", {"maxConnections": 0}),
        ("tls", {"minVersion": "TLSv1"}),
        ("tls", {"ca": "/etc/ssl/ca.pem"}),
        ("tls", {"ca": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----"}),
        ("tls", {"cert": "cert.pem"}),
        ("tls", {"key": "k"}),
        ("customHeaders", {"Bcc": "eve@example.com"}),
        ("customHeaders", {"X-A": "one\r\nBcc: eve@example.com"}),
        ("customHeaders", {"X-A": "one", "x-a": "two"}),
        ("customHeaders", {"X A": "one"}),
        ("fromEmail", "a@example.com, b@example.com"),
        ("replyTo", "a@b\r\nc"),
        ("hosst", "x"),
    ],
)
def test_values_that_are_refused(key: str, value: object) -> None:
    found = problems(**{key: value})
    assert any(path.startswith(key) for path in found), found


def test_more_warm_connections_than_there_may_be() -> None:
    assert "pool.keepWarm" in problems(pool={"maxConnections": 2, "keepWarm": 3})


def test_all_problems_come_at_once() -> None:
    found = problems(
        port="x", secure=True, ignoreTLS=True, auth={"user": "a"}, name="ä", nonsense=1
    )
    assert set(found) >= {"port", "auth.pass", "name", "nonsense"}


def test_timeouts_are_milliseconds_and_none_is_longer_than_that_of_the_socket() -> None:
    limits = Limits.of(config(dnsTimeout="1500", greetingTimeout=90_000, socketTimeout=30_000))
    assert limits == Limits(1.5, 10.0, 30.0, 20.0, 30.0, 30.0)
    assert limits.probe == 5.0
    assert limits.opening == 1.5 + 20.0 + 30.0 + 80.0


def test_names_for_people() -> None:
    assert config(port=25).server == "smtp.example.com:25"
    assert config(host="2001:db8::1", port=25).server == "[2001:db8::1]:25"
    assert config(host="пример.рф").server_name == "xn--e1afmkfd.xn--p1ai"


SEEDS = (
    """{
    "host": "smtp.gmail.com",
    "port": 587, // your SMTP port
    "username": "< your-gmail-address > ",
    "password": "< password-to-previous-gmail-address > ",
    "fromEmail": "< your-gmail-address > ",
    "templates": [{
    "subject": "< register-template-subject > ",
    "content": "< The code is {{code}} . (register) > ",
    "usageType": "Register",
    "contentType": "text/plain"
    }]}""",
    """{
    "host": "smtp.sendgrid.net",
    "port": "587", // your SMTP port
    "username": "apiKey",
    "password": "< api-key-with-at-least-mail-permission > ",
    "fromEmail": "< email-address-of-a-verified-sender > ",
    "templates": [{
    "subject": "< register-template-subject > ",
    "content": "{{code}}",
    "usageType": "Test",
    "contentType": "text/html"
    }]}""",
    """{
    "host": "< SMTP-service-address > ",
    "port": 1234, // your SMTP port
    "username": "< email-address-of-chosen-sender-address > ",
    "password": "< api-key-with-at-least-mail-permission > ",
    "fromEmail": "< email-address-of-a-verified-sender-should-be-the-same-as- ` username ` > ",
    "templates": [{
    "subject": "< register-template-subject > ",
    "content": "{{code}}",
    "usageType": "SignIn",
    "contentType": "text/plain"
    }]}""",
)
"""The settings of the connector's first guides, as operators have copied them."""


@pytest.mark.parametrize("text", SEEDS)
def test_the_first_guides_settings_parse_as_they_stand(text: str) -> None:
    made = hooks.parse_config(read(text))
    assert made.security == "starttls"
    found = {problem.path for problem in warnings(made)}
    assert "fromEmail" in found
    assert "templates" in found


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_presets_parse_and_only_want_filling_in(preset: Any) -> None:
    made = hooks.parse_config(preset.settings)
    # A mail server on this machine has no accounts.
    assert made.login is not None or made.uses_oauth2 or preset.id == "local"
    remarks = {problem.message for problem in warnings(made)}
    assert remarks == {"still a placeholder"}


def test_every_setting_is_described_in_both_languages() -> None:
    for field in form_fields(SmtpConfig, "zh-CN"):
        assert re.search("[\u4e00-\u9fff]|TLS", field.title), field
    english = reference_table(SmtpConfig, "en")
    chinese = reference_table(SmtpConfig, "zh-CN")
    for key in ("requireTLS", "auth.pass", "pool.probeAfter", "tls.rejectUnauthorized"):
        assert key.rpartition(".")[2] in english
        assert key.rpartition(".")[2] in chinese
    assert json_schema(SmtpConfig)["properties"]["host"]


def test_a_config_shows_no_secret() -> None:
    made = config(auth={"user": "ada", "pass": "hunter2!"})
    assert "hunter2" not in repr(made)


def test_the_guide_is_there_to_be_shown() -> None:
    guide = hooks.connector_info().guide
    assert set(guide) == {"en", "zh-CN"}
    root = Path(__file__).parents[1]
    assert {path.name for path in root.glob("README*.md")} >= {"README.md", "README.zh-CN.md"}
