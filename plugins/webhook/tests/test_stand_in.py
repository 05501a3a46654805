"""The stand-in is as strict as a good service: what is wrong with a request is rejected."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from passpost_webhook.signature import SigningSecret, signatures
from passpost_webhook_stand_in.server import OTHER_SECRET, PATH, SECRET, TOLERANCE, StandIn
from pytest_passpost import StandIn as Protocol

GOOD: Any = {
    "usage": "SignIn",
    "to": "ada@example.com",
    "locale": None,
    "payload": {"code": "123456"},
    "messageId": "<a@localhost>",
    "timestamp": "2026-01-02T03:04:05.678+00:00",
    "idempotencyKey": None,
}
ID = "msg_0123456789abcdef"
KEY = "0123456789abcdef" * 4


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def post(
    service: StandIn,
    http: httpx.Client,
    document: Any = GOOD,
    *,
    secret: str = SECRET,
    id_: str = ID,
    seconds: float | None = None,
    **parts: Any,
) -> int:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    moment = int(time.time() if seconds is None else seconds)
    headers = {
        "content-type": "application/json",
        "idempotency-key": KEY,
        "webhook-id": id_,
        "webhook-timestamp": str(moment),
        "webhook-signature": signatures([SigningSecret(secret)], id_, moment, body),
        **parts.pop("headers", {}),
    }
    path = parts.pop("path", PATH)
    method = parts.pop("method", "POST")
    return http.request(
        method, service.server.url + path, headers=headers, content=body
    ).status_code


def test_it_follows_the_protocol_of_stand_ins(service: StandIn) -> None:
    assert isinstance(service, Protocol)
    assert service.wrong_settings["secret"] != service.settings["secret"]


def test_a_good_request_is_accepted_once(service: StandIn, http: httpx.Client) -> None:
    assert [post(service, http), post(service, http)] == [202, 202]
    (mail,) = service.received
    assert (mail.recipient, mail.subject) == ("ada@example.com", "SignIn")
    assert json.loads(mail.text or "") == {"locale": None, "payload": {"code": "123456"}}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"path": "/"}, 404),
        ({"path": f"{PATH}?a=b"}, 404),
        ({"method": "PUT"}, 405),
        ({"secret": OTHER_SECRET}, 401),
        ({"id_": "msg.1"}, 400),
        ({"id_": ""}, 400),
        ({"headers": {"idempotency-key": "k"}}, 400),
        ({"headers": {"webhook-timestamp": "soon"}}, 400),
        ({"headers": {"webhook-timestamp": "1700000000"}}, 401),
        ({"headers": {"webhook-id": "msg_another0123456789"}}, 401),
        ({"headers": {"webhook-signature": ""}}, 401),
        ({"headers": {"webhook-signature": "v1,x v1a,y"}}, 401),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"document": b"{"}, 400),
        ({"document": b"\xff"}, 400),
        ({"document": []}, 400),
        ({"document": {**GOOD, "bcc": "eve@example.com"}}, 400),
        ({"document": {k: v for k, v in GOOD.items() if k != "locale"}}, 400),
        ({"document": {**GOOD, "usage": ""}}, 422),
        ({"document": {**GOOD, "usage": 7}}, 422),
        ({"document": {**GOOD, "to": "a@example.com,b@example.com"}}, 422),
        ({"document": {**GOOD, "to": "a@müller.example"}}, 422),
        ({"document": {**GOOD, "payload": []}}, 422),
        ({"document": {**GOOD, "messageId": "a"}}, 422),
        ({"document": {**GOOD, "timestamp": "now"}}, 422),
        ({"document": {**GOOD, "timestamp": "2026-01-02T03:04:05"}}, 422),
    ],
)
def test_what_is_refused(service: StandIn, http: httpx.Client, parts: Any, status: int) -> None:
    assert post(service, http, **parts) == status
    assert service.received == ()


@pytest.mark.parametrize(
    ("offset", "status"),
    [(-TOLERANCE - 1, 401), (-TOLERANCE, 202), (TOLERANCE, 202), (TOLERANCE + 1, 401)],
)
def test_the_time_is_verified(http: httpx.Client, offset: int, status: int) -> None:
    with StandIn(lambda: 1_800_000_000.0) as service:
        assert post(service, http, seconds=1_800_000_000 + offset) == status


def test_it_refuses_when_told_to(service: StandIn, http: httpx.Client) -> None:
    service.refuse(429, headers={"Retry-After": "3"}, times=2)
    assert [post(service, http) for _ in range(3)] == [429, 429, 202]


def test_a_key_names_one_email(service: StandIn, http: httpx.Client) -> None:
    assert post(service, http) == 202
    other = {**GOOD, "payload": {"code": "654321"}}
    assert post(service, http, other) == 422
    assert post(service, http, id_="msg_fedcba9876543210") == 422
    assert post(service, http, headers={"idempotency-key": "f" * 64}) == 422
    assert len(service.received) == 1
