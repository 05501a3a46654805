"""What every Python client of the benchmarks shares: its job, its orders, and what it measures.

A client is a process of its own. Its job is JSON in its only argument; then it takes orders, JSON
line by line on standard input, and answers each with a line on standard output. So that clients can
take turns, each waits for its next order with its connections open.
"""

from __future__ import annotations

import asyncio
import json
import queue
import resource
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from itertools import count
from typing import Any, Final, NamedTuple

_codes = count(100_000)


class Job(NamedTuple):
    """Where emails go, and what they say.

    Attributes:
        host: The server.
        port: Its port.
        authority: A file with the authority to trust; empty where there is no TLS.
        user: The name to sign in with; empty where nobody does.
        password: The password to sign in with.
        connections: Connections at once, at most.
        html: Whether the content is HTML.
        content: The content, with ``{{code}}`` where the code belongs.
    """

    host: str
    port: int
    authority: str
    user: str
    password: str
    connections: int
    html: bool
    content: str

    def context(self) -> ssl.SSLContext:
        """Return the one TLS context for all connections."""
        return ssl.create_default_context(cafile=self.authority)

    def filled_in(self, code: str) -> str:
        """Return the content with a code in it."""
        return self.content.replace("{{code}}", code)

    def email(self, code: str) -> EmailMessage:
        """Return an email as the standard library builds it."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = SENDER
        mail["To"] = RECIPIENT
        mail["Subject"] = subject(code)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="example.com")
        mail.set_content(self.filled_in(code), subtype="html" if self.html else "plain")
        return mail


SENDER: Final = "Example <no-reply@example.com>"
RECIPIENT: Final = "ada@example.org"

Order = dict[str, Any]
"""``mails`` to send, ``at_once`` so many, and whether to give the seconds of ``each``."""


def subject(code: str) -> str:
    """Return the subject of an email with a code."""
    return f"Your code is {code}"


def next_code() -> str:
    """Return a code that no email has had."""
    return str(next(_codes))


def read_job() -> Job:
    """Read the job from the command line."""
    return Job(**json.loads(sys.argv[1]))


class Clock:
    """Measures one order, from its first email to its last."""

    def __init__(self, order: Order) -> None:
        self._each: list[float] | None = [] if order["each"] else None
        self._mails = order["mails"]
        self._cpu = _cpu()
        self._began = time.perf_counter()

    def timed(self, began: float) -> None:
        """Note that an email is through which began at that time."""
        if self._each is not None:
            self._each.append(time.perf_counter() - began)

    def stop(self) -> None:
        """Report what was measured."""
        seconds = time.perf_counter() - self._began
        report = {
            "mails": self._mails,
            "seconds": seconds,
            "cpu": _cpu() - self._cpu,
            "each": self._each or [],
        }
        print(json.dumps(report), flush=True)


def _cpu() -> float:
    """Return the CPU time of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


async def take_orders(send: Callable[[], Awaitable[Any]]) -> None:
    """Send as ordered, with coroutines, until there are no more orders."""
    print("ready", flush=True)
    # In a thread, so that idle connections are still served meanwhile.
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        turns = iter(range(order["mails"]))
        clock = Clock(order)
        await asyncio.gather(*(_send_in_turn(send, turns, clock) for _ in range(order["at_once"])))
        clock.stop()


async def _send_in_turn(
    send: Callable[[], Awaitable[Any]], turns: Iterator[int], clock: Clock
) -> None:
    for _ in turns:
        began = time.perf_counter()
        await send()
        clock.timed(began)


def take_orders_in_threads(connect: Callable[[], Callable[[], Any]], connections: int) -> None:
    """Send as ordered, with one thread for each connection; they live on, as those of a server do.

    Args:
        connect: Makes a connection, and gives the function that sends one email through it.
        connections: How many there are at most.
    """
    print("ready", flush=True)
    senders: list[Callable[[], Any]] = []
    with ThreadPoolExecutor(connections) as threads:
        for line in sys.stdin:
            order = json.loads(line)
            clock = Clock(order)
            at_once = min(order["at_once"], connections)
            turns: queue.SimpleQueue[int] = queue.SimpleQueue()
            for turn in range(order["mails"]):
                turns.put(turn)
            # Connecting is a part of the first order, as it is for all others.
            senders.extend(connect() for _ in range(at_once - len(senders)))
            jobs = [threads.submit(_send_all, sender, turns, clock) for sender in senders[:at_once]]
            for job in jobs:
                job.result()
            clock.stop()


def _send_all(send: Callable[[], Any], turns: queue.SimpleQueue[int], clock: Clock) -> None:
    while not turns.empty():
        try:
            turns.get_nowait()
        except queue.Empty:
            return
        began = time.perf_counter()
        send()
        clock.timed(began)
