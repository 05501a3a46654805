"""The connector ``ses`` of passpost: version 2 of Amazon SES's interface."""

from typing import Final

from passpost.phrases import Phrases

__version__ = "0.1.0"

_: Final = Phrases("passpost_ses")
"""Makes the phrases of this package; their translations are in ``locale``."""
