from __future__ import annotations

import datetime as dt
import locale
import pickle
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import http
from passpost.http import Fault, Response, fault_of, identifier
from passpost_http.responses import MAX_ID, MAX_WAIT


@pytest.mark.parametrize(
    ("status", "outcome", "scope", "temporary"),
    [
        (101, "unknown", "provider", False),
        (200, "unknown", "provider", False),
        (204, "unknown", "provider", False),
        (300, "unknown", "provider", False),
        (301, "rejected", "provider", False),
        (302, "unknown", "provider", False),
        (303, "unknown", "provider", False),
        (304, "unknown", "provider", False),
        (307, "rejected", "provider", False),
        (308, "rejected", "provider", False),
        (400, "rejected", "provider", False),
        (401, "rejected", "account", False),
        (403, "rejected", "account", False),
        (404, "rejected", "account", False),
        (407, "rejected", "network", False),
        (408, "rejected", "provider", True),
        (413, "rejected", "message", False),
        (418, "rejected", "provider", False),
        (425, "rejected", "provider", True),
        (429, "rejected", "provider", True),
        (500, "unknown", "provider", True),
        (502, "unknown", "provider", True),
        (503, "rejected", "provider", True),
        (504, "unknown", "provider", True),
    ],
)
def test_what_a_status_means(status: int, outcome: str, scope: str, *, temporary: bool) -> None:
    fault = fault_of(status)
    assert (fault.outcome, fault.scope, fault.temporary) == (outcome, scope, temporary)
    assert fault.hint
    error = Response(status, {}).error("Acme")
    assert (error.outcome, error.scope, error.temporary) == (outcome, scope, temporary)
    assert (error.provider_code, error.hint, error.response) == (f"HTTP {status}", fault.hint, None)
    assert ("unknown" in str(error)) is (outcome == "unknown")


def test_a_fault_of_the_provider_comes_before_the_status() -> None:
    fault = Fault("recipient", "Look at the address.")
    error = Response(400, {}).error("Acme", fault, code="Bad.To", words="No such mailbox")
    assert str(error) == "Acme returned Bad.To, HTTP status 400"
    assert (error.scope, error.hint, error.response) == ("recipient", fault.hint, "No such mailbox")
    assert error.provider_code == "Bad.To"
    assert pickle.loads(pickle.dumps(error)).facts() == error.facts()  # noqa: S301 - our own pickle


def test_earlier_names_still_work() -> None:
    assert http.Answer is Response
    assert str(Response(429, {}).refusal("Acme")) == str(Response(429, {}).error("Acme"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("99999999", MAX_WAIT),
        ("9" * 5000, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_WAIT),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999", None),
        ("Wed, 21 Oct \uff12\uff10\uff11\uff15 07:28:00 GMT", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("0x10", None),
        ("²", None),
        ("\x00", None),
        ("Wed, 21 Oct 2015 " + "(" * 9000, None),
        ("3, 4", None),
    ],
)
def test_delays_are_read(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert Response(429, headers).retry_after == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_a_delay_may_be_a_date(zone: str) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    date = format_datetime(moment, usegmt=True).replace("GMT", zone)
    assert Response(429, {"retry-after": date}).retry_after == pytest.approx(3600, abs=60)


def test_a_date_is_read_in_any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "zh_CN.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            test_a_delay_may_be_a_date("GMT")
    finally:
        locale.setlocale(locale.LC_TIME, before)


@given(st.text(max_size=80) | st.from_regex(r"[A-Z][a-z]{2}, ?\d+ \w+ \d+ [\d:]+ ?[-+]?\w+"))
def test_no_delay_is_out_of_bounds(value: str) -> None:
    seconds = Response(429, {"retry-after": value}).retry_after
    assert seconds is None or 0 < seconds <= MAX_WAIT


def test_a_response_to_what_is_no_email_refuses() -> None:
    for status in (200, 302, 500, 502):
        error = Response(status, {}, is_email=False).error("Acme")
        assert "was sent" not in (error.hint or "")
        assert error.outcome == "rejected"
        assert "unknown" not in str(error)


def test_a_delay_is_given_where_waiting_helps() -> None:
    headers = {"retry-after": "7"}
    assert Response(429, headers).error("Acme").retry_after == 7.0
    assert Response(401, headers).error("Acme").retry_after is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"\xff", b"[" * 60_000, b'"x"', b"[{}]", b"9" * 9000, b"", None]
)
def test_what_is_no_document_is_an_empty_one(body: bytes | None) -> None:
    assert Response(200, {}, body).document() == {}


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ("a1", "a1"),
        (42, "42"),
        ("x" * MAX_ID, "x" * MAX_ID),
        ("x" * (MAX_ID + 1), None),
        ("", None),
        ("a\nb", None),
        (None, None),
        (True, None),
        (1.5, None),
        (["a"], None),
    ],
)
def test_ids(value: Any, given: str | None) -> None:
    assert identifier(value) == given


def test_an_answer_shows_nothing_of_itself() -> None:
    shown = repr(Response(200, {"x-secret": "canary"}, b"canary"))
    assert "canary" not in shown
