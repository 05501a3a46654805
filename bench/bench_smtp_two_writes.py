"""What does an email cost where the server offers PIPELINING alone, and from threads?

    python bench/bench_smtp_two_writes.py [--quick]

Most servers offer PIPELINING without CHUNKING to a client of theirs, so that an email takes two
writes. passpost is measured beside the least that asyncio can do: the same two writes of bytes that
are ready, by a client that checks nothing and builds nothing. Then 10 threads that share one
blocking `Mailer` are measured beside 10 coroutines that share one `AsyncMailer`.

All clients run on one core, and the sink on the others. A thread that hands its work to one on
another core waits until the system has woken that core: in a virtual machine that takes longer than
all else that threads cost, and it takes as long for any program. What it adds is measured at the
end, with threads wherever the system puts them.

Clients take turns against one sink, in slices of some 30 ms, and each round gives one ratio. What
else the machine does hits both halves of a round nearly alike. A process is up to a fifth cheaper
or dearer for as long as it lives, by where it lies in memory and which core serves it. So all of
them are started several times. The median of the ratios counts, and the quartiles beside it say how
far one can trust it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Final, NamedTuple

import mails
import peers
import sink
from goals import Goals, machine, run
from sink import CannotRunError

AT_ONCE: Final = 10
WARM_UP: Final = 1000
SLICE: Final = 250
"""Emails of a client in one round."""
MICROSECONDS: Final = 1e6

Cost = Callable[[peers.Measured], float]


def cpu(measured: peers.Measured) -> float:
    """Return the microseconds of CPU for an email."""
    return measured.cpu / measured.mails * MICROSECONDS


def elapsed(measured: peers.Measured) -> float:
    """Return the microseconds that pass for an email."""
    return measured.seconds / measured.mails * MICROSECONDS


class Cores(NamedTuple):
    """The cores that processes run on."""

    clients: set[int]
    sink: set[int]


ALL: Final = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
ANYWHERE: Final = Cores(ALL, ALL)


def apart() -> Cores:
    """Return one core for clients, and the others for the sink, where there are any."""
    if len(ALL) == 1:
        return ANYWHERE
    return Cores({min(ALL)}, ALL - {min(ALL)})


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Have processes that are started meanwhile run on some cores alone."""
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ALL)


def compare(
    program: Path,
    clients: Sequence[peers.Client],
    effort: tuple[int, int],
    *,
    chunking: bool,
    cores: Cores,
) -> list[tuple[peers.Measured, peers.Measured]]:
    """Measure two clients by turns, in fresh processes several times.

    Args:
        program: The sink.
        clients: The two.
        effort: How often they are started, and how many rounds they go each time.
        chunking: Whether the sink offers CHUNKING.
        cores: Where they run.
    """
    starts, rounds = effort
    pairs = []
    for _ in range(starts):
        pairs += _compare_once(program, clients, rounds, chunking=chunking, cores=cores)
    return pairs


def _compare_once(
    program: Path,
    clients: Sequence[peers.Client],
    rounds: int,
    *,
    chunking: bool,
    cores: Cores,
) -> list[tuple[peers.Measured, peers.Measured]]:
    with ExitStack() as stack:
        with on(cores.sink):
            server = stack.enter_context(sink.running(program, chunking=chunking))
        job = peers.job(server.port, mails.TEXT, html=False)
        with on(cores.clients):
            ours, other = [stack.enter_context(client.running(job)) for client in clients]
        for client in (ours, other):
            client.send(WARM_UP, AT_ONCE)
        pairs = []
        for number in range(rounds):
            # Each begins in half of the rounds: the second finds the caches as the first left them.
            turn = (ours, other) if number % 2 else (other, ours)
            measured = {client: client.send(SLICE, AT_ONCE) for client in turn}
            pairs.append((measured[ours], measured[other]))
        return pairs


def report(
    what: str,
    clients: Sequence[peers.Client],
    pairs: list[tuple[peers.Measured, peers.Measured]],
    cost: Cost,
) -> float:
    """Print both costs and their ratio, and return the median of the ratio."""
    print(f"\n{what}")
    print(f"{'':<24}{'least':>9}{'quarter':>9}{'median':>9}{'quarter':>9}{'most':>9}")
    first, second = [cost(one) for one, _ in pairs], [cost(other) for _, other in pairs]
    ratios = [one / other for one, other in zip(first, second, strict=True)]
    for name, figures in ((clients[0].name, first), (clients[1].name, second), ("ratio", ratios)):
        digits = 2 if name == "ratio" else 1
        shown = (min(figures), *quantiles(figures, n=4), max(figures))
        print(f"{name:<24}" + "".join(f"{figure:>9.{digits}f}" for figure in shown))
    return quantiles(ratios, n=4)[1]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Emails in two writes, and from threads.")
    parser.add_argument("--quick", action="store_true", help="fewer emails")
    options = parser.parse_args()
    effort = (6, 8) if options.quick else (20, 16)
    goals = Goals()
    print(f"{machine()}; Python {sys.version.split()[0]}")
    if not ALL:
        raise CannotRunError("this system does not say which core a process runs on")
    with sink.built() as program:
        _two_writes(program, effort, goals)
        _from_threads(program, effort, goals)
    goals.report()


def _two_writes(program: Path, effort: tuple[int, int], goals: Goals) -> None:
    clients = (peers.PASSPOST, peers.BARE_PIPELINED)
    pairs = compare(program, clients, effort, chunking=False, cores=apart())
    what = "PIPELINING alone, unencrypted, 10 at a time, µs of CPU for an email"
    goals.at_most("PIPELINING alone, x the bare client", report(what, clients, pairs, cpu), 1.5)


def _from_threads(program: Path, effort: tuple[int, int], goals: Goals) -> None:
    clients = (peers.PASSPOST_BLOCKING, peers.PASSPOST)
    pairs = compare(program, clients, effort, chunking=True, cores=apart())
    report("10 threads, CHUNKING, unencrypted, µs of CPU for an email", clients, pairs, cpu)
    ratio = report("the same, µs that pass for an email", clients, pairs, elapsed)
    goals.at_most("10 threads, x AsyncMailer in the time that passes", ratio, 1.3)
    pairs = compare(program, clients, effort, chunking=True, cores=ANYWHERE)
    report("the same, on all cores", clients, pairs, elapsed)


if __name__ == "__main__":
    sys.exit(run(main))
