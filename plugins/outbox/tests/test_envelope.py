"""Bodies are worth nothing without a key, and nowhere but in their record."""

from __future__ import annotations

import datetime as dt
import traceback
from pathlib import Path
from typing import Any

import pytest

from passpost import Message, MessageError
from passpost.stores import StoreError
from passpost_outbox import Keys
from passpost_outbox.envelope import UnreadableError, opened, sealed

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = Keys({"2026-10": OLD, "2026-11": NEW.hex()}, use="2026-11")
BOUND: dict[str, Any] = {"id_": "1", "usage": "SignIn", "deadline": 1_000}
EXPIRES = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
MESSAGE = Message(
    to="ada@example.com",
    usage="SignIn",
    payload={"code": "493817", "名": ["é", 1, None]},
    locale="zh-CN en",
    idempotency_key="key",
    headers={"X-Tag": "1"},
    reply_to="help@example.com",
    context={"tenant": "acme"},
)


def test_a_message_comes_back_whole() -> None:
    body = sealed(MESSAGE, KEYS, **BOUND)
    again = opened(body, KEYS, **BOUND, expires=EXPIRES)
    assert again.deadline == EXPIRES
    for name in ("to", "usage", "payload", "locale", "idempotency_key", "headers", "reply_to"):
        assert getattr(again, name) == getattr(MESSAGE, name), name
    assert again.context == MESSAGE.context
    for canary in (b"493817", b"ada@example.com", b"acme"):
        assert canary not in body


@pytest.mark.parametrize("moved", [{"id_": "2"}, {"usage": "Invite"}, {"deadline": 2_000}], ids=str)
def test_a_body_belongs_to_its_record(moved: dict[str, Any]) -> None:
    body = sealed(MESSAGE, KEYS, **BOUND)
    with pytest.raises(UnreadableError, match="damaged"):
        opened(body, KEYS, **{**BOUND, **moved}, expires=EXPIRES)


def test_no_bit_of_a_body_can_be_flipped() -> None:
    body = sealed(Message("ada@example.com", "SignIn"), KEYS, **BOUND)
    for place in range(len(body) * 8):
        wrong = bytearray(body)
        wrong[place // 8] ^= 1 << place % 8
        with pytest.raises(UnreadableError):
            opened(bytes(wrong), KEYS, **BOUND, expires=EXPIRES)
    for length in range(len(body)):
        with pytest.raises(UnreadableError):
            opened(body[:length], KEYS, **BOUND, expires=EXPIRES)


def test_a_missing_key_is_told_from_a_damaged_body() -> None:
    body = sealed(MESSAGE, KEYS, **BOUND)
    with pytest.raises(UnreadableError, match="key"):
        opened(body, Keys({"2026-10": OLD}, use="2026-10"), **BOUND, expires=EXPIRES)


def test_keys_rotate_while_processes_run(tmp_path: Path) -> None:
    (tmp_path / "2026-10.key").write_text(OLD.hex())
    (tmp_path / "use").write_text("2026-10\n")
    web, worker = Keys.from_folder(tmp_path), Keys.from_folder(tmp_path)
    before = sealed(MESSAGE, web, **BOUND)
    (tmp_path / "2026-11.key").write_text(NEW.hex())
    (tmp_path / "use").write_text("2026-11")
    after = sealed(MESSAGE, web, **BOUND)
    assert (b"2026-10" in before, b"2026-11" in after) == (True, True)
    for body in (before, after):
        assert opened(body, worker, **BOUND, expires=EXPIRES).payload == MESSAGE.payload


def test_a_folder_without_its_key_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="use"):
        Keys.from_folder(tmp_path)
    (tmp_path / "use").write_text("2026-11")
    with pytest.raises(StoreError, match="lacks"):
        Keys.from_folder(tmp_path)


@pytest.mark.parametrize("key", [b"short-canary", "not hexadecimal canary", "ab" * 31])
def test_the_error_of_a_bad_key_does_not_repeat_it(key: bytes | str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        Keys({"2026-11": key}, use="2026-11")
    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert "canary" not in text.replace("test_envelope", "").partition("Error:")[2]
    assert "6f6f" not in repr(KEYS)


@pytest.mark.parametrize("name", ["", "../up", "a b", "x" * 33])
def test_a_name_of_a_key_is_plain(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters"):
        Keys({name: OLD}, use=name)
    (tmp_path / "use").write_text(name)
    with pytest.raises(StoreError):
        Keys.from_folder(tmp_path)


def test_a_file_that_is_not_a_key_is_named_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "use").write_text("a")
    (tmp_path / "a.key").write_text("canary")
    with pytest.raises(StoreError, match=r"a\.key cannot be read") as caught:
        Keys.from_folder(tmp_path)
    assert caught.value.__context__ is None


def test_a_context_that_is_not_json_is_named() -> None:
    with pytest.raises(MessageError, match="JSON") as caught:
        sealed(Message("ada@example.com", "SignIn", context={"x": object()}), KEYS, **BOUND)
    assert caught.value.field == "context"
