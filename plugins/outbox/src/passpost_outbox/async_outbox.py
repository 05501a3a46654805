"""What a web process holds: it stores emails, and sends none."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from passpost import Message, MessageError, Receipt, Secret, SendError
from passpost.phrases import Phrases
from passpost.wire import shortened
from passpost_outbox.engine import AGAIN, PATIENCE, Engine, Publisher
from passpost_outbox.envelope import content, sealed
from passpost_outbox.keys import SHORTEST_SECRET, Keys, hidden, revealed
from passpost_outbox.opening import OutboxFromFile
from passpost_outbox.records import (
    FACTS,
    FINAL,
    GREATEST_PRIORITY,
    Record,
    State,
    is_id,
    is_priority,
)
from passpost_outbox.retrying import retry
from passpost_outbox.store import OutboxStore, require_readable
from passpost_outbox.transactions import Writer, writer

_ = Phrases("passpost_outbox")

PRIORITIES: Final[Mapping[str, int]] = {"SignIn": 10, "Register": 20, "ForgotPassword": 20}
"""The priority of each usage, unless the application says otherwise; lower ones are sent first."""

OTHERS: Final = 50
"""The priority of all other usages."""

_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.5


@attrs.frozen
class Status:
    """What became of an email so far.

    Attributes:
        id: The ticket's ID.
        state: ``queued``, ``sending``, or how it ended: ``accepted``, ``rejected`` (not sent),
            ``unknown`` (it may have been sent) or ``expired`` (not sent).
        reason: Why it ended so, where that was not the provider's decision; see `Result` and
            `Record`.
        usage: What the email is for.
        recipient: The address, shortened: ``a…@example.com``.
        receipt: The receipt of an accepted email.
        error: Why it was not accepted. It contains none of the provider's words.
    """

    id: str
    state: State
    reason: str
    usage: str
    recipient: str
    receipt: Receipt | None = None
    error: SendError | None = None

    @property
    def is_final(self) -> bool:
        """Whether the state stays as it is."""
        return self.state in FINAL


@attrs.frozen
class AsyncTicket:
    """An email in an outbox. ``str(ticket)`` is its ID, for responses and databases.

    Attributes:
        id: The ID.
    """

    id: str
    _outbox: AsyncOutbox = attrs.field(repr=False, eq=False)

    def __str__(self) -> str:
        return self.id

    async def wait(self, timeout: float) -> Status | None:  # noqa: ASYNC109 - a late status is returned, not an error
        """Return the final status, or the status after some time.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            The status, or None where the outbox has no such email any more.
        """
        return await self._outbox.wait(self.id, timeout)


class AsyncOutbox(OutboxFromFile):
    """Stores emails for workers to send, on asyncio.

    It needs no connector and no provider's secret::

        outbox = AsyncOutbox(SqliteStore("outbox.sqlite"), Keys.from_folder("keys"), secret=secret)
        ticket = await outbox.enqueue(passpost.Message(to="ada@example.com", usage="SignIn", …))

    Args:
        store: Where the emails are.
        keys: Encrypts them.
        secret: Keys the hashes of recipients and idempotency keys: at least 16 bytes, the same for
            all processes. It does not rotate with `keys`.
        lifetime: Seconds after which an email without a deadline is worth nothing.
        priorities: The priority of each usage, from -1000000 to 1000000; lower ones are sent
            first. `PRIORITIES` by default, and 50 for all other usages.
        engine: Is told of each email, and brings it to a worker. Without one, workers look for
            emails in the store.
        publish_timeout: Seconds that the engine may take. An email of which it was not told is
            stored all the same, and a worker's sweeper publishes it again.
        republish: Seconds after which a sweeper publishes an email that nobody took.

    Raises:
        ValueError: The secret is too short, a time is not positive, or a priority is out of range.
    """

    def __init__(  # noqa: PLR0913 - three parts, and options with defaults
        self,
        store: OutboxStore,
        keys: Keys,
        *,
        secret: bytes | Secret,
        lifetime: float = 600.0,
        priorities: Mapping[str, int] = PRIORITIES,
        engine: Engine | None = None,
        publish_timeout: float = PATIENCE,
        republish: float = AGAIN,
    ) -> None:
        key = hidden(secret)
        del secret
        if len(revealed(key)) < SHORTEST_SECRET:
            raise ValueError(f"secret must have at least {SHORTEST_SECRET} bytes")
        if not lifetime > 0:
            raise ValueError("lifetime must be greater than 0")
        for usage, priority in priorities.items():
            if not is_priority(priority):
                limits = f"from -{GREATEST_PRIORITY} to {GREATEST_PRIORITY}"
                raise ValueError(
                    f"the priority of {usage} must be a whole number {limits}, not {priority!r}"
                )
        self._store = store
        self._keys = keys
        self._secret = revealed(key)
        self._lifetime = lifetime
        self._priorities = dict(priorities)
        self._publisher = Publisher.of(engine, publish_timeout, republish)

    async def enqueue(
        self,
        message: Message,
        *,
        supersedes: tuple[str, str] | None = None,
        within: object = None,
    ) -> AsyncTicket:
        """Store an email for a worker to send. It is on disk when this returns.

        The same idempotency key and recipient return the same ticket, and store nothing. If this is
        cancelled, the email may have been stored.

        Args:
            message: The email.
            supersedes: A recipient's address and a usage. Their other emails expire if no worker
                has taken them: the code in this one replaces theirs.
            within: A connection of the application, asynchronous and with a transaction: the email
                is stored if that is committed. The store has to be able to; see `PostgresStore`.

        Raises:
            MessageError: The message cannot be stored, its deadline has passed, or its idempotency
                key was used for another content.
            StoreError: The store or the keys cannot be read; the email may have been stored.
            TypeError: Something else than a `Message` was given, or the store cannot use the
                connection.
            ValueError: The connection has no transaction.
        """
        target = None if within is None else writer(self._store, within, blocks=False)
        return AsyncTicket(await self.store(message, supersedes, target), self)

    def writer(self, connection: object) -> Writer:
        """Return what stores emails over a connection that blocks; see `store`."""
        return writer(self._store, connection, blocks=True)

    async def store(
        self,
        message: Message,
        supersedes: tuple[str, str] | None = None,
        within: Writer | None = None,
    ) -> str:
        """Store an email, and return its ID; see `enqueue`."""
        if not isinstance(message, Message):
            raise TypeError(f"enqueue requires a passpost.Message, not a {type(message).__name__}")
        began = time.monotonic()
        left = self._seconds(message)
        # No local variable holds the content: trackers of errors send those of each frame.
        fingerprint = self._hash(["content", content(message)])
        replaced = None if supersedes is None else self._superseded(*supersedes)
        target = self._store if within is None else within
        now = await target.now()
        # What the store took to reply counts, so that the email never lives longer than it should.
        deadline = now + int((left - (time.monotonic() - began)) * 1000)
        record = Record(
            id=secrets.token_urlsafe(16),
            usage=message.usage,
            priority=self._priorities.get(message.usage, OTHERS),
            queued_at=now,
            deadline=deadline,
            publish_at=now + self._first_pause(within),
            recipient=self._hash(["to", _mailbox(message)]),
            shown=shortened(message.to.address),
            fingerprint=fingerprint,
            idem=self._name(message),
        )
        bound: dict[str, Any] = {"usage": record.usage, "deadline": deadline}
        body = sealed(message, self._keys, id_=record.id, **bound)
        stored = await target.put(record, body, supersedes=replaced)
        if require_readable(stored).fingerprint != record.fingerprint:
            raise MessageError(
                _("idempotency_key names another email already: use one key for one code"),
                field="idempotency_key",
            )
        await self._publish(stored, now, within)
        return stored.id

    async def retry(self, id_: str, *, lifetime: float | None = None) -> bool:
        """Send an email after all that expired because its deadline passed.

        No other can be sent: its encrypted body was deleted when a worker claimed it, or when a
        newer email superseded it.

        Args:
            id_: The ticket's ID.
            lifetime: Seconds after which it expires again; those of the outbox by default.

        Returns:
            Whether it is queued again.

        Raises:
            StoreError: The store or the keys cannot be read, or the body cannot be decrypted.
            ValueError: The lifetime is not positive.
        """
        seconds = self._lifetime if lifetime is None else lifetime
        if not seconds > 0:
            raise ValueError("lifetime must be greater than 0")
        if not is_id(id_):
            return False
        change = await retry(self._store, self._keys, id_, int(seconds * 1000))
        if change is None:
            return False
        await self._publish(change.record, change.now)
        return True

    async def status(self, id_: str) -> Status | None:
        """Return what became of an email so far, or None where there is none of this ID.

        Raises:
            StoreError: The store cannot be read.
        """
        record = await self._store.get(id_) if is_id(id_) else None
        return None if record is None else _status(require_readable(record))

    async def wait(self, id_: str, timeout: float) -> Status | None:  # noqa: ASYNC109 - see AsyncTicket.wait
        """Return the final status of an email, or its status after some time.

        Args:
            id_: The ticket's ID.
            timeout: Seconds to wait at most.
        """
        over = time.monotonic() + timeout
        pause = _FIRST_WAIT
        while (status := await self.status(id_)) is not None and not status.is_final:
            left = over - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)
        return status

    async def counts(self) -> dict[State, int]:
        """Return how many emails each state has."""
        return dict(await self._store.counts())

    async def aclose(self) -> None:
        """Close the store; the next call opens it again."""
        await self._store.aclose()
        if self._publisher is not None:
            await self._publisher.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.aclose()

    async def _publish(self, record: Record, now: int, within: Writer | None = None) -> None:
        if self._publisher is None or record.state != "queued":
            return
        left = (record.deadline - now) / 1000
        facts: dict[str, Any] = {"seconds_left": left, "priority": record.priority}
        if within is None:
            await self._publisher.publish(record.id, **facts)
        elif self._publisher.transactional is not None:
            # A failure is not only logged: the transaction has failed as well.
            publish = self._publisher.transactional.publish_within
            await publish(within.transaction, record.id, **facts)

    def _first_pause(self, within: Writer | None) -> int:
        """Return the milliseconds after which a sweeper is to publish a new email."""
        publisher = self._publisher
        if publisher is None:
            return 0
        told = not publisher.is_resting if within is None else publisher.transactional is not None
        return publisher.again if told else 0

    def _seconds(self, message: Message) -> float:
        if message.deadline is None:
            return self._lifetime
        left = (message.deadline - dt.datetime.now(dt.UTC)).total_seconds()
        if left > 0:
            return left
        raise MessageError(_("the deadline has passed"), field="deadline")

    def _superseded(self, address: str, usage: str) -> tuple[str, str]:
        # A message checks both, and spells the usage as records do.
        named = Message(to=address, usage=usage)
        return self._hash(["to", _mailbox(named)]), named.usage

    def _name(self, message: Message) -> str | None:
        if message.idempotency_key is None:
            return None
        return self._hash(["key", message.idempotency_key, message.to.address])

    def _hash(self, parts: list[Any]) -> str:
        text = json.dumps(parts, sort_keys=True)
        return hmac.digest(self._secret, text.encode(), "sha256").hex()


def _mailbox(message: Message) -> str:
    return f"{message.to.local}@{message.to.ascii_domain.lower()}"


def _status(record: Record) -> Status:
    result = record.result
    receipt: Receipt | None = None
    error: SendError | None = None
    if record.state == "accepted" and result is not None:
        receipt = Receipt(
            provider_id=result.provider_id,
            connector=result.connector or "",
            message_id=result.message_id or "",
            accepted_at=dt.datetime.fromtimestamp((record.finished_at or 0) / 1000, dt.UTC),
        )
    elif record.state in FINAL:
        error = _error(record)
    return Status(
        record.id, record.state, record.reason, record.usage, record.shown, receipt, error
    )


def _error(record: Record) -> SendError:
    scope = "message" if record.reason == "message" else "provider"
    facts: dict[str, Any] = {"scope": scope, "provider_code": f"passpost.{record.reason}"}
    if record.result is not None and not record.reason:
        facts = {name: getattr(record.result, name) for name in FACTS}
    if record.state == "unknown":
        text = _("nobody knows whether the email was sent")
        return SendError(text, outcome="unknown", **facts)
    if record.state == "expired":
        return SendError(_("the email expired before it was sent"), outcome="rejected", **facts)
    return SendError(_("the email was rejected"), outcome="rejected", **facts)
