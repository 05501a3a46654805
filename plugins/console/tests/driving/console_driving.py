"""What the tests of the console use: settings, a browser without a screen, a running console."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import httpx

import passpost
from passpost_console import Console
from passpost_console.addresses import listen
from passpost_console.app import Site
from passpost_console.gate import Gate
from passpost_console.inbox.service import Inbox
from passpost_console.security import Hosts
from passpost_console.server import Launched

Answer = TypeVar("Answer")
ORIGIN: Final = "http://127.0.0.1:8025"
SECRET: Final = "canary-hunter-2"
TEXT: Final = """// What we send through.
{
  "connectors": {
    // The first one.
    "primary": {
      "use": "smtp",
      "settings": {
        "host": "smtp.example.com", "port": 587, // STARTTLS
        "auth": {"user": "no-reply@example.com", "pass": "SECRET"},
        "fromEmail": "no-reply@example.com",
      },
    },
    "backup": {"use": "sendgrid", "settings": {"apiKey": "${SENDGRID_KEY}",
      "fromEmail": "no-reply@example.com"}},
  },
  "templates": [
    {"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"},
    {"usageType": "SignIn", "locale": "zh-CN", "subject": "验证码", "content": "{{code}}"},
  ],
}
""".replace("SECRET", SECRET)


def run(asked: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine, though the test's thread has Playwright's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


class Client:
    """A browser that needs no screen: it is on the console's own pages, and keeps cookies."""

    def __init__(self, app: Any, origin: str = ORIGIN, **headers: str) -> None:
        self.origin = origin
        self.headers = {"accept-language": "en", **headers}
        self.app = app
        self.cookies = httpx.Cookies()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> httpx.Response:
        headers = {"sec-fetch-site": "same-origin", "origin": self.origin}
        headers |= options.pop("headers", {})
        return self.request("POST", path, data=data or {}, headers=headers, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.origin, cookies=self.cookies
            ) as client:
                headers = {**self.headers, **options.pop("headers", {})}
                response = await client.request(method, path, headers=headers, **options)
                self.cookies = client.cookies
                return response

        return run(asked())


class Served:
    """A site at a port of its own."""

    def __init__(
        self, make: Callable[[Gate, Hosts], Site], address: str = "127.0.0.1", **options: Any
    ) -> None:
        self.launched = Launched(make, listen(address, 0), **options)
        self.link = self.launched.link
        self.origin = self.launched.origin
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self.launched.serve, args=(self._ready.set,))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *exception: object) -> None:
        self.launched.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()


class Running(Served):
    """A console at a port of its own."""

    def __init__(
        self,
        path: Path,
        address: str = "127.0.0.1",
        *,
        inbox: Inbox | None = None,
        log: Path | None = None,
        **options: Any,
    ) -> None:
        host = passpost.Host(installed_extensions=())

        def made(gate: Gate, hosts: Hosts) -> Console:
            return Console(path, allow=gate, hosts=hosts, host=host, log=log, inbox=inbox)

        super().__init__(made, address, **options)
