from __future__ import annotations

import datetime as dt
import pickle
import traceback
from typing import Any

import attrs
import pytest

from passpost.addresses import Address
from passpost.errors import MessageError
from passpost.messages import MAX_NAME, Mail, MailSummary, Message, Receipt

CONTROLS = ["\n", "\r", "\0", "\x1b", "\x85", "\u2028", "\u760a", "\u760d", "\ud800"]


def message(**parts: Any) -> Message:
    return Message(**{"to": "ada@example.org", "usage": "SignIn", **parts})


def test_message_of_the_least() -> None:
    made = Message("ada@example.org", "SignIn")
    assert made.to == Address("ada@example.org")
    assert (made.usage, made.payload, made.locale, made.headers) == ("SignIn", {}, (), {})
    assert (made.idempotency_key, made.deadline, made.reply_to) == (None, None, None)
    assert message(usage="u" * MAX_NAME).usage == "u" * MAX_NAME


def test_message_of_everything() -> None:
    deadline = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    made = message(
        usage="Test",
        payload={"code": "123456", "user": {"tags": ("a",)}},
        locale="zh-CN",
        idempotency_key="k-1",
        deadline=deadline,
        headers={"X-A": "b"},
        reply_to=Address("help@example.org", "Help"),
    )
    assert made.usage == "Generic"
    assert made.payload == {"code": "123456", "user": {"tags": ["a"]}}
    assert made.locale == ("zh-CN",)
    assert made.idempotency_key == "k-1"
    assert made.deadline == deadline
    assert made.headers == {"X-A": "b"}
    assert made.reply_to == Address("help@example.org")


def test_message_cannot_be_changed() -> None:
    made = message()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.usage = "Register"  # type: ignore[misc]  # that it cannot be set is the point


def test_message_shows_neither_payload_nor_the_whole_address() -> None:
    shown = repr(message(payload={"code": "123456"}, headers={"X-A": "hidden"}))
    assert shown == "Message(to='a…@example.org', usage='SignIn', payload=…)"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (None, ()),
        ("", ()),
        ("en", ("en",)),
        ("zh-CN", ("zh-CN",)),
        ("é", ("é",)),
        ("fr-CA fr  en", ("fr-CA", "fr", "en")),
        (["de", "", "en"], ("de", "en")),
        (("de",), ("de",)),
        ([], ()),
    ],
)
def test_languages_wanted(locale: Any, expected: tuple[str, ...]) -> None:
    assert message(locale=locale).locale == expected


@pytest.mark.parametrize(
    ("parts", "field", "reason"),
    [
        ({"to": None}, "to", "the text of one address"),
        ({"to": ["hidden@example.org"]}, "to", "the text of one address"),
        ({"to": "hidden"}, "to", "no address to send to: it has no @"),
        ({"to": "hidden@a.org,b@c.org"}, "to", "one single address"),
        ({"to": "Hidden <hidden@a.org>"}, "to", "one single address|valid domain"),
        ({"to": Address("hidden")}, "to", "it has no @"),
        ({"reply_to": "hidden"}, "reply_to", "no address to send to: it has no @"),
        ({"reply_to": 5}, "reply_to", "the text of one address"),
        ({"usage": ""}, "usage", "text of 1 to 128 characters"),
        ({"usage": None}, "usage", "text of 1 to 128 characters"),
        ({"usage": "u" * (MAX_NAME + 1)}, "usage", "text of 1 to 128 characters"),
        ({"locale": 5}, "locale", "one tag or a sequence of tags"),
        ({"locale": {"hidden"}}, "locale", "one tag or a sequence of tags"),
        ({"locale": [5]}, "locale", "text of 1 to 128 characters"),
        ({"locale": b"de"}, "locale", "text of 1 to 128 characters"),
        ({"locale": "l" * (MAX_NAME + 1)}, "locale", "text of 1 to 128 characters"),
        ({"locale": ["l" * (MAX_NAME + 1)]}, "locale", "text of 1 to 128 characters"),
        ({"idempotency_key": ""}, "idempotency_key", "text of 1 to 128 characters"),
        ({"idempotency_key": 5}, "idempotency_key", "text of 1 to 128 characters"),
        ({"deadline": 5}, "deadline", "a datetime with a time zone"),
        ({"deadline": dt.datetime(2030, 1, 1)}, "deadline", "a datetime with a time zone"),  # noqa: DTZ001 - refused
        ({"deadline": dt.date(2030, 1, 1)}, "deadline", "a datetime with a time zone"),
        ({"headers": {"Bcc": "hidden@example.org"}}, "headers", "cannot be set"),
        ({"headers": None}, "headers", "a mapping of names to texts"),
        ({"payload": ["hidden"]}, "payload", "a mapping with text keys"),
        ({"payload": {"a": {1, 2}}}, "payload.a", "of type set"),
    ],
)
def test_what_is_wrong_is_known_when_the_message_is_made(
    parts: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(MessageError, match=reason) as caught:
        message(**parts)
    assert caught.value.field == field
    assert "hidden" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("character", CONTROLS)
@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("to", "a{}b@example.org"),
        ("to", "ab@exam{}ple.org"),
        ("reply_to", "a{}b@example.org"),
        ("usage", "a{}b"),
        ("locale", "a{}b"),
        ("idempotency_key", "a{}b"),
    ],
)
def test_control_characters_are_refused(part: str, form: str, character: str) -> None:
    with pytest.raises(MessageError, match=f"U\\+{ord(character):04X} at character") as caught:
        message(**{part: form.format(character)})
    assert caught.value.field == part


