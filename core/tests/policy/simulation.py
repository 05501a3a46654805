"""Sends through connectors that fail in every way, on a virtual clock, and what must never happen.

``make simulate`` runs 100,000 sends and prints what came of them.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs

from passpost import Receipt, SendError
from passpost._delivery.dispatch import UNAVAILABLE, Dispatch
from passpost._policy.decision import Rules
from passpost._policy.health import Health, Limits
from passpost.errors import Attempt, Scope

sys.path.insert(0, str(Path(__file__).parent))

from virtual_time import VirtualClock, WatchedClock, run

Condition = Literal[
    "up", "slow", "down", "hanging", "refusing", "throttling", "throttling for long", "locked",
    "silent",
]  # fmt: skip
CONDITIONS: tuple[Condition, ...] = (
    "up", "up", "up", "slow", "down", "hanging", "refusing", "throttling", "throttling for long",
    "locked", "silent",
)  # fmt: skip

PER_SECOND = 4.0
"""Emails a second: slow enough that connectors which are left alone come back during a run."""

CHI_SQUARED = 27.9
"""What one of a thousand fair spreads over ten parts exceeds."""


@attrs.define(eq=False)
class Provider:
    """A provider whose condition changes, and what it saw."""

    name: str
    health: Health
    world: World
    recognizes_repetitions: bool = False
    condition: Condition = "up"
    asked_at: list[float] = attrs.field(factory=list)

    @property
    def is_healthy(self) -> bool:
        return self.health.show().state == "healthy"


@attrs.define(eq=False)
class Email:
    """One email of the simulation, and what became of it."""

    number: int
    begun: float
    over: float
    recipient: Literal["good", "wrong", "greylisted"]
    accepted: Counter[str] = attrs.field(factory=Counter)
    asked: list[tuple[float, str, str]] = attrs.field(factory=list)
    patience: float | None = None
    healthy: set[str] = attrs.field(factory=set)
    result: str = ""
    ended: float = 0.0
    wrong: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class LaneOf:
    """One provider, for one email."""

    provider: Provider
    email: Email
    asked: bool = True
    may_have_left: bool = True
    was_reached: bool = True

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def health(self) -> Health:
        return self.provider.health

    @property
    def recognizes_repetitions(self) -> bool:
        return self.provider.recognizes_repetitions

    @property
    def has_rate(self) -> bool:
        return True

    def takes_now(self) -> bool:
        return False

    async def take(self) -> float:
        return 0.0

    def give_back(self) -> None:
        raise AssertionError("a provider that was asked keeps its place")

    async def attempt(self, number: int, patience: float | None) -> Receipt | SendError:
        provider, email = self.provider, self.email
        clock = provider.world.clock
        now = clock.monotonic()
        # A retry goes through the same one again.
        tried = {name for _, name, _ in email.asked}
        again = bool(email.asked) and email.asked[-1][1] == provider.name
        for other in (
            [] if again else provider.world.providers[: provider.world.providers.index(provider)]
        ):
            if other.name not in tried and other.is_healthy:
                email.wrong.append(f"{provider.name} is asked, and healthy {other.name} is not")
        provider.asked_at.append(now)
        email.asked.append((now, provider.name, provider.condition))
        email.patience = patience
        email.healthy = {other.name for other in provider.world.providers if other.is_healthy}
        result = await provider.world.answer(provider, email)
        attempt = Attempt(
            self.name,
            clock.now(),
            "accepted" if isinstance(result, Receipt) else result.outcome,
            f"attempt {number}",
        )
        if isinstance(result, SendError):
            result.attempts = (attempt,)
            return result
        return attrs.evolve(result, attempts=(attempt,), connector=self.name)


@attrs.define(eq=False, slots=False)
class World:
    """Everything of one run."""

    seed: int
    rules: Rules
    limits: Limits
    connectors: int
    recognizing: bool = False
    timeout: float = 25.0
    clock: VirtualClock = attrs.field(factory=VirtualClock)
    random: random.Random = attrs.field(init=False)
    providers: list[Provider] = attrs.field(factory=list)
    emails: list[Email] = attrs.field(factory=list)
    cooled: list[tuple[float, str]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - a simulation, repeated by its seed
        self.providers = [
            Provider(f"p{number}", Health(self.limits, self.clock), self, self.recognizing)
            for number in range(self.connectors)
        ]

    async def answer(  # noqa: C901, PLR0911 - one way out for each thing that can happen
        self, provider: Provider, email: Email
    ) -> Receipt | SendError:
        left = email.over - self.clock.monotonic()
        condition, chance = provider.condition, self.random.random()
        if condition == "hanging":
            await asyncio.sleep(left if email.patience is None else email.patience)
            return refusal("network", temporary=True)
        await asyncio.sleep(min(left, 0.05 if condition != "slow" else 3 * chance))
        if condition == "down":
            return refusal("network", temporary=True)
        if condition == "refusing":
            return refusal("provider", temporary=False)
        if condition == "throttling":
            return refusal("provider", temporary=True, retry_after=self.random.choice([None, 0, 2]))
        if condition == "throttling for long":
            asked = self.random.choice([10, 10, 60, 3_600])
            return refusal("provider", temporary=True, retry_after=asked)
        if condition == "locked":
            return refusal("account", temporary=chance < 0.2)
        if email.recipient == "wrong":
            return refusal("recipient", temporary=False)
        if email.recipient == "greylisted" and len(email.asked) < 2:
            return refusal("recipient", temporary=True)
        if condition == "silent":
            if chance < 0.5:
                self.accept(provider, email)
            await asyncio.sleep(max(0.0, min(5.0, email.over - self.clock.monotonic())))
            return SendError("no reply", outcome="unknown", scope="network", temporary=True)
        if self.clock.monotonic() > email.over:
            return refusal("message", temporary=False)
        self.accept(provider, email)
        return Receipt()

    def accept(self, provider: Provider, email: Email) -> None:
        if not (provider.recognizes_repetitions and email.accepted[provider.name]):
            email.accepted[provider.name] += 1

    async def send(self, email: Email) -> None:
        self.emails.append(email)
        dispatch = Dispatch(
            [LaneOf(provider, email) for provider in self.providers],
            self.rules,
            WatchedClock(email.over, email.wrong),
            email.over,
            lambda name, _error: self.cooled.append((self.clock.monotonic(), name)),
            self.random.random,
        )
        try:
            await dispatch.run()
            email.result = "accepted"
        except SendError as error:
            email.result = "unavailable" if error.provider_code == UNAVAILABLE else error.outcome
            self.look_for_help(email, error)
        except asyncio.CancelledError:
            email.result = "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - it is counted
            email.wrong.append(f"raised {error!r}")
        finally:
            email.ended = self.clock.monotonic()

    def look_for_help(self, email: Email, error: SendError) -> None:
        """Note a failure that a healthy connector could have prevented."""
        of_the_email = error.scope in {"recipient", "message"}
        if error.outcome == "unknown" or of_the_email:
            return
        tried = {name for _, name, _ in email.asked}
        late = self.clock.monotonic() >= email.over
        for provider in self.providers:
            if late and provider.name not in email.healthy:
                # It came back while the last attempt was under way.
                continue
            if provider.name not in tried and provider.is_healthy:
                email.wrong.append(f"{email.result}, although {provider.name} was healthy")

    async def play(self, sends: int, per_second: float, change: Callable[[World], None]) -> None:
        """Send emails at a steady rate while the providers' conditions change."""
        tasks: list[asyncio.Task[None]] = []
        for number in range(sends):
            now = self.clock.monotonic()
            kind = self.random.choices(["good", "wrong", "greylisted"], [90, 5, 5])[0]
            email = Email(number, now, now + self.timeout, kind)  # type: ignore[arg-type]  # of the three
            task = asyncio.create_task(self.send(email))
            tasks.append(task)
            if self.random.random() < 0.02:
                asyncio.get_running_loop().call_later(self.random.random() * 5, task.cancel)
            if self.random.random() < 0.05:
                change(self)
            await asyncio.sleep(self.random.expovariate(per_second))
        await asyncio.gather(*tasks, return_exceptions=True)


