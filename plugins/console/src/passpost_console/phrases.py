"""The texts of the console."""

from __future__ import annotations

from typing import Final

from passpost.phrases import Phrases

_: Final = Phrases("passpost_console")
"""Makes the phrases of the console."""
