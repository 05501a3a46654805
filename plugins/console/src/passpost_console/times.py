"""Times as people read them, on the clock of the console's machine."""

from __future__ import annotations

from datetime import UTC, datetime


def shown(moment: float | None, *, seconds: bool = False) -> str:
    """Return a time in words; empty for one that nobody knows.

    Args:
        moment: Seconds since 1970.
        seconds: Whether its seconds matter.
    """
    try:
        local = datetime.fromtimestamp(moment or 0, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return ""
    words = local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return words if moment is not None else ""
