"""The processes of one way in ``bench_outbox.py``, and the CPU that they use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, cast

import attrs
from sink import CannotRunError, Sink

_CLIENTS: Final = Path(__file__).with_name("clients")
sys.path.append(str(_CLIENTS))

from outbox_job import AT_ONCE, Job  # noqa: E402 - of the folder above

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAUSE: Final = 0.02
_PATIENCE: Final = 120.0
_CELERY: Final = (
    *("-m", "celery", "-A", "outbox_celery", "worker", "-P", "threads", "-c", str(AT_ONCE)),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"),
)


class Arrivals:
    """What the sink has accepted."""

    def __init__(self, sink: Sink, stamps: Path) -> None:
        self._sink = sink
        self._stamps = stamps

    def number(self) -> int:
        """Return how many emails it has accepted so far."""
        return self._sink.taken()[0]

    def wait(self, number: int) -> None:
        """Wait until it has accepted some number of emails in all.

        Raises:
            CannotRunError: Nothing arrived for a long time.
        """
        last, since = self.number(), time.monotonic()
        while last < number:
            time.sleep(_PAUSE)
            now = self.number()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                raise CannotRunError(f"{number - last} emails did not arrive")

    def moments(self, first: int, emails: int) -> dict[int, int]:
        """Return when each email of a range was accepted, once it is checked that none is missing.

        Raises:
            CannotRunError: One was sent twice, or not at all.
        """
        self.number()
        found: dict[int, int] = {}
        copies: Counter[int] = Counter()
        for line in self._stamps.read_text("ascii").splitlines():
            recipient, moment = line.split()
            number = int(recipient[1:])
            if first <= number < first + emails:
                found.setdefault(number, int(moment))
                copies[number] += 1
        twice = sum(number > 1 for number in copies.values())
        if twice or len(found) < emails:
            raise CannotRunError(f"{emails - len(found)} were lost, {twice} sent twice")
        return found


@attrs.frozen
class Enqueued:
    """What a producer did.

    Attributes:
        seconds: How long it took.
        cpu: The seconds of CPU that it used.
        moments: When each email was enqueued, or should have been, in nanoseconds.
    """

    seconds: float
    cpu: float
    moments: Sequence[int]


class Producer:
    """A process that enqueues emails."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read()

    def enqueue(self, first: int, emails: int, per_second: float | None = None) -> Enqueued:
        """Have some emails enqueued."""
        order = {"first": first, "emails": emails, "per_second": per_second}
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return Enqueued(**json.loads(self._read()))

    def _read(self) -> str:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise CannotRunError("the producer gave up; its words are above")
        return line


@contextmanager
def producing(job: Job) -> Iterator[Producer]:
    """Run a producer."""
    with subprocess.Popen(
        [sys.executable, "outbox_producer.py"], cwd=_CLIENTS, env=job.environ(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield Producer(process)
        finally:
            process.kill()


@contextmanager
def working(job: Job, number: int) -> Iterator[Callable[[], float]]:
    """Run some worker processes; return what tells the CPU that they have used so far."""
    command = ["outbox_worker.py"]
    if job.engine == "celery":
        command = [*_CELERY, "-Q", job.queue]
    started = [_started(job, [*command, *_name(job, index)]) for index in range(number)]
    try:
        yield lambda: sum(cpu_of(process.pid) for process in started)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def _name(job: Job, index: int) -> list[str]:
    return ["-n", f"worker{index}@%h"] if job.engine == "celery" else []


def _started(job: Job, command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *command], cwd=_CLIENTS, env=job.environ(), stdout=subprocess.DEVNULL
    )


def children() -> set[int]:
    """Return the processes that this one has started, and that still run."""
    return set(_children(os.getpid()))


def cpu_of(*pids: int) -> float:
    """Return the seconds of CPU that processes have used, and all that they have started."""
    return sum(_cpu(pid) for pid in pids)


def _cpu(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        # The name of the program, which may contain anything, ends with the last parenthesis.
        fields: Any = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        own = sum(map(int, fields[11:15])) / _TICK
        return own + sum(_cpu(child) for child in _children(pid))
    return 0.0


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            yield from map(int, (task / "children").read_text("ascii").split())
