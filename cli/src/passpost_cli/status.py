"""The exit statuses of the command line."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
REFUSED: Final = 1
"""Settings, a message or a mail were refused: surely nothing was sent."""
USAGE: Final = 2
"""The arguments are wrong, or an extra is not installed."""
UNKNOWN: Final = 3
"""Nobody knows whether the mail was sent."""
DEFECT: Final = 70
"""An exception that should not have happened (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it: 128 and SIGINT."""
PIPE_CLOSED: Final = 141
"""Whoever read the output is gone, as shells count it: 128 and SIGPIPE. It is not 1, since the mail
may well have been sent before the output broke."""
