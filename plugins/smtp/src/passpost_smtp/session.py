"""The session: what all emails of one mailer share."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from passpost import Receipt
from passpost_smtp.errors import SmtpError, broken, too_large
from passpost_smtp.fault import Fault
from passpost_smtp.mime import MailBuilder
from passpost_smtp.pipelining import Form, fall_back, has_commands
from passpost_smtp.pool import Pool
from passpost_smtp.transaction import Refusal, Transaction

if TYPE_CHECKING:
    from passpost import Mail
    from passpost_smtp.context import SessionContext
    from passpost_smtp.mime import BuiltMail
    from passpost_smtp.pooled_connection import PooledConnection
    from passpost_smtp.reply import Reply

_MOST_TRIES: Final = 5
"""Most connections for one email: behind another email, dead, and one for each form."""

_IN_CHUNKS: Final = frozenset[Form](("chunked", "proving"))

_ID_AT_START: Final = re.compile(
    r"(?:2\.\d\.\d )?ok ([\w.-]{6,})|2\.0\.0 ([\da-f]{8,}) ", re.IGNORECASE
)
_ID_ANYWHERE: Final = re.compile(r"queued as ([\w.-]+)|\bid=([\w.-]+)", re.IGNORECASE)
"""How Postfix, Exim, several providers and OpenSMTPD give their own id of an email."""


class SmtpSession:
    """Sends emails through one server.

    Args:
        context: Where to, and how.

    Raises:
        SendError: The sender or a header of the config cannot appear in an email.
    """

    def __init__(self, context: SessionContext) -> None:
        config = context.config
        self.context = context
        self._loop = asyncio.get_running_loop()
        self._builder = MailBuilder(config.from_email, config.reply_to, config.custom_headers)
        self._pool = Pool(context)
        self._probe_after = config.pool.probe_after / 1000
        self._patience = context.limits.opening + context.limits.data + context.limits.final

    def start(self) -> None:
        """Open the connections that are to be kept ready."""
        self._pool.start()

    async def aclose(self) -> None:
        """Wait for the emails under way, then close all connections."""
        await self._pool.aclose()

    async def send(self, mail: Mail) -> Receipt:
        """Send one email.

        Raises:
            SendError: It was rejected, or nobody knows whether it was sent.
        """
        left = mail.seconds_left()
        now, begin = self._loop.time(), mail.seconds_to_begin()
        deadline = now + (self._patience if left is None else left)
        begin_by = deadline if begin is None else min(deadline, now + begin)
        try:
            reply = await self._send_until_settled(mail, deadline, begin_by)
        except SmtpError as error:
            failure = error.with_traceback(None)
        else:
            text = reply.text
            return Receipt(provider_id=_queue_id(text), response=f"{reply.code} {text}")
        # Outside of the except block, and without the frames, which know the password.
        failure.__context__ = None
        raise failure

    async def _send_until_settled(self, mail: Mail, deadline: float, begin_by: float) -> Reply:
        """Put an email on one connection, and on others as long as that is safe and helps."""
        fallback = self.context.fallback
        most: Form = "chunked"
        doubted: Form | None = None
        for tries in range(1, _MOST_TRIES + 1):
            # Where the email before it has spoiled a connection, the next is its own.
            pooled = await self._pool.acquire(begin_by, alone=tries > 1)
            follows = pooled.users > 1
            # What dies at its first email may not have mastered how it was spoken to; what dies
            # later has been fine so far.
            fresh = pooled.emails == 0
            # A connection that was idle for long may be dead.
            now = self._loop.time()
            probing = now - pooled.idle_since >= self._probe_after
            form = fallback.choose(pooled.offer, pooled.address, most)
            chunked = form == "chunked"
            if (chunked and probing) or (form in _IN_CHUNKS and has_commands(mail.payload)):
                # Lost in the first write on a dead connection, the message would be lost to
                # knowledge too: nobody could say whether it was read before. And a careless server
                # that rejects the recipient, or a later chunk than the first, reads the message as
                # commands, even if it masters BDAT otherwise.
                form = fall_back(form)
            accepted = pooled.accepted
            patience = self.context.limits.probe if probing else self.context.limits.command
            patience = max(0.0, min(patience, begin_by - now))
            result = await self._carry(pooled, form, mail, deadline, patience)
            if follows and not pooled.follows_well and pooled.accepted > accepted:
                self._learn_from_following(pooled, result)
            refusal = result if isinstance(result, Refusal) else None
            if doubted is not None and (refusal is None or not refusal.unprocessed):
                # The server does speak, if it is spoken to plainly.
                fallback.rule_out(doubted)
            if not isinstance(result, Refusal):
                return result
            if fresh and result.form_failed:
                fallback.rule_out(form)
            in_time = tries < _MOST_TRIES and self._loop.time() < deadline
            if not in_time or not _may_repeat(result, form, fresh=fresh):
                raise result.error
            if fresh:
                doubted, most = form, fall_back(form)
            elif result.error.provider_code is None and not follows:
                # What took this one away without a word (a restart, a firewall) has taken more.
                self._pool.close_idle()
        raise AssertionError("the last try either returned or raised")

    async def _carry(
        self, pooled: PooledConnection, form: Form, mail: Mail, deadline: float, patience: float
    ) -> Reply | Refusal:
        """Put an email on a connection, and give the connection back."""
        try:
            built = self._build(pooled, mail, deadline)
        except BaseException:
            # Nothing has been said on it yet.
            self._pool.release(pooled)
            raise
        # A connection counts as used from the first byte, whatever becomes of the email.
        pooled.emails += 1
        may_follow = self.context.fallback.may_follow(pooled.offer)
        transaction = Transaction(
            self.context,
            pooled,
            built,
            deadline,
            patience=patience,
            follows=pooled.users > 1,
            share=self._pool.share if may_follow else None,
        )
        try:
            result = await transaction.run(form)
        except BaseException:
            # Cancelled in whatever phase it was: nobody knows what the server says next.
            self._pool.discard(pooled)
            raise
        if isinstance(result, Refusal):
            self._pool.reset(pooled)
        else:
            pooled.accepted += 1
            self._pool.release(pooled)
        return result

    def _learn_from_following(self, pooled: PooledConnection, result: Reply | Refusal) -> None:
        """Note whether a server that accepted a message has read what followed it in one write."""
        if not isinstance(result, Refusal) or not result.repeatable:
            pooled.follows_well = True
        elif result.error.phase == "mail":
            self.context.fallback.rule_out_following()

    def _build(self, pooled: PooledConnection, mail: Mail, deadline: float) -> BuiltMail:
        config, offer = self.context.config, pooled.offer
        if self._loop.time() >= deadline:
            raise broken("pool", Fault("timeout"), config)
        built = self._builder.build(mail, eight_bit=offer.eight_bit, smtputf8=offer.smtputf8)
        if offer.size and len(built.data) > offer.size:
            raise too_large(len(built.data), offer.size, config)
        return built


def _may_repeat(refusal: Refusal, form: Form, *, fresh: bool) -> bool:
    if not refusal.repeatable:
        return False
    if not fresh:
        return True
    # On a fresh connection only the form can be at fault, and only where the server gave no reason.
    reasoned = refusal.error.provider_code is not None and not refusal.form_failed
    return form != "plain" and not reasoned


def _queue_id(text: str) -> str | None:
    match = _ID_AT_START.match(text)
    if match is None:
        # To look for two words costs less than half of looking for the expression.
        lower = text.lower()
        if "queued as " in lower or "id=" in lower:
            match = _ID_ANYWHERE.search(text)
    return match[match.lastindex] if match and match.lastindex else None
