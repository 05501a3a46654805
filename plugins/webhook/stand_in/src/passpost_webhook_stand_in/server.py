"""A service on loopback that takes emails as an operator's own would: for demonstration and tests.

It verifies the signature and its time as Standard Webhooks requires, every part of the document,
and that no email comes twice:
one ``Idempotency-Key`` names one email.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from passpost import Address
from pytest_passpost import Answer, HttpStandIn, ReadableMail, Refused, Request

SECRET: Final = "whsec_" + base64.b64encode(b"the stand-in's signing secret...").decode()
OTHER_SECRET: Final = "whsec_" + base64.b64encode(b"a secret that nobody else has...").decode()
PATH: Final = "/hooks/mail"

TOLERANCE: Final = 5 * 60
"""Seconds that a request's time may be off."""

_ID: Final = re.compile(r"msg_[0-9a-zA-Z]{16,64}")
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_SECONDS: Final = re.compile(r"[0-9]{10}")
_MESSAGE_ID: Final = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_NONE: Final = type(None)
_PARTS: Final[Mapping[str, tuple[type[Any], ...]]] = {
    "usage": (str,),
    "to": (str,),
    "locale": (str, _NONE),
    "payload": (dict,),
    "messageId": (str,),
    "timestamp": (str,),
    "idempotencyKey": (str, _NONE),
}


@attrs.frozen(kw_only=True)
class AcceptedMail(ReadableMail):
    """An email that the service has taken.

    Attributes:
        id: The header ``webhook-id``.
        key: The header ``Idempotency-Key``.
        document: The body's content.
    """

    id: str
    key: str = attrs.field(repr=False)
    document: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What another email would not have in common with it."""
        return _fingerprint(self.document)


class StandIn(HttpStandIn):
    """A service with one signing secret.

    ::

        with StandIn() as service:
            connector = host.configure("webhook", service.settings)
            with passpost.Mailer(connector) as mailer:
                mailer.send(message)
            assert service.received[0].document["payload"] == {"code": "123456"}

    Args:
        clock: Seconds since the epoch, as the service's clock has them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server; there are no templates."""
        return {"url": self.server.url + PATH, "secret": SECRET}

    @property
    def wrong_settings(self) -> Mapping[str, Any]:
        """The same with another secret."""
        return {**self.settings, "secret": OTHER_SECRET}

    def refuse(
        self, status: int, *, headers: Mapping[str, str] | None = None, times: int = 1
    ) -> None:
        """Answer the next authentic requests with an error.

        Args:
            status: The HTTP status.
            headers: Headers of the answer: ``Retry-After``.
            times: How many requests.
        """
        answer = _error(status, "refused")
        self.refuse_with(attrs.evolve(answer, headers={**answer.headers, **(headers or {})}), times)

    def admit(self, request: Request) -> None:
        """Verify the path, the signature and its time."""
        if request.target != PATH:
            raise Refused(_error(404, "not found"))
        if request.method != "POST":
            raise Refused(_error(405, "method not allowed"))
        id_, seconds, given = (
            request.header(f"webhook-{name}") or "" for name in ("id", "timestamp", "signature")
        )
        if not _ID.fullmatch(id_) or not _SECONDS.fullmatch(seconds):
            raise Refused(_error(400, "webhook-id or webhook-timestamp is missing or malformed"))
        if abs(int(seconds) - self._clock()) > TOLERANCE:
            raise Refused(_error(401, "webhook-timestamp is too far off"))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = b".".join((id_.encode(), seconds.encode(), request.body))
        digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        expected = b"v1," + digest
        if not any(hmac.compare_digest(expected, one.encode()) for one in given.split(" ")):
            raise Refused(_error(401, "no signature matches"))

    def take(self, request: Request) -> tuple[AcceptedMail | None, Answer]:
        """Read the email in a request; one that came before is not taken again."""
        if request.header("content-type") != "application/json":
            raise Refused(_error(415, "the content type is application/json"))
        document = _document(request)
        id_ = request.header("webhook-id") or ""
        key = request.header("idempotency-key") or ""
        if not _KEY.fullmatch(key):
            raise Refused(_error(400, "idempotency-key is missing or malformed"))
        answer = Answer.json({"id": id_}, 202)
        received: Any = self.received
        for mail in received:
            if key == mail.key or id_ == mail.id:
                if (key, id_, _fingerprint(document)) != (mail.key, mail.id, mail.fingerprint):
                    raise Refused(_error(422, "idempotency-key names another email"))
                return None, answer
        content = {"locale": document["locale"], "payload": document["payload"]}
        mail = AcceptedMail(
            sender="your own service",
            recipient=document["to"],
            subject=document["usage"],
            text=json.dumps(content, ensure_ascii=False, indent=2),
            id=id_,
            key=key,
            document=document,
        )
        return mail, answer


def _fingerprint(document: Mapping[str, Any]) -> Mapping[str, Any]:
    # The application may ask for one email twice, under one idempotency key.
    return {name: part for name, part in document.items() if name != "timestamp"}


def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body.decode("utf-8"))
    except ValueError:
        document = None
    if not isinstance(document, dict) or list(document) != list(_PARTS):
        raise Refused(_error(400, f"the document has {', '.join(_PARTS)}"))
    for name, kinds in _PARTS.items():
        if not isinstance(document[name], kinds):
            raise Refused(_error(422, f"{name} is of the wrong type"))
    _check(document)
    return document


def _check(document: Mapping[str, Any]) -> None:
    try:
        address = Address.plain(document["to"])
        moment = dt.datetime.fromisoformat(document["timestamp"])
    except ValueError:
        raise Refused(_error(422, "to is not an address, or timestamp is not a time")) from None
    well_formed = document["usage"] and _MESSAGE_ID.fullmatch(document["messageId"])
    if not well_formed or address.domain != address.ascii_domain or moment.utcoffset() is None:
        raise Refused(_error(422, "usage, to, messageId or timestamp is not what it should be"))


def _error(status: int, message: str) -> Answer:
    return Answer.json({"error": message}, status)
