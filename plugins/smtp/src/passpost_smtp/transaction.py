"""One email over one connection, with each reply assigned to the command it answers.

It has one of four forms (see `passpost_smtp.pipelining`), from one round trip to four.

The outcome is ``rejected`` only where the server cannot have accepted the message: its last byte
was not handed to the kernel, or a negative reply can be assigned to it. Every other end of the
connection is ``unknown``. A clean close (FIN) proves no more than a reset: a server may hold its
replies back until it reads again (RFC 2920 section 3.2), accept the message, and die before they
leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import attrs

from passpost.wire import departure
from passpost_smtp import _
from passpost_smtp.errors import SmtpError, broken, refused
from passpost_smtp.fault import Fault, Phase
from passpost_smtp.mime import dot_stuff
from passpost_smtp.reply_checks import (
    NOT_UNDERSTOOD,
    OK,
    PHASES_AT_ONCE,
    PHASES_TO_DATA,
    START_INPUT,
    ends_connection,
    first_negative,
    is_in_step,
    is_nonsense,
    is_proof,
    is_ready,
    is_refusal,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from passpost_smtp.context import SessionContext
    from passpost_smtp.exchange import Then
    from passpost_smtp.mime import BuiltMail
    from passpost_smtp.pipelining import Form
    from passpost_smtp.pooled_connection import PooledConnection
    from passpost_smtp.reply import Reply

_Replies = Awaitable["list[Reply]"]

_ALL_ACCEPTED: Final = [OK, OK, OK]
_MAX_SHARED: Final = 16_384
"""Octets of a message behind which the next email may begin: what one write hands to the kernel."""
_LOST: Final = Fault("aborted")
_OUT_OF_ORDER: Final = Fault("order", _("replies to other commands than were sent"))
_CONTRADICTION: Final = Fault("order", _("replies that contradict each other"))


@attrs.frozen
class Refusal:
    """An email that did not go through.

    Attributes:
        error: What to say of it.
        unprocessed: Whether the connection ended before the server replied to this email, or the
            server replied only that it closes. The email was not sent, and another connection may
            carry it.
        form_failed: Whether the server failed at the form, as one that offers an extension that it
            does not implement.
    """

    error: SmtpError
    unprocessed: bool = False
    form_failed: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the email may go once more, on a fresh connection, without being sent twice."""
        return self.error.outcome == "rejected" and (self.unprocessed or self.form_failed)


