"""The emails of an inbox in memory: as many as fit, found by words, and awaited by tests."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from threading import Lock
from typing import Final

import attrs

from passpost_console.inbox.emails import Email, arrived
from passpost_console.inbox.reading import read

MOST_EMAILS: Final = 100_000
MOST_BYTES: Final = 512 << 20

_MOST_READ: Final = 2_000
"""Bodies that a search reads: those of the newest emails."""

_MOST_BYTES_READ: Final = 32 << 20
"""Bytes of bodies, likewise."""


@attrs.frozen(kw_only=True)
class Wanted:
    """Which emails are looked for; all of them by default.

    Attributes:
        to: A recipient's address.
        words: Words that are in the subject, the addresses or the text, each of them.
        after: The ID of an email; those that arrived after it.
        before: The ID of an email; those that arrived before it.
    """

    to: str = ""
    words: str = ""
    after: int = 0
    before: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether every email is looked for."""
        return not (self.to or self.words.strip() or self.after or self.before is not None)


class Emails:
    """The emails of an inbox; the oldest are dropped where there is no room.

    Args:
        most: How many emails there is room for.
        most_bytes: How many bytes there is room for.
    """

    def __init__(self, most: int = MOST_EMAILS, most_bytes: int = MOST_BYTES) -> None:
        self.most = most
        self._most_bytes = most_bytes
        self._emails: OrderedDict[int, Email] = OrderedDict()
        self._bytes = 0
        self._number = 0
        self._changes = 0
        self._dropped = 0
        self._lock = Lock()
        self._waiting: set[Callable[[], None]] = set()

    def __len__(self) -> int:
        return len(self._emails)

    @property
    def version(self) -> int:
        """A number that differs once anything has changed."""
        return self._changes

    @property
    def dropped(self) -> int:
        """How many emails there was no room for any more."""
        return self._dropped

    def add(self, via: str, sender: str, recipients: tuple[str, ...], source: bytes) -> Email:
        """Keep an email that arrived."""
        with self._lock:
            self._number += 1
            email = arrived(self._number, time.time(), via, sender, recipients, source)
            self._emails[email.id] = email
            self._bytes += email.size
            self._changes += 1
            while len(self._emails) > self.most or self._bytes > self._most_bytes:
                _, oldest = self._emails.popitem(last=False)
                self._bytes -= oldest.size
                self._dropped += 1
            waiting = tuple(self._waiting)
        for wake in waiting:
            wake()
        return email

    def get(self, number: int) -> Email | None:
        """Return the email with an ID; None if there is none."""
        return self._emails.get(number)

    def delete(self, number: int) -> bool:
        """Delete an email, and return whether there was one."""
        with self._lock:
            email = self._emails.pop(number, None)
            if email is not None:
                self._bytes -= email.size
                self._changes += 1
        return email is not None

    def clear(self, wanted: Wanted | None = None) -> int:
        """Delete the emails that are looked for, all of them by default; return how many."""
        wanted = wanted or Wanted()
        if not wanted.is_all:
            return sum(self.delete(email.id) for email in self.find(wanted))
        with self._lock:
            count = len(self._emails)
            self._emails.clear()
            self._bytes = 0
            self._changes += 1
        return count

    def find(self, wanted: Wanted, most: int | None = None) -> list[Email]:
        """Return the emails that are looked for, the newest first."""
        if wanted.is_all:
            with self._lock:
                return list(islice(reversed(self._emails.values()), most))
        return list(islice(self._found(wanted), most))

    async def wait_for(self, wanted: Wanted, seconds: float, most: int) -> list[Email]:
        """Return the emails that are looked for, once there is one or the time is over.

        A search may take long, so that it runs in a thread, and looks at each email once.
        """
        loop, come = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(come.set)

        with self._lock:
            self._waiting.add(wake)
        try:
            until = loop.time() + seconds
            while True:
                come.clear()
                latest = self._number
                found = await asyncio.to_thread(self.find, wanted, most)
                if found or loop.time() >= until:
                    return found
                wanted = attrs.evolve(wanted, after=max(wanted.after, latest))
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(until):
                        await come.wait()
        finally:
            with self._lock:
                self._waiting.discard(wake)

    def _found(self, wanted: Wanted) -> Iterator[Email]:
        words = wanted.words.casefold().split()
        with self._lock:
            newest = list(reversed(self._emails.values()))
        readable, bytes_left = _MOST_READ, _MOST_BYTES_READ
        for email in newest:
            if email.id <= wanted.after:
                return
            if wanted.before is not None and email.id >= wanted.before:
                continue
            if wanted.to and not email.is_to(wanted.to):
                continue
            if words:
                readable -= 1
                bytes_left -= email.size
                if not _has(email, words, reads=min(readable, bytes_left) >= 0):
                    continue
            yield email


def _has(email: Email, words: list[str], *, reads: bool) -> bool:
    summary = email.summary
    missing = [word for word in words if word not in summary]
    if not missing or not reads:
        return not missing
    text = read(email.source).words.casefold()
    return all(word in text for word in missing)