@pytest.mark.parametrize("character", CONTROLS)
def test_control_characters_in_headers_are_refused(character: str) -> None:
    with pytest.raises(
        MessageError, match=f"X-A: U\\+{ord(character):04X} at character 2"
    ) as caught:
        message(headers={"X-A": f"a{character}Bcc: b@example.org"})
    assert caught.value.field == "headers"


def mail(**parts: Any) -> Mail:
    now = dt.datetime.now(dt.UTC)
    given = {
        "message_id": "<1@x>",
        "to": Address("ada@example.org"),
        "usage": "SignIn",
        "date": now,
    }
    return Mail(**{**given, **parts})


def test_mail_shows_no_content() -> None:
    made = mail(subject="hidden", text="hidden", html="hidden", payload={"code": "hidden"})
    assert repr(made) == "Mail(to='a…@example.org', usage='SignIn', subject=…, …)"


def test_mail_of_the_least() -> None:
    made = mail()
    assert (made.headers, made.payload) == ({}, {})
    assert made.seconds_left() is None


def test_seconds_left_until_the_deadline() -> None:
    now = dt.datetime.now(dt.UTC)
    left = mail(deadline=now + dt.timedelta(hours=1)).seconds_left()
    assert left is not None
    assert 3000 < left <= 3600
    assert mail(deadline=now - dt.timedelta(hours=1)).seconds_left() == 0.0


def test_receipt_knows_when_it_was_made() -> None:
    before = dt.datetime.now(dt.UTC)
    receipt = Receipt(provider_id="q1")
    assert before <= receipt.accepted_at <= dt.datetime.now(dt.UTC)
    assert (receipt.connector, receipt.attempts) == ("", ())


def test_summary_is_a_value() -> None:
    parts = ("smtp", "SignIn", "de", "a…@example.org", "example.org", "<1@x>", 1)
    assert MailSummary(*parts) == MailSummary(*parts)


def test_a_message_survives_a_task_queue() -> None:
    message = Message(
        to="ada@example.com",
        usage="SignIn",
        payload={"code": "1", "user": {"name": "Ada"}},
        locale="zh-CN en",
        headers={"X-Flow": "1"},
        reply_to="help@example.com",
    )
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - its own pickle


def test_context_is_for_extensions_and_shown_nowhere() -> None:
    given = {"tenant": "canary"}
    made = message(context=given)
    given["tenant"] = "changed"
    assert made.context == {"tenant": "canary"}
    assert "canary" not in repr(made) + str(made)
    assert attrs.fields(Message).context.repr is False
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - its own pickle
    assert message().context == {}


@pytest.mark.parametrize("context", ["acme", None, ["tenant"], {1: "a"}])
def test_context_is_a_mapping_with_text_keys(context: Any) -> None:
    with pytest.raises(MessageError, match="context is a mapping") as caught:
        message(context=context)
    assert caught.value.field == "context"
