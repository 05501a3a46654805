"""How long does a request wait that signs somebody up: with an outbox, and without one?

    python bench/bench_sign_up.py [--quick]

The application of `examples/sign_up` runs as one process of uvicorn, and gets requests from eight
clients at a time. With the outbox, a request stores the email in SQLite, and `passpost worker`
sends it. The peer sends within the request, through a mailer that keeps its connections open. Both
send to the same sink, which is near, or so far away that a round trip takes 100 ms.

Each request has an address of its own, and also writes the sign-up into the application's database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx
from goals import Goals, machine, run
from sink import built, running

from pytest_passpost import DelayProxy

ROOT: Final = Path(__file__).parents[1]
EXAMPLE: Final = ROOT / "examples/sign_up"
sys.path.insert(0, str(EXAMPLE))

from sign_up import servers  # noqa: E402 - the example is not installed
from sign_up.__main__ import write_secrets, write_settings  # noqa: E402 - likewise

CLIENTS: Final = 8
WARM_UP: Final = 20
ROUND_TRIPS: Final = (0.0, 0.1)
APPLICATIONS: Final = {"outbox": "sign_up.web", "inline": "sign_up_inline"}
PERCENT: Final = 100


@contextmanager
def served(application: str, folder: Path, port: int) -> Iterator[str]:
    """Run the application, with a worker if it has an outbox, and give its URL."""
    folder.mkdir()
    write_secrets(folder)
    write_settings(folder, {"use": "sqlite", "path": "outbox.sqlite"}, port)
    environment = {
        "SIGN_UP_STATE": str(folder),
        "PYTHONPATH": os.pathsep.join([*sys.path[1:], str(EXAMPLE), str(ROOT / "bench")]),
    }
    web, log = servers.free_port(), folder / "log"
    command = [sys.executable, "-m", "uvicorn", "--no-access-log", "--port", str(web)]
    command += ["--factory", f"{APPLICATIONS[application]}:make_app"]
    with ExitStack() as stack:
        if application == "outbox":
            worker = [sys.executable, "-m", "passpost", "worker", str(folder / "passpost.json")]
            stack.enter_context(servers.running("worker", worker, log=log, environment=environment))
        ready = servers.listens(web)
        stack.enter_context(
            servers.running("web", command, log=log, environment=environment, ready=ready)
        )
        yield f"http://127.0.0.1:{web}/api/sign-ups"


async def measured(url: str, requests: int) -> list[float]:
    """Return how many milliseconds each request took."""
    took: list[float] = []
    left = iter(range(requests + WARM_UP))

    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

        async def ask() -> None:
            for number in left:
                began = time.perf_counter()
                reply = await client.post(url, json={"email": f"a{number}@example.com"})
                took.append((time.perf_counter() - began) * 1000)
                assert reply.status_code == httpx.codes.ACCEPTED, reply.text

        await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return took[WARM_UP:]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    requests = 80 if parser.parse_args().quick else 400
    print(f"{machine()}; {requests} requests, {CLIENTS} at a time\n")
    print(f"{'round trip to the server':>25} {'application':>12} {'p50 ms':>8} {'p99 ms':>8}")
    middle: dict[tuple[float, str], float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = stack.enter_context(running(stack.enter_context(built())))
        for trip in ROUND_TRIPS:
            proxy = stack.enter_context(DelayProxy(("127.0.0.1", sink.port), trip / 2))
            for name in APPLICATIONS:
                with served(name, folder / f"{name}-{trip}", proxy.port) as url:
                    took = asyncio.run(measured(url, requests))
                percentiles = quantiles(took, n=PERCENT)
                middle[trip, name] = percentiles[49]
                shown = f"{percentiles[49]:>8.1f} {percentiles[98]:>8.1f}"
                print(f"{trip * 1000:>22.0f} ms {name:>12} {shown}", flush=True)
    goals = Goals()
    near, far = (middle[trip, "outbox"] for trip in ROUND_TRIPS)
    goals.at_most(
        "outbox: p50 far away / near, so that no request waits for the server", far / near, 1.5
    )
    ratio = middle[ROUND_TRIPS[1], "outbox"] / middle[ROUND_TRIPS[1], "inline"]
    goals.at_most("far away: p50 with the outbox / without", ratio, 0.5)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
