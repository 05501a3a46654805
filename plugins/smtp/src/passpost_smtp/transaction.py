"""One mail over one connection, with each reply assigned to the command it answers.

It has one of four forms (see `passpost_smtp.mastery`), from one round trip to four.

Whatever goes wrong, the verdict says ``rejected`` only where the message cannot have been taken:
where its last byte was not handed to the kernel, or after a refusal that can be assigned to it.
However the connection ends otherwise, the outcome is ``unknown``. An end in order (FIN) proves no
more than a broken one: a server may hold its replies back until it reads again (RFC 2920 section
3.2), take the message, and die before they went out.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost_smtp.errors import Verdict, broken, refused
from passpost_smtp.fault import Fault, Phase
from passpost_smtp.mastery import answers_chunk
from passpost_smtp.mime import dot_stuffed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passpost_smtp.connection import Then
    from passpost_smtp.link import Link
    from passpost_smtp.mastery import Form
    from passpost_smtp.mime import BuiltMail
    from passpost_smtp.reply import Reply
    from passpost_smtp.site import Site

_Replies = Awaitable["list[Reply]"]

_OK: Final = 250
_GO_ON: Final = 354
_ALL_TAKEN: Final = [_OK, _OK, _OK]
_ACCEPTED: Final = frozenset((250, 251, 252))
_NOT_UNDERSTOOD: Final = frozenset((500, 501, 502, 503, 504))
_ENOUGH: Final = re.compile(r"too many (?:messages|mails|e-?mails|transactions)", re.IGNORECASE)
_PRELUDE: Final[tuple[Phase, ...]] = ("mail", "rcpt", "data")
_BATCH: Final[tuple[Phase, ...]] = ("mail", "rcpt", "final")
_LOST: Final = Fault("aborted")
_CONTRADICTION: Final = Fault("order", "replies that contradict each other")


@attrs.frozen
class Refusal:
    """A mail that did not go through.

    Attributes:
        verdict: What to say of it.
        speechless: Whether the connection was gone before the server had said a word to this mail,
            or said only that it has had enough; the mail cannot have been sent, and may go on
            another.
        unmastered: Whether the server failed at the form, as one does that offers an extension
            which it does not master.
    """

    verdict: Verdict
    speechless: bool = False
    unmastered: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the mail may go once more, on a fresh connection, without being sent twice."""
        return self.verdict.outcome == "rejected" and (self.speechless or self.unmastered)


