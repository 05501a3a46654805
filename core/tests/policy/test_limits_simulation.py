"""Mailers with routes, weights, rates and cooldowns, whose connectors fail in every way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from scripted import Scripted, mailer, message, rejected, unknown
from virtual_time import run

import passpost

COOLDOWN = 60.0
RATES = {"a": "20/5s", "b": "30/10s"}
POLICY: dict[str, Any] = {
    "routes": {"Generic": ["b", "c"]},
    "weights": {"a": 2, "b": 1},
    "rates": RATES,
    "recipient_cooldowns": {"SignIn": COOLDOWN},
}
CONDITIONS: Sequence[Any] = (
    None, None, None, rejected("network", temporary=True), rejected("account"),
    rejected("provider", temporary=True, retry_after=5), rejected("recipient"), unknown(),
)  # fmt: skip


@attrs.define(eq=False)
class Sent:
    """One send, and what became of it."""

    to: str
    usage: str
    began: float
    ended: float = 0.0
    outcome: str = "under way"


async def send(mailer: passpost.AsyncMailer, sent: Sent) -> None:
    try:
        await mailer.send(message(to=sent.to, usage=sent.usage))
        sent.outcome = "accepted"
    except passpost.Throttled:
        sent.outcome = "throttled"
    except passpost.SendError as error:
        sent.outcome = error.outcome
    except asyncio.CancelledError:
        sent.outcome = "cancelled"
        raise
    finally:
        sent.ended = asyncio.get_running_loop().time()


async def play(seed: int, sends: int) -> tuple[list[Sent], list[Scripted], Counter[str]]:
    """Send at random while the conditions of the connectors change."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, repeated by its seed
    # The mailer's jitter.
    random.seed(seed)
    made, all_sent, tasks = [Scripted(name) for name in "abc"], [], []
    accepted: Counter[str] = Counter()

    def answer(connector: Scripted) -> Any:
        condition = chance.choice(CONDITIONS)

        async def take(mail: passpost.Mail) -> None:
            await asyncio.sleep(chance.random())
            if condition is not None:
                raise condition
            accepted[mail.message_id] += 1

        connector.always = take

    for connector in made:
        answer(connector)
    async with mailer(*made, account_cooldown=30, **POLICY) as sending:
        for _ in range(sends):
            to, usage = (
                f"user{chance.randrange(60)}@example.com",
                chance.choice(["SignIn", "Generic"]),
            )
            all_sent.append(Sent(to, usage, asyncio.get_running_loop().time()))
            tasks.append(asyncio.create_task(send(sending, all_sent[-1])))
            if chance.random() < 0.05:
                asyncio.get_running_loop().call_later(chance.random() * 3, tasks[-1].cancel)
            if chance.random() < 0.05:
                answer(chance.choice(made))
            await asyncio.sleep(chance.expovariate(6))
        await asyncio.gather(*tasks, return_exceptions=True)
    return all_sent, made, accepted


def faults(sent: Sequence[Sent], made: Sequence[Scripted], accepted: Counter[str]) -> list[str]:
    """Return what must never happen, and did."""
    found = [f"{count} copies" for count in accepted.values() if count > 1]
    first, second, _ = made
    found += ["a usage left its route" for mail in first.mails if mail.usage == "Generic"]
    for connector, emails, seconds in ((first, 20, 5), (second, 30, 10)):
        times = connector.times
        for at, later in zip(times, times[emails:], strict=False):
            if later - at < seconds - 1e-6:
                found.append(f"{connector.name}: {emails + 1} emails in {later - at:.2f} s")
    begun = [one for one in sent if one.usage == "SignIn"]
    for number, one in enumerate(begun):
        near = [
            other
            for other in begun[:number]
            if other.to == one.to
            and other.outcome != "throttled"
            and one.began - other.began < COOLDOWN - 1e-6
        ]
        # One that was rejected by then has given its cooldown back.
        held = [o for o in near if o.outcome in {"accepted", "unknown"} or o.ended > one.began]
        may_hold = [*held, *(o for o in near if o.outcome == "cancelled")]
        if one.outcome == "throttled" and not may_hold:
            found.append(f"{one.to} is locked out")
        if one.outcome != "throttled" and held:
            found.append(f"{one.to} got {one.outcome} within the cooldown")
    return found


@pytest.mark.parametrize("seed", range(1, 6))
def test_limits_hold_whatever_the_connectors_do(seed: int) -> None:
    sent, made, accepted = run(play(seed, 1_500))
    assert faults(sent, made, accepted) == []
    assert {one.outcome for one in sent} == {
        "accepted", "rejected", "unknown", "throttled", "cancelled"
    }  # fmt: skip
    assert all(connector.mails for connector in made)
