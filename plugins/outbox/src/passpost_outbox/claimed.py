"""Claimed emails: each is decrypted and sent, and the store is told how it ended."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from contextlib import suppress
from typing import Any, Final

from passpost import (
    AsyncMailer,
    Identity,
    MailerClosedError,
    Message,
    MessageError,
    PluginError,
    SendError,
)
from passpost.stores import StoreError
from passpost_outbox.envelope import UnreadableError, identity_of, opened
from passpost_outbox.keys import Keys
from passpost_outbox.records import FACTS, Event, Finish, Release, Renew, Result, State
from passpost_outbox.store import Change, OutboxStore

log: Final = logging.getLogger("passpost.outbox")

_LONGEST: Final = 86_400_000
"""Milliseconds that a send may take at most, as those of a policy; the end of time is too far."""
_KEYS_AGAIN: Final = 1.0
"""Seconds until a key is looked for again in a folder that could not be read."""
_RENEWALS: Final = 3
"""Renewals in the time of a lease, so that one may fail."""


class ClaimedEmails:
    """Sends emails that a worker has claimed.

    Args:
        store: Where the emails are.
        keys: Decrypts them.
        mailer: Sends them.
        lease: Seconds that a claim lasts; it is renewed while the email is sent.
        pause: Seconds after which a store that failed is told again.
        stopping: Set once the worker stops, and here if the mailer was closed.
    """

    def __init__(  # noqa: PLR0913 - three parts of the worker, and what it was told
        self,
        store: OutboxStore,
        keys: Keys,
        mailer: AsyncMailer,
        *,
        lease: float,
        pause: float,
        stopping: asyncio.Event,
    ) -> None:
        self._store = store
        self._keys = keys
        self._mailer = mailer
        self._lease = lease
        self._pause = pause
        self._stopping = stopping

    async def send(self, change: Change, asked: dt.datetime) -> State | None:
        """Send an email, and tell the store how it ended.

        Args:
            change: The claim, as the store returned it.
            asked: When the store was asked for it.

        Returns:
            The state that its record reached; None where the store does not know it.
        """
        record = change.record
        owner = record.owner or ""
        left = min(record.deadline - change.now, _LONGEST)
        expires = asked + dt.timedelta(milliseconds=left)
        renewing = asyncio.create_task(self._renew(record.id, owner))
        event: Event
        try:
            event = await self._send(change, owner, expires)
        except asyncio.CancelledError:
            # The attempt may have been under way.
            event = Finish(owner, Result(state="unknown", reason="cancelled"))
            await asyncio.shield(self._tell(record.id, event))
            raise
        finally:
            renewing.cancel()
        return await asyncio.shield(self._tell(record.id, event))

    async def _send(self, change: Change, owner: str, expires: dt.datetime) -> Event:
        record = change.record
        try:
            message = await self._message(change, expires)
            identity = identity_of(record)
        except UnreadableError as error:
            log.error("the body of %s cannot be decrypted: %s", record.id, error.reason)  # noqa: TRY400 - the reason says it all
            return Finish(owner, Result(state="rejected", reason=error.reason))
        except (MessageError, TypeError):
            # A newer version of passpost made it.
            return Finish(owner, Result(state="rejected", reason="message"))
        if message is None:
            return Release(owner, change.body or b"")
        try:
            return Finish(owner, await self._result(message, identity))
        except MailerClosedError:
            # Nothing was sent, and nothing can be: another worker takes it.
            self._stopping.set()
            return Release(owner, change.body or b"")

    async def _message(self, change: Change, expires: dt.datetime) -> Message | None:
        """Return the message of a claim, or None where the worker stops before it can be read.

        A folder of keys may be unreadable while it changes. Nothing is sent then, until the
        deadline ends it.

        Raises:
            UnreadableError: The body cannot be decrypted.
        """
        record = change.record
        bound: dict[str, Any] = {"usage": record.usage, "deadline": record.deadline}
        while True:
            try:
                return opened(
                    change.body or b"", self._keys, id_=record.id, **bound, expires=expires
                )
            except StoreError as error:
                log.error("%s", error)  # noqa: TRY400 - the text says it all
            left = (expires - dt.datetime.now(dt.UTC)).total_seconds()
            if left <= 0:
                raise UnreadableError("key")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(left, _KEYS_AGAIN))
            if self._stopping.is_set():
                return None

    async def _result(self, message: Message, identity: Identity | None) -> Result:
        # Given where there is one alone, so that anything with `send` can be a mailer.
        options: dict[str, Any] = {} if identity is None else {"identity": identity}
        try:
            receipt = await self._mailer.send(message, **options)
        except SendError as error:
            facts: dict[str, Any] = {name: getattr(error, name) for name in FACTS}
            return Result(state=error.outcome, **facts)
        except MessageError:
            return Result(state="rejected", reason="message")
        except PluginError:
            # An extension that finds templates is broken; nothing was sent.
            return Result(state="rejected", reason="defect")
        except MailerClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not end the worker
            # Its text may contain the email.
            log.error("sending ended in a %s", type(error).__name__)  # noqa: TRY400 - likewise
            return Result(state="unknown", reason="defect")
        return Result(
            state="accepted",
            connector=receipt.connector,
            message_id=receipt.message_id,
            provider_id=receipt.provider_id,
        )

    async def _tell(self, id_: str, event: Event) -> State | None:
        """Apply an event, for as long as the lease lasts if the store fails."""
        loop = asyncio.get_running_loop()
        over = loop.time() + self._lease
        while True:
            try:
                change = await self._store.apply(id_, event)
            except StoreError as error:
                log.error("the outbox did not note how %s ended: %s", id_, error)  # noqa: TRY400 - the text says it all
                if loop.time() >= over:
                    return None
            else:
                return None if change is None else change.record.state
            await asyncio.sleep(min(self._pause, max(0.0, over - loop.time())))

    async def _renew(self, id_: str, owner: str) -> None:
        lease = int(self._lease * 1000)
        while True:
            await asyncio.sleep(self._lease / _RENEWALS)
            with suppress(StoreError):
                await self._store.apply(id_, Renew(owner, lease))