class Transaction:
    """One mail on its way.

    Args:
        site: What all connections of the session have in common.
        link: The connection it goes on; signed in, and in no other transaction.
        mail: The mail, built for what the server offers.
        payload: What may not be seen in the server's words.
        deadline: When to give up at the latest, in the loop's time.
        probing: Whether the connection may be dead, so that its first answer is not waited for
            long.
    """

    __slots__ = (
        "_address", "_chunks", "_connection", "_deadline", "_handed_over", "_limits", "_mail",
        "_offer", "_patience", "_payload", "_site",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - it is made in one place, which has them all
        self,
        site: Site,
        link: Link,
        mail: BuiltMail,
        payload: Mapping[str, Any],
        deadline: float,
        *,
        probing: bool = False,
    ) -> None:
        self._site = site
        self._limits = site.limits
        self._connection = link.connection
        self._offer = link.offer
        self._address = link.address
        self._mail = mail
        self._payload = payload
        self._patience = site.limits.probe if probing else site.limits.command
        self._deadline = deadline
        self._chunks = self._handed_over = False

    async def run(self, form: Form) -> Reply | Refusal:
        """Carry it out; gives the server's acceptance, or what came in its way.

        Args:
            form: How many commands go in one write.
        """
        self._chunks = form in {"chunked", "proving"}
        if form == "chunked":
            return await self._chunked()
        if form == "proving":
            return await self._proving()
        if form == "pipelined":
            replies = await self._ask(self._prelude(), len(_PRELUDE), self._go_on)
            if self._handed_over:
                return self._judged(replies)
        else:
            replies = await self._one_by_one()
        if not _is_ready(replies):
            return await self._stopped(replies)
        return self._judged(await self._hand_over(dot_stuffed(self._mail.data)))

    # One write.

    async def _chunked(self) -> Reply | Refusal:
        connection = self._connection
        replies = await self._offer_all(self._mail.data)
        # As nearly all mails go: no more is done for them than has to be.
        plain = [reply.code for reply in replies] == _ALL_TAKEN and not connection.unsent
        if plain and connection.fault is None and self._is_final(replies[2]):
            return replies[2]
        return self._batch_judged(replies)

    def _is_final(self, reply: Reply) -> bool:
        recipient = self._mail.recipient.encode()
        return self._site.mastery.in_step(self._address, reply, recipient)

    def _batch_judged(self, replies: list[Reply]) -> Reply | Refusal:
        connection = self._connection
        fault = connection.fault
        taken = len(replies) == len(_BATCH) and replies[2].positive
        in_step = _is_in_step(replies) and not (taken and not self._is_final(replies[2]))
        negative = _first_negative(_BATCH, replies)
        if connection.unsent and not taken:
            connection.abort()
            if negative is not None and in_step:
                return self._refused(*negative)
            return self._broken("body", fault or _CONTRADICTION, speechless=not replies)
        if connection.unsent or not in_step or _is_nonsense(fault):
            # A message is taken that was refused, or half of it, or replies are too many or too
            # few: which of them is the message's, nobody can tell.
            connection.abort()
            if replies:
                self._is_lie(replies[-1])
            return self._unsure(fault or _CONTRADICTION, unmastered=True)
        if negative is not None:
            return self._refused(*negative)
        return replies[2] if taken else self._unsure(fault or _LOST, unmastered=not replies)

    # A harmless piece first, which shows whether the server masters BDAT.

    async def _proving(self) -> Reply | Refusal:
        connection = self._connection
        # Without its line end, so that it is no command whoever reads it.
        cut = self._mail.data.index(b"\r\n")
        replies = await self._offer_piece(self._mail.data[:cut])
        if not _is_proof(replies, cut) or connection.fault is not None or connection.stirred():
            return self._unproven(replies)
        rcpt = replies[1]
        replies = await self._hand_over(_last_chunk(self._mail.data[cut:]))
        result = self._judged(replies)
        if not isinstance(result, Refusal):
            recipient = self._mail.recipient.encode()
            self._site.mastery.proven(self._address, rcpt, result, recipient)
        return result

    def _unproven(self, replies: list[Reply]) -> Refusal:
        """Say what came before the rest of the message could be sent: nothing was."""
        connection = self._connection
        negative = _first_negative(_PRELUDE, replies)
        in_step = _is_in_step(replies)
        if negative is not None and in_step:
            phase, reply = negative
            if phase != "data" or reply.code < 500:  # noqa: PLR2004 - 4yz
                return self._refused(phase, reply)
        phase = _PRELUDE[min(len(replies), 2)]
        if phase == "data":
            # It has read what came before the chunk.
            self._site.mastery.forget("chunked")
        if negative is not None:
            unmastered = not in_step or negative[1].code in _NOT_UNDERSTOOD
            if unmastered:
                connection.abort()
            return self._refused(*negative, unmastered=unmastered)
        fault = connection.fault or _CONTRADICTION
        connection.abort(fault)
        unmastered = _is_nonsense(fault)
        return self._broken(phase, fault, speechless=not replies, unmastered=unmastered)

    # Envelope first, message later.

    async def _one_by_one(self) -> list[Reply]:
        replies: list[Reply] = []
        for number in range(len(_PRELUDE)):
            replies += await self._ask(self._line(number), 1)
            if not replies or not replies[-1].positive or self._connection.fault is not None:
                # Without a sender or a recipient, DATA would be out of place.
                break
        return replies

    async def _stopped(self, replies: list[Reply]) -> Refusal:
        """Say what came before the message could be sent: nothing was."""
        negative = _first_negative(_PRELUDE, replies)
        if negative is not None and not _is_disordered(replies):
            if len(replies) == len(_PRELUDE) and replies[2].code == _GO_ON:
                await self._call_off(replies)
            return self._refused(*negative)
        fault = self._connection.fault
        if fault is None:
            fault = Fault("order", "replies to other commands than were sent")
            self._connection.abort(fault)
        phase = _PRELUDE[min(len(replies), 2)]
        return self._broken(phase, fault, speechless=not replies, unmastered=_is_nonsense(fault))

    async def _call_off(self, replies: list[Reply]) -> None:
        """Send nothing to a server that waits for the message of a mail it refused (RFC 2920)."""
        if replies[1].positive:
            # There is a recipient, so that even an empty message would be a mail.
            self._connection.abort()
        else:
            await self._ask(b".\r\n", 1)

    # The message by itself.

    def _judged(self, replies: list[Reply]) -> Reply | Refusal:
        connection = self._connection
        unsent, fault = connection.unsent, connection.fault
        if fault is None and not unsent and replies and replies[0].code == _OK:
            return replies[0]
        if unsent:
            # What is left would be read as commands by a server that has answered already.
            connection.abort()
        # With a reply too many behind it, the first may have been the one too many.
        if replies and (unsent or not _is_nonsense(fault)):
            if not replies[0].positive:
                return self._refused("final", replies[0])
            if replies[0].code == _OK and not unsent:
                return replies[0]
        fault = fault or Fault("order", "a reply that makes no sense here")
        connection.abort(fault)
        return self._unsure(fault) if replies or not unsent else self._broken("body", fault)

    # What all forms need.

    def _envelope(self) -> bytes:
        mail, offer = self._mail, self._offer
        # With the size a server can refuse before the message is on its way.
        size = f" SIZE={len(mail.data)}" if offer.takes_size else ""
        body = " BODY=8BITMIME" if mail.eight_bit and offer.eight_bit else ""
        utf8 = " SMTPUTF8" if mail.smtputf8 else ""
        return (
            f"MAIL FROM:<{mail.sender}>{size}{body}{utf8}\r\nRCPT TO:<{mail.recipient}>\r\n"
        ).encode()

    def _prelude(self) -> bytes:
        return self._envelope() + b"DATA\r\n"

    def _line(self, number: int) -> bytes:
        return self._prelude().splitlines(keepends=True)[number]

    # None of these is a coroutine, and no coroutine keeps what they are given: see
    # `Connection.exchange`.

    def _ask(self, data: bytes, wanted: int, then: Then | None = None) -> _Replies:
        patience, deadline = self._patience, self._deadline
        return self._connection.exchange(data, wanted, patience, deadline, then=then)

    def _go_on(self, replies: Sequence[Reply]) -> bool:
        """Send the message the moment that the server asks for it."""
        self._handed_over = _is_ready(replies)
        if self._handed_over:
            limits, message = self._limits, dot_stuffed(self._mail.data)
            self._connection.go_on(message, 1, limits.final, sending=limits.data)
        return self._handed_over

    def _offer_piece(self, piece: bytes) -> _Replies:
        return self._ask(b"%bBDAT %d\r\n%b" % (self._envelope(), len(piece), piece), 3)

    def _offer_all(self, data: bytes) -> _Replies:
        return self._hand_over(self._envelope() + _last_chunk(data), 3)

    def _hand_over(self, message: bytes, wanted: int = 1) -> _Replies:
        limits = self._limits
        return self._connection.exchange(
            message, wanted, limits.final, self._deadline, sending=limits.data
        )

    def _refused(self, phase: Phase, reply: Reply, *, unmastered: bool = False) -> Refusal:
        unmastered = unmastered or (phase == "final" and self._is_lie(reply))
        redactor = self._site.redactor.with_payload(self._payload)
        verdict = refused(phase, reply, self._site.config, redactor)
        worn_out = phase == "mail" and _is_worn_out(reply)
        if worn_out:
            # It would say the same to each mail that is put on it.
            self._connection.abort()
        return Refusal(verdict, speechless=worn_out, unmastered=unmastered)

    def _is_lie(self, reply: Reply) -> bool:
        """Whether a server that had shown that it knows BDAT does so no more."""
        if not self._chunks or reply.code not in _NOT_UNDERSTOOD:
            return False
        # Whether it reads the message as commands now, nobody can tell.
        self._connection.abort()
        self._site.mastery.forget("chunked")
        return True

    def _unsure(self, fault: Fault, *, unmastered: bool = False) -> Refusal:
        verdict = broken("final", fault, self._site.config, "unknown")
        return Refusal(verdict, unmastered=unmastered)

    def _broken(
        self, phase: Phase, fault: Fault, *, speechless: bool = False, unmastered: bool = False
    ) -> Refusal:
        verdict = broken(phase, fault, self._site.config)
        return Refusal(verdict, speechless=speechless, unmastered=unmastered)


