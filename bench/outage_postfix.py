"""What does an outage cost? Two Postfix: the first fails under load, and the second helps out.

    python bench/outage_postfix.py [--quick] [--scenario NAME] [--how tasks|threads]

200 emails a second are sent through a mailer with two connectors, by tasks on `AsyncMailer` or by
200 threads on `Mailer`. In the middle the first server is stopped, killed, paused, or told to
reject, and comes back later. Then the receipts are compared with what the two servers have kept, by
recipient and Message-ID. ``lost``: there is a receipt, and no email. ``doubled``: a recipient has
two emails. ``ghosts``: the send was rejected, and there is an email. ``unknown`` may be only what
was on a connection when it failed.

Times are those from the call to the receipt. A thread that waits sends its next email later.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import signal
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Any, Final

import attrs
import mails
import postfix
from goals import Goals, machine, run

import passpost

CONNECTIONS: Final = 5
THREADS: Final = 200
ON_CONNECTIONS: Final = 2 * CONNECTIONS
"""Emails at most that a server's end leaves unknown: one may follow another on each connection."""

_MESSAGE_ID: Final = re.compile(rb"Message-ID: <([^>]+)>", re.IGNORECASE)
_RECIPIENT: Final = re.compile(rb"To: (user\d+@example\.test)")


@attrs.frozen
class Plan:
    """How long, how much, and when the first server fails.

    Attributes:
        rate: Emails a second.
        fails: When the first server fails: after the emails of that many seconds.
        returns: When it is back, counted in the same way.
        ends: Seconds until the last email is sent.
        policy: The delivery policy.
    """

    rate: int = 200
    fails: float = 5.0
    returns: float = 35.0
    ends: float = 45.0
    policy: Mapping[str, Any] = attrs.field(factory=lambda: {"breaker": {"recovery": 5}})


QUICK: Final = Plan(fails=1.0, returns=2.0, ends=4.0, policy={"breaker": {"recovery": 1}})


class Verdicts(socketserver.ThreadingTCPServer):
    """Tells Postfix what to reply to RCPT (its policy delegation protocol)."""

    daemon_threads = True
    request_queue_size = 100
    action = "DUNNO"
    """What it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Verdict)


class _Verdict(socketserver.StreamRequestHandler):
    """One smtpd."""

    def handle(self) -> None:
        """Answer until it leaves."""
        for line in self.rfile:
            if line == b"\n":
                assert isinstance(self.server, Verdicts)
                self.wfile.write(f"action={self.server.action}\n\n".encode())


@attrs.define(eq=False)
class Servers:
    """Both servers, and what the first one says."""

    first: postfix.Postfix
    second: postfix.Postfix
    verdicts: Verdicts


@attrs.frozen
class Scenario:
    """How the first server fails, and how it comes back."""

    fail: Callable[[Servers], object] = lambda servers: None
    come_back: Callable[[Servers], object] = lambda servers: None
    more: str = ""


def _says(action: str) -> Callable[[Servers], object]:
    return lambda servers: setattr(servers.verdicts, "action", action)


_THROTTLES: Final = """
smtpd_client_event_limit_exceptions =
anvil_rate_time_unit = 2s
smtpd_client_message_rate_limit = 100
smtpd_client_connection_count_limit = 2
"""

SCENARIOS: Final = {
    "no outage": Scenario(),
    "stopped": Scenario(
        lambda servers: servers.first.stop(), lambda servers: servers.first.start()
    ),
    "killed": Scenario(
        lambda servers: servers.first.stop(signal.SIGKILL), lambda servers: servers.first.start()
    ),
    "hanging": Scenario(
        lambda servers: servers.first.send(signal.SIGSTOP),
        lambda servers: servers.first.send(signal.SIGCONT),
    ),
    "says 451": Scenario(_says("451 4.3.0 Temporary lookup failure"), _says("DUNNO")),
    "says 421": Scenario(
        _says("421 4.7.0 Too many emails, try again in 5 seconds"), _says("DUNNO")
    ),
    "says 550": Scenario(_says("550 5.7.1 Relaying denied"), _says("DUNNO")),
    "throttles": Scenario(more=_THROTTLES),
}


@attrs.frozen
class Try:
    """What became of one email."""

    recipient: str
    at: float
    seconds: float
    outcome: str
    connector: str = ""
    message_id: str = ""
    words: str = ""


@attrs.define(eq=False)
class Load:
    """Emails under way, from one beginning on.

    Args:
        plan: How many, for how long.
    """

    plan: Plan
    began: float = attrs.field(factory=time.monotonic)
    tries: list[Try] = attrs.field(factory=list)
    _changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)
    _is_over: bool = attrs.field(default=False, init=False)

    def due(self, number: int) -> float:
        """Return the seconds until an email is due."""
        return self.began + number / self.plan.rate - time.monotonic()

    def message(self, number: int) -> passpost.Message:
        """Return an email of its own."""
        to = f"user{number}@example.test"
        return passpost.Message(to=to, usage="SignIn", payload={"code": f"{number:06}"})

    def note(
        self, number: int, called: float, result: passpost.Receipt | passpost.SendError
    ) -> None:
        """Note what became of an email."""
        seconds, to = time.monotonic() - called, f"user{number}@example.test"
        at = called - self.began
        if isinstance(result, passpost.Receipt):
            name, message_id = str(result.connector), str(result.message_id).strip("<>")
            noted = Try(to, at, seconds, "accepted", name, message_id)
        else:
            name = str(result.connector)
            noted = Try(to, at, seconds, result.outcome, name, words=str(result))
        with self._changed:
            self.tries.append(noted)
            self._changed.notify_all()

    def wait_until(self, seconds: float) -> None:
        """Wait until as many emails have ended as are due in some seconds, or all of them.

        A machine that is busy sends later, and fails at the same email all the same.
        """
        emails = int(self.plan.rate * seconds)
        with self._changed:
            self._changed.wait_for(lambda: len(self.tries) >= emails or self._is_over)

    def end(self) -> None:
        """Note that no email is under way any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


