"""Charts of deliveries, as figures for an SVG picture that needs neither scripts nor styles."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

from passpost_console.deliveries import OUTCOMES, Delivery
from passpost_console.times import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 720
HEIGHT: Final = 120
_GAP: Final = 2
_COLUMNS: Final = 36
_DAY: Final = 86_400
_STEPS: Final = (60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, _DAY, 7 * _DAY, 28 * _DAY)


@attrs.frozen
class Bar:
    """A part of a column: where it is, and of which kind."""

    kind: str
    y: float
    height: float


@attrs.frozen
class Column:
    """The emails of a span of time.

    Attributes:
        x: Where the column begins.
        width: How wide it is.
        begins: When the span begins, in words.
        counts: How many emails each outcome has.
        bars: Its parts, one on the other.
        median: The milliseconds that half of the emails took at most; None if nobody knows.
        slow: The milliseconds that 95 of 100 took at most.
        times: The column of the times: the median below, the slow ones on it.
    """

    x: float
    width: float
    begins: str
    counts: dict[str, int]
    bars: tuple[Bar, ...]
    median: float | None
    slow: float | None
    times: tuple[Bar, ...] = ()


@attrs.frozen
class Chart:
    """The columns of a chart, the oldest first.

    Attributes:
        columns: Its columns.
        most: How many emails the highest column has.
        slowest: How many milliseconds the highest column of the times has.
    """

    columns: tuple[Column, ...]
    most: int
    slowest: float


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that a share of the values reaches at most; None for no values."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def chart(deliveries: Sequence[Delivery]) -> Chart | None:
    """Return the chart of deliveries; None if none of them has a time."""
    timed = [(one.at, one) for one in deliveries if one.at is not None]
    if not timed:
        return None
    first, last = min(at for at, _ in timed), max(at for at, _ in timed)
    # A clock that was wrong once must not make a chart of a thousand years.
    longest = (last - first) / (_COLUMNS - 1)
    step = next((one for one in _STEPS if one > longest), longest)
    start = first - first % step
    spans: dict[int, list[Delivery]] = {}
    for at, one in timed:
        spans.setdefault(int((at - start) // step), []).append(one)
    count = max(spans) + 1
    width = WIDTH / max(count, 12)
    highest = max(len(ones) for ones in spans.values())
    slow = {n: percentile(_times(ones), 0.95) for n, ones in spans.items()}
    slowest = max((one for one in slow.values() if one is not None), default=0.0)
    columns = []
    for number, ones in sorted(spans.items()):
        counts = Counter(one.outcome for one in ones)
        median = percentile(_times(ones), 0.5)
        columns.append(
            Column(
                x=round(number * width, 2),
                width=round(max(width - _GAP, 1), 2),
                begins=_moment(start + number * step, step),
                counts={outcome: counts[outcome] for outcome in OUTCOMES},
                bars=_stacked([(o, counts[o]) for o in OUTCOMES if counts[o]], highest),
                median=median,
                slow=slow[number],
                times=_stacked(
                    [("median", median or 0), ("slow", (slow[number] or 0) - (median or 0))],
                    slowest,
                ),
            )
        )
    return Chart(tuple(columns), highest, slowest)


def _times(ones: Sequence[Delivery]) -> list[float]:
    return [one.milliseconds for one in ones if one.milliseconds is not None]


def _stacked(parts: Sequence[tuple[str, float]], highest: float) -> tuple[Bar, ...]:
    bars, y = [], float(HEIGHT)
    for kind, amount in parts:
        if amount <= 0:
            continue
        # One of thousands must be seen, too.
        height = max(amount / highest * HEIGHT, 1.5)
        y = max(y - height, 0)
        bars.append(Bar(kind, round(y, 2), round(height, 2)))
    return tuple(bars)


def _moment(seconds: float, step: float) -> str:
    return shown(seconds)[: len("2026-11-22")] if step >= _DAY else shown(seconds)
