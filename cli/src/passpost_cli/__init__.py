"""The command line ``passpost``; it needs the extra ``passpost[cli]``.

Its exit status: 0 done, 1 refused or rejected, 2 wrong usage, 3 nobody knows whether the mail was
sent, 70 a defect of passpost or of a plugin, 130 interrupted, 141 whoever read the output is gone.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from passpost_cli.extras import missing_extra


def main() -> NoReturn:
    """Run the command line with the arguments of this process."""
    try:
        status = _run()
    except KeyboardInterrupt:
        # Before click is there to see it.
        status = 130
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process, without waiting for a connector's thread that its deadline has passed."""
    threading = sys.modules.get("threading")
    if threading is not None and any(_lingers(thread) for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def _lingers(thread: Any) -> bool:
    return not thread.daemon and thread.name != "MainThread"


def _run() -> int:
    try:
        from passpost_cli.program import cli  # noqa: PLC0415 - click may not be installed
    except ModuleNotFoundError as error:
        needed = missing_extra(error)
        if needed is None:
            raise
        sys.stderr.write(f"passpost: {needed[0]}: {needed[1]}\n")
        return 2
    return cli.run()
