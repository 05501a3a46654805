"""What does an outbox cost beside a plain task? Rates, CPU and waits, from enqueuing to acceptance.

    python bench/bench_outbox.py [--quick] [--where near|far] [--only WORDS] [--emails N]
        [--seconds N]

All ways send the same email to one SMTP server, a compiled program that notes when it accepted
which email. A way that loses an email or sends it twice is left out. The outbox keeps all of its
promises: Redis has ``appendfsync always``, PostgreSQL and SQLite commit to the disk, and RabbitMQ
has quorum queues. Plain tasks have Celery's own settings, and a connection for each email, as most
have.

``enqueue`` is of one process with 8 requests at a time. ``processed`` is what one worker process
sends of that long queue, 20 at a time. ``CPU`` is in microseconds for an email: of the process that
enqueues, of the worker, and of stores and brokers. Ways take turns, and medians count. Waits are
measured at a rate, with two worker processes; ``left`` is how long the queue is at the end, in
seconds.

``far`` puts 2 ms of round trip between each process and all stores and brokers; a file has none.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from statistics import median, quantiles
from typing import Final, NamedTuple

import attrs
import mails
import outbox_processes as processes
import outbox_servers
import sink
from goals import Goals, machine, run
from outbox_job import Job

from passpost_procrastinate import ProcrastinateEngine

MICROSECONDS: Final = 1e6
NANOSECONDS: Final = 1e9
MILLISECONDS: Final = 1e3
ONE_WAY: Final = 0.001
"""Seconds to a store or broker that is far."""

RATES: Final = (50, 200, 300)
WORKERS: Final = 2
LONGEST_QUEUE: Final = 0.5
"""Seconds of emails that may be under way where a queue does not grow."""


class Way(NamedTuple):
    """One way to bring emails to a worker; see `Job`."""

    name: str
    sends: str
    store: str
    engine: str
    broker: str

    @property
    def is_plain(self) -> bool:
        """Whether it is a task without an outbox."""
        return not self.store


WAYS: Final = (
    Way("worker, SQLite", "passpost", "sqlite", "", ""),
    Way("worker, Redis", "passpost", "redis", "", ""),
    Way("worker, PostgreSQL", "passpost", "postgres", "", ""),
    Way("Celery/Redis, Redis", "passpost", "redis", "celery", "broker"),
    Way("Celery/RabbitMQ, PostgreSQL", "passpost", "postgres", "celery", "rabbitmq"),
    Way("Procrastinate, PostgreSQL", "passpost", "postgres", "procrastinate", ""),
    Way("plain Celery/Redis, smtplib", "smtplib", "", "celery", "broker"),
    Way("plain Celery/Redis, Django", "django", "", "celery", "broker"),
    Way("plain Celery/RabbitMQ, smtplib", "smtplib", "", "celery", "rabbitmq"),
    Way("plain Celery/RabbitMQ, Django", "django", "", "celery", "rabbitmq"),
)


@attrs.frozen
class Plan:
    """How much is measured.

    Attributes:
        emails: Emails of one round.
        rounds: How often ways take turns.
        seconds: How long each rate lasts.
    """

    emails: int = 3000
    rounds: int = 3
    seconds: float = 15.0


QUICK: Final = Plan(emails=1000, rounds=2, seconds=5.0)


@attrs.frozen
class Queue:
    """What a worker process did with a long queue.

    Attributes:
        enqueued: Emails a second.
        processed: Likewise.
        producer: Microseconds of CPU for an email; so are the next two.
        worker: Of the worker process.
        servers: Of stores and brokers, while the worker sent.
    """

    enqueued: float
    processed: float
    producer: float
    worker: float
    servers: float


@attrs.frozen
class Waits:
    """How long emails took at a rate.

    Attributes:
        rate: Emails a second.
        middle: The median, in milliseconds.
        late: What 99 of 100 did not exceed.
        left: The queue at the end, in seconds.
    """

    rate: int
    middle: float
    late: float
    left: float


class Bench:
    """Measures ways, one distance at a time."""

    def __init__(
        self, servers: outbox_servers.Servers, arrivals: processes.Arrivals, port: int, *, far: bool
    ) -> None:
        self._servers = servers
        self._arrivals = arrivals
        self._port = port
        self._far = far
        self._pids = processes.children()
        self._numbers = count()
        self._first = 0

    def job(self, way: Way) -> Job:
        """Return a job with a store and a queue of its own."""
        number = next(self._numbers)
        stores = {
            "sqlite": str(self._servers.folder / f"outbox{number}.sqlite"),
            "redis": self._url(self._servers.redis),
        }
        store = stores.get(way.store, "")
        broker = self._url(getattr(self._servers, way.broker)) if way.broker else ""
        if way.store == "redis":
            self._servers.empty_redis()
        if way.store == "postgres":
            near, far = self._servers.database()
            store = far if self._far else near
        if way.engine == "procrastinate":
            broker = store
            asyncio.run(_tables(store))
        names = (way.sends, way.store, way.engine, store, broker, f"bench{number}")
        return Job(*names, self._port, mails.TEXT)

    def queue(self, way: Way, emails: int) -> Queue:
        """Enqueue emails, and have one worker process send them."""
        job = self.job(way)
        first = self._some(emails)
        arrived = self._arrivals.number()
        # The producer stays: RabbitMQ drops what it has not read when a connection ends.
        with processes.producing(job) as producer, ExitStack() as later:
            enqueued = producer.enqueue(first, emails)
            cpu = later.enter_context(processes.working(job, 1))
            # By then it has started, and all of its connections are open.
            self._arrivals.wait(arrived + emails // 4)
            before, servers = cpu(), self._servers_cpu()
            started = self._arrivals.number()
            self._arrivals.wait(arrived + emails)
            measured = arrived + emails - started
            worker = (cpu() - before) / measured
            served = (self._servers_cpu() - servers) / measured
        moments = sorted(self._arrivals.moments(first, emails).values())[emails // 4 :]
        return Queue(
            enqueued=emails / enqueued.seconds,
            processed=(len(moments) - 1) / (moments[-1] - moments[0]) * NANOSECONDS,
            producer=enqueued.cpu / emails * MICROSECONDS,
            worker=worker * MICROSECONDS,
            servers=served * MICROSECONDS,
        )

    def waits(self, way: Way, seconds: float) -> Iterator[Waits]:
        """Enqueue emails at each rate, with workers that wait for them."""
        job = self.job(way)
        with processes.producing(job) as producer, processes.working(job, WORKERS):
            warm_up = self._some(100)
            arrived = self._arrivals.number()
            producer.enqueue(warm_up, 100)
            self._arrivals.wait(arrived + 100)
            for rate in RATES:
                emails = int(rate * seconds)
                first = self._some(emails)
                arrived = self._arrivals.number()
                enqueued = producer.enqueue(first, emails, rate)
                self._arrivals.wait(arrived + emails)
                accepted = self._arrivals.moments(first, emails)
                took = [
                    (accepted[first + index] - moment) / NANOSECONDS * MILLISECONDS
                    for index, moment in enumerate(enqueued.moments)
                ]
                left = sum(moment > enqueued.moments[-1] for moment in accepted.values())
                yield Waits(rate, median(took), quantiles(took, n=100)[-1], left / rate)

    def _url(self, server: outbox_servers.Server) -> str:
        return server.far if self._far else server.url

    def _some(self, emails: int) -> int:
        first = self._first
        self._first += emails
        return first

    def _servers_cpu(self) -> float:
        return processes.cpu_of(*self._pids)


async def _tables(url: str) -> None:
    engine = ProcrastinateEngine(url)
    await engine.create_tables()
    await engine.aclose()


def measure(bench: Bench, ways: Sequence[Way], plan: Plan, goals: Goals, where: str) -> None:
    """Measure all ways at one distance, and print what was found."""
    queues: dict[Way, list[Queue]] = {way: [] for way in ways}
    for number in range(plan.rounds):
        for way in ways:
            try:
                found_now = bench.queue(way, plan.emails)
            except sink.CannotRunError as error:
                # Plain tasks may lose emails.
                print(f"{where}, round {number + 1}: {way.name} is left out: {error}", flush=True)
                continue
            queues[way].append(found_now)
            each = f"{found_now.processed:,.0f}/s, {found_now.worker:,.0f} µs in the worker"
            print(f"{where}, round {number + 1}: {way.name}: {each}; {machine()}", flush=True)
    queues = {way: found for way, found in queues.items() if len(found) == plan.rounds}
    print(f"\n{where}; {machine()}")
    print(f"{'emails a second, µs of CPU':<32}{'enqueue':>9}{'processed':>18}", end="")
    print(f"{'enqueue':>9}{'worker':>9}{'servers':>9}")
    for way, found in queues.items():
        rates = sorted(one.processed for one in found)
        shown = f"{median(rates):,.0f} ({rates[0]:,.0f}-{rates[-1]:,.0f})"
        cpu = (median(one.producer for one in found), median(one.worker for one in found))
        servers = median(one.servers for one in found)
        enqueued = median(one.enqueued for one in found)
        print(f"{way.name:<32}{enqueued:>9,.0f}{shown:>18}", end="")
        print(f"{cpu[0]:>9,.0f}{cpu[1]:>9,.0f}{servers:>9,.0f}", flush=True)
    _compare(queues, goals, where)
    print(f"\n{'ms, p50 and p99':<32}" + "".join(f"{f'{rate}/s':>26}" for rate in RATES))
    for way in queues:
        found_waits = list(bench.waits(way, plan.seconds))
        cells = (f"{one.middle:,.0f} {one.late:,.0f}, left {one.left:.2f} s" for one in found_waits)
        print(f"{way.name:<32}" + "".join(f"{cell:>26}" for cell in cells), flush=True)
        if not way.is_plain:
            what = f"{where}: {way.name}, queue at 300/s in s"
            goals.at_most(what, found_waits[-1].left, LONGEST_QUEUE)


def _compare(queues: dict[Way, list[Queue]], goals: Goals, where: str) -> None:
    """Compare each way with the fastest plain task, round by round.

    A task of Celery is compared with plain ones that have the same broker.
    """
    for way, found in queues.items():
        plain = [
            _processed(other)
            for one, other in queues.items()
            if one.is_plain and way.broker in ("", one.broker)
        ]
        if plain and not way.is_plain:
            fastest = map(max, zip(*plain, strict=True))
            pairs = zip(_processed(found), fastest, strict=True)
            ratio = median(own / other for own, other in pairs)
            goals.at_least(f"{where}: {way.name}, x the fastest plain task", ratio, 1.0)


def _processed(found: Sequence[Queue]) -> list[float]:
    return [one.processed for one in found]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The outbox beside plain tasks.")
    parser.add_argument("--quick", action="store_true", help="fewer emails")
    parser.add_argument("--where", choices=("near", "far", "both"), default="both")
    parser.add_argument("--only", default="", help="ways whose name contains this, and plain ones")
    parser.add_argument("--emails", type=int, help="emails of one round")
    parser.add_argument("--rounds", type=int, help="how often ways take turns")
    parser.add_argument("--seconds", type=float, help="how long each rate lasts")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    given = {name: getattr(options, name) for name in ("emails", "rounds", "seconds")}
    plan = attrs.evolve(plan, **{name: value for name, value in given.items() if value})
    ways = [way for way in WAYS if options.only in way.name or way.is_plain]
    goals = Goals()
    began = time.monotonic()
    with ExitStack() as stack:
        program = stack.enter_context(sink.built())
        servers = stack.enter_context(outbox_servers.running(ONE_WAY))
        for far in {"near": (False,), "far": (True,)}.get(options.where, (False, True)):
            stamps = servers.folder / f"stamps-{far}"
            with sink.running(program, stamps=stamps) as taken:
                arrivals = processes.Arrivals(taken, stamps)
                bench = Bench(servers, arrivals, taken.port, far=far)
                chosen = [way for way in ways if not (far and way.store == "sqlite")]
                measure(bench, chosen, plan, goals, "far" if far else "near")
    goals.report()
    print(f"{time.monotonic() - began:.0f} s; {machine()}")


if __name__ == "__main__":
    sys.exit(run(main))
