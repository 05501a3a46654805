"""Lets IDs that come at once share a message of a queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from passpost_outbox.together import Together

T = TypeVar("T")

_LIMIT: Final = 10
"""What a message contains at most."""

_PAUSE: Final = 0.01
"""Seconds from a message with several IDs to the next one, so that it has several as well."""


class SharedMessages(Generic[T]):
    """Publishes in one message what is to be published while another one is under way.

    The work of most queues is that for each message. Priorities do not wait for each other.

    Args:
        publish: Publishes a message of a priority. It raises `StoreError` if that fails.
    """

    def __init__(self, publish: Callable[[int, Sequence[T]], Awaitable[None]]) -> None:
        self._publish = publish
        self._priorities: dict[int, Together[T, None]] = {}

    async def publish(self, priority: int, one: T) -> None:
        """Publish something, alone or with others.

        Raises:
            StoreError: It may not have been published.
        """
        together = self._priorities.get(priority)
        if together is None:
            publish = partial(self._publish_all, priority)
            made = Together(publish, limit=_LIMIT, pause=_PAUSE)
            together = self._priorities.setdefault(priority, made)
        await together(one)

    async def _publish_all(self, priority: int, some: Sequence[T]) -> Sequence[None]:
        await self._publish(priority, some)
        return [None] * len(some)
