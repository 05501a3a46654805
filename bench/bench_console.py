"""How long does a page of the console take, with 200 templates and 20 connectors?

    python bench/bench_console.py [RUNS]

Each page is asked for through ASGI, in this process, without a network. `passpost console` reads
and checks the settings file before it prints its link, so the first line has that time. The first
answer of a page compiles its template; the median is that of the answers after it. The goal is
50 ms.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

import passpost_templates
from passpost_console import Console

RUNS = 21
GOAL = 50.0
CONNECTORS = 20
TEMPLATES = 200
PAGES = (
    "/", "/templates", "/template/0", "/template/199", "/template/new", "/test",
    "/connectors/c0", "/json/c0", "/settings", "/add", "/doctor", "/deliveries",
)  # fmt: skip


def settings() -> str:
    """Return settings with many connectors, and many ready-made templates."""
    own = {"host": "smtp.example.com", "port": 587, "fromEmail": "no-reply@example.com"}
    connectors = {f"c{n}": {"use": "smtp", "settings": own} for n in range(CONNECTORS)}
    # A settings file has at most 1 MiB: some have the layout, others a line.
    ready = passpost_templates.templates("en")
    ready += [{**one, "content": "<p>{{code}}</p>", "text": "{{code}}"} for one in ready]
    # Private tags: as many languages as it takes.
    templates = [
        {"usageType": one["usageType"], "locale": f"en-x-l{number // len(ready)}", **one}
        for number in range(TEMPLATES)
        for one in [ready[number % len(ready)]]
    ]
    return json.dumps({"connectors": connectors, "templates": templates}, indent=2)


async def measure(runs: int) -> bool:
    """Print what each page takes, and return whether all reach the goal."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "passpost.jsonc"
        path.write_text(settings(), "utf-8")
        console = Console(path, allow=lambda scope: True)
        transport = httpx.ASGITransport(console)
        reached = True
        began = time.perf_counter()
        console.workspace.read()
        read = (time.perf_counter() - began) * 1000
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            size = path.stat().st_size / 1024
            print(f"{size:.0f} KiB of settings, read in {read:.0f} ms; {runs} answers of each page")
            print(f"{'page':<16} {'first':>9} {'median':>9} {'slowest':>9}")
            for page in PAGES:
                times = [await _time(client, page) for _ in range(runs)]
                median = statistics.median(times[1:])
                reached = reached and median < GOAL
                shown = (times[0], median, max(times[1:]))
                print(f"{page:<16}", *(f"{one:>6.1f} ms" for one in shown))
    return reached


async def _time(client: httpx.AsyncClient, page: str) -> float:
    began = time.perf_counter()
    response = await client.get(page)
    took = time.perf_counter() - began
    if response.status_code != httpx.codes.OK:
        raise SystemExit(f"{page}: HTTP status {response.status_code}")
    return took * 1000


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    reached = asyncio.run(measure(runs))
    print(f"goal: a median under {GOAL:.0f} ms: {'reached' if reached else 'missed'}")
