"""The exit codes of the command line."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from passpost.phrases import Phrases

_: Final = Phrases("passpost_cli")


class ExitCode(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    REJECTED = 1
    INVALID = 2
    UNKNOWN = 3
    # EX_SOFTWARE of sysexits.h.
    DEFECT = 70
    # 128 and the number of the signal, as shells count them. A closed pipe is not REJECTED: the
    # email may have been sent before the output broke.
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS: Final = {
    ExitCode.DONE: _("success"),
    ExitCode.REJECTED: _("rejected: nothing was sent"),
    ExitCode.INVALID: _("invalid command line"),
    ExitCode.UNKNOWN: _("unknown: the email may have been sent"),
    ExitCode.DEFECT: _("a defect of passpost or of a plugin"),
    ExitCode.INTERRUPTED: _("interrupted (SIGINT)"),
    ExitCode.PIPE_CLOSED: _("output pipe closed (SIGPIPE)"),
}
"""The exit codes in the words of ``passpost --help``."""
