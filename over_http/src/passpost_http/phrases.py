"""Makes the texts for people of this package."""

from __future__ import annotations

from typing import Final

from passpost.phrases import Phrases

_: Final = Phrases("passpost_http")
"""Makes the phrases of this package."""