class Transaction:
    """One email on its way.

    Args:
        context: What all connections of the session have in common.
        pooled: The connection it goes on; signed in, and in no other transaction.
        mail: The email, built for what the server offers.
        deadline: When to give up at the latest, in the loop's time.
        patience: Seconds to wait for the reply to a command, as long as the message is not sent.
        follows: Whether the message of another email leaves in the same write, before this one.
        share: Hands the connection to the next email, once the message of this one is about to
            leave; returns whether there is one. None where the server does not allow it.
    """

    __slots__ = (
        "_chunks", "_connection", "_context", "_deadline", "_departure", "_follows", "_limits",
        "_mail", "_message_written", "_number", "_patience", "_pooled", "_share",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - it is made in one place, which has them all
        self,
        context: SessionContext,
        pooled: PooledConnection,
        mail: BuiltMail,
        deadline: float,
        *,
        patience: float | None = None,
        follows: bool = False,
        share: Callable[[PooledConnection], bool] | None = None,
    ) -> None:
        self._context = context
        self._limits = context.limits
        self._pooled = pooled
        self._connection = pooled.connection
        self._mail = mail
        self._patience = context.limits.command if patience is None else patience
        self._deadline = deadline
        self._follows = follows
        self._share = share
        self._number = pooled.emails
        self._chunks = self._message_written = False
        # Taken here, in the task of the email: what writes the message may be a callback.
        self._departure = departure()

    async def run(self, form: Form) -> Reply | Refusal:
        """Send the email; return the server's acceptance, or why there is none.

        Args:
            form: How many commands go in one write.
        """
        self._chunks = form in {"chunked", "proving"}
        if form == "chunked":
            return await self._send_chunked()
        if form == "proving":
            return await self._send_proving()
        if form == "pipelined":
            replies = await self._ask(
                self._envelope_and_data(), len(PHASES_TO_DATA), self._write_message_if_ready
            )
            if self._message_written:
                # Three are those before the message: its writing failed.
                return self._judge(replies if len(replies) == 1 else [])
        else:
            replies = await self._send_one_by_one()
        if not is_ready(replies):
            return await self._judge_unsent(replies)
        if (late := self._given_up()) is not None:
            return late
        return self._judge(await self._write_message(dot_stuff(self._mail.data)))

    # One write.

    async def _send_chunked(self) -> Reply | Refusal:
        connection = self._connection
        replies = await self._write_all(self._mail.data)
        # As nearly all emails go: no more is done for them than has to be.
        plain = [reply.code for reply in replies] == _ALL_ACCEPTED and not connection.unsent
        if plain and connection.fault is None and self._is_final(replies[2]):
            return replies[2]
        return self._judge_batch(replies)

    def _is_final(self, reply: Reply) -> bool:
        recipient = self._mail.recipient.encode()
        return self._context.fallback.is_final(self._pooled.address, reply, recipient)

    def _judge_batch(self, replies: list[Reply]) -> Reply | Refusal:
        connection = self._connection
        fault = connection.fault
        taken = len(replies) == len(PHASES_AT_ONCE) and replies[2].positive
        in_step = is_in_step(replies) and not (taken and not self._is_final(replies[2]))
        negative = first_negative(PHASES_AT_ONCE, replies)
        if connection.unsent and not taken:
            connection.abort()
            if negative is not None and in_step:
                return self._refused(*negative)
            return self._broken("body", fault or _CONTRADICTION, unprocessed=not replies)
        if connection.unsent or not in_step or is_nonsense(fault):
            # A message is taken that was rejected, or half of it, or replies are too many or too
            # few: which of them is the message's, nobody can tell.
            connection.abort()
            if replies:
                self._handle_unknown_bdat(replies[-1])
            return self._refuse_unknown(fault or _CONTRADICTION, form_failed=True)
        if negative is not None:
            return self._refused(*negative)
        return (
            replies[2] if taken else self._refuse_unknown(fault or _LOST, form_failed=not replies)
        )

    # A harmless piece first, which shows whether the server masters BDAT.

    async def _send_proving(self) -> Reply | Refusal:
        connection = self._connection
        # Without its line end, so that nobody reads it as a command.
        cut = self._mail.data.index(b"\r\n")
        replies = await self._write_first_chunk(self._mail.data[:cut])
        if not is_proof(replies, cut) or connection.fault is not None or connection.is_dropped():
            return self._judge_unproven(replies)
        if (late := self._given_up()) is not None:
            return late
        rcpt = replies[1]
        replies = await self._write_message(_last_chunk(self._mail.data[cut:]))
        result = self._judge(replies)
        if not isinstance(result, Refusal):
            recipient = self._mail.recipient.encode()
            self._context.fallback.prove_chunking(self._pooled.address, rcpt, result, recipient)
        return result

    def _judge_unproven(self, replies: list[Reply]) -> Refusal:
        """Return why the rest of the message was not sent; the server cannot have accepted it."""
        connection = self._connection
        negative = first_negative(PHASES_TO_DATA, replies)
        in_step = is_in_step(replies)
        if negative is not None and in_step:
            phase, reply = negative
            if phase != "data" or reply.code < 500:  # noqa: PLR2004 - 4yz
                return self._refused(phase, reply)
        phase = PHASES_TO_DATA[min(len(replies), 2)]
        if phase == "data":
            # It has read what came before the chunk.
            self._context.fallback.rule_out("chunked")
        if negative is not None:
            form_failed = not in_step or negative[1].code in NOT_UNDERSTOOD
            if form_failed:
                connection.abort()
            return self._refused(*negative, form_failed=form_failed)
        fault = connection.fault or _CONTRADICTION
        connection.abort(fault)
        form_failed = is_nonsense(fault)
        return self._broken(phase, fault, unprocessed=not replies, form_failed=form_failed)

    # Envelope first, message later.

    async def _send_one_by_one(self) -> list[Reply]:
        replies: list[Reply] = []
        for number in range(len(PHASES_TO_DATA)):
            replies += await self._ask(self._line(number), 1)
            if not replies or not replies[-1].positive or self._connection.fault is not None:
                # Without a sender or a recipient, DATA would be out of place.
                break
        return replies

    async def _judge_unsent(self, replies: list[Reply]) -> Refusal:
        """Return why the message was not sent."""
        fault = self._connection.fault
        if fault is None and not replies:
            # The email before this one takes long. The connection stays its own.
            return self._broken("pool", Fault("timeout"), unprocessed=True)
        negative = first_negative(PHASES_TO_DATA, replies)
        if negative is not None and is_refusal(replies):
            if len(replies) == len(PHASES_TO_DATA) and replies[2].code == START_INPUT:
                await self._call_off(replies)
            # What rejects a sender behind a message may accept the sender by itself.
            return self._refused(*negative, form_failed=self._follows and negative[0] == "mail")
        if fault is None:
            fault = _OUT_OF_ORDER
            self._connection.abort(fault)
        phase = PHASES_TO_DATA[min(len(replies), 2)]
        # Where the email before this one was cancelled, its connection was closed for both.
        unprocessed = not replies or (self._follows and fault.kind == "aborted")
        return self._broken(phase, fault, unprocessed=unprocessed, form_failed=is_nonsense(fault))

    async def _call_off(self, replies: list[Reply]) -> None:
        """Send nothing to a server that rejected an email and waits for its message (RFC 2920)."""
        if replies[1].positive:
            # There is a recipient, so that even an empty message would be an email.
            self._connection.abort()
        else:
            await self._ask(b".\r\n", 1)

    def _given_up(self) -> Refusal | None:
        """Return an end if the deadline passed in a turn of the event loop that has not ended."""
        if asyncio.get_running_loop().time() < self._deadline:
            return None
        self._connection.abort(Fault("timeout"))
        return self._broken("data", Fault("timeout"))

    # The message by itself.

    def _judge(self, replies: list[Reply]) -> Reply | Refusal:
        connection = self._connection
        # With another email behind the message, what is left over may be that one's alone.
        unsent, fault = connection.unsent and not self._is_followed, connection.fault
        if fault is None and not unsent and replies and replies[0].code == OK:
            return replies[0]
        if connection.unsent:
            # What is left would be read as commands by a server that has answered already.
            connection.abort()
        # With a reply too many behind it, the first may have been the one too many.
        if replies and (unsent or not is_nonsense(fault)):
            # Where the replies to the next email do not show that this one is in its place, it may
            # be one of those.
            if not replies[0].positive and (fault is None or not self._is_followed):
                return self._refused("final", replies[0])
            if replies[0].code == OK and not unsent:
                return replies[0]
        fault = fault or Fault("order", _("a reply that makes no sense here"))
        connection.abort(fault)
        return self._refuse_unknown(fault) if replies or not unsent else self._broken("body", fault)

    # What all forms need.

    def _envelope(self) -> bytes:
        mail, offer = self._mail, self._pooled.offer
        # With the size a server can reject before the message is on its way.
        size = f" SIZE={len(mail.data)}" if offer.takes_size else ""
        body = " BODY=8BITMIME" if mail.eight_bit and offer.eight_bit else ""
        utf8 = " SMTPUTF8" if mail.smtputf8 else ""
        return (
            f"MAIL FROM:<{mail.sender}>{size}{body}{utf8}\r\nRCPT TO:<{mail.recipient}>\r\n"
        ).encode()

    def _envelope_and_data(self) -> bytes:
        return self._envelope() + b"DATA\r\n"

    def _line(self, number: int) -> bytes:
        return self._envelope_and_data().splitlines(keepends=True)[number]

    # None of these is a coroutine, and no coroutine keeps what they are given: see
    # `Connection.exchange`.

    def _ask(self, data: bytes, wanted: int, then: Then | None = None) -> _Replies:
        patience, deadline = self._patience, self._deadline
        return self._connection.exchange(data, wanted, patience, deadline, then=then)

    def _write_message_if_ready(self, replies: Sequence[Reply]) -> bool:
        """Send the message the moment that the server asks for it."""
        self._message_written = is_ready(replies)
        if self._message_written:
            self._departure.begin()
            limits, message = self._limits, dot_stuff(self._mail.data)
            # Where this email follows another, that one's sender may have the next in a moment.
            waits = len(message) <= _MAX_SHARED and (self._let_follow() or self._follows)
            self._connection.continue_exchange(
                message,
                1,
                limits.final,
                sending=limits.data,
                held=self._let_follow if waits else None,
            )
        elif not is_refusal(replies):
            # At once: it casts doubt on the reply to the message before this one, too.
            self._connection.abort(_OUT_OF_ORDER)
        return self._message_written

    @property
    def _is_followed(self) -> bool:
        """Whether another email has begun on the connection since this one did."""
        return self._pooled.emails > self._number

    def _let_follow(self) -> bool:
        """Share the connection with the next email, and return whether it begins now."""
        return self._share is not None and not self._is_followed and self._share(self._pooled)

    def _write_first_chunk(self, piece: bytes) -> _Replies:
        return self._ask(b"%bBDAT %d\r\n%b" % (self._envelope(), len(piece), piece), 3)

    def _write_all(self, data: bytes) -> _Replies:
        return self._write_message(self._envelope() + _last_chunk(data), 3)

    def _write_message(self, message: bytes, wanted: int = 1) -> _Replies:
        limits = self._limits
        self._departure.begin()
        return self._connection.exchange(
            message, wanted, limits.final, self._deadline, sending=limits.data
        )

    def _refused(self, phase: Phase, reply: Reply, *, form_failed: bool = False) -> Refusal:
        form_failed = form_failed or (phase == "final" and self._handle_unknown_bdat(reply))
        error = refused(phase, reply, self._context.config)
        worn_out = phase == "mail" and ends_connection(reply)
        if worn_out:
            # It would say the same to each email that is put on it.
            self._connection.abort()
        return Refusal(error, unprocessed=worn_out, form_failed=form_failed)

    def _handle_unknown_bdat(self, reply: Reply) -> bool:
        """Return whether the server turns out not to know BDAT; end the connection then."""
        if not self._chunks or reply.code not in NOT_UNDERSTOOD:
            return False
        # Whether it reads the message as commands now, nobody can tell.
        self._connection.abort()
        self._context.fallback.rule_out("chunked")
        return True

    def _refuse_unknown(self, fault: Fault, *, form_failed: bool = False) -> Refusal:
        error = broken("final", fault, self._context.config, "unknown")
        return Refusal(error, form_failed=form_failed)

    def _broken(
        self, phase: Phase, fault: Fault, *, unprocessed: bool = False, form_failed: bool = False
    ) -> Refusal:
        error = broken(phase, fault, self._context.config)
        return Refusal(error, unprocessed=unprocessed, form_failed=form_failed)


def _last_chunk(data: bytes) -> bytes:
    return b"BDAT %d LAST\r\n%b" % (len(data), data)
