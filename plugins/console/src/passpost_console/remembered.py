"""What a console remembers while it runs: drafts, previews and tests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import attrs

from passpost_tools.saving import Loaded

_MOST: Final = 32

Value = TypeVar("Value")


class Latest(Generic[Value]):
    """Keeps the latest values by name, from any thread.

    Args:
        most: How many; the oldest of more is forgotten.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._most = most
        self._lock = Lock()

    def keep(self, name: str, value: Value) -> None:
        """Keep a value as the latest one."""
        with self._lock:
            self._keep(name, value)

    def get(self, name: str) -> Value | None:
        """Return a value; None if there is none."""
        with self._lock:
            return self._values.get(name)

    def get_or_keep(self, name: str, make: Callable[[], Value]) -> Value:
        """Return a value as the latest one; one that is made now if there is none."""
        with self._lock:
            value = self._values[name] if name in self._values else make()
            self._keep(name, value)
        return value

    def take(self, name: str) -> Value | None:
        """Return a value and forget it; None if there is none."""
        with self._lock:
            return self._values.pop(name, None)

    def _keep(self, name: str, value: Value) -> None:
        self._values[name] = value
        self._values.move_to_end(name)
        while len(self._values) > self._most:
            self._values.popitem(last=False)


@attrs.frozen
class Draft:
    """A text that somebody has been shown the changes of, and may save.

    Attributes:
        before: The file as it was read.
        text: The new text.
        back: The path of the page to go back to.
    """

    before: Loaded
    text: str = attrs.field(repr=False)
    back: str


class Drafts(Latest[Draft]):
    """Keeps drafts while somebody looks at them: they may contain secrets, so no page has them."""

    def add(self, draft: Draft) -> str:
        """Keep a draft, and return its ID."""
        name = token_urlsafe(16)
        self.keep(name, draft)
        return name


class Previews(Latest[str]):
    """Keeps the HTML of previews: a frame loads it by its URL, with a policy of its own."""

    def add(self, html: str) -> str:
        """Keep HTML, and return its ID: the same for the same text."""
        name = sha256(html.encode("utf-8", "replace")).hexdigest()[:32]
        self.keep(name, html)
        return name


@attrs.frozen
class Trial:
    """The latest test of a connector.

    Attributes:
        use: The connector's ID.
        settings: The settings that were tested.
        at: When, as seconds since 1970.
        ok: Whether it succeeded.
        words: What came of it, as a phrase, without secrets.
    """

    use: str
    settings: Mapping[str, Any] = attrs.field(repr=False)
    at: float
    ok: bool
    words: str