def refusal(scope: Scope, *, temporary: bool, retry_after: float | None = None) -> SendError:
    return SendError(
        "no", outcome="rejected", scope=scope, temporary=temporary, retry_after=retry_after
    )


def anything(world: World) -> None:
    """Change the condition of one provider, and at times the wall clock."""
    provider = world.random.choice(world.providers)
    provider.condition = world.random.choice(CONDITIONS)
    if world.random.random() < 0.05:
        world.clock.step += world.random.uniform(-90, 90)


def faults(world: World) -> list[str]:
    """Return what must never happen, and did."""
    found: list[str] = []
    asked_at = world.providers[0].asked_at
    for before, after in itertools.pairwise(asked_at):
        # Whatever its provider asks for: ten periods, and the time until the next email.
        if after - before > 11 * world.limits.recovery:
            found.append(f"the first was left alone for {after - before:.0f} s")
    for email in world.emails:
        copies = sum(email.accepted.values())
        where = f"email {email.number}"
        found += [f"{where}: {what}" for what in email.wrong]
        if copies > 1 and not world.rules.resend:
            found.append(f"{where}: accepted {copies} times")
        if email.result in {"rejected", "unavailable"} and copies:
            found.append(f"{where}: {email.result}, and accepted")
        if email.result == "accepted" and not copies:
            found.append(f"{where}: a receipt for nothing")
        if any(at > email.over for at, _, _ in email.asked):
            found.append(f"{where}: an attempt after its deadline")
        if email.ended > email.over + 0.1:
            found.append(f"{where}: ended {email.ended - email.over:.2f} s after its deadline")
        tries = Counter(name for _, name, _ in email.asked)
        if tries and max(tries.values()) > world.rules.attempts:
            found.append(f"{where}: {tries}")
    return found


