"""What goes in and out of the imitation, without a server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import attrs

FORM = "application/x-www-form-urlencoded"


class Refused(Exception):  # noqa: N818 - the service's answer, not a fault of the imitation
    """The request is answered with an error code.

    Args:
        code: The code.
        message: What the service says about it.
        status: The HTTP status.
    """

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


@attrs.frozen(repr=False)
class Incoming:
    """A request as it came.

    Attributes:
        method: The method.
        path: The path without its query.
        query: The query as it came.
        headers: Names in lower case and values without the spaces around them.
        body: The body.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def query_parameters(self) -> dict[str, str]:
        """Read the query."""
        return parse_form(self.query.encode("ascii"))

    def form_parameters(self) -> dict[str, str]:
        """Read the body, where it says that it is a form."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return parse_form(self.body) if kind == FORM else {}


@attrs.frozen(repr=False)
class Outgoing:
    """An answer.

    Attributes:
        status: The HTTP status.
        body: The JSON document.
    """

    status: int
    body: bytes


def parse_form(octets: bytes) -> dict[str, str]:
    """Read a form (WHATWG URL, section 5.1), strictly: nothing twice, nothing that is not UTF-8.

    Raises:
        Refused: It is not such a form.
    """
    parameters: dict[str, str] = {}
    for pair in octets.split(b"&") if octets else ():
        name, equals, value = (_decoded(part) for part in pair.partition(b"="))
        if equals != "=" or not name or name in parameters:
            raise Refused("InvalidParameter", "The form is malformed")
        parameters[name] = value
    return parameters


def _decoded(octets: bytes) -> str:
    try:
        return unquote_to_bytes(octets.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("InvalidParameter", "The form is not UTF-8") from None


def accepted(document: Mapping[str, object]) -> Outgoing:
    """Return an answer of success."""
    return Outgoing(200, _json({**document, "RequestId": _request_id()}))


def refused(refusal: Refused) -> Outgoing:
    """Return an answer that rejects, in the form of Alibaba Cloud's error documents."""
    document = {
        "RequestId": _request_id(),
        "Message": refusal.message or "The request was rejected",
        "Recommend": f"https://api.example.com/troubleshoot?q={refusal.code}",
        "HostId": "dm.example.com",
        "Code": refusal.code,
    }
    return Outgoing(refusal.status, _json(document))


def _request_id() -> str:
    return str(uuid.uuid4()).upper()


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
