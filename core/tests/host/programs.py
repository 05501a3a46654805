"""Runs programs that use a mailer, to see how they end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Final

import pytest

LONG: Final = 30.0
"""Seconds after which something that is expected at once counts as a hang."""

both_loops = pytest.mark.parametrize("uvloop", [True, False], ids=["uvloop", "asyncio"])

QUICK = """
import asyncio, atexit, contextlib, gc, os, signal, sys, threading
import passpost

class Quick:
    @passpost.hookimpl
    def connector_info(self):
        return passpost.ConnectorInfo(
            id="quick", name={"en": "q"}, description={"en": "q"}, config_class=dict
        )
    @passpost.hookimpl
    def parse_config(self, settings):
        return {}
    @passpost.hookimpl
    @contextlib.asynccontextmanager
    async def open_session(self):
        async with asyncio.TaskGroup() as group:
            # Background work, as a pool of connections has.
            working = group.create_task(asyncio.Event().wait())
            try:
                yield
            finally:
                working.cancel()
                print("left", flush=True)
    @passpost.hookimpl
    async def send_mail(self, mail):
        # With a look-up, for which asyncio uses a thread.
        await asyncio.get_running_loop().getaddrinfo("localhost", 25)
        return passpost.Receipt("sent")

host = passpost.Host()
host.register(Quick())
templates = [passpost.Template(usage_type="SignIn", subject="s", content="c")]
message = passpost.Message(to="a@x.org", usage="SignIn")

def make():
    return passpost.Mailer(host.configure("quick", {}), templates=templates)
"""


def run(program: str, *, uvloop: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program that uses the connector above, every warning an error."""
    chosen = "" if uvloop else "import sys; sys.modules['uvloop'] = None\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:.*fork:DeprecationWarning", "-c",
         chosen + QUICK + textwrap.dedent(program)],
        capture_output=True, text=True, timeout=LONG, check=False,
    )  # fmt: skip
