from __future__ import annotations

import datetime as dt
import io
import pickle
import pprint
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from passpost import Address, Mail, MailSummary, Message, MessageError, Receipt
from passpost._messages.usages import MAX_NAME

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
        ("zh_CN", ("zh_CN",)),
        ("x-private", ("x-private",)),
        ("fr-CA fr  en", ("fr-CA", "fr", "en")),
        (["de", "", "en"], ("de", "en")),
        (("de",), ("de",)),
        ([], ()),
        # What a browser sends.
        ("zh-CN,zh;q=0.9", ("zh-CN", "zh")),
        ("zh,en;q=0.8", ("zh", "en")),
        ("en;q=0.5, de-CH;q=0.9 , fr;q=0.91,*;q=0.1", ("fr", "de-CH", "en")),
        ("en ; Q=0.5,de", ("de", "en")),
        ("en;q=0,de;q=0.000,fr", ("fr",)),
        ("en;q=0.5,de;q=0.5,EN;q=1", ("EN", "en", "de")),
        ("da, en-gb;q=0.8, en;q=0.7", ("da", "en-gb", "en")),
        (["de;q=0.1,fr", "en"], ("fr", "de", "en")),
        # What is not a tag is ignored.
        ("*", ()),
        (",;=", ()),
        ("é", ()),
        ("e" * 200, ()),
        ("l" * 200 + " de", ("de",)),
        ("a-b-c-d-e-f-g-h-i de", ("de",)),
        ("en;q=high,de;level=1,fr;q=2,it;q=0.1234,es", ("es",)),
        ("zh-CN\r\nBcc: x@example.org", ("zh-CN",)),
        (["d\u202ee", "\ud800", "de"], ("de",)),
        ("de de,de", ("de",)),
        # Nor are more looked at than anybody speaks.
        (
            " ".join(f"aa-{number}" for number in range(10, 90)),
            tuple(f"aa-{n}" for n in range(10, 26)),
        ),
        ([f"aa-{number}" for number in range(10, 90)], tuple(f"aa-{n}" for n in range(10, 26))),
        ("*," * 999 + "de-CH", ()),
        ("*," * 990 + "de-CH,en", ("de-CH", "en")),
        ("*," * 50_000 + "de", ()),
        # Of a sequence as well no more is read than of one text.
        (["*" * 1_990, "de", "en-US-x"], ("de",)),
        (["*" * 1_990 + " de"], ("de",)),
        (["e" * 3_000, "de"], ()),
        ([f"{'e' * 1_999} de"] * 20_000, ()),
    ],
)
def test_languages_wanted(locale: Any, expected: tuple[str, ...]) -> None:
    assert message(locale=locale).locale == expected


