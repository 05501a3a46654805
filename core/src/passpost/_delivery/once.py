"""A send that is made once for its idempotency key, however often it is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from passpost._delivery.deadlines import DeadlinePassedError
from passpost._delivery.notes import Notes, nothing_was_sent
from passpost._messages.messages import Message, Receipt
from passpost._phrases import Phrase, _, said
from passpost._plugins.defects import describe_defect
from passpost._plugins.interruptions import note_unsent
from passpost._stores.common import StoreError
from passpost._stores.idempotency import (
    Beginning,
    Begun,
    Ended,
    IdempotencyStore,
    OtherContent,
    Record,
    Running,
    new_token,
    takes_token,
)
from passpost._text import visible
from passpost.errors import MessageError, PasspostError, SendError

if TYPE_CHECKING:
    from passpost._delivery.deadlines import Deadlines
    from passpost._policy.clock import Clock
    from passpost._stores import Stores

log: Final = logging.getLogger("passpost")

RUNNING: Final = "passpost.running"
VANISHED: Final = "passpost.vanished"
STORE: Final = "passpost.store"

KEPT: Final = 86_400.0
"""Seconds that a key is remembered: a day, as most providers do it."""

_MARGIN: Final = 10.0
"""Seconds past its deadline after which a send that has not ended counts as vanished."""

_NOTING: Final = 0.25
"""Seconds past its deadline for which a send waits until the store has noted how it ended."""

_HINT: Final = _("Check that the store can be reached and written to.")

_JSON: Final = json.JSONEncoder(sort_keys=True)

_LOOK_AGAIN: Final = 0.25
"""Seconds between two looks at a send that another caller makes."""

_FREE_AGAIN: Final = 1.0
"""Seconds after which a store that failed is asked again to free a key, and then twice as many."""


class Once:
    """Makes sends once.

    Args:
        store: Where they are remembered.
        stores: The secret that keys the hashes, and what happens where the store cannot be asked.
        clock: The time.
        deadlines: Keeps the deadlines of what the store is asked.
        notes: Where it is noted how a send ended.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        stores: Stores,
        clock: Clock,
        deadlines: Deadlines,
        notes: Notes,
    ) -> None:
        self._store = store
        self._takes_token = takes_token(store)
        self._clock = clock
        self._deadlines = deadlines
        self._keyed_hash = KeyedHash(stores.secret or secrets.token_bytes(32))
        self._on_failure = stores.on_failure
        self._notes = notes

    async def send(
        self, message: Message, over: float, make: Callable[[], Awaitable[Receipt]]
    ) -> Receipt:
        """Make a send, or return what came of the one that was made.

        Args:
            message: What to send; it has an idempotency key.
            over: The deadline, in the clock's monotonic seconds.
            make: Makes the send.

        Raises:
            MessageError: The key was used for another content; nothing was sent.
            SendError: What the send came to, now or before; or the store cannot be asked.
        """
        key, fingerprint, token = self._key(message), self._fingerprint(message), new_token()
        try:
            begun = await self._begin(key, fingerprint, token, over)
        except PasspostError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            tolerate(_("idempotency store"), error, self._on_failure)
            return await self._make_unheard(key, token, make)
        if isinstance(begun, Receipt):
            return begun
        return await self._make(key, begun, over, make)

    async def _begin(self, key: str, fingerprint: str, token: str, over: float) -> str | Receipt:
        """Return what `_wait` does; a key whose beginning was not heard of does not stay begun."""
        frees = False
        try:
            return await self._wait(key, fingerprint, token, over)
        except PasspostError as error:
            # While the other send was under way, a reply may have been lost.
            frees = isinstance(error, SendError) and error.provider_code == RUNNING
            raise
        except Exception:
            frees = self._on_failure != "send"
            raise
        except BaseException:
            frees = True
            raise
        finally:
            if frees:
                self._notes.begin(self._free(key, token))

    async def _wait(self, key: str, fingerprint: str, token: str, over: float) -> str | Receipt:
        """Return what `_look` finds, once no other send of the key is under way."""
        is_running = False
        while True:
            try:
                found = await self._look(key, fingerprint, token, over)
            except PasspostError:
                raise
            except Exception:
                # The other send may have been accepted meanwhile: this one must not be made.
                if not is_running:
                    raise
                found = Running()
            except BaseException as interruption:
                if not is_running:
                    note_unsent(interruption)
                raise
            if not isinstance(found, Running):
                return found
            is_running = True
            if over - self._clock.monotonic() <= _LOOK_AGAIN:
                raise _unknown(_("another send of the same key is still under way"), RUNNING)
            await self._clock.sleep(_LOOK_AGAIN)

    async def _look(
        self, key: str, fingerprint: str, token: str, over: float
    ) -> str | Receipt | Running:
        """Return the token of a send that begins, the receipt of one that was made, or `Running`.

        Raises:
            MessageError: The key was used for another content.
            SendError: The send was made, and nobody knows what it came to.
            Exception: The store cannot be asked.
        """
        running = max(0.0, over - self._clock.monotonic()) + _MARGIN
        own = {"token": token} if self._takes_token else {}
        try:
            with self._deadlines.until(over):
                found: Beginning = await self._store.begin(
                    key, fingerprint, running=running, kept=KEPT, **own
                )
        except DeadlinePassedError:
            raise TimeoutError from None
        if isinstance(found, Begun):
            return found.token
        if isinstance(found, OtherContent):
            raise MessageError(
                _("idempotency_key names another email already: use one key for one code"),
                field="idempotency_key",
            )
        if isinstance(found, Ended):
            return _replayed(found.record)
        if not isinstance(found, Running):
            raise StoreError(_("the store returned something else than its contract allows"))
        return found

    async def _make(
        self,
        key: str,
        token: str,
        over: float,
        make: Callable[[], Awaitable[Receipt]],
    ) -> Receipt:
        try:
            receipt = await make()
        except BaseException as error:
            await self._write(key, token, over, _record_of_failure(error), error)
            raise
        await self._write(key, token, over, _record_of_receipt(receipt))
        return receipt

    async def _make_unheard(
        self, key: str, token: str, make: Callable[[], Awaitable[Receipt]]
    ) -> Receipt:
        """Make a send without the store, which may have begun it: nobody waits for its note."""
        try:
            receipt = await make()
        except BaseException as error:
            record = _record_of_failure(error)
            self._notes.begin(self._note(key, token, record, logging.DEBUG))
            raise
        record = _record_of_receipt(receipt)
        self._notes.begin(self._note(key, token, record, logging.DEBUG))
        return receipt

    async def _write(
        self,
        key: str,
        token: str,
        over: float,
        record: Record | None,
        error: BaseException | None = None,
    ) -> None:
        """Note how a send ended; past its deadline, the caller does not wait for it."""
        note = self._note(key, token, record)
        await self._notes.write(note, max(_NOTING, over - self._clock.monotonic()), error)

    async def _note(
        self, key: str, token: str, record: Record | None, level: int = logging.ERROR
    ) -> None:
        try:
            with self._deadlines.until(self._clock.monotonic() + _MARGIN):
                if record is None:
                    await self._store.forget(key, token)
                else:
                    await self._store.finish(key, token, record)
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            # The email was sent or not all the same. Its key stays begun, so it is not sent again.
            what = _describe(error)
            log.log(level, "the idempotency store did not note how a send ended: %s", what)

    async def _free(self, key: str, token: str) -> None:
        """Free a key that may have been begun, whose send was not made.

        If it stayed begun, other callers would take the send for one that vanished.
        """
        over, wait = self._clock.monotonic() + _MARGIN, _FREE_AGAIN
        while True:
            try:
                with self._deadlines.until(over):
                    return await self._store.forget(key, token)
            except Exception as error:  # noqa: BLE001 - whatever a store's library raises
                if self._notes.closing or self._clock.monotonic() + wait >= over:
                    what = _describe(error)
                    log.debug("a key may stay begun although nothing was sent: %s", what)
                    return None
            await self._clock.sleep(wait)
            wait *= 2

    def _key(self, message: Message) -> str:
        return self._hash([message.idempotency_key, message.to.address])

    def _fingerprint(self, message: Message) -> str:
        reply_to = None if message.reply_to is None else message.reply_to.address
        parts = [message.usage, dict(message.payload), dict(message.headers), reply_to]
        return self._hash([*parts, list(message.locale)])

    def _hash(self, parts: list[Any]) -> str:
        return self._keyed_hash(_JSON.encode(parts))


