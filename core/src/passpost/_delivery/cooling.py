"""How soon a recipient may get another email of the same usage."""

from __future__ import annotations

import logging
import os
from itertools import count
from typing import TYPE_CHECKING, Final

from passpost._delivery.deadlines import DeadlinePassedError
from passpost._delivery.notes import nothing_was_sent
from passpost._delivery.once import KeyedHash, tolerate
from passpost._phrases import _
from passpost._plugins.defects import describe_defect
from passpost._plugins.interruptions import note_unsent
from passpost._policy.routes import EVERY_USAGE
from passpost._stores.common import seconds_told
from passpost._stores.cooldown import MemoryCooldowns
from passpost.errors import PasspostError, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passpost._delivery.deadlines import Deadlines
    from passpost._delivery.notes import Notes
    from passpost._messages.messages import Message
    from passpost._policy.clock import Clock
    from passpost._stores import Stores

log: Final = logging.getLogger("passpost")

_GIVING_BACK: Final = 1.0
"""Seconds that the end of a cooldown may take, past the deadline as well."""

_STORE: Final = _("store of the cooldowns")


class Cooled:
    """A cooldown that a send has begun.

    Attributes:
        key: Names the recipient and the usage; an address cannot be read from it.
        owner: Names the send; no other one that shares the store has the same.
    """

    __slots__ = ("key", "owner")

    def __init__(self, key: str, owner: str) -> None:
        self.key = key
        self.owner = owner


_numbers: Final = count()

FREE: Final = Cooled("", "")
"""There is no cooldown."""


class Cooling:
    """The cooldowns of recipients.

    Args:
        seconds: How long one lasts, by usage.
        stores: Where they are remembered.
        clock: The time.
        deadlines: Keeps the deadlines of sends.
        notes: Where a cooldown is given back that nobody waits for.
    """

    def __init__(
        self,
        seconds: Mapping[str, float],
        stores: Stores,
        clock: Clock,
        deadlines: Deadlines,
        notes: Notes,
    ) -> None:
        self._seconds = seconds
        self._otherwise = seconds.get(EVERY_USAGE, 0.0)
        # Without a secret, all processes that share the cooldowns still agree on the hashes.
        self._keyed_hash = KeyedHash(stores.secret or b"passpost")
        self._on_failure = stores.on_failure
        self._clock = clock
        self._deadlines = deadlines
        self._notes = notes
        self._store = stores.cooldowns or MemoryCooldowns(clock)
        # Of a class derived from it, `begin` may do more.
        self._memory = self._store if type(self._store) is MemoryCooldowns else None

    def begin_now(self, message: Message) -> Cooled | None:
        """Begin a cooldown as `begin` does; return None where a store has to be awaited.

        Nearly all mailers remember in this process, where a coroutine and a deadline of its own
        would cost each email more than the cooldown.

        Raises:
            Throttled: An earlier one lasts still.
        """
        lasting = self._lasting(message)
        if not lasting:
            return FREE
        if self._memory is None:
            return None
        cooled = Cooled(self._key(message), str(next(_numbers)))
        if left := self._memory.begin_now(cooled.key, lasting, owner=cooled.owner):
            raise Throttled(left)
        return cooled

    async def begin(self, message: Message, over: float) -> Cooled:
        """Begin the cooldown of a message's recipient and usage.

        Args:
            message: What is to be sent, or to be counted.
            over: The deadline, in the clock's time.

        Raises:
            Throttled: An earlier one lasts still.
            SendError: The store failed.
        """
        lasting = self._lasting(message)
        if not lasting:
            return FREE
        cooled = Cooled(self._key(message), os.urandom(8).hex())
        try:
            await self._ask(cooled, lasting, over)
        except Throttled:
            raise
        except BaseException as error:
            # The store may have begun it, and its reply is lost.
            self._notes.begin(self._give_back(cooled, logging.DEBUG))
            if not isinstance(error, PasspostError):
                note_unsent(error)
            raise
        return cooled

    async def give_back_unsent(self, cooled: Cooled, error: BaseException) -> None:
        """End a cooldown if this error says that nothing was sent; wait for a moment at most."""
        if cooled is not FREE and nothing_was_sent(error):
            await self._notes.write(self._give_back(cooled, logging.ERROR), _GIVING_BACK, error)

    async def _ask(self, cooled: Cooled, lasting: float, over: float) -> None:
        try:
            with self._deadlines.until(over):
                left = await self._store.begin(cooled.key, lasting, owner=cooled.owner)
            left = seconds_told(left)
        except DeadlinePassedError:
            tolerate(_STORE, TimeoutError(), self._on_failure)
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            tolerate(_STORE, error, self._on_failure)
        else:
            if left:
                raise Throttled(left)

    async def _give_back(self, cooled: Cooled, level: int) -> None:
        try:
            with self._deadlines.until(self._clock.monotonic() + _GIVING_BACK):
                await self._store.give_back(cooled.key, owner=cooled.owner)
        except Exception as error:  # noqa: BLE001 - the email's own error says more
            what = describe_defect(error)
            log.log(level, "a cooldown may stay although its email was not sent: %s", what)

    def _lasting(self, message: Message) -> float:
        return self._seconds.get(message.usage, self._otherwise)

    def _key(self, message: Message) -> str:
        # Nearly all servers take a name for the same one in capitals.
        return self._keyed_hash(f"{message.usage}\0{message.to.address.casefold()}")