@pytest.mark.parametrize(
    ("parts", "field", "reason"),
    [
        ({"to": None}, "to", "the text of one address"),
        ({"to": ["hidden@example.org"]}, "to", "the text of one address"),
        ({"to": "hidden"}, "to", "not a valid email address: it has no @"),
        ({"to": "hidden@a.org,b@c.org"}, "to", "more than one address"),
        ({"to": "Hidden <hidden@a.org>"}, "to", "not allowed there|valid domain"),
        ({"to": "hidden@[192.0.2.1]"}, "to", "at a number instead of a domain"),
        ({"to": Address("hidden@[IPv6:::1]")}, "to", "at a number instead of a domain"),
        ({"to": Address("hidden")}, "to", "it has no @"),
        ({"reply_to": "hidden"}, "reply_to", "not a valid email address: it has no @"),
        ({"reply_to": 5}, "reply_to", "the text of one address"),
        ({"usage": ""}, "usage", "text of 1 to 128 characters"),
        ({"usage": None}, "usage", "text of 1 to 128 characters"),
        ({"usage": "u" * (MAX_NAME + 1)}, "usage", "text of 1 to 128 characters"),
        ({"locale": 5}, "locale", "one tag or a sequence of tags"),
        ({"locale": {"hidden"}}, "locale", "one tag or a sequence of tags"),
        ({"locale": [5]}, "locale", "one tag or a sequence of tags"),
        ({"locale": b"de"}, "locale", "one tag or a sequence of tags"),
        ({"idempotency_key": ""}, "idempotency_key", "text of 1 to 128 characters"),
        ({"idempotency_key": 5}, "idempotency_key", "text of 1 to 128 characters"),
        ({"deadline": 5}, "deadline", "a datetime with a time zone"),
        ({"deadline": dt.datetime(2030, 1, 1)}, "deadline", "a datetime with a time zone"),  # noqa: DTZ001 - rejected
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


def shown_by_reports(error: BaseException) -> str:
    """Return the values of all variables in the frames below the test's own."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in report.stack:
        if frame.filename == __file__:
            frame.locals = {}
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    rich = ""
    if trace is not None:
        printed = Traceback.from_exception(type(error), error, trace, show_locals=True, width=300)
        console = Console(file=io.StringIO(), width=300)
        console.print(printed)
        rich = console.file.getvalue()  # type: ignore[attr-defined]  # the file made above
    return "".join(report.format()) + rich


@pytest.mark.parametrize(
    "parts",
    [
        {"to": "hidden@@example.org"},
        {"usage": ""},
        {"payload": {"code": "hidden", "x": {1, 2}}},
        {"headers": {"X-A": "hidden\n"}},
        {"reply_to": "hidden"},
        {"deadline": 5},
        {"locale": 5},
    ],
)
def test_reports_of_a_wrong_message_show_none_of_it(parts: dict[str, Any]) -> None:
    given = {"payload": {"code": "hidden"}, "headers": {"X-A": "hidden"}, **parts}
    with pytest.raises(MessageError) as caught:
        message(**given)
    shown = shown_by_reports(caught.value)
    assert "__init__" in shown
    assert "hidden" not in shown


def test_a_message_that_is_half_made_can_be_shown() -> None:
    half = Message.__new__(Message)
    assert repr(half) == "Message()"
    assert pretty_repr(half) == "Message()"


def test_no_way_to_print_a_message_or_mail_shows_its_content() -> None:
    parts = {"payload": {"code": "hidden"}, "headers": {"X-A": "hidden"}}
    address = Address("hidden@example.org")
    made: list[Any] = [
        message(to=address, idempotency_key="hidden", reply_to=address, **parts),
        mail(to=address, subject="hidden", text="hidden", html="hidden", reply_to=address, **parts),
    ]
    for value in made:
        for text in (repr(value), str(value), pprint.pformat(value), pretty_repr(value)):
            assert "h…@example.org" in text
            assert "hidden" not in text


COMPARISONS = """
import datetime as dt
from passpost import Address, Mail, Message

def test_messages():
    first = Message("ada@example.org", "SignIn", {"code": "hid" "den"})
    second = Message("ada@example.org", "SignIn", {"code": "hid" "den2"})
    assert first == second

def test_mails():
    parts = {"message_id": "<1@x>", "to": Address("a@b.org"), "usage": "SignIn"}
    now = dt.datetime.now(dt.UTC)
    first = Mail(**parts, date=now, text="hid" "den")
    second = Mail(**parts, date=now, text="hid" "den2")
    assert first == second
"""


def test_a_failed_comparison_shows_no_content(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(COMPARISONS)
    command = [sys.executable, "-m", "pytest", "-vv", "--rootdir", str(tmp_path), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "2 failed" in ran.stdout
    assert "assert Message(to='a" in ran.stdout
    assert "hidden" not in ran.stdout


def test_messages_and_mails_are_compared_by_all_their_parts() -> None:
    assert message(payload={"a": 1}) == message(payload={"a": 1})
    assert message(payload={"a": 1}) != message(payload={"a": 2})
    assert message() != "ada@example.org"
    now = dt.datetime.now(dt.UTC)
    assert mail(date=now, text="a") == mail(date=now, text="a")
    assert mail(date=now, text="a") != mail(date=now, text="b")


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
    assert repr(made) == "Mail(to='a…@example.org', usage='SignIn', subject=…)"


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
    with pytest.raises(MessageError, match="context must be a mapping") as caught:
        message(context=context)
    assert caught.value.field == "context"
