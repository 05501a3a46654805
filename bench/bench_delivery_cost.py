"""What does the delivery policy add to an email when all is well? Microseconds of CPU.

    python bench/bench_delivery_cost.py [--quick]

The connector does nothing, so that only passpost's own work is measured. ``bare`` is the same way
without the policy: the email's identity, its template rendered, one attempt with its deadline, its
receipt checked. Each line adds its features to a mailer of one connector with the default policy,
and says how much more than ``bare`` an email takes. All of them run by turns, and the best round of
each counts: what else the machine does can only make a round slower.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from typing import Any, Final

import attrs
from goals import Goals, machine, run

import passpost
from passpost._delivery.active_connector import ActiveConnector
from passpost._delivery.attempt import SendAttempt
from passpost._delivery.identity import SendIdentity
from passpost.config import ConnectorConfig, parse
from passpost.stores import MemoryIdempotency, Stores

TIMEOUT: Final = 25.0
GOAL: Final = 8.0
TEMPLATES: Final = [{"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"}]
OFTEN: Final = "999999/s"

log: Final = logging.getLogger("passpost")


class Trivial:
    """A connector that accepts everything at once."""

    receipt = passpost.Receipt()

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        """Return what it is."""
        texts = {"en": "trivial"}
        return passpost.ConnectorInfo(
            id="trivial", name=texts, description=texts, config_class=ConnectorConfig
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> ConnectorConfig:
        """Return the config."""
        return parse(ConnectorConfig, settings)

    @passpost.hookimpl
    async def send_mail(self) -> passpost.Receipt:
        """Accept an email."""
        return self.receipt


@attrs.frozen
class Feature:
    """What a mailer has beyond the default policy.

    Attributes:
        policy: Arguments of its policy.
        connectors: How many connectors.
        remembers: Whether it has a store in memory, and each message a key.
        log: The level of the log.
    """

    policy: Mapping[str, Any] = attrs.field(factory=dict)
    connectors: int = 1
    remembers: bool = False
    log: int = logging.WARNING


_COOLDOWN: Final = {"recipient_cooldowns": {"*": 60}}
_RATE: Final = {"rates": {"trivial": OFTEN}}

FEATURES: Final = {
    "policy and health": Feature(),
    "a route": Feature({"routes": {"SignIn": ["trivial"]}}),
    "a rate": Feature(_RATE),
    "a log record at INFO": Feature(log=logging.INFO),
    "a cooldown of recipients": Feature(_COOLDOWN),
    "a rate and a cooldown": Feature({**_COOLDOWN, **_RATE}),
    "an idempotency key": Feature(remembers=True),
    "all of these": Feature({**_COOLDOWN, **_RATE}, remembers=True, log=logging.INFO),
    "a second connector": Feature(connectors=2),
    "weights of two": Feature({"weights": {"trivial": 2, "trivial 2": 1}}, connectors=2),
}

Send = Callable[[passpost.Message], Awaitable[object]]


def connectors(number: int) -> list[passpost.Connector]:
    """Return so many connectors that do nothing."""
    host = passpost.Host(environ={})
    host.register(Trivial())
    made = host.configure("trivial", {"templates": TEMPLATES})
    return [made, *(attrs.evolve(made, name=f"trivial {n}") for n in range(2, number + 1))]


def messages(number: int, *, keys: bool, numbers: Iterator[int]) -> list[passpost.Message]:
    """Return messages, each to a recipient of its own."""
    return [
        passpost.Message(
            to=f"user{each}@example.org",
            usage="SignIn",
            payload={"code": "123456"},
            idempotency_key=f"key {each}" if keys else None,
        )
        for _, each in zip(range(number), numbers, strict=False)
    ]


class Bare:
    """Sends an email through the first connector, without a policy.

    Args:
        connector: The connector.
    """

    def __init__(self, connector: passpost.Connector) -> None:
        self._active = ActiveConnector(connector)

    async def send(
        self, message: passpost.Message, seconds: float, _identity: object = None
    ) -> object:
        """Make one attempt."""
        active, over = self._active, asyncio.get_running_loop().time() + seconds
        mail = active.composer.compose(message, SendIdentity.of(message), seconds)
        return await SendAttempt(active, mail, over, number=1, context=message.context).run()

    async def close(self) -> None:
        """Do nothing."""


def mailer(feature: Feature | None) -> passpost.AsyncMailer:
    """Return a mailer with a feature; None takes its policy away."""
    given = feature or Feature()
    made = connectors(given.connectors)
    stores = Stores(idempotency=MemoryIdempotency()) if given.remembers else None
    policy = passpost.Policy(timeout=TIMEOUT, **given.policy)
    mailer = passpost.AsyncMailer(*made, policy=policy, stores=stores)
    if feature is None:
        mailer._delivery = Bare(made[0])  # type: ignore[assignment]  # noqa: SLF001 - as much of it as is needed
    return mailer


@contextmanager
def logging_at(level: int) -> Iterator[None]:
    """Have the records of passpost from a level on made, and handled by nobody."""
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)


async def one_round(send: Send, given: list[passpost.Message]) -> float:
    """Return the microseconds of CPU that an email took."""
    began = time.process_time()
    for message in given:
        await send(message)
    return (time.process_time() - began) / len(given) * 1e6


async def measure(rounds: int, emails: int) -> dict[str, float]:
    """Return the microseconds of an email without a policy, and with each feature."""
    numbers = count()
    best = dict.fromkeys(("bare", *FEATURES), float("inf"))
    async with AsyncExitStack() as stack:
        entered = await stack.enter_async_context(mailer(None))
        senders: dict[str, tuple[Send, Feature]] = {"bare": (entered.send, Feature())}
        for name, feature in FEATURES.items():
            entered = await stack.enter_async_context(mailer(feature))
            senders[name] = entered.send, feature
        for _ in range(rounds):
            for name, (send, feature) in senders.items():
                given = messages(emails, keys=feature.remembers, numbers=numbers)
                with logging_at(feature.log):
                    best[name] = min(best[name], await one_round(send, given))
    return best


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What the delivery policy adds to an email.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    log.addHandler(logging.NullHandler())
    log.propagate = False
    print(f"{machine()}; Python {sys.version.split()[0]}")
    best = asyncio.run(measure(rounds=30 if options.quick else 150, emails=200))
    print(f"{'µs of CPU for one email':<28}{'in all':>8}{'added':>8}")
    for name, each in best.items():
        print(f"{name:<28}{each:>8.1f}{each - best['bare']:>+8.1f}")
    goals = Goals()
    goals.at_most("policy and health, µs", best["policy and health"] - best["bare"], GOAL)
    limits = best["a rate and a cooldown"] - best["bare"]
    goals.at_most("the same with a rate and a cooldown, records of INFO off, µs", limits, GOAL)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
