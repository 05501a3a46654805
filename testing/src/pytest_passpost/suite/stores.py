"""The contract of stores, as tests that the author of a package with stores subclasses."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from itertools import pairwise
from typing import Any, Final, TypeVar

import pytest

from passpost.stores import (
    Begun,
    Cooldowns,
    Ended,
    IdempotencyStore,
    OtherContent,
    Rate,
    RateLimiter,
    ReturnableRates,
    Running,
    Stores,
)

T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds after which a check counts as hanging."""

_KEPT: Final = 86_400.0
_MANY: Final = 32
_OWN: Final = "own"


class IdempotencyChecks:
    """What a store of sends does."""

    def test_one_of_many_callers_begins(self, connect: Callable[[], Stores]) -> None:
        async def check(*stores: IdempotencyStore) -> None:
            found = await asyncio.gather(
                *(_begin(store) for store in stores for _ in range(_MANY // 2))
            )
            assert sum(isinstance(one, Begun) for one in found) == 1, "several callers began a send"
            assert sum(isinstance(one, Running) for one in found) == _MANY - 1

        _with(connect, "idempotency", check)

    def test_a_send_that_ended_is_remembered(self, connect: Callable[[], Stores]) -> None:
        record = {"outcome": "accepted", "text": "é\n\"'", "facts": {"number": 1, "none": None}}

        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            begun = await _begin(one)
            assert isinstance(begun, Begun)
            await one.finish("key", begun.token, record)
            for store in (one, other):
                ended = await _begin(store)
                assert isinstance(ended, Ended)
                assert ended.record == record, "the record is not what was noted"

        _with(connect, "idempotency", check)

    def test_another_content_is_told_apart(self, connect: Callable[[], Stores]) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            begun = await _begin(one)
            assert isinstance(await _begin(other, fingerprint="other"), OtherContent)
            assert isinstance(begun, Begun)
            await one.finish("key", begun.token, {"outcome": "accepted"})
            assert isinstance(await _begin(other, fingerprint="other"), OtherContent)

        _with(connect, "idempotency", check)

    def test_a_key_that_is_forgotten_is_free(self, connect: Callable[[], Stores]) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            begun = await _begin(one)
            assert isinstance(begun, Begun)
            await one.forget("key", begun.token)
            assert isinstance(await _begin(other, fingerprint="other"), Begun)

        _with(connect, "idempotency", check)

    def test_the_owner_alone_ends_a_send(self, connect: Callable[[], Stores]) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            assert isinstance(await _begin(one), Begun)
            await other.forget("key", "another token")
            await other.finish("key", "another token", {"outcome": "accepted"})
            assert isinstance(await _begin(other), Running), "another token ended the send"

        _with(connect, "idempotency", check)

    def test_a_caller_whose_reply_was_lost_begins_its_send_again(
        self, connect: Callable[[], Stores]
    ) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            if "token" not in inspect.signature(one.begin).parameters:
                return  # A lost reply leaves its key begun.
            own = partial(one.begin, "key", "fingerprint", kept=_KEPT, token=_OWN)
            assert await own(running=0.05) == Begun(_OWN)
            assert await own(running=60) == Begun(_OWN), "the caller cannot ask again"
            assert await one.begin("key", "other", running=60, kept=_KEPT, token=_OWN) == (
                OtherContent()
            )
            await _until(lambda: _begin(other), Ended)
            assert await own(running=60) == Begun(_OWN), "the send is still the caller's"
            await one.finish("key", _OWN, {"outcome": "unknown"})
            assert await own(running=60) == Ended({"outcome": "unknown"}), "it has ended"
            await one.forget("key", _OWN)
            assert isinstance(await _begin(other, "other"), Begun), "it is not free"
            await one.finish("key", _OWN, {"outcome": "accepted"})
            assert isinstance(await _begin(other, "other"), Running), "it is another's by now"

        _with(connect, "idempotency", check)

    def test_a_send_whose_process_vanished_is_never_made_again(
        self, connect: Callable[[], Stores]
    ) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            begun = await _begin(one, running=0.05)
            assert isinstance(begun, Begun)
            ended = await _until(lambda: _begin(other), Ended)
            assert ended.record is None
            # It was only slow: what came of it is known after all.
            await one.finish("key", begun.token, {"outcome": "accepted"})
            assert await _begin(other) == Ended({"outcome": "accepted"})

        _with(connect, "idempotency", check)

    def test_a_key_is_kept_for_its_time(self, connect: Callable[[], Stores]) -> None:
        async def check(one: IdempotencyStore, other: IdempotencyStore) -> None:
            begun = await _begin(one, kept=0.05)
            assert isinstance(begun, Begun)
            await one.finish("key", begun.token, {"outcome": "accepted"})
            await _until(lambda: _begin(other, fingerprint="other"), Begun)

        _with(connect, "idempotency", check)


class RateChecks:
    """What a limiter of rates does."""

    def test_a_rate_is_exact(self, connect: Callable[[], Stores]) -> None:
        async def check(*stores: RateLimiter) -> None:
            rate = Rate(5, 3_600)
            waits = await asyncio.gather(
                *(store.take("primary", rate) for store in stores for _ in range(_MANY // 2))
            )
            assert waits.count(0) == rate.emails, "a rate gives as many places as it says"
            assert all(0 <= wait <= rate.seconds for wait in waits)
            assert not await stores[0].take("backup", rate), "each name has places of its own"

        _with(connect, "rates", check)

    def test_no_window_holds_more_than_its_rate(self, connect: Callable[[], Stores]) -> None:
        rate, taken = Rate(3, 1), list[tuple[float, float]]()

        async def take(store: RateLimiter) -> None:
            while len(taken) < 3 * rate.emails:
                began = time.monotonic()
                wait = await store.take("primary", rate)
                if wait:
                    await asyncio.sleep(wait)
                else:
                    taken.append((began, time.monotonic()))

        async def check(*stores: RateLimiter) -> None:
            await asyncio.gather(*(take(store) for store in stores for _ in range(4)))
            # The k-th place was not taken before the k-th call began, nor after the k-th one ended.
            began, ended = (sorted(times) for times in zip(*taken, strict=True))
            for first, last in zip(began, ended[rate.emails :], strict=False):
                assert last - first >= rate.seconds, "a window contains too many places"

        _with(connect, "rates", check)

    def test_a_place_that_is_given_back_is_free(self, connect: Callable[[], Stores]) -> None:
        async def check(one: RateLimiter, other: RateLimiter) -> None:
            if not (isinstance(one, ReturnableRates) and isinstance(other, ReturnableRates)):
                return
            rate = Rate(3, 3_600)
            places = [await store.reserve("primary", rate) for store in (one, other, one)]
            assert [wait for wait, _ in places] == [0, 0, 0]
            assert (await one.reserve("primary", rate))[0] > 0
            for _ in range(2):
                await other.give_back("primary", places[1][1])
            assert await one.take("primary", rate) == 0, "the place is not free"
            assert await other.take("primary", rate) > 0, "it was given back more than once"

        _with(connect, "rates", check)


class CooldownChecks:
    """What a store of cooldowns does."""

    def test_one_of_many_sends_begins_a_cooldown(self, connect: Callable[[], Stores]) -> None:
        async def check(*stores: Cooldowns) -> None:
            waits = await asyncio.gather(
                *(
                    store.begin("key", 60, owner=f"{number} {place}")
                    for place, store in enumerate(stores)
                    for number in range(_MANY // 2)
                )
            )
            assert waits.count(0) == 1, "several sends began a cooldown"
            assert all(0 <= wait <= 60 for wait in waits)  # noqa: PLR2004 - the length above
            assert await stores[0].begin("another key", 60, owner="x") == 0

        _with(connect, "cooldowns", check)

    def test_the_owner_begins_a_cooldown_again(self, connect: Callable[[], Stores]) -> None:
        async def check(one: Cooldowns, other: Cooldowns) -> None:
            assert await one.begin("key", 60, owner="one") == 0
            assert await other.begin("key", 60, owner="one") == 0
            assert await other.begin("key", 60, owner="other") > 0

        _with(connect, "cooldowns", check)

    def test_the_owner_alone_gives_a_cooldown_back(self, connect: Callable[[], Stores]) -> None:
        async def check(one: Cooldowns, other: Cooldowns) -> None:
            await one.begin("key", 60, owner="one")
            await other.give_back("key", owner="other")
            assert await other.begin("key", 60, owner="other") > 0, "another owner ended it"
            await one.give_back("key", owner="one")
            await one.give_back("key", owner="one")
            assert await other.begin("key", 60, owner="other") == 0

        _with(connect, "cooldowns", check)

    def test_a_cooldown_ends(self, connect: Callable[[], Stores]) -> None:
        async def check(one: Cooldowns, other: Cooldowns) -> None:
            lengths = [await one.begin("key", 0.05, owner="one")]
            while wait := await other.begin("key", 60, owner="other"):
                await asyncio.sleep(wait)
                lengths.append(wait)
            assert all(later < earlier for earlier, later in pairwise(lengths[1:]))

        _with(connect, "cooldowns", check)


_CHECKS: Final = {
    "idempotency": IdempotencyChecks,
    "rates": RateChecks,
    "cooldowns": CooldownChecks,
}


class StoresSuite(IdempotencyChecks, RateChecks, CooldownChecks):
    """The contract of stores, check by check.

    ::

        class TestAcmeStores(StoresSuite):
            provides = ("idempotency",)

            @pytest.fixture
            def connect(self):
                return lambda: Stores(idempotency=AcmeIdempotency("127.0.0.1:4321"))

    Attributes:
        provides: Which of the stores there are; the checks of the others do not apply.
    """

    provides: Collection[str] = tuple(_CHECKS)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Drop the checks of what there is not."""
        super().__init_subclass__(**kwargs)
        for name, checks in _CHECKS.items():
            for check in vars(checks) if name not in cls.provides else ():
                if check.startswith("test_"):
                    # pytest collects no None.
                    setattr(cls, check, None)

    @pytest.fixture
    def connect(self) -> Callable[[], Stores]:
        """Return a function that makes the stores, which are empty at the beginning of a check.

        It is called once for each process that a check plays, and what it makes shares what is
        remembered. For stores of one process, it returns the same object each time.
        """
        pytest.fail("override the fixture `connect`: it returns a function that makes `Stores`")

    def test_the_stores_are_those_that_are_declared(self, connect: Callable[[], Stores]) -> None:
        stores = connect()
        there = {name for name in _CHECKS if getattr(stores, name) is not None}
        assert there == set(self.provides), "`provides` names the stores that there are"

    def test_stores_that_were_closed_serve_again(self, connect: Callable[[], Stores]) -> None:
        async def check(one: Stores) -> None:
            async def use() -> None:
                if one.idempotency is not None:
                    await _begin(one.idempotency)
                if one.rates is not None:
                    await one.rates.take("primary", Rate(1, 1))
                if one.cooldowns is not None:
                    await one.cooldowns.begin("key", 60, owner="one")

            await one.aclose()
            await use()
            await one.aclose()
            await one.aclose()
            await use()

        stores = connect()
        # As in two event loops, one after the other.
        for _ in range(2):
            _run([stores], check(stores))


def _with(connect: Callable[[], Stores], name: str, check: Callable[..., Awaitable[None]]) -> None:
    """Run a check with a store as two processes have it."""
    both = [connect(), connect()]
    _run(both, check(*(getattr(stores, name) for stores in both)))


async def _begin(
    store: IdempotencyStore,
    fingerprint: str = "fingerprint",
    *,
    running: float = 60.0,
    kept: float = _KEPT,
) -> Any:
    return await store.begin("key", fingerprint, running=running, kept=kept)


async def _until(ask: Callable[[], Awaitable[Any]], kind: type[T]) -> T:
    """Ask until the state is of a kind; a store reads the clock of a server."""
    # There is no event to wait for: it is the time of a server that passes.
    while True:
        found = await ask()
        if isinstance(found, kind):
            return found
        await asyncio.sleep(0.01)


def _run(stores: list[Stores], check: Awaitable[None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(_PATIENCE):
            await check
            for each in stores:
                await each.aclose()

    asyncio.run(limited())


__all__ = ["StoresSuite"]
