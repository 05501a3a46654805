"""The command line ``passpost``: checks settings, previews and sends emails, shows guides.

`passpost_cli.exit_codes` lists its exit codes.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, NoReturn


def main() -> NoReturn:
    """Run the command line with the arguments of this process."""
    try:
        from passpost_cli.program import cli  # noqa: PLC0415 - an interrupt may come meanwhile

        exit_code = cli.run()
    except KeyboardInterrupt:
        # Before click is there to handle it.
        exit_code = 130
    _leave(exit_code)


def _leave(exit_code: int) -> NoReturn:
    """Exit without waiting for a connector's thread that ignores its deadline."""
    threading = sys.modules.get("threading")
    if threading is not None and any(_lingers(thread) for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(exit_code)
    sys.exit(exit_code)


def _lingers(thread: Any) -> bool:
    return not thread.daemon and thread.name != "MainThread"
