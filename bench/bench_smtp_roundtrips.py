"""How many round trips does an email take? Through a proxy that makes loopback long, to a Postfix.

    python bench/bench_smtp_roundtrips.py [--quick]

Measured are the time of an email on a warm connection, divided by the time of a round trip, for
passpost with all, some and none of the extensions that help, and for its peers; then the first
email of all, with STARTTLS and AUTH, step by step beside the round trips that each step needs by
the standards. The round trip is not the one asked for but the one measured through the same proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import mails
import peers
import postfix
from goals import Goals, machine, run

import passpost
from passpost._delivery.compose import Composer
from passpost._delivery.identity import SendIdentity
from passpost_smtp.context import SessionContext, prepare_context
from passpost_smtp.mime import MailBuilder
from passpost_smtp.opening import Opening
from passpost_smtp.pooled_connection import PooledConnection
from passpost_smtp.transaction import Transaction
from pytest_passpost import DelayProxy

ROUND_TRIPS: Final = (0.020, 0.050, 0.100)
COLD: Final = 0.050
MAILS: Final = 20

FORMS: Final = (
    ("CHUNKING and PIPELINING", "port", 1.15),
    ("PIPELINING alone", "pipelining_port", 2.2),
    ("neither", "plain_port", 4.3),
)

PEERS: Final = (peers.NODEMAILER_NEW, peers.NODEMAILER_POOL, peers.AIOSMTPLIB, peers.SMTPLIB)
COLD_PEERS: Final = (peers.NODEMAILER_NEW, peers.AIOSMTPLIB, peers.SMTPLIB, peers.DJANGO)

FLOORS: Final = {
    # TCP's handshake is one round trip; the greeting comes one after its end.
    "starttls": {
        "connect, greeting": 2,
        "EHLO": 1,
        "STARTTLS": 1,
        "TLS handshake": 1,
        "EHLO again": 1,
        "AUTH": 1,
        "mail": 2,
    },
    "implicit": {"connect, TLS handshake": 2, "greeting": 1, "EHLO": 1, "AUTH": 1, "mail": 2},
}
"""Round trips that a step needs: TLS 1.3, the password in the AUTH command itself (RFC 4954), and
for the first email to a server a chunk that shows whether it masters BDAT, then the rest. EHLO and
AUTH end a batch of commands (RFC 2920)."""

STEPS: Final = {
    "starttls": {
        ("resolve", "connect", "greeting"): "connect, greeting",
        ("ehlo",): "EHLO",
        ("starttls",): "STARTTLS",
        ("tls",): "TLS handshake",
        ("ehlo again",): "EHLO again",
        ("auth",): "AUTH",
        ("mail",): "mail",
    },
    "implicit": {
        ("resolve", "connect", "tls"): "connect, TLS handshake",
        ("greeting",): "greeting",
        ("ehlo",): "EHLO",
        ("auth",): "AUTH",
        ("mail",): "mail",
    },
}


@contextmanager
def link(port: int, round_trip: float) -> Iterator[tuple[int, float]]:
    """Put a distance before a port; gives the port to use, and the round trip as it really is."""
    with _echo() as echo, DelayProxy(("127.0.0.1", echo), round_trip / 2) as proxy:
        real = _measured(proxy.port)
    with DelayProxy(("127.0.0.1", port), round_trip / 2, handshake=True) as proxy:
        yield proxy.port, real


@contextmanager
def _echo() -> Iterator[int]:
    """Run a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                while octets := sock.recv(100):
                    sock.sendall(octets)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _measured(port: int) -> float:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        times = []
        for _ in range(11):
            began = time.perf_counter()
            sock.sendall(b"NOOP\r\n")
            sock.recv(100)
            times.append(time.perf_counter() - began)
    return median(times[1:])


def per_mail(client: peers.Client, port: int, mails_each: int) -> float:
    """Return the seconds of an email, once the client has its connection."""
    with client.running(peers.job(port, mails.TEXT, html=False)) as running:
        running.send(2, 1)
        return median(running.send(mails_each, 1, each=True).each)


def warm(server: postfix.Postfix, mails_each: int, goals: Goals) -> None:
    """Measure passpost with what the server offers."""
    print(f"\nA warm connection, unencrypted: round trips of one email, median of {mails_each}")
    print(
        f"{'passpost, server with':<28}"
        + "".join(f"{trip * 1000:>9.0f} ms" for trip in ROUND_TRIPS)
    )
    for name, port, goal in FORMS:
        cells = ""
        for round_trip in ROUND_TRIPS:
            with link(getattr(server, port), round_trip) as (through, real):
                ratio = per_mail(peers.PASSPOST, through, mails_each) / real
            cells += f"{ratio:>12.2f}"
            goals.at_most(f"{name}, {round_trip * 1000:.0f} ms", ratio, goal)
        print(f"{name:<28}{cells}")


