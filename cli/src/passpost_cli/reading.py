"""The parts of an email that a person reads, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

Facts = Sequence[tuple[str, str]]
"""Labels and texts."""


@attrs.frozen
class Part:
    """One body of an email.

    Attributes:
        label: Its kind, if there are several: ``text``.
        content: Its text.
        markup: Whether it is HTML source, which is highlighted.
    """

    label: str
    content: str
    markup: bool = False


@attrs.frozen
class Reading:
    """An email to read.

    Attributes:
        title: Its heading.
        headers: Its headers.
        parts: Its bodies.
    """

    title: str
    headers: Facts
    parts: Sequence[Part]
