from __future__ import annotations

from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Address, ConfigError
from passpost._connector_info import LANGUAGES
from passpost._text import refused_in_line
from passpost.config import (
    Settings,
    field,
    form_fields,
    json_schema,
    parse,
    reference_table,
    secrets_in,
    warnings,
)
from passpost.http import (
    ApiKey,
    SenderConfig,
    Timeouts,
    ascii_headers,
    encoded_words,
    mailbox,
    mailbox_text,
)

GOOD = {"apiKey": "SG.key", "fromEmail": "Example <no-reply@example.com>"}


@attrs.frozen(kw_only=True)
class AcmeConfig(SenderConfig):
    api_key: ApiKey = field(title={"en": "API key"})


@attrs.frozen(kw_only=True)
class HookConfig(Timeouts):
    key: ApiKey


def refused(**settings: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(AcmeConfig, {**GOOD, **settings})
    return {p.path: p.message for p in caught.value.problems if p.severity == "error"}


def test_what_a_config_over_http_has() -> None:
    config = parse(AcmeConfig, {**GOOD, "endpoint": "api.acme.example", "readTimeout": "250"})
    assert config.url("https://api.example.com") == "https://api.acme.example"
    assert config.sender == Address("no-reply@example.com", "Example")
    assert (config.connect_timeout, config.read_timeout, config.total_timeout) == (5000, 250, 15000)
    assert config.templates == ()
    assert set(secrets_in(config)) == {"SG.key"}
    assert "SG.key" not in repr(config)


def test_without_an_endpoint_the_public_one_is_used() -> None:
    assert parse(AcmeConfig, GOOD).url("https://api.example.com") == "https://api.example.com"


def test_a_config_without_templates() -> None:
    config = parse(HookConfig, {"key": "k", "totalTimeout": 900})
    assert (config.total_timeout, hasattr(config, "templates")) == (900, False)
    with pytest.raises(ConfigError, match="templates"):
        parse(HookConfig, {"key": "k", "templates": []})


@pytest.mark.parametrize("value", [7, None, "", "a b", "a\n", "é", "\x7f", ["k"]])
def test_a_key_is_visible_ascii(value: Any) -> None:
    assert set(refused(apiKey=value)) == {"apiKey"}


def test_a_key_may_be_a_placeholder() -> None:
    config = parse(AcmeConfig, {**GOOD, "apiKey": "<your key>"})
    assert [problem.path for problem in warnings(config)] == ["apiKey"]


def test_all_problems_come_at_once() -> None:
    found = refused(apiKey="", fromEmail="jörg@example.com", endpoint="http://x", totalTimeout=1)
    assert set(found) == {"apiKey", "fromEmail", "endpoint", "totalTimeout"}
    assert "ASCII" in found["fromEmail"]


def test_a_sender_of_an_internationalised_domain() -> None:
    config = parse(AcmeConfig, {**GOOD, "fromEmail": "验证 <no-reply@邮件.example>"})
    assert mailbox(config.sender) == {"email": "no-reply@xn--5nq051n.example", "name": "验证"}


@pytest.mark.parametrize("cls", [AcmeConfig, Timeouts])
def test_settings_are_described_in_every_language(cls: Any) -> None:
    for language in LANGUAGES:
        for one in form_fields(cls, language):
            assert one.title != one.key, one
            assert one.description or one.key == "apiKey", one


def test_a_key_is_asked_for_as_a_password() -> None:
    (key, *_) = form_fields(AcmeConfig)
    assert (key.key, key.widget) == ("apiKey", "password")
    assert json_schema(AcmeConfig)["properties"]["apiKey"]["format"] == "password"
    assert "| `apiKey` | text (secret) | required |" in reference_table(AcmeConfig)


def test_positions_survive() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(AcmeConfig, Settings.of({**GOOD, "endpoint": "a/b"}))
    assert caught.value.problems[0].path == "endpoint"


def test_a_mailbox_without_a_name() -> None:
    assert mailbox(Address("ada@example.com")) == {"email": "ada@example.com"}
    assert mailbox_text(Address("ada@example.com")) == "ada@example.com"


@pytest.mark.parametrize("name", ["Ada", 'A, "B" <c>', "李, 四", "=?utf-8?q?x?=", "é" * 100])
def test_a_mailbox_as_text_reads_back(name: str) -> None:
    text = mailbox_text(Address("ada@邮件.example", name))
    assert text.isascii()
    shown, address = parseaddr(text)
    assert address == "ada@xn--5nq051n.example"
    decoded = shown if "=?" not in shown else str(make_header(decode_header(shown)))
    assert decoded == name


def test_headers_in_ascii() -> None:
    headers = ascii_headers({"X-Plain": "a; b", "X-Name": "验证码"})
    assert headers == {"X-Plain": "a; b", "X-Name": "=?utf-8?b?6aqM6K+B56CB?="}


@given(st.text().filter(lambda text: refused_in_line(text) is None))
def test_encoded_words_read_back(text: str) -> None:
    encoded = encoded_words(text)
    assert encoded.isascii()
    assert "\n" not in encoded
    assert all(len(word) <= 75 for word in encoded.split(" ")) or text.isascii()
    if encoded != text:
        assert str(make_header(decode_header(encoded))) == text