def _last_chunk(data: bytes) -> bytes:
    return b"BDAT %d LAST\r\n%b" % (len(data), data)


def _is_ready(replies: Sequence[Reply]) -> bool:
    """Whether a server has taken sender and recipient, and waits for the message."""
    # 251 or 252 to RCPT is as good as 250.
    return (
        len(replies) == len(_PRELUDE)
        and replies[0].code in _ACCEPTED
        and replies[1].code in _ACCEPTED
        and replies[2].code == _GO_ON
    )


def _sensible(replies: Sequence[Reply]) -> bool:
    return all(reply.code in _ACCEPTED for reply in replies)


def _is_in_step(replies: Sequence[Reply]) -> bool:
    """Whether replies can be those to a batch: after a refusal there is no success."""
    count = next((n for n, reply in enumerate(replies) if not reply.positive), len(replies))
    return _sensible(replies[:count]) and not any(reply.positive for reply in replies[count:])


def _is_nonsense(fault: Fault | None) -> bool:
    """Whether the server said what it should not have: its replies cannot be told apart then."""
    return fault is not None and fault.kind in {"order", "garbage"}


def _is_proof(replies: Sequence[Reply], octets: int) -> bool:
    """Whether a server has taken sender, recipient and a chunk of so many octets."""
    return (
        len(replies) == len(_PRELUDE)
        and _sensible(replies)
        and answers_chunk(replies[2], octets, replies[1])
    )


def _is_worn_out(reply: Reply) -> bool:
    """Whether a reply to MAIL is about the connection and not about the mail."""
    # Some servers do not close a connection that has carried enough; OpenSMTPD says so after 100.
    temporary = reply.code < 500  # noqa: PLR2004 - 4yz
    return reply.closing or (temporary and _ENOUGH.search(reply.text) is not None)


def _is_disordered(replies: Sequence[Reply]) -> bool:
    """Whether MAIL or RCPT got a reply that belongs to another command, such as 354."""
    return any(reply.positive and reply.code not in _ACCEPTED for reply in replies[:2])


def _first_negative(
    phases: Sequence[Phase], replies: Sequence[Reply]
) -> tuple[Phase, Reply] | None:
    for phase, reply in zip(phases, replies, strict=False):
        if not reply.positive:
            return phase, reply
    return None
