"""Pipelining: how many commands go in one write, and falling back to fewer.

The form of an email follows from what the server offers, less what it has failed at.

A message goes into the first write only once its server has proved that it implements BDAT: a
server that offers CHUNKING without BDAT would read the lines of the message as commands. The first
email proves it. Its first chunk is a piece of the message's first line, which is not a command. The
rest follows once the server has confirmed the piece.
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

_FALLBACKS: Final[dict[Form, Form]] = {
    "chunked": "pipelined",
    "proving": "pipelined",
    "pipelined": "plain",
    "plain": "plain",
}

OF_ADDRESSES: Final = b"2.1."
"""How the enhanced codes of success begin that are about an address (RFC 3463 section 3.2)."""
_VARIABLE: Final = re.compile(rb"\S*\d\S*")
_COMMAND: Final = re.compile(r"\s*(?:mail|rcpt|data|bdat)\b", re.IGNORECASE)


class PipeliningFallback:
    """What a session has learned of its servers' pipelining, for as long as it lasts."""

    __slots__ = ("_failed", "_fingerprints", "_may_follow")

    def __init__(self) -> None:
        self._failed: set[Form] = set()
        self._may_follow = True
        # One host may be many servers, each at an address of its own.
        self._fingerprints: dict[str, bytes] = {}

    def choose(self, offer: Offer, address: str, most: Form = "chunked") -> Form:
        """Choose the form for the next email.

        Args:
            offer: What the server offers.
            address: The server's IP address.
            most: The form that is tried at most.
        """
        form = most
        while form in self._failed or not _is_offered(form, offer):
            form = _FALLBACKS[form]
        return "proving" if form == "chunked" and address not in self._fingerprints else form

    def rule_out(self, form: Form) -> None:
        """Never try this form again, nor one with more in a write."""
        # The plain form is what every server knows: failing at it says nothing of the others.
        if form != "plain":
            self._failed.update(FORMS[: FORMS.index(form) + 1])

    def may_follow(self, offer: Offer) -> bool:
        """Return whether an email may begin in the same write as the message of the one before.

        Where the server offers CHUNKING, an email takes one write without that.
        """
        return self._may_follow and offer.pipelining and not offer.chunking

    def rule_out_following(self) -> None:
        """Begin no more emails in the write of another."""
        self._may_follow = False

    def prove_chunking(self, address: str, rcpt: Reply, final: Reply, recipient: bytes) -> None:
        """Note that a server implements BDAT, and how it replies to RCPT.

        If it replies to RCPT as it accepts a message, one could be mistaken for the other.

        Args:
            address: The server's IP address.
            rcpt: Its reply to RCPT.
            final: Its reply to the message.
            recipient: Who was named in RCPT.
        """
        manner = _fingerprint(rcpt, recipient)
        if manner == _fingerprint(final, recipient):
            self.rule_out("chunked")
        else:
            self._fingerprints[address] = manner

    def is_final(self, address: str, final: Reply, recipient: bytes) -> bool:
        """Return whether a reply can be the one to a message, and not the one to RCPT before it.

        A surplus reply shifts the later ones by one: the reply to RCPT would count as the
        message's.
        """
        return self._fingerprints.get(address) != _fingerprint(final, recipient)


def fall_back(form: Form) -> Form:
    """Return the form that puts fewer commands in one write."""
    return _FALLBACKS[form]


def has_commands(value: Any) -> bool:
    """Return whether a payload's text has a line that a server could read as a command of an email.

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


def _fingerprint(reply: Reply, recipient: bytes) -> bytes:
    """Return what all of a server's replies to one kind of command have in common."""
    line = reply.lines[0]
    if line.startswith(OF_ADDRESSES):
        return OF_ADDRESSES
    return _VARIABLE.sub(b"#", line.replace(recipient, b"#"))


def _is_offered(form: Form, offer: Offer) -> bool:
    if form in {"chunked", "proving"}:
        return offer.pipelining and offer.chunking
    return form == "plain" or offer.pipelining
