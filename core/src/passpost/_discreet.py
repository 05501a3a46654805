"""Values whose contents nobody may see by accident: in a log, a traceback or a failed assertion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs


class Hidden:
    """The type of `HIDDEN`."""

    def __repr__(self) -> str:
        return "…"


HIDDEN: Final = Hidden()
"""Stands for what is there and is not shown."""


class Discreet:
    """The base of attrs classes that hold a payload or what was rendered of one.

    ``repr``, rich and ``rich.traceback`` show what `_shown` gives. pytest explains a failed ``==``
    field by field only for classes that have the ``==`` of attrs; here the reprs are all it shows.
    """

    __slots__ = ()

    def _shown(self) -> Iterator[tuple[str, object]]:
        """Return the fields that may be seen, and what is seen of them."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={value!r}" for name, value in self.__rich_repr__()])
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        try:
            yield from self._shown()
        except AttributeError:
            # Not all fields are set: its own constructor failed, and somebody shows the frame.
            return

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in attrs.fields(type(self)) if field.eq]  # type: ignore[arg-type]  # subclasses are attrs classes
        return all(getattr(self, name) == getattr(other, name) for name in names)

    # Payloads and headers are mappings.
    __hash__ = None  # type: ignore[assignment]  # as for every class with a `==` of its own