def beside(server: postfix.Postfix, mails_each: int) -> None:
    """Measure the peers, who may use all that the server offers."""
    print("the peers, all extensions on offer")
    for client in peers.available(PEERS):
        cells = ""
        for round_trip in ROUND_TRIPS:
            with link(server.port, round_trip) as (through, real):
                cells += f"{per_mail(client, through, mails_each) / real:>12.2f}"
        print(f"{client.name:<28}{cells}")


class Timed(Opening):
    """An opening that notes when each of its steps begins."""

    def __init__(self, context: SessionContext, deadline: float) -> None:
        self.marks: list[tuple[str, float]] = []
        super().__init__(context, deadline)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "phase":
            greeted_before = value == "ehlo" and any(mark == "ehlo" for mark, _ in self.marks)
            name_of_step = "ehlo again" if greeted_before else value
            self.marks.append((name_of_step, time.perf_counter()))
        super().__setattr__(name, value)


async def first_mail(settings: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of each step of a first email."""
    connector = passpost.Host().configure("smtp", settings)
    config: Any = connector.config
    message = passpost.Message(to="ada@example.org", usage="SignIn", payload={"code": "123456"})
    mail = Composer(connector).compose(message, SendIdentity.of(message))
    context = await asyncio.to_thread(prepare_context, config, set[str]().add)
    loop = asyncio.get_running_loop()
    opening = Timed(context, loop.time() + 60)
    await opening.run()
    marks = [*opening.marks, ("mail", time.perf_counter())]
    offer = opening.offer
    built = MailBuilder(config.from_email, None, {}).build(
        mail, eight_bit=offer.eight_bit, smtputf8=offer.smtputf8
    )
    carrier = PooledConnection(opening.connection, offer, loop.time())
    await Transaction(context, carrier, built, loop.time() + 60).run("proving")
    marks.append(("end", time.perf_counter()))
    await opening.connection.close()
    return _lasted(marks)


def _lasted(marks: list[tuple[str, float]]) -> dict[str, float]:
    lasted: dict[str, float] = {}
    for (name, began), (_, ended) in pairwise(marks):
        lasted[name] = lasted.get(name, 0.0) + ended - began
    return lasted


def cold_settings(port: int, authority: str, security: str) -> dict[str, Any]:
    """Return the connector's settings."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "secure": security == "implicit",
        "fromEmail": "Example <no-reply@example.com>",
        "auth": {"user": peers.USER, "pass": peers.PASSWORD},
        "tls": {"ca": Path(authority).read_text("ascii")},
        "templates": [
            {"usageType": "SignIn", "subject": "{{code}}", "content": mails.TEXT},
        ],
    }


def cold(server: postfix.Postfix, rounds: int, goals: Goals) -> None:
    """Measure the first email step by step."""
    ports = {"starttls": server.port, "implicit": server.tls_port}
    names = {"starttls": "STARTTLS and AUTH", "implicit": "TLS from the start, and AUTH"}
    for security, port in ports.items():
        with link(port, COLD) as (through, real):
            settings = cold_settings(through, server.authority, security)
            # Before the first of them Postfix starts a process, which is not the distance's doing.
            runs = [asyncio.run(first_mail(settings)) for _ in range(rounds + 1)][1:]
        print(f"\nThe first email, {names[security]}, {COLD * 1000:.0f} ms")
        print(f"{'step':<28}{'round trips':>12}{'needed':>12}")
        total = 0.0
        for phases, step in STEPS[security].items():
            trips = median(sum(each.get(phase, 0.0) for phase in phases) for each in runs) / real
            total += trips
            print(f"{step:<28}{trips:>12.2f}{FLOORS[security][step]:>12}")
        floor = sum(FLOORS[security].values())
        print(f"{'all':<28}{total:>12.2f}{floor:>12}")
        goals.at_most(f"first email, {names[security]}, beyond what is needed", total - floor, 0.5)


def cold_peers(server: postfix.Postfix) -> None:
    """Measure the first email of the peers."""
    print("the whole of it, STARTTLS and AUTH, as seen by the application")
    for client in (peers.PASSPOST, *peers.available(COLD_PEERS)):
        with link(server.port, COLD) as (through, real):
            job = peers.job(through, mails.TEXT, html=False, authority=server.authority)
            with client.running(job) as running:
                print(f"{client.name:<28}{running.send(1, 1).seconds / real:>12.2f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Round trips of an email.")
    parser.add_argument("--quick", action="store_true", help="fewer emails")
    options = parser.parse_args()
    goals = Goals()
    mails_each = 7 if options.quick else MAILS
    print(f"{machine()}; {peers.versions()}")
    with postfix.running() as server:
        warm(server, mails_each, goals)
        beside(server, mails_each)
        cold(server, 3 if options.quick else 7, goals)
        cold_peers(server)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
