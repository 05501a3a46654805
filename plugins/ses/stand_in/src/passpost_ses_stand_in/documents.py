"""Checks the document of ``SendEmail`` as the reference of the API describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost import Address
from pytest_passpost import ReadableMail, decoded

if TYPE_CHECKING:
    from pytest_passpost import Request

_ADDRESS: Final = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]+")
_NAME: Final = re.compile(r"[!-9;-@A-~]{1,126}")
_VALUE: Final = re.compile(r"[ -~]{1,995}")
_MAX_HEADER: Final = 996
_MAX_HEADERS: Final = 15

# Those that the document has fields of its own for, or that SES writes itself.
_RESERVED: Final = frozenset(
    (
        "bcc", "cc", "content-transfer-encoding", "content-type", "date", "from", "message-id",
        "mime-version", "reply-to", "return-path", "sender", "subject", "to",
    )
)  # fmt: skip


@attrs.frozen(kw_only=True)
class AcceptedMail(ReadableMail):
    """An email that SES has taken.

    Attributes:
        headers: The headers that were added.
        reply_to: Where answers go; None where the request did not say.
        configuration_set: The configuration set; None where the request named none.
        document: The whole request.
    """

    headers: Mapping[str, str]
    reply_to: str | None
    configuration_set: str | None
    document: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def envelope_sender(self) -> str:
        """The sender's address alone."""
        return Address.parse(self.sender).address


class _Wrong(Exception):  # noqa: N818 - the service's answer, and it does not leave this module
    """Something in the document is wrong."""


def accepted_mail(request: Request) -> AcceptedMail | str:
    """Read an email from a request, or say what SES would say is wrong with it."""
    try:
        return _mail(_document(request))
    except _Wrong as wrong:
        return str(wrong)


def _document(request: Request) -> dict[str, Any]:
    kind = (request.header("content-type") or "application/json").partition(";")[0]
    if kind not in ("application/json", "application/x-amz-json-1.1"):
        raise _Wrong("The content type is application/json")
    try:
        document = json.loads(request.body.decode("utf-8"))
    except ValueError:
        document = None
    return _object(document, "The request")


def _mail(document: dict[str, Any]) -> AcceptedMail:
    known = (
        "FromEmailAddress",
        "Destination",
        "ReplyToAddresses",
        "Content",
        "ConfigurationSetName",
    )
    _only(document, known)
    destination = _object(document.get("Destination"), "Destination")
    _only(destination, ("ToAddresses", "CcAddresses", "BccAddresses"))
    if destination.get("CcAddresses") or destination.get("BccAddresses"):
        raise _Wrong("There is one recipient here, no less and no more")
    content = _object(document.get("Content"), "Content")
    _only(content, ("Simple",))
    simple = _object(content.get("Simple"), "Simple")
    _only(simple, ("Subject", "Body", "Headers"))
    bodies = _bodies(simple.get("Body"))
    replies = document.get("ReplyToAddresses") or []
    named = document.get("ConfigurationSetName")
    if named is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(named)):
        raise _Wrong("ConfigurationSetName is not a name")
    return AcceptedMail(
        sender=str(_mailbox(document.get("FromEmailAddress"), "FromEmailAddress")),
        recipient=_sole(destination.get("ToAddresses"), "ToAddresses").address,
        subject=decoded(_text(simple.get("Subject"), "Subject", in_line=True)),
        text=bodies.get("Text"),
        html=bodies.get("Html"),
        headers=_headers(simple.get("Headers") or []),
        reply_to=str(_sole(replies, "ReplyToAddresses")) if replies else None,
        configuration_set=named,
        document=document,
    )


def _bodies(value: Any) -> dict[str, str]:
    body = _object(value, "Body")
    _only(body, ("Text", "Html"))
    if not body:
        raise _Wrong("Body has to have Text or Html")
    return {kind: _text(content, kind) for kind, content in body.items()}


def _text(value: Any, what: str, *, in_line: bool = False) -> str:
    content = _object(value, what)
    _only(content, ("Data", "Charset"))
    data = content.get("Data")
    if not isinstance(data, str) or (in_line and re.search("[\r\n]", data)):
        raise _Wrong(f"{what}.Data is not text")
    if not data.isascii() and content.get("Charset") != "UTF-8":
        raise _Wrong(f"{what} contains characters outside of ASCII, and no Charset says so")
    return data


def _sole(value: Any, what: str) -> Address:
    if not isinstance(value, list) or len(value) != 1:
        raise _Wrong(f"{what} has one address here, no less and no more")
    return _mailbox(value[0], what)


def _mailbox(value: Any, what: str) -> Address:
    """Read a mailbox (RFC 5322), whose name may be in encoded words (RFC 2047)."""
    if not isinstance(value, str) or not value.isascii() or re.search("[\x00-\x1f\x7f]", value):
        raise _Wrong(f"{what}: Local address contains control or whitespace")
    name, address = parseaddr(value)
    # What is left of a text that held more than one address, or none.
    if not _ADDRESS.fullmatch(address) or (value != address and not value.endswith(f"<{address}>")):
        raise _Wrong(f"{what}: Missing final '@domain', or more than one address")
    return Address(address, decoded(name))


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, list) or len(value) > _MAX_HEADERS:
        raise _Wrong(f"Headers is a list of at most {_MAX_HEADERS}")
    found: dict[str, str] = {}
    for one in value:
        header = _object(one, "MessageHeader")
        _only(header, ("Name", "Value"))
        name, text = str(header.get("Name")), str(header.get("Value"))
        if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise _Wrong(f"The header {name!r} cannot be added")
        if not _VALUE.fullmatch(text) or len(name) + len(text) > _MAX_HEADER:
            raise _Wrong(f"The header {name!r} has a value that is too long, or not in ASCII")
        found[name] = text
    return found


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"{what} is missing, or no object")
    return value


def _only(value: dict[str, Any], known: tuple[str, ...]) -> None:
    if unknown := [name for name in value if name not in known]:
        raise _Wrong(f"{unknown[0]} is not known here")
