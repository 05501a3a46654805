"""A console in the test's process, one at a port of its own, and Chromium to look at it with."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

import passpost
from passpost_console import Console

# pytest imports tests by their paths.
sys.path.insert(0, str(Path(__file__).parent / "driving"))

from console_driving import TEXT, Client, Running

OWN: Final = ("http://127.0.0.1:", "http://localhost:", "data:")

# Without these, Chromium calls home at its start; root has no sandbox.
_ARGUMENTS: Final = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "passpost.jsonc"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture
def console(file: Path) -> Console:
    host = passpost.Host(environ={}, installed_extensions=())
    return Console(file, allow=lambda scope: True, host=host)


@pytest.fixture
def client(console: Console) -> Client:
    return Client(console)


@pytest.fixture
def running(file: Path) -> Iterator[Running]:
    with Running(file) as running:
        yield running


# Not for the session: as long as it is open, nothing else in this thread can run an event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        missing = "no chromium on this machine: run .ci/install-servers"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=_ARGUMENTS) as browser,
    ):
        yield browser


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return what makes a browser profile; the test fails if one asks for another site."""
    contexts: list[BrowserContext] = []
    asked: list[str] = []

    def made(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(15_000)
        context.on("request", lambda request: asked.append(request.url))
        contexts.append(context)
        return context

    yield made
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(OWN)] == []
