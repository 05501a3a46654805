"""A server on loopback that stands in for SendGrid: for the demonstration, and for tests.

What it accepts, SendGrid would accept: the rules are those of the reference of
``POST /v3/mail/send``, of its list of errors, and of its limits
(twilio.com/docs/sendgrid/api-reference/mail-send). It is stricter in two things: one email goes to
one recipient, and fields that no connector here has a use for are rejected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from passpost import Address
from pytest_passpost import Answer, HttpStandIn, ReadableMail, Refused, Request, decoded

KEY: Final = "SG.StandInKeyThatOpens.NothingAtAll"
KEY_WITHOUT_RIGHT: Final = "SG.StandInKeyWithout.MailSend"
SENDER: Final = "no-reply@example.com"
OTHER_SENDER: Final = "accounts@example.com"

MAX_BODY: Final = 30_000_000
"""Octets of a whole email: it has to be smaller than 30 MB."""

_PATH: Final = "/v3/mail/send"
_SCOPES: Final = "/v3/scopes"
_METHODS: Final = {_PATH: "POST", _SCOPES: "GET"}
_KNOWN: Final = (
    "personalizations", "from", "reply_to", "subject", "content", "headers", "tracking_settings",
)  # fmt: skip
_TRACKING: Final = {
    "click_tracking": ("enable", "enable_text"),
    "open_tracking": ("enable", "substitution_tag"),
}
_KINDS: Final = ("text/plain", "text/html")
_RESERVED: Final = frozenset(
    {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type",
        "content-transfer-encoding", "to", "from", "subject", "reply-to", "cc", "bcc",
    }
)  # fmt: skip
_EMAIL: Final = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,}")
_TOKEN: Final = re.compile(r"[!-9;-~]+")
_IN_LINE: Final = re.compile(r"[ -~]*")


@attrs.frozen(kw_only=True)
class AcceptedMail(ReadableMail):
    """An email that SendGrid has taken.

    Attributes:
        headers: The headers that were added.
        reply_to: Where answers go; None where the request did not say.
        document: The whole request.
    """

    headers: Mapping[str, str]
    reply_to: str | None
    document: Mapping[str, Any] = attrs.field(repr=False)


class StandIn(HttpStandIn):
    """SendGrid with one key that may send, and two senders that are verified.

    ::

        with StandIn() as sendgrid:
            connector = host.configure("sendgrid", {**sendgrid.settings, "templates": [...]})
            with passpost.Mailer(connector) as mailer:
                mailer.send(message)
            assert sendgrid.received[0].subject == "Your code"
    """

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, complete but for ``templates``."""
        return {
            "apiKey": KEY,
            "fromEmail": f"Example <{SENDER}>",
            "endpoint": self.server.url,
        }

    @property
    def wrong_settings(self) -> Mapping[str, Any]:
        """The same with a key that SendGrid does not know."""
        return {**self.settings, "apiKey": "SG.ARevoked.Key"}

    def refuse(
        self,
        status: int,
        message: str = "",
        field: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next authentic requests with an error.

        Args:
            status: The HTTP status.
            message: What SendGrid says about it.
            field: The field of the request that it names.
            headers: Headers of the answer: ``Retry-After``.
            times: How many requests.
        """
        answer = _error(status, message, field)
        self.refuse_with(attrs.evolve(answer, headers={**answer.headers, **(headers or {})}), times)

    def admit(self, request: Request) -> None:
        """Verify the path and the key."""
        if request.target not in _METHODS:
            raise Refused(_error(404, "not found"))
        if request.method != _METHODS[request.target]:
            raise Refused(_error(405, "method not allowed"))
        given = request.header("authorization")
        if given == f"Bearer {KEY_WITHOUT_RIGHT}" and request.target == _SCOPES:
            return
        if given == f"Bearer {KEY_WITHOUT_RIGHT}":
            raise Refused(_error(403, "access forbidden"))
        if given != f"Bearer {KEY}":
            raise Refused(_error(401, "The provided authorization grant is invalid or revoked"))

    def take(self, request: Request) -> tuple[AcceptedMail | None, Answer]:
        """Check the email in a request as SendGrid does, or say what the key may do."""
        if request.target == _SCOPES:
            may_send = request.header("authorization") == f"Bearer {KEY}"
            return None, Answer.json({"scopes": ["mail.send"] if may_send else ["stats.read"]})
        if (request.header("content-type") or "").partition(";")[0] != "application/json":
            raise Refused(_error(415, "Content-Type should be application/json."))
        if len(request.body) >= MAX_BODY:
            raise Refused(_error(413, "The request is larger than 30 MB"))
        document = _document(request)
        mail = _mail(document)
        if Address.parse(mail.sender).address not in (SENDER, OTHER_SENDER):
            says = "The from address does not match a verified Sender Identity."
            raise Refused(_error(403, says, "from"))
        return mail, Answer(202, b"", {"X-Message-Id": f"StandIn{len(self.received):08}"})


def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body.decode("utf-8"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _wrong(None, "Bad Request")
    _no_other(document, _KNOWN, "")
    return document


def _mail(document: dict[str, Any]) -> AcceptedMail:
    sender = _mailbox(document.get("from"), "from")
    recipient = _recipient(document.get("personalizations"))
    subject = document.get("subject")
    if not isinstance(subject, str) or not subject:
        raise _wrong("subject", "The subject is required.")
    contents = _contents(document.get("content"))
    _check_tracking(document.get("tracking_settings", {}))
    reply_to = document.get("reply_to")
    return AcceptedMail(
        sender=sender,
        recipient=recipient,
        subject=decoded(subject),
        text=contents.get("text/plain"),
        html=contents.get("text/html"),
        headers=_headers(document.get("headers", {})),
        reply_to=None if reply_to is None else _mailbox(reply_to, "reply_to"),
        document=document,
    )


def _recipient(personalizations: Any) -> str:
    if not isinstance(personalizations, list) or len(personalizations) != 1:
        raise _wrong("personalizations", "There is one personalization here, no less and no more.")
    (personalization,) = personalizations
    field = "personalizations.0"
    if not isinstance(personalization, dict):
        raise _wrong(field, "A personalization is an object.")
    _no_other(personalization, ("to",), f"{field}.")
    to = personalization.get("to")
    if not isinstance(to, list) or len(to) != 1:
        raise _wrong(f"{field}.to", "There is one recipient here, no less and no more.")
    shown = _mailbox(to[0], f"{field}.to.0")
    if re.search("[,;]", str(to[0].get("name", ""))):
        raise _wrong(f"{field}.to.0.name", "The name may contain neither a comma nor a semicolon.")
    return Address.parse(shown).address


def _mailbox(value: Any, field: str) -> str:
    if not isinstance(value, dict):
        raise _wrong(field, "An object with an email parameter is required here.")
    _no_other(value, ("email", "name"), f"{field}.")
    email, name = value.get("email"), value.get("name", "")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise _wrong(f"{field}.email", "Does not contain a valid address.")
    if not isinstance(name, str):
        raise _wrong(f"{field}.name", "The name is a string.")
    return str(Address(email, decoded(name)))


def _contents(value: Any) -> dict[str, str]:
    if not isinstance(value, list) or not value:
        raise _wrong("content", "There must be at least one defined content block.")
    found: dict[str, str] = {}
    for index, block in enumerate(value):
        field = f"content.{index}"
        if not isinstance(block, dict) or block.get("type") not in _KINDS:
            raise _wrong(f"{field}.type", "The content type is text/plain or text/html here.")
        _no_other(block, ("type", "value"), f"{field}.")
        text = block.get("value")
        if not isinstance(text, str) or not text:
            raise _wrong(f"{field}.value", "The value is a string of at least one character.")
        if block["type"] in found:
            raise _wrong("content", "If present, each content type may only be provided once.")
        found[block["type"]] = text
    if tuple(found) != tuple(kind for kind in _KINDS if kind in found):
        raise _wrong("content", "If present, text/plain must be first, followed by text/html.")
    return found


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _wrong("headers", "The headers are an object.")
    for name, text in value.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED:
            raise _wrong(f"headers.{name}", "The header is reserved, or its name is not valid.")
        if not isinstance(text, str) or not _IN_LINE.fullmatch(text):
            raise _wrong(f"headers.{name}", "The value is a string in ASCII, encoded if need be.")
    return dict(value)


def _check_tracking(value: Any) -> None:
    if not isinstance(value, dict):
        raise _wrong("tracking_settings", "The tracking settings are an object.")
    _no_other(value, tuple(_TRACKING), "tracking_settings.")
    for name, settings in value.items():
        field = f"tracking_settings.{name}"
        _no_other(settings, _TRACKING[name], f"{field}.")
        if any(not isinstance(on, bool) for key, on in settings.items() if "enable" in key):
            raise _wrong(f"{field}.enable", "The value is true or false.")


def _no_other(value: dict[str, Any], known: tuple[str, ...], prefix: str) -> None:
    if unknown := [name for name in value if name not in known]:
        raise _wrong(f"{prefix}{unknown[0]}", "Additional property is not allowed")


def _wrong(field: str | None, message: str) -> Refused:
    return Refused(_error(400, message, field))


def _error(status: int, message: str, field: str | None = None) -> Answer:
    error = {"message": message, "field": field, "help": None}
    return Answer.json({"errors": [error]}, status)
