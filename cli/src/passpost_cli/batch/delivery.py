"""Sends the emails of a batch: as many at a time as asked for, each noted in the journal."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Final

import passpost
from passpost._mailers.many import Many, results_of
from passpost._plugins.defects import describe_defect
from passpost._policy.clock import LoopClock
from passpost._stores.rate import MemoryRateLimiter
from passpost.errors import outcome_of
from passpost_cli.batch.arguments import Pace
from passpost_cli.batch.drafts import Draft
from passpost_cli.batch.journal import Journal
from passpost_cli.batch.records import Ending, JournalError
from passpost_cli.batch.tally import Outcome
from passpost_cli.failures import CommandError
from passpost_cli.language import _
from passpost_cli.terminal import err

_OF_THE_EMAIL: Final = frozenset({"recipient", "message"})
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Batch:
    """A batch under way.

    Args:
        mailer: Sends the emails.
        journal: Where their beginnings and ends are noted.
        pace: How fast it goes.

    Attributes:
        interrupted: Whether someone has stopped it.
        reason: Why it has stopped by itself.
    """

    def __init__(self, mailer: passpost.AsyncMailer, journal: Journal, pace: Pace) -> None:
        self.interrupted = False
        self.reason: CommandError | None = None
        self._mailer = mailer
        self._journal = journal
        self._pace = pace
        self._stopped = asyncio.Event()
        self._cancelled = False
        self._running: set[asyncio.Task[object]] = set()
        self._limiter = MemoryRateLimiter(LoopClock())
        self._closed_until = 0.0
        self._in_a_row = 0

    async def run(self, drafts: Iterator[Draft], note: Callable[[Outcome], None]) -> None:
        """Send the emails, until all have ended or the batch is stopped.

        Args:
            drafts: The emails.
            note: Called with what became of each.
        """
        many = Many(self._send, self._pace.limit)
        with self._watching_signals():
            async with aclosing(results_of(many, self._until_stopped(drafts))) as outcomes:
                async for outcome in outcomes:
                    note(outcome)

    def stop(self, reason: CommandError | None = None) -> None:
        """Begin no more emails; those under way go on to their end."""
        self.reason = self.reason or reason
        self._stopped.set()

    def _interrupt(self) -> None:
        """Stop at the first signal, and cancel what is under way at the second."""
        if self.interrupted:
            self._cancelled = True
            for task in tuple(self._running):
                task.cancel()
        else:
            err(_("stopping once the emails under way have ended; Ctrl-C again cancels them"))
        self.interrupted = True
        self.stop()

    @contextmanager
    def _watching_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        watched = []
        # Neither on Windows nor in another thread than the main one.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in _SIGNALS:
                loop.add_signal_handler(number, self._interrupt)
                watched.append(number)
        try:
            yield
        finally:
            for number in watched:
                loop.remove_signal_handler(number)

    def _until_stopped(self, drafts: Iterator[Draft]) -> Iterator[Draft]:
        for draft in drafts:
            if self._stopped.is_set():
                return
            yield draft

    async def _send(self, draft: Draft) -> Outcome:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for type checkers: a coroutine runs in a task
        self._running.add(task)
        try:
            return await self._outcome(draft)
        finally:
            self._running.discard(task)

    async def _outcome(self, draft: Draft) -> Outcome:
        if not await self._may_begin():
            return Outcome(draft.line, "not sent")
        try:
            await self._journal.begin(draft.line)
        except JournalError as error:
            self.stop(error)
            return self._ended(draft, "not sent", error)
        except asyncio.CancelledError:
            return self._ended(draft, "not sent", None)
        try:
            return await self._deliver(draft)
        except asyncio.CancelledError as error:
            if not self._cancelled:
                raise
            kind: Ending = "not sent" if outcome_of(error) == "rejected" else "unknown"
            return self._ended(draft, kind, CommandError(_("interrupted")))
        except Exception as error:  # noqa: BLE001 - a defect says nothing about the outcome
            what = _("internal error: {defect}", defect=describe_defect(error))
        self.stop(CommandError(what, _("report this line"), kind="internal"))
        return self._ended(draft, "unknown", CommandError(what))

    async def _deliver(self, draft: Draft) -> Outcome:
        """Send an email, again where it was rejected for a reason that passes soon."""
        again = 0
        while True:
            try:
                receipt = await self._mailer.send(draft.message)
            except passpost.PasspostError as error:
                failure = error
            else:
                self._in_a_row = 0
                return self._ended(draft, "accepted", None, replayed=receipt.replayed)
            if isinstance(failure, passpost.SendError) and failure.outcome == "unknown":
                return self._ended(draft, "unknown", failure)
            if not await self._wait_after(failure, again, draft):
                break
            again += 1
        if not _is_of_the_email(failure, draft):
            self._stop_if_in_vain()
        # What may pass is not final: a batch that is resumed sends it again.
        self._journal.end(draft.line, "rejected" if _is_final(failure, draft) else "not sent")
        return Outcome(draft.line, "rejected", failure)

    def _stop_if_in_vain(self) -> None:
        """Stop where the next emails would fare the same."""
        self._in_a_row += 1
        if self._in_a_row >= self._pace.failures:
            self.stop(
                CommandError(
                    _(
                        "stopped after {number} failures in a row that are not the fault of "
                        "the emails",
                        number=self._in_a_row,
                    ),
                    _("correct the cause, then add --resume to send what is missing"),
                )
            )

    async def _may_begin(self) -> bool:
        """Wait for the rate, and for the end of a pause; return whether the batch goes on."""
        while not self._stopped.is_set():
            wait = self._closed_until - asyncio.get_running_loop().time()
            if wait <= 0 and self._pace.rate is not None:
                wait = await self._limiter.take("batch", self._pace.rate)
            if wait <= 0:
                return True
            await self._sleep(wait)
        return False

    async def _wait_after(self, failure: passpost.PasspostError, again: int, draft: Draft) -> bool:
        """Wait until an email may be sent again; return False where it may not."""
        if not isinstance(failure, passpost.SendError) or not failure.temporary:
            return False
        of_the_email = _is_of_the_email(failure, draft)
        if again >= self._pace.rounds or (of_the_email and failure.retry_after is None):
            return False
        wait = max(failure.retry_after or 0.0, self._pace.first_wait * 2**again)
        # Emails that failed together do not all come back in the same moment.
        wait *= 1 + random.random() / 10  # noqa: S311 - no secret
        if wait > self._pace.longest_wait or not _lasts(draft.message, wait):
            return False
        until = asyncio.get_running_loop().time() + wait
        if not of_the_email:
            # The others would fare the same.
            self._closed_until = max(self._closed_until, until)
        await self._sleep(wait)
        return not self._stopped.is_set()

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than the batch goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    def _ended(
        self, draft: Draft, kind: Ending, error: BaseException | None, *, replayed: bool = False
    ) -> Outcome:
        self._journal.end(draft.line, kind)
        return Outcome(draft.line, kind, error, replayed)


def _is_of_the_email(failure: passpost.PasspostError, draft: Draft) -> bool:
    """Return whether only this email is at fault, and not the account, provider or network."""
    if isinstance(failure, passpost.SendError):
        return failure.scope in _OF_THE_EMAIL or not _lasts(draft.message, 0)
    return isinstance(failure, passpost.MessageError)


def _is_final(failure: passpost.PasspostError, draft: Draft) -> bool:
    """Return whether an email would be rejected each time."""
    passes = isinstance(failure, passpost.SendError) and failure.temporary
    return _is_of_the_email(failure, draft) and not (passes and _lasts(draft.message, 0))


def _lasts(message: passpost.Message, seconds: float) -> bool:
    """Return whether an email is of use after some seconds."""
    if message.deadline is None:
        return True
    return message.deadline > dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