async def by_tasks(mailer: passpost.AsyncMailer, load: Load) -> None:
    """Send each email by a task of its own, when it is due."""

    async def send(number: int) -> None:
        called = time.monotonic()
        try:
            load.note(number, called, await mailer.send(load.message(number)))
        except passpost.SendError as error:
            load.note(number, called, error)

    async with mailer, asyncio.TaskGroup() as group:
        for number in range(int(load.plan.rate * load.plan.ends)):
            if (left := load.due(number)) > 0:
                await asyncio.sleep(left)
            group.create_task(send(number))


def by_threads(mailer: passpost.Mailer, load: Load) -> None:
    """Send from 200 threads; one that waits for its email sends its next one later."""

    def send(first: int) -> None:
        for number in range(first, int(load.plan.rate * load.plan.ends), THREADS):
            if (left := load.due(number)) > 0:
                time.sleep(left)
            called = time.monotonic()
            try:
                load.note(number, called, mailer.send(load.message(number)))
            except passpost.SendError as error:
                load.note(number, called, error)

    with mailer:
        threads = [threading.Thread(target=send, args=(first,)) for first in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def settings(servers: Servers, plan: Plan) -> dict[str, Any]:
    """Return the settings of an application with both servers."""

    def connector(server: postfix.Postfix) -> dict[str, Any]:
        own = {
            "host": "127.0.0.1",
            "port": server.port,
            "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
            "pool": {"maxConnections": CONNECTIONS},
        }
        return {"use": "smtp", "settings": own}

    return {
        "connectors": {"first": connector(servers.first), "second": connector(servers.second)},
        "templates": [{"usageType": "Generic", "subject": "Code", "content": mails.TEXT}],
        "delivery": plan.policy,
    }


def play(servers: Servers, scenario: Scenario, plan: Plan, *, threads: bool) -> Load:
    """Send while the first server fails and comes back."""
    given, load = settings(servers, plan), Load(plan)

    def happen() -> None:
        load.wait_until(plan.fails)
        scenario.fail(servers)
        load.wait_until(plan.returns)
        scenario.come_back(servers)

    outage = threading.Thread(target=happen)
    outage.start()
    try:
        if threads:
            by_threads(passpost.Mailer.from_settings(given), load)
        else:
            asyncio.run(by_tasks(passpost.AsyncMailer.from_settings(given), load))
    finally:
        load.end()
        outage.join()
    return load


@contextmanager
def both(scenario: Scenario) -> Iterator[Servers]:
    """Run both servers."""
    with Verdicts() as verdicts:
        threading.Thread(target=verdicts.serve_forever, daemon=True).start()
        port = verdicts.server_address[1]
        asks = f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{port}, permit"
        own = f"{postfix.KEEPING}\n{asks}\n{scenario.more}"
        with postfix.running(own) as first, postfix.running(postfix.KEEPING) as second:
            yield Servers(first, second, verdicts)
        verdicts.shutdown()


def arrived(server: postfix.Postfix) -> list[tuple[str, str]]:
    """Return recipient and Message-ID of all emails that a server has kept."""
    found = []
    for data in server.kept():
        message_id, recipient = _MESSAGE_ID.search(data), _RECIPIENT.search(data)
        assert message_id is not None
        assert recipient is not None
        found.append((recipient[1].decode(), message_id[1].decode()))
    return found


@attrs.frozen
class Outcome:
    """What one scenario came to."""

    load: Load
    kept: Sequence[tuple[str, str]]

    def of(self, outcome: str) -> list[Try]:
        """Return the emails with an outcome."""
        return [each for each in self.load.tries if each.outcome == outcome]

    @property
    def lost(self) -> int:
        """Receipts without an email."""
        kept = set(self.kept)
        return sum((each.recipient, each.message_id) not in kept for each in self.of("accepted"))

    @property
    def doubled(self) -> int:
        """Recipients with more than one email."""
        return sum(count > 1 for count in Counter(to for to, _ in self.kept).values())

    @property
    def ghosts(self) -> int:
        """Emails whose send was rejected."""
        kept = {to for to, _ in self.kept}
        return sum(each.recipient in kept for each in self.of("rejected"))


def measure(name: str, plan: Plan, *, threads: bool) -> Outcome:
    """Run one scenario.

    Raises:
        CannotRunError: There is no Postfix, or it does not start.
    """
    scenario = SCENARIOS[name]
    with both(scenario) as servers:
        load = play(servers, scenario, plan, threads=threads)
        return Outcome(load, [*arrived(servers.first), *arrived(servers.second)])


def report(name: str, how: str, outcome: Outcome) -> None:
    """Print one line of the table, and what the errors said."""
    accepted = outcome.of("accepted")
    times = sorted(each.seconds * 1_000 for each in accepted)
    by, cuts = Counter(each.connector for each in accepted), quantiles(times, n=100)
    counts = (len(outcome.load.tries), by["first"], by["second"])
    print(
        f"{name:<10} {how:<8}"
        + "".join(f"{count:>8}" for count in counts)
        + f"{len(outcome.of('rejected')):>9}{len(outcome.of('unknown')):>8}"
        + f"{outcome.lost:>5}{outcome.doubled:>8}{outcome.ghosts:>7}"
        + f"{cuts[49]:>8.1f}{cuts[98]:>9.1f}{times[-1]:>8.0f}"
    )
    words = Counter(each.words for each in outcome.load.tries if each.words)
    for text, count in words.most_common(3):
        print(f"{'':<10} {count} x {text}")


def judge(name: str, how: str, outcome: Outcome, goals: Goals) -> None:
    """Compare one scenario with its goals."""
    ends = name in {"stopped", "killed", "hanging"}
    goals.at_most(f"{name}, {how}: lost", outcome.lost, 0)
    goals.at_most(f"{name}, {how}: doubled", outcome.doubled, 0)
    goals.at_most(f"{name}, {how}: ghosts", outcome.ghosts, 0)
    goals.at_most(f"{name}, {how}: rejected", len(outcome.of("rejected")), 0)
    unknown = ON_CONNECTIONS if ends else 0
    goals.at_most(f"{name}, {how}: unknown", len(outcome.of("unknown")), unknown)


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(description="What an outage costs.")
    parser.add_argument("--quick", action="store_true", help="an outage of a second")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append")
    parser.add_argument("--how", choices=("tasks", "threads"), action="append")
    options = parser.parse_args()
    plan, goals = QUICK if options.quick else Plan(), Goals()
    # Each failover is a warning.
    logging.getLogger("passpost").addHandler(logging.NullHandler())
    outage = f"{plan.ends:g} s, the outage is from {plan.fails:g} to {plan.returns:g} s"
    print(f"{machine()}; {plan.rate} emails a second for {outage}")
    print(
        f"{'':<19}{'emails':>8}{'first':>8}{'second':>8}{'rejected':>9}{'unknown':>8}"
        f"{'lost':>5}{'doubled':>8}{'ghosts':>7}{'p50 ms':>8}{'p99 ms':>9}{'max ms':>8}"
    )
    for name in options.scenario or SCENARIOS:
        for how in options.how or ("tasks", "threads"):
            outcome = measure(name, plan, threads=how == "threads")
            report(name, how, outcome)
            judge(name, how, outcome, goals)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