def tolerate(store: str, error: Exception, on_failure: Literal["reject", "send"]) -> None:
    """Log that a store failed, where emails are sent without it.

    Args:
        store: Which one.
        error: What it raised.
        on_failure: Whether an email is rejected or sent.

    Raises:
        SendError: The email is rejected.
    """
    what = _describe(error)
    if on_failure != "send":
        raise SendError(
            _("the {store} failed: {what}", store=store, what=what),
            outcome="rejected",
            scope="provider",
            temporary=True,
            provider_code=STORE,
            hint=(isinstance(error, StoreError) and error.hint) or _HINT,
        ) from None
    log.warning("the %s failed, and the email is sent without it: %s", store, what)


def _describe(error: Exception) -> str:
    """Return what a store says of itself, or the type and the line of anything else."""
    if not isinstance(error, StoreError):
        return describe_defect(error)
    text = said(error)
    return text.map(visible) if type(text) is Phrase else visible(text)


class KeyedHash:
    """Returns what a store sees in place of a text that it must not know.

    Args:
        secret: The key, of any length.
    """

    def __init__(self, secret: bytes) -> None:
        # BLAKE2 has a key of its own (RFC 7693), prepared once: HMAC costs each email three times
        # as much. Its key has at most 64 bytes.
        self._keyed = hashlib.blake2b(digest_size=32, key=hashlib.blake2b(secret).digest())

    def __call__(self, text: str) -> str:
        """Return the hash of a text in hexadecimal."""
        keyed = self._keyed.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()


