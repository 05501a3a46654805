"""Reading SMTP commands strictly (RFC 5321 section 4.1.1, RFC 3030, RFC 4954)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

import attrs

from passpost._messages.addresses import MAX_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_passpost.servers.smtp.rules import Rules

MAX_WAITING: Final = 65536
"""Octets that may come without a line end before the server gives up."""

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Za-z.:]+\]")
_PATH: Final = re.compile(
    r'(?P<word>FROM|TO):<(?P<path>"(?:[^"\\]|\\.)*"@[^<>\s]*|[^<>\s]*)>'
    r"(?P<parameters>(?: [!-<>-~]+(?:=[!-<>-~]+)?)*)",
    re.IGNORECASE,
)
_CHUNK: Final = re.compile(r"(\d{1,18})( LAST)?", re.IGNORECASE)


@attrs.frozen
class Rejected(Exception):  # noqa: N818 - the answer to a command, and no error of the server
    """A command is rejected.

    Attributes:
        text: The reply.
        violation: What was against the protocol, or None where the client did no wrong.
    """

    text: str
    violation: str | None = None


@attrs.frozen
class Path:
    """The argument of MAIL or RCPT: an address without its brackets, and parameters by name."""

    address: str
    parameters: Mapping[str, str]


def take_line(buffer: bytearray) -> bytes | None:
    """Take a line with its line end from the buffer, or give None while there is none.

    Raises:
        Rejected: So much came without a line end that none is to be expected.
    """
    at = buffer.find(b"\n")
    if at >= 0:
        line = bytes(buffer[: at + 1])
        del buffer[: at + 1]
        return line
    if len(buffer) > MAX_WAITING:
        buffer.clear()
        raise Rejected(
            "500 5.5.2 Line too long", "a line without an end (RFC 5321 section 4.5.3.1)"
        )
    return None


def check_line(line: bytes, limit: int) -> None:
    """Check a line as it came.

    Raises:
        Rejected: It ends with a bare LF, holds control characters, is too long or no UTF-8.
    """
    if not line.endswith(b"\r\n"):
        raise Rejected("500 5.5.2 Bare LF", "a bare LF in a command (RFC 5321 section 2.3.8)")
    if _CONTROL.search(line[:-2]):
        raise Rejected("500 5.5.2 Control character", "a control character in a command")
    if len(line) > limit:
        raise Rejected("500 5.5.2 Line too long", f"a command of more than {limit} octets")
    if not _is_utf8(line):
        raise Rejected("500 5.5.2 Not UTF-8", "a command that is not UTF-8")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def client_name(argument: str) -> str:
    """Return the name in EHLO or HELO.

    Raises:
        Rejected: It is neither a domain nor an address literal.
    """
    if not _NAME.fullmatch(argument):
        raise Rejected(
            "501 5.5.4 Invalid name", "the name is not a domain (RFC 5321 section 4.1.3)"
        )
    return argument


def path(word: str, argument: str) -> Path:
    """Read ``FROM:<…>`` or ``TO:<…>`` with its parameters.

    Raises:
        Rejected: It is not written as RFC 5321 section 4.1.2 has it.
    """
    match = _PATH.fullmatch(argument)
    if match is None or match["word"].upper() != word:
        raise Rejected("501 5.5.4 Syntax error", f"{word}:<address> is not written as it must be")
    _check_address(match["path"], empty=word == "FROM")
    given = [parameter.partition("=") for parameter in match["parameters"].split()]
    return Path(match["path"], {name.upper(): value for name, _, value in given})


def _check_address(address: str, *, empty: bool) -> None:
    if not address and empty:
        return
    if not address.rpartition("@")[0] or address.endswith("@"):
        raise Rejected("501 5.1.3 Bad address", "an address without a local part or a domain")
    if len(address.encode()) > MAX_ADDRESS:
        raise Rejected(
            "501 5.1.3 Address too long", f"an address of more than {MAX_ADDRESS} octets"
        )


def check_parameters(parameters: Mapping[str, str], rules: Rules) -> None:
    """Check the parameters of MAIL against what is offered.

    Raises:
        Rejected: One was not offered or makes no sense, or the email will be too long.
    """
    for name, value in parameters.items():
        if not _may_stand(name, value, rules):
            raise Rejected(
                f"555 5.5.4 Parameter {name} not taken", f"parameter {name} was not offered"
            )
    size = int(parameters.get("SIZE", 0))
    if rules.size is not None and size > rules.size:
        raise Rejected("552 5.3.4 Message too big")


def _may_stand(name: str, value: str, rules: Rules) -> bool:
    match name:
        case "SIZE":
            return "SIZE" in rules.extensions and value.isdecimal() and value.isascii()
        case "BODY":
            return "8BITMIME" in rules.extensions and value.upper() in ("7BIT", "8BITMIME")
        case "SMTPUTF8":
            return "SMTPUTF8" in rules.extensions and not value
        case "AUTH":
            return rules.users is not None and bool(value)
    return False


def chunk(argument: str) -> tuple[int, bool]:
    """Read the argument of BDAT: how many octets, and whether they are the last.

    Raises:
        Rejected: It is not written as RFC 3030 section 2 has it.
    """
    match = _CHUNK.fullmatch(argument)
    if match is None:
        raise Rejected(
            "501 5.5.4 Syntax error", "BDAT requires a number of octets (RFC 3030 section 2)"
        )
    return int(match[1]), match[2] is not None


def sasl_response(text: str) -> bytes:
    """Take a response of an AUTH exchange out of base64; ``=`` is for an empty one.

    Raises:
        Rejected: It is not base64, or the client gives up.
    """
    if text == "*":
        raise Rejected("501 5.7.0 Authentication cancelled")
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass  # raised outside, since that error may carry what the client sent
    raise Rejected("501 5.5.2 Not base64", "a response that is not base64 (RFC 4954 section 4)")


__all__ = [
    "MAX_WAITING",
    "Path",
    "Rejected",
    "check_line",
    "check_parameters",
    "chunk",
    "client_name",
    "path",
    "sasl_response",
    "take_line",
]  # fmt: skip
