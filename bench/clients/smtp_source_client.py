"""Postfix's own load generator ``smtp-source``: compiled, checks nothing, speaks no TLS."""

from __future__ import annotations

import json
import subprocess
import sys

from job import RECIPIENT, Clock, read_job


def main() -> None:
    """Send as ordered."""
    job = read_job()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        at_once = min(order["at_once"], job.connections)
        clock = Clock(order)
        # -d keeps the connections, -l is the length of the message.
        subprocess.run(
            [
                "smtp-source", "-d", "-s", str(at_once), "-m", str(order["mails"]),
                "-l", str(len(job.content)), "-f", "no-reply@example.com", "-t", RECIPIENT,
                f"inet:{job.host}:{job.port}",
            ],
            check=True,
        )  # fmt: skip
        clock.stop()


if __name__ == "__main__":
    main()
