"""What a server offers in its answer to EHLO (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from passpost_smtp.reply import Reply

_MAX_SIZE_DIGITS: Final = 20
"""Digits in a SIZE (RFC 1870 section 4); more are not a number of octets."""


@attrs.frozen
class Offer:
    """The service extensions of one server.

    Attributes:
        esmtp: Whether it answered EHLO at all; False after HELO.
        starttls: RFC 3207.
        pipelining: RFC 2920.
        chunking: RFC 3030.
        eight_bit: 8BITMIME, RFC 6152.
        smtputf8: RFC 6531.
        takes_size: Whether MAIL may say how long the message is (RFC 1870).
        size: The most octets of a message; 0 where the server names no limit.
        auth: Mechanisms, in upper case and in the server's order (RFC 4954).
    """

    esmtp: bool = True
    starttls: bool = False
    pipelining: bool = False
    chunking: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    takes_size: bool = False
    size: int = 0
    auth: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The extensions by their names, for people."""
        flags = {
            "STARTTLS": self.starttls,
            "PIPELINING": self.pipelining,
            "CHUNKING": self.chunking,
            "8BITMIME": self.eight_bit,
            "SMTPUTF8": self.smtputf8,
            f"SIZE {self.size}" if self.size else "SIZE": self.takes_size,
            f"AUTH {' '.join(self.auth)}": bool(self.auth),
        }
        return tuple(name for name, there in flags.items() if there)


NOTHING: Final = Offer(esmtp=False)
"""What a server offers that knows HELO only."""


def read_offer(reply: Reply) -> Offer:
    """Read the answer to EHLO; lines that make no sense are as if they were not there."""
    # Everything is in upper case here, as which keywords are compared (RFC 5321 section 2.4).
    lines = dict(_lines(reply))
    size = lines.get("SIZE", "")
    return Offer(
        starttls="STARTTLS" in lines,
        pipelining="PIPELINING" in lines,
        chunking="CHUNKING" in lines,
        eight_bit="8BITMIME" in lines,
        smtputf8="SMTPUTF8" in lines,
        takes_size="SIZE" in lines,
        size=int(size) if _is_size(size) else 0,
        # Some servers list mechanisms twice, also in the draft's form `AUTH=LOGIN`, some of them
        # only there.
        auth=tuple(dict.fromkeys(lines.get("AUTH", "").split() + lines.get("AUTH=", "").split())),
    )


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_SIZE_DIGITS


def _lines(reply: Reply) -> Iterator[tuple[str, str]]:
    # The first line is the server's name.
    for line in reply.lines[1:]:
        text = line.decode("ascii", "replace").strip().upper()
        if text.startswith("AUTH="):
            yield "AUTH=", text[5:]
        else:
            keyword, _, parameters = text.partition(" ")
            yield keyword, parameters.strip()
