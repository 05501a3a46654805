"""The connector ``webhook`` of passpost: forwards emails to a service of your own."""

from typing import Final

from passpost.phrases import Phrases

__version__ = "0.1.0"

_: Final = Phrases("passpost_webhook")
"""Makes the phrases of this package; their translations are in ``locale``."""
