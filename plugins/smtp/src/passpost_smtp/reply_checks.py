"""What the replies to one email can mean, and whether they can be the ones to its commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from passpost_smtp.pipelining import OF_ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passpost_smtp.fault import Fault, Phase
    from passpost_smtp.reply import Reply

OK: Final = 250
START_INPUT: Final = 354
_ACCEPTED: Final = frozenset((250, 251, 252))
NOT_UNDERSTOOD: Final = frozenset((500, 501, 502, 503, 504))
_TOO_MANY: Final = re.compile(r"too many (?:messages|mails|e-?mails|transactions)", re.IGNORECASE)
PHASES_TO_DATA: Final[tuple[Phase, ...]] = ("mail", "rcpt", "data")
PHASES_AT_ONCE: Final[tuple[Phase, ...]] = ("mail", "rcpt", "final")


def is_ready(replies: Sequence[Reply]) -> bool:
    """Return whether a server has taken sender and recipient, and waits for the message."""
    # 251 or 252 to RCPT is as good as 250.
    return (
        len(replies) == len(PHASES_TO_DATA)
        and replies[0].code in _ACCEPTED
        and replies[1].code in _ACCEPTED
        and replies[2].code == START_INPUT
    )


def are_accepted(replies: Sequence[Reply]) -> bool:
    """Return whether replies to MAIL, RCPT or a chunk are all positive."""
    return all(reply.code in _ACCEPTED for reply in replies)


def is_in_step(replies: Sequence[Reply]) -> bool:
    """Return whether replies can be those to a batch: after a rejection nothing succeeds."""
    count = next((n for n, reply in enumerate(replies) if not reply.positive), len(replies))
    return are_accepted(replies[:count]) and not any(reply.positive for reply in replies[count:])


def is_nonsense(fault: Fault | None) -> bool:
    """Return whether the replies cannot be assigned: the server said what nobody asked for."""
    return fault is not None and fault.kind in {"order", "garbage"}


def is_proof(replies: Sequence[Reply], octets: int) -> bool:
    """Return whether a server has taken sender, recipient and a chunk of so many octets."""
    return (
        len(replies) == len(PHASES_TO_DATA)
        and are_accepted(replies)
        and answers_chunk(replies[2], octets, replies[1])
    )


def ends_connection(reply: Reply) -> bool:
    """Return whether a reply to MAIL is about the connection and not about the email."""
    # Some servers do not close a connection that has carried enough; OpenSMTPD says so after 100.
    temporary = reply.code < 500  # noqa: PLR2004 - 4yz
    return reply.closing or (temporary and _TOO_MANY.search(reply.text) is not None)


def is_refusal(replies: Sequence[Reply]) -> bool:
    """Return whether replies to MAIL, RCPT and DATA reject an email, each in its place."""
    if first_negative(PHASES_TO_DATA, replies) is None:
        return False
    # MAIL or RCPT may get a reply that belongs to another command, such as 354.
    places = (_ACCEPTED, _ACCEPTED, (START_INPUT,))
    pairs = zip(replies, places, strict=False)
    return not any(reply.positive and reply.code not in place for reply, place in pairs)


def first_negative(phases: Sequence[Phase], replies: Sequence[Reply]) -> tuple[Phase, Reply] | None:
    """Return the first negative reply, and the phase that it belongs to."""
    for phase, reply in zip(phases, replies, strict=False):
        if not reply.positive:
            return phase, reply
    return None


def answers_chunk(reply: Reply, octets: int, rcpt: Reply) -> bool:
    """Return whether a reply is the one to a chunk, and not the one to RCPT before it.

    Args:
        reply: The reply.
        octets: How long the chunk was, which most servers repeat.
        rcpt: The reply before it.
    """
    line = reply.lines[0]
    if rcpt.lines[0].startswith(OF_ADDRESSES):
        return line.startswith(b"2.") and not line.startswith(OF_ADDRESSES)
    return re.search(rb"(?<!\d)%d(?!\d)" % octets, line) is not None
