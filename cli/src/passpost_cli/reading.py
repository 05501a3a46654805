"""What a person reads of an email, before anybody knows how it is laid out."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

Facts = Sequence[tuple[str, str]]
"""Labels and texts."""


@attrs.frozen
class Part:
    """One body of a mail.

    Attributes:
        label: What it is, where there are several: ``text``.
        content: Its text.
        markup: Whether it is the source of HTML, to be coloured as such.
    """

    label: str
    content: str
    markup: bool = False


@attrs.frozen
class Reading:
    """A mail to read.

    Attributes:
        title: What stands above it.
        headers: Its headers.
        parts: Its bodies.
    """

    title: str
    headers: Facts
    parts: Sequence[Part]
