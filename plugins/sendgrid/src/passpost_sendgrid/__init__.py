"""The connector ``sendgrid`` of passpost: SendGrid's v3 API."""

from typing import Final

from passpost.phrases import Phrases

__version__ = "0.1.0"

_: Final = Phrases("passpost_sendgrid")
"""Makes the phrases of this package; their translations are in ``locale``."""
