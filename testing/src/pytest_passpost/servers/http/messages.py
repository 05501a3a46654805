"""What an HTTP server for tests records, and what it answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

import attrs

from pytest_passpost.servers.actions import Action, ActionName, named

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(repr=False, eq=False)
class Request:
    """A request as it came.

    Attributes:
        method: ``POST``.
        target: The request target, percent-encoding and query as they came; a whole URL where the
            client takes the server for a proxy.
        headers: Names in lower case and values, in order, repeated ones too.
        body: The body, with the chunks put together.
        connection: The number of the connection it came on, counted from 0.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        """The path, percent-encoding as it came."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; see `form` on repeated ones."""
        return _parameters(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body, decoded.

        Raises:
            ValueError: A name appears twice, or something is not a parameter.
        """
        return _parameters(self.body.decode("ascii"))

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return a header's value, or None; the values of a repeated header joined by commas."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    def __repr__(self) -> str:
        # Query, headers and body hold keys and codes, and a failing assertion prints its operands.
        return f"Request({self.method} {self.path}, octets={len(self.body)})"


def _parameters(text: str) -> dict[str, str]:
    if not text:
        return {}
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise ValueError("a parameter is given twice")
    return parameters


def _octets(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _fault(action: Action | ActionName | None) -> Action | None:
    return None if action is None else named(action)


@attrs.frozen
class Answer:
    """What the server answers.

    Args:
        status: The status code.
        body: The body; text is sent as UTF-8.
        headers: Headers to send; ``Content-Length`` is added unless it is among them.
        fault: What happens in place of sending it, or to it.
    """

    status: int = 200
    body: bytes = attrs.field(default=b"", converter=_octets, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    fault: Action | None = attrs.field(default=None, converter=_fault, kw_only=True)

    @classmethod
    def json(
        cls, value: Any, status: int = 200, *, fault: Action | ActionName | None = None
    ) -> Self:
        """Answer with JSON."""
        headers = {"Content-Type": "application/json;charset=utf-8"}
        return cls(status, json.dumps(value, ensure_ascii=False).encode(), headers, fault=fault)

    @classmethod
    def redirect(cls, location: str, status: int = 307) -> Self:
        """Send the client elsewhere."""
        return cls(status, b"", {"Location": location})


__all__ = ["Answer", "Request"]