def _record_of_receipt(receipt: Receipt) -> Record:
    return {
        "outcome": "accepted",
        "connector": receipt.connector,
        "message_id": receipt.message_id,
        "provider_id": receipt.provider_id,
        "response": receipt.response,
        "accepted_at": receipt.accepted_at.isoformat(),
    }


def _record_of_failure(error: BaseException) -> Record | None:
    """Return what is noted of a send that failed; None where nothing was sent."""
    if nothing_was_sent(error):
        return None
    if isinstance(error, SendError):
        return {"outcome": "unknown", "text": str(error), "facts": error.facts()}
    # Cancelled, or the process is ending: an attempt may have been under way.
    return {"outcome": "unknown", "text": _("the send was interrupted"), "facts": {}}


def _replayed(record: Record | None) -> Receipt:
    """Return the receipt that was noted, or raise what was."""
    if record is None:
        raise _unknown(_("the process that made this send vanished"), VANISHED)
    try:
        if record["outcome"] == "accepted":
            return _receipt(record)
        facts = {"scope": "provider", "temporary": False, **record["facts"], "outcome": "unknown"}
        ended = SendError(record["text"], **facts)
    except (TypeError, ValueError, KeyError, AttributeError):
        # A version of passpost to come may have noted it. The email must not be sent again.
        ended = _unknown(_("the record of this send cannot be read"), STORE)
    raise ended


def _receipt(record: Record) -> Receipt:
    accepted_at = dt.datetime.fromisoformat(record["accepted_at"])
    parts = {name: record[name] for name in ("connector", "message_id", "provider_id", "response")}
    return Receipt(**parts, accepted_at=accepted_at, replayed=True)


def _unknown(text: str, code: str) -> SendError:
    return SendError(text, outcome="unknown", scope="provider", temporary=True, provider_code=code)
