"""How a store says what is wrong with it."""

from __future__ import annotations

from passpost._phrases import _


class StoreError(Exception):
    """A store cannot be asked.

    Unlike that of other exceptions, its text is shown in errors and logs: it names the server or
    the file, and contains no password.

    Args:
        message: What is wrong, with the place of the store.
        hint: What to do about it, as a sentence.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def seconds_told(told: object) -> float:
    """Return the seconds that a store tells to wait.

    Raises:
        StoreError: It told something else.
    """
    # What is not a number compares to nothing.
    if not (isinstance(told, (int, float)) and told >= 0):
        raise StoreError(_("the store returned something else than its contract allows"))
    return float(told)
