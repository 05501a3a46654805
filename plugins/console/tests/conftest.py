"""A console in the test's process, one at a port of its own, and Chromium to look at it with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext

import passpost
from passpost_console import Console

# pytest imports tests by their paths.
sys.path.insert(0, str(Path(__file__).parent / "driving"))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests/browser"))

from chromium_browser import chromium  # noqa: F401 - a fixture
from console_driving import TEXT, Client, Running

OWN: Final = ("http://127.0.0.1:", "http://localhost:", "data:")


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


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:  # noqa: F811 - the fixture
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
