"""The stand-in is as strict as the service: what is wrong with a request has its error."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from passpost_sendgrid_stand_in.server import KEY, KEY_WITHOUT_RIGHT, MAX_BODY, SENDER, StandIn
from pytest_passpost import StandIn as Protocol

GOOD: Any = {
    "personalizations": [{"to": [{"email": "ada@example.com", "name": "Ada"}]}],
    "from": {"email": SENDER, "name": "安全"},
    "reply_to": {"email": "help@example.com"},
    "subject": "Your code",
    "content": [
        {"type": "text/plain", "value": "Your code is 123456"},
        {"type": "text/html", "value": "<p>123456</p>"},
    ],
    "headers": {"X-Note": "a"},
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
    },
}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def post(sendgrid: StandIn, http: httpx.Client, document: Any = GOOD, **parts: Any) -> Any:
    request = {
        "method": "POST",
        "url": f"{sendgrid.server.url}/v3/mail/send",
        "headers": {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        "content": document if isinstance(document, bytes) else json.dumps(document),
        **parts,
    }
    return http.request(**request)


def test_it_follows_the_protocol_of_stand_ins(sendgrid: StandIn) -> None:
    assert isinstance(sendgrid, Protocol)
    assert sendgrid.wrong_settings["apiKey"] != sendgrid.settings["apiKey"]
    assert repr(sendgrid) == "<passpost_sendgrid_stand_in.server.StandIn, 0 emails>"


def test_a_good_request_is_accepted(sendgrid: StandIn, http: httpx.Client) -> None:
    answer = post(sendgrid, http)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-message-id"]
    mail: Any = sendgrid.received[0]
    assert (mail.sender, mail.recipient) == (f"安全 <{SENDER}>", "ada@example.com")
    assert mail.document == GOOD


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"headers": {"Content-Type": "application/json"}}, 401),
        ({"headers": {"Authorization": "Bearer SG.unknown"}}, 401),
        ({"headers": {"Authorization": f"Basic {KEY}"}}, 401),
        ({"headers": {"Authorization": f"Bearer {KEY_WITHOUT_RIGHT}"}}, 403),
        ({"headers": {"Authorization": f"Bearer {KEY}", "Content-Type": "text/plain"}}, 415),
        ({"method": "PUT"}, 405),
        ({"content": b" " * MAX_BODY}, 413),
        ({"content": b"[]"}, 400),
        ({"content": b"{"}, 400),
        ({"content": b"\xff"}, 400),
    ],
)
def test_what_is_no_request_for_it(
    sendgrid: StandIn, http: httpx.Client, parts: Any, status: int
) -> None:
    answer = post(sendgrid, http, **parts)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (status, None)
    assert error["message"]
    assert sendgrid.received == ()


def test_another_path_is_not_found(sendgrid: StandIn, http: httpx.Client) -> None:
    answer = post(sendgrid, http, url=f"{sendgrid.server.url}/v3/mail/send?a=b")
    assert answer.status_code == 404


def changed(path: tuple[Any, ...], value: Any) -> Any:
    document: Any = copy.deepcopy(GOOD)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


TO = ("personalizations", 0, "to")
ADA = {"email": "ada@example.com"}
HTML = {"type": "text/html", "value": "x"}
TEXT = {"type": "text/plain", "value": "x"}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("template_id",), "d-1", "template_id"),
        (("mail_settings",), {"sandbox_mode": {"enable": True}}, "mail_settings"),
        (("personalizations",), None, "personalizations"),
        (("personalizations",), [], "personalizations"),
        (("personalizations",), [{"to": [ADA]}, {"to": [ADA]}], "personalizations"),
        (("personalizations",), ["ada"], "personalizations.0"),
        (("personalizations", 0, "cc"), [ADA], "personalizations.0.cc"),
        (TO, None, "personalizations.0.to"),
        (TO, [ADA, {"email": "eve@example.com"}], "personalizations.0.to"),
        (TO, ["ada@example.com"], "personalizations.0.to.0"),
        ((*TO, 0, "email"), "a@example.com,b@example.com", "personalizations.0.to.0.email"),
        ((*TO, 0, "email"), "ada", "personalizations.0.to.0.email"),
        ((*TO, 0, "email"), "jörg@example.com", "personalizations.0.to.0.email"),
        ((*TO, 0, "email"), None, "personalizations.0.to.0.email"),
        ((*TO, 0, "name"), "Ada, Countess", "personalizations.0.to.0.name"),
        ((*TO, 0, "name"), 7, "personalizations.0.to.0.name"),
        ((*TO, 0, "bcc"), "x", "personalizations.0.to.0.bcc"),
        (("from",), None, "from"),
        (("from", "email"), "no-reply", "from.email"),
        (("reply_to", "email"), 7, "reply_to.email"),
        (("subject",), None, "subject"),
        (("subject",), "", "subject"),
        (("content",), None, "content"),
        (("content",), [], "content"),
        (("content",), [HTML, TEXT], "content"),
        (("content",), [TEXT, TEXT], "content"),
        (("content",), [{"type": "text/calendar", "value": "x"}], "content.0.type"),
        (("content", 1, "value"), "", "content.1.value"),
        (("content", 0, "charset"), "utf-8", "content.0.charset"),
        (("headers",), [], "headers"),
        (("headers", "Subject"), "x", "headers.Subject"),
        (("headers", "X-SG-EID"), "x", "headers.X-SG-EID"),
        (("headers", "X A"), "x", "headers.X A"),
        (("headers", "X-A"), "ü", "headers.X-A"),
        (("headers", "X-A"), "a\r\nBcc: b", "headers.X-A"),
        (("tracking_settings",), [], "tracking_settings"),
        (("tracking_settings", "ganalytics"), {}, "tracking_settings.ganalytics"),
        (("tracking_settings", "open_tracking", "on"), True, "tracking_settings.open_tracking.on"),
        (
            ("tracking_settings", "open_tracking", "enable"),
            "no",
            "tracking_settings.open_tracking.enable",
        ),
    ],
)
def test_each_part_is_checked(
    sendgrid: StandIn, http: httpx.Client, path: tuple[Any, ...], value: Any, field: str
) -> None:
    answer = post(sendgrid, http, changed(path, value))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert sendgrid.received == ()


def test_the_sender_has_to_be_verified(sendgrid: StandIn, http: httpx.Client) -> None:
    answer = post(sendgrid, http, changed(("from", "email"), "eve@example.com"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "from")


def test_it_refuses_when_told_to(sendgrid: StandIn, http: httpx.Client) -> None:
    sendgrid.refuse(429, "too many requests", headers={"Retry-After": "3"}, times=2)
    answers = [post(sendgrid, http) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 202]
    assert answers[0].headers["retry-after"] == "3"
    assert len(sendgrid.received) == 1
