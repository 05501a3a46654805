"""The stand-in for Direct Mail in its own process, so that its work does not count as the client's.

Run as a script it serves until its standard input closes. `service` starts it that way.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from passpost_aliyun_dm_stand_in.server import StandIn


@contextlib.contextmanager
def service() -> Iterator[dict[str, Any]]:
    """Run the stand-in beside this process, and give the settings that reach it."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise AssertionError("both were asked for")
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def main() -> None:
    """Serve until standard input closes."""
    with StandIn() as stand_in:
        print(json.dumps(dict(stand_in.settings)), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
