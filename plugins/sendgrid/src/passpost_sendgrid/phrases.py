"""Makes the phrases of this package; their translations are in ``locale``."""

from typing import Final

from passpost.phrases import Phrases

_: Final = Phrases("passpost_sendgrid")
