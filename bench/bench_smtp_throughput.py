"""How many emails a second, at what cost? The whole path to a server that takes all and keeps none.

    python bench/bench_smtp_throughput.py [--quick | --soak]

Every client is a process of its own and sends the same email, 10 and 50 at a time over at most 5
connections; the sink is a compiled program in another process. passpost does the whole path: it
validates the message, picks the template, renders, builds and sends. Its peers are handed the text
with the code put in. Connections are kept, except by ``nodemailer, new``.

``fresh`` are the first emails of a fresh process, connecting included, loading the program not.
``steady`` are those that follow once it has warmed up. Clients take turns, and medians count, so
that what else the machine does hits all of them. ``CPU`` is what the client's process used, by all
its threads; ``x`` says how many times as many emails passpost on asyncio sends in the same time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import attrs
import mails
import peers
import sink
from goals import Goals, machine, run

CLIENTS: Final = (
    peers.PASSPOST,
    peers.PASSPOST_UVLOOP,
    peers.NODEMAILER_POOL,
    peers.NODEMAILER_NEW,
    peers.AIOSMTPLIB,
    peers.SMTPLIB,
    peers.DJANGO,
    peers.SMTP_SOURCE,
    peers.BARE,
    peers.BARE_UVLOOP,
)

MICROSECONDS: Final = 1e6
MEGA: Final = 1e6

SOAK: Final = 100_000
SOAK_WARM_UP: Final = 20_000
MOST_GROWTH: Final = 2.0
"""Megabytes by which memory may differ between two moments without having grown."""


@attrs.frozen
class Plan:
    """How much is measured.

    Attributes:
        fresh: Emails that count as a fresh process's first.
        repeats: How many fresh processes each client starts.
        warm_up: Emails before the steady ones.
        rounds: How often clients take turns.
        mails: Steady emails in one round.
        most_seconds: A client that is slower sends fewer emails in a round.
        at_once: How many emails are under way at a time.
    """

    fresh: int = 2000
    repeats: int = 3
    warm_up: int = 3000
    rounds: int = 4
    mails: int = 5000
    most_seconds: float = 5.0
    at_once: tuple[int, ...] = (10, 50)

    def in_one_round(self, fresh: peers.Measured) -> int:
        """Return the emails of a round for a client that was so fast when it was fresh."""
        return min(self.mails, max(200, int(self.most_seconds * _rate(fresh))))


QUICK: Final = Plan(
    fresh=1000, repeats=3, warm_up=1000, rounds=3, mails=1000, most_seconds=3.0, at_once=(10,)
)


@attrs.frozen
class Case:
    """One way to send: what, how, and how many at a time."""

    kind: str
    tls: bool
    at_once: int

    def __str__(self) -> str:
        size = len(mails.KINDS[self.kind])
        security = "STARTTLS and AUTH" if self.tls else "unencrypted"
        return f"{self.kind} of {size} octets, {security}, {self.at_once} at a time"


@attrs.frozen
class Row:
    """What one client reached in one case."""

    client: peers.Client
    fresh: Sequence[peers.Measured]
    steady: Sequence[peers.Measured]

    @property
    def fresh_rate(self) -> float:
        """Emails per second of a fresh process."""
        return median(map(_rate, self.fresh))

    @property
    def steady_rate(self) -> float:
        """Emails per second once warmed up."""
        return median(map(_rate, self.steady))

    @property
    def fresh_cpu(self) -> float:
        """Microseconds of CPU for an email of a fresh process."""
        return median(map(_cpu, self.fresh))

    @property
    def steady_cpu(self) -> float:
        """Microseconds of CPU for an email once warmed up."""
        return median(map(_cpu, self.steady))

    @property
    def peak(self) -> str:
        """The largest memory in megabytes, for the table."""
        peak = max(each.peak for each in (*self.fresh, *self.steady)) / MEGA
        return f"{peak:>6.0f}" if peak and self.client.own_memory else f"{'-':>6}"


def _rate(measured: peers.Measured) -> float:
    return measured.mails / measured.seconds


def _cpu(measured: peers.Measured) -> float:
    return measured.cpu / measured.mails * MICROSECONDS


def measure(program: Path, case: Case, clients: Iterable[peers.Client], plan: Plan) -> list[Row]:
    """Have all clients send, by turns."""
    able = [client for client in clients if client.speaks_tls or not case.tls]
    with sink.running(program, tls=case.tls) as server, ExitStack() as stack:
        content, html = mails.KINDS[case.kind], case.kind == "HTML"
        job = peers.job(server.port, content, html=html, authority=server.authority)
        rows = {client: Row(client, [], []) for client in able}
        for client in able * (plan.repeats - 1):
            with client.running(job) as fresh:
                _append(rows[client].fresh, fresh.send(plan.fresh, case.at_once))
        running = []
        for client in able:
            process = stack.enter_context(client.running(job))
            _append(rows[client].fresh, process.send(plan.fresh, case.at_once))
            running.append(process)
        warm_up = sum(_warm_up(process, rows, plan, case) for process in running)
        for process in running * plan.rounds:
            row = rows[process.client]
            count = plan.in_one_round(row.fresh[-1])
            _append(row.steady, process.send(count, case.at_once))
        _check(server, rows.values(), warm_up, len(content))
    return list(rows.values())


def _append(measured: Sequence[peers.Measured], one: peers.Measured) -> None:
    assert isinstance(measured, list)
    measured.append(one)


def _warm_up(process: peers.Running, rows: dict[peers.Client, Row], plan: Plan, case: Case) -> int:
    count = min(plan.warm_up, plan.in_one_round(rows[process.client].fresh[-1]))
    return process.send(count, case.at_once).mails


def _check(server: sink.Sink, rows: Iterable[Row], warm_up: int, length: int) -> None:
    """See that the sink has got every email, and the whole of it."""
    sent = warm_up + sum(each.mails for row in rows for each in (*row.fresh, *row.steady))
    taken, octets = server.taken()
    assert taken == sent, f"{sent} emails were sent, and {taken} arrived"
    assert octets >= sent * length, f"the emails that arrived are too short: {octets} octets"


def report(case: Case, rows: Sequence[Row]) -> None:
    """Print the table of one case."""
    ours = rows[0]
    print(f"\n{case}")
    print(
        f"{'':<20}{'fresh/s':>9}{'x':>6}{'CPU µs':>8}{'steady/s':>10}{'x':>6}{'CPU µs':>8}{'MB':>6}"
    )
    for row in rows:
        print(
            f"{row.client.name:<20}"
            f"{row.fresh_rate:>9,.0f}{ours.fresh_rate / row.fresh_rate:>6.1f}{row.fresh_cpu:>8.0f}"
            f"{row.steady_rate:>10,.0f}{ours.steady_rate / row.steady_rate:>6.1f}"
            f"{row.steady_cpu:>8.0f}{row.peak}"
        )


def judge(case: Case, rows: Sequence[Row], goals: Goals) -> None:
    """Compare one case with its goals."""
    by_client = {row.client: row for row in rows}
    ours, uvloop = by_client[peers.PASSPOST], by_client.get(peers.PASSPOST_UVLOOP)
    pool, new = by_client.get(peers.NODEMAILER_POOL), by_client.get(peers.NODEMAILER_NEW)
    if pool is not None:
        goals.at_least(
            f"{case}: fresh, x nodemailer's pool", ours.fresh_rate / pool.fresh_rate, 4.5
        )
        ratio = ours.steady_rate / pool.steady_rate
        goals.at_least(f"{case}: steady, asyncio, x nodemailer's pool", ratio, 1.7)
    if pool is not None and uvloop is not None:
        ratio = uvloop.steady_rate / pool.steady_rate
        goals.at_least(f"{case}: steady, uvloop, x nodemailer's pool", ratio, 3)
    if new is not None and case.tls:
        goals.at_least(f"{case}: fresh, x nodemailer", ours.fresh_rate / new.fresh_rate, 10)
        goals.at_least(f"{case}: steady, x nodemailer", ours.steady_rate / new.steady_rate, 10)
    if case.kind == "text" and not case.tls:
        goals.at_most(f"{case}: steady, asyncio, µs of CPU", ours.steady_cpu, 150)
        if uvloop is not None:
            goals.at_most(f"{case}: steady, uvloop, µs of CPU", uvloop.steady_cpu, 85)


def soak(program: Path, goals: Goals) -> None:
    """See whether memory stays as it is over many emails."""
    print("\nPeak memory in megabytes after so many thousand emails, 50 at a time")
    for client in peers.available((peers.PASSPOST, peers.PASSPOST_UVLOOP)):
        for kind, content in mails.KINDS.items():
            with sink.running(program) as server:
                job = peers.job(server.port, content, html=kind == "HTML")
                with client.running(job) as process:
                    steps = range(SOAK_WARM_UP, SOAK + 1, SOAK_WARM_UP)
                    peaks = [process.send(SOAK_WARM_UP, 50).peak / MEGA for _ in steps]
            shown = "  ".join(
                f"{step // 1000}: {peak:.1f}" for step, peak in zip(steps, peaks, strict=True)
            )
            print(f"{client.name:<20}{kind:<6}{shown}")
            growth = peaks[-1] - peaks[0]
            what = f"{client.name}, {kind}, growth over {SOAK:,} emails, MB"
            goals.at_most(what, growth, MOST_GROWTH)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Emails a second, and what they cost.")
    parser.add_argument("--quick", action="store_true", help="fewer emails, 10 at a time only")
    parser.add_argument("--soak", action="store_true", help="only memory over 100,000 emails")
    options = parser.parse_args()
    plan, goals = QUICK if options.quick else Plan(), Goals()
    print(f"{machine()}; {peers.versions()}")
    with sink.built() as program:
        if not options.soak:
            _all_cases(program, plan, goals)
        if not options.quick:
            soak(program, goals)
    goals.report()


def _all_cases(program: Path, plan: Plan, goals: Goals) -> None:
    clients = peers.available(CLIENTS)
    for kind in mails.KINDS:
        for tls in (False, True):
            for at_once in plan.at_once:
                case = Case(kind, tls, at_once)
                rows = measure(program, case, clients, plan)
                report(case, rows)
                judge(case, rows, goals)


if __name__ == "__main__":
    sys.exit(run(main))