def trials(seed: int = 1) -> list[str]:
    """Return what is wrong with the trials of an open breaker under 1,000 sends at a time."""

    async def play() -> list[str]:
        world = World(seed, Rules(), Limits(), connectors=2)
        first = world.providers[0]
        first.condition = "down"
        found: list[str] = []
        for period in range(20):
            before = len(first.asked_at)
            now = world.clock.monotonic()
            emails = [Email(number, now, now + 25.0, "good") for number in range(1_000)]
            await asyncio.gather(*map(world.send, emails))
            asked = len(first.asked_at) - before
            if period and asked != 1:
                found.append(f"period {period}: {asked} trials")
            found += [f"period {period}: {email.result}" for email in emails if not email.accepted]
            await asyncio.sleep(world.limits.recovery)
        first.condition = "up"
        await world.send(Email(0, 0.0, world.clock.monotonic() + 25.0, "good"))
        if first.health.show().state != "healthy":
            found.append("the first does not come back")
        return found

    return run(play())


def spread(retry_after: float | None, seed: int = 1) -> float:
    """Return how evenly 1,000 sends that failed together come back: chi-squared, of 9 degrees.

    Raises:
        ValueError: One comes back sooner than the provider asked for, or much later.
    """

    async def play() -> list[float]:
        world = World(seed, Rules(attempts=2), Limits(failures=0), connectors=1)

        async def answer(provider: Provider, email: Email) -> Receipt | SendError:
            if len(email.asked) > 1:
                return Receipt()
            return refusal("provider", temporary=True, retry_after=retry_after)

        world.answer = answer  # type: ignore[method-assign]  # of this world alone
        now = world.clock.monotonic()
        emails = [Email(number, now, now + 25.0, "good") for number in range(1_000)]
        await asyncio.gather(*map(world.send, emails))
        return [email.asked[1][0] - now for email in emails]

    low = retry_after or 0.0
    width = 0.5 if retry_after is None else 0.1 * retry_after
    waits = run(play())
    if min(waits) < low or max(waits) > low + width + 1e-9:
        raise ValueError(f"waits of {min(waits):.3f} to {max(waits):.3f} s")
    bins = Counter(min(9, int(10 * (wait - low) / width)) for wait in waits)
    return sum((bins[number] - 100) ** 2 / 100 for number in range(10))


def worlds(sends: int, seed: int = 1) -> list[tuple[World, int]]:
    """Return the runs that share a number of sends."""
    made = []
    kinds: list[dict[str, Any]] = [
        {"connectors": connectors, "recognizing": recognizing, "rules": Rules(resend=resend)}
        for connectors in (1, 2, 3, 4)
        for recognizing in (False, True)
        for resend in (False, True)
    ]
    for number, kind in enumerate(kinds):
        made.append((World(seed=seed + number, limits=Limits(), **kind), sends // len(kinds)))
    return made


def main() -> None:
    sends = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    broken = 0
    for world, share in worlds(sends):
        run(world.play(share, PER_SECOND, anything))
        results = Counter(email.result for email in world.emails)
        asked = sum(len(email.asked) for email in world.emails)
        doubled = sum(sum(email.accepted.values()) > 1 for email in world.emails)
        found = faults(world)
        broken += len(found)
        print(  # noqa: T201 - the result
            f"{world.connectors} connectors, recognizing {world.recognizing!s:5}, "
            f"resend {world.rules.resend!s:5}: {dict(results)}, {asked} attempts, "
            f"{doubled} doubled, {len(world.cooled)} cooldowns, {len(found)} faults {found[:3]}"
        )
    found = trials()
    broken += len(found)
    print(f"1,000 sends at a time, 20 periods: {'one trial each' if not found else found[:3]}")  # noqa: T201 - likewise
    for retry_after in (None, 2.0):
        evenness = spread(retry_after)
        broken += evenness > CHI_SQUARED
        print(  # noqa: T201 - likewise
            f"1,000 retries, retry_after {retry_after}: chi-squared {evenness:.1f}, "
            f"at most {CHI_SQUARED}"
        )
    print(f"{broken} faults")  # noqa: T201 - likewise
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
