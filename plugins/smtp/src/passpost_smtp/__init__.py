"""The connector ``smtp`` of passpost, which sends emails through any SMTP server.

passpost loads `passpost_smtp.hooks`; `passpost_smtp.config.SmtpConfig` defines the settings.
"""

from typing import Final

from passpost.phrases import Phrases

_: Final = Phrases("passpost_smtp")
"""Makes the phrases of this package; their translations are in ``locale``."""
