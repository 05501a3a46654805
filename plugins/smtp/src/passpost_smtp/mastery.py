"""How much goes in one write: what the server offers, less what it has failed at or not yet shown.

A message rides in the first write only once its server has shown that it masters BDAT: a server
that offers CHUNKING and does not know it would read the lines of the message as commands. The first
mail shows it. Its first chunk is a piece of the message's first line, with which nothing can be
commanded, and the rest follows once the server has said that it has the piece.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from passpost_smtp.ehlo import Offer
    from passpost_smtp.reply import Reply

Form = Literal["chunked", "proving", "pipelined", "plain"]
"""``chunked``: MAIL, RCPT and BDAT with the message in one write. ``proving``: MAIL, RCPT and BDAT
with a harmless piece in one, then the rest of the message. ``pipelined``: MAIL, RCPT and DATA in
one, then the message. ``plain``: one command at a time."""

FORMS: Final[tuple[Form, ...]] = ("chunked", "proving", "pipelined", "plain")
"""From one round trip to four."""

_LESSER: Final[dict[Form, Form]] = {
    "chunked": "pipelined",
    "proving": "pipelined",
    "pipelined": "plain",
    "plain": "plain",
}

_OF_ADDRESSES: Final = b"2.1."
"""How the enhanced codes of success begin that are about an address (RFC 3463 section 3.2)."""
_VARIABLE: Final = re.compile(rb"\S*\d\S*")
_COMMAND: Final = re.compile(r"\s*(?:mail|rcpt|data|bdat)\b", re.IGNORECASE)


class Mastery:
    """What a session has learnt of its servers, for as long as it lasts."""

    __slots__ = ("_failed", "_manners")

    def __init__(self) -> None:
        self._failed: set[Form] = set()
        # One host may be many servers, each at an address of its own.
        self._manners: dict[str, bytes] = {}

    def form(self, offer: Offer, address: str, most: Form = "chunked") -> Form:
        """Choose the form for the next mail.

        Args:
            offer: What the server offers.
            address: The server's IP address.
            most: The form that is tried at most.
        """
        form = most
        while form in self._failed or not _offered(form, offer):
            form = _LESSER[form]
        return "proving" if form == "chunked" and address not in self._manners else form

    def forget(self, form: Form) -> None:
        """Never try this form again, nor one with more in a write."""
        # The plain form is what every server knows: failing at it says nothing of the others.
        if form != "plain":
            self._failed.update(FORMS[: FORMS.index(form) + 1])

    def proven(self, address: str, rcpt: Reply, final: Reply, recipient: bytes) -> None:
        """Note that a server masters BDAT, and how it answers RCPT.

        Where it answers RCPT as it accepts a message, one could be taken for the other.

        Args:
            address: The server's IP address.
            rcpt: Its reply to RCPT.
            final: Its reply to the message.
            recipient: Who was named in RCPT.
        """
        manner = _manner(rcpt, recipient)
        if manner == _manner(final, recipient):
            self.forget("chunked")
        else:
            self._manners[address] = manner

    def in_step(self, address: str, final: Reply, recipient: bytes) -> bool:
        """Whether a reply can be the one to a message, and not the one to RCPT before it.

        A reply too many shifts those behind it by one, and then RCPT's would stand in for the
        message's.
        """
        return self._manners.get(address) != _manner(final, recipient)


def lesser(form: Form) -> Form:
    """Give the form with the next less in one write."""
    return _LESSER[form]


def answers_chunk(reply: Reply, octets: int, rcpt: Reply) -> bool:
    """Whether a reply is the one to a chunk, and not the one to RCPT before it.

    Args:
        reply: The reply.
        octets: How long the chunk was, which most servers repeat.
        rcpt: The reply before it.
    """
    line = reply.lines[0]
    if rcpt.lines[0].startswith(_OF_ADDRESSES):
        return line.startswith(b"2.") and not line.startswith(_OF_ADDRESSES)
    return re.search(rb"(?<!\d)%d(?!\d)" % octets, line) is not None


def has_commands(value: Any) -> bool:
    """Whether a payload's text has a line that a server could read as a command of a mail.

    Args:
        value: The payload, or a part of it.
    """
    if type(value) is str:
        # Nearly every text is one line, and shorter than what it takes to split it.
        lines = value.splitlines() if "\n" in value or "\r" in value else (value,)
        return any(map(_COMMAND.match, lines))
    if isinstance(value, Mapping):
        return any(map(has_commands, value.values()))
    return isinstance(value, list | tuple) and any(map(has_commands, value))


def _manner(reply: Reply, recipient: bytes) -> bytes:
    """Give what is the same in all of a server's replies to one kind of command."""
    line = reply.lines[0]
    if line.startswith(_OF_ADDRESSES):
        return _OF_ADDRESSES
    return _VARIABLE.sub(b"#", line.replace(recipient, b"#"))


def _offered(form: Form, offer: Offer) -> bool:
    if form in {"chunked", "proving"}:
        return offer.pipelining and offer.chunking
    return form == "plain" or offer.pipelining
