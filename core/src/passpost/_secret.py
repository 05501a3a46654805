"""The type of passwords and keys."""

from __future__ import annotations

import hmac
from typing import Final

MASK: Final = "***"


class Secret:
    """A text hidden from `repr`, `str`, logs and pickles. Call `reveal()` to read it.

    ``repr``, ``str``, ``format`` and a pickle give ``***``, and so does JSON by way of
    ``json.dumps(…, default=str)`` (``json`` alone rejects the type). Copies within the process
    are the secret itself.

    Args:
        text: The password, key or token.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a secret is text, not {type(text).__name__}")
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: call it where the text is put on the wire, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Surrogates pass: the error for them would hold the secret.
        ours = self._text.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(ours, other._text.encode("utf-8", "surrogatepass"))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (MASK,))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self
