"""How many emails a second does the development inbox take, and how fast is its list when full?

    python bench/bench_inbox.py [--quick]

passpost sends from a process of its own, 50 at a time. Then the inbox is filled to 100,000 emails,
and its list, a search and a request of the API are timed from a browser's point of view: over HTTP.
Mailpit does the same where ``mailpit`` is on the path; otherwise that is said.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from statistics import median
from threading import Event, Thread
from typing import Final

import httpx

from passpost_console.addresses import listen
from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Emails
from passpost_console.inbox_site import InboxSite
from passpost_console.server import Launched

WANTED_RATE: Final = 2_000
WANTED_LIST: Final = 100.0
FULL: Final = 100_000
TIMES: Final = 15

SENDER: Final = """
import asyncio, sys, time
import passpost

async def main(port, count):
    settings = {"host": "127.0.0.1", "port": port, "ignoreTLS": True, "fromEmail": "a@example.com",
                "templates": [{"usageType": "SignIn", "subject": "Your code",
                               "content": "Your code is {{code}}.", "contentType": "text/plain"}]}
    async with passpost.AsyncMailer(passpost.Host().configure("smtp", settings)) as mailer:
        async def send(count):
            left = iter(range(count))
            async def worker():
                for number in left:
                    await mailer.send(passpost.Message(
                        to=f"u{number}@example.com", usage="SignIn", payload={"code": "123456"}))
            await asyncio.gather(*(worker() for _ in range(50)))
        await send(500)
        begin = time.perf_counter()
        await send(count)
        print(count / (time.perf_counter() - begin))

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


def rate(port: int, count: int) -> float:
    """Return how many emails a second passpost sends to a port."""
    done = subprocess.run(
        [sys.executable, "-c", SENDER, str(port), str(count)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def milliseconds(client: httpx.Client, path: str) -> float:
    """Return the median time of a request."""
    taken = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        client.get(path).raise_for_status()
        taken.append((time.perf_counter() - begin) * 1_000)
    return median(taken)


def fill(emails: Emails, count: int) -> None:
    """Add emails until there are so many."""
    body = b"From: Example <a@example.com>\r\nSubject: Your code\r\n\r\nYour code is 123456.\r\n"
    for number in range(len(emails), count):
        emails.add("smtp", "a@example.com", (f"u{number}@example.com",), body)


def main(*, quick: bool) -> None:
    """Measure, and print."""
    token = "token-of-the-benchmark"  # noqa: S105 - of a server that lives for seconds
    with Inbox(listen("127.0.0.1", 0), token=token) as inbox:
        rates = [rate(inbox.port, 2_000 if quick else 10_000) for _ in range(3)]
        shown = ", ".join(f"{one:,.0f}" for one in rates)
        print(f"emails/s from passpost: {shown} (goal: {WANTED_RATE:,})")
        fill(inbox.emails, FULL)
        ready = Event()
        launched = Launched(
            lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts), listen("127.0.0.1", 0)
        )
        serving = Thread(target=launched.serve, args=(ready.set,))
        serving.start()
        ready.wait()
        with httpx.Client(
            base_url=launched.origin, headers={"authorization": f"Bearer {token}"}, timeout=60
        ) as client:
            client.get(launched.link)
            for name, path in (
                ("list", "/inbox"),
                ("search that finds nothing", "/inbox?q=nothing-of-this"),
                ("API, one recipient", "/api/emails?to=u99999@example.com"),
            ):
                taken = milliseconds(client, path)
                print(f"{name} with {len(inbox.emails):,} emails: {taken:.1f} ms")
        print(f"(goal: the list in under {WANTED_LIST:.0f} ms)")
        launched.stop()
        serving.join()
    _beside_mailpit(2_000 if quick else 10_000)


def _beside_mailpit(count: int) -> None:
    program = shutil.which("mailpit")
    if program is None:
        print("Mailpit: not measured, since there is no `mailpit` on the path")
        return
    ports = []
    for _ in range(2):
        with listen("127.0.0.1", 0) as free:
            ports.append(free.getsockname()[1])
    smtp, http = ports
    arguments = ["--smtp", f"127.0.0.1:{smtp}", "--listen", f"127.0.0.1:{http}", "--max", str(FULL)]
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            time.sleep(2)
            print(f"Mailpit: emails/s from passpost: {rate(smtp, count):,.0f}")
            with httpx.Client(base_url=f"http://127.0.0.1:{http}") as client:
                print(f"Mailpit: list: {milliseconds(client, '/api/v1/messages'):.1f} ms")
        finally:
            process.terminate()


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
