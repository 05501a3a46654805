"""The extras that bring what a command needs. It imports none of them: any may be missing."""

from __future__ import annotations

from typing import Final

# What the extras of the command line bring, by the names of their modules.
_EXTRAS: Final = {
    "click": "cli",
    "rich": "cli",
    "cryptography": "demo",
    "h11": "demo",
    "trustme": "demo",
}


def missing_extra(error: BaseException) -> tuple[str, str] | None:
    """Say which extra brings a module that is not there, and how to get it.

    Returns:
        Problem and remedy, or None for a module of no extra.
    """
    if not isinstance(error, ModuleNotFoundError):
        return None
    module = (error.name or "").partition(".")[0]
    if module not in _EXTRAS:
        return None
    extra = f"passpost[{_EXTRAS[module]}]"
    what = "the command line" if _EXTRAS[module] == "cli" else "the demonstration"
    return f"{what} needs {extra}", f"pip install '{extra}'"
