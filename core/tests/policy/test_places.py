"""Places of rates that come back: the provider knows nothing of the emails that had them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import VirtualClock, run

import passpost
from passpost._settings.stores import SqliteSettings
from passpost._stores import Stores
from passpost._stores.rate import MemoryRateLimiter, Rate

HOURLY = {"first": "1/h"}


class Remote:
    """A limiter that has to be awaited, as one of a fleet.

    Args:
        late: Seconds until a place is given back.
    """

    def __init__(self, late: float = 0.1) -> None:
        self.places = MemoryRateLimiter(VirtualClock())
        self.late = late

    async def take(self, name: str, rate: Rate) -> float:
        return (await self.reserve(name, rate))[0]

    async def reserve(self, name: str, rate: Rate) -> tuple[float, str]:
        await asyncio.sleep(0.01)
        now = asyncio.get_running_loop().time()
        return self.places.take_at(name, rate, now), now.hex()

    async def give_back(self, name: str, place: str) -> None:
        await asyncio.sleep(self.late)
        self.places.give_back_at(name, float.fromhex(place))


@pytest.fixture(params=["none", "sqlite", "memory", "remote"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores | None:
    made: dict[str, Callable[[], Stores | None]] = {
        "none": lambda: None,
        "sqlite": lambda: SqliteSettings(path="sends.sqlite").open_stores(tmp_path),
        "memory": lambda: Stores(rates=MemoryRateLimiter(VirtualClock())),
        "remote": lambda: Stores(rates=Remote()),
    }
    return made[request.param]()


class Refusing:
    """An extension that rejects the first email, at each attempt or at its template."""

    def __init__(self) -> None:
        self.asked = 0

    @passpost.hookimpl
    def around_send(self) -> Any:
        return self.context()

    @asynccontextmanager
    async def context(self) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise rejected("message")
        yield


def refused() -> tuple[Scripted, Any]:
    return Scripted("first"), Refusing()


def withdrawn() -> tuple[Scripted, Any]:
    return Scripted("first", hanging(3_600), marks=True), None


def defective() -> tuple[Scripted, Any]:
    return Scripted("first", KeyError("host"), marks=True), None


@pytest.mark.parametrize("scene", [refused, withdrawn, defective])
def test_an_email_that_its_provider_never_saw_gives_its_place_back(
    stores: Stores | None, scene: Callable[[], tuple[Scripted, Any]]
) -> None:
    async def check() -> None:
        first, extension = scene()
        extensions = [extension] if extension else []
        async with mailer(
            first, rates=HOURLY, attempts=1, stores=stores, extensions=extensions
        ) as sends:
            assert (await outcome(sends.send(message()))).startswith("rejected")
            await asyncio.sleep(1)
            assert await outcome(sends.send(message())) == "first"
            assert await outcome(sends.send(message())) == "rejected provider"

    run(check())


def test_a_message_without_a_template_takes_no_place(stores: Stores | None) -> None:
    async def check() -> None:
        templates = {"first": [{"usageType": "SignIn", "subject": "s", "content": "{{code}}"}]}
        async with mailer(
            Scripted("first"), rates=HOURLY, stores=stores, templates=templates
        ) as sends:
            with pytest.raises(passpost.MessageError):
                await sends.send(message(usage="Register"))
            await asyncio.sleep(1)
            assert await outcome(sends.send(message())) == "first"

    run(check())


@pytest.mark.parametrize("marks", [True, False])
def test_a_cancelled_email_gives_its_place_back_if_it_never_left(
    stores: Stores | None, marks: bool
) -> None:
    async def check() -> None:
        first = Scripted("first", hanging(60), marks=marks)
        async with mailer(first, rates=HOURLY, stores=stores) as sends:
            sending = asyncio.create_task(sends.send(message()))
            await asyncio.sleep(1)
            sending.cancel()
            await asyncio.wait([sending])
            await asyncio.sleep(1)
            again = await outcome(sends.send(message()))
            assert again == ("first" if marks else "rejected provider")

    run(check())


@pytest.mark.parametrize(
    "answer",
    [
        unknown(),
        rejected("provider"),
        rejected("recipient", response="550 5.1.1 no such user"),
        rejected("provider", provider_code="Throttling"),
    ],
)
def test_an_email_that_its_provider_answered_keeps_its_place(
    stores: Stores | None, answer: passpost.SendError
) -> None:
    async def check() -> None:
        # Of a connector that marks nothing, the provider may have been asked all the same.
        first = Scripted("first", answer, marks=bool(answer.response or answer.provider_code))
        async with mailer(first, rates=HOURLY, attempts=1, stores=stores) as sends:
            await outcome(sends.send(message()))
            await asyncio.sleep(1)
            assert await outcome(sends.send(message())) == "rejected provider"

    run(check())


def test_an_email_that_a_trial_forestalls_gives_its_place_back() -> None:
    """While it waits for its place, another one becomes the one trial of the breaker."""

    async def check() -> None:
        first = Scripted("first", *[rejected("provider")] * 5, hanging(1))
        rates = {"first": "7/h"}
        async with mailer(
            first, rates=rates, attempts=1, timeout=40, stores=Stores(rates=Remote(late=0))
        ) as sends:
            for _ in range(5):
                await outcome(sends.send(message()))
            await asyncio.sleep(30)
            both = [sends.send(message()) for _ in range(2)]
            assert [await outcome(each) for each in await_all(both)] == ["first", "first"]

    run(check())


def await_all(sends: list[Any]) -> list[Any]:
    return [asyncio.ensure_future(send) for send in sends]


def test_a_limiter_that_cannot_take_places_back_still_serves() -> None:
    class TakesOnly:
        def __init__(self) -> None:
            self.taken = 0

        async def take(self, name: str, rate: Rate) -> float:
            self.taken += 1
            return 0.0

    async def check() -> None:
        limiter = TakesOnly()
        first, extension = refused()
        async with mailer(
            first, rates=HOURLY, stores=Stores(rates=limiter), extensions=[extension]
        ) as sends:
            assert await outcome(sends.send(message())) == "rejected message"
            assert await outcome(sends.send(message())) == "first"
        assert limiter.taken == 2

    run(check())


def test_a_place_in_between_is_given_back_exactly() -> None:
    clock = VirtualClock()

    async def check() -> None:
        limiter, rate = MemoryRateLimiter(clock), Rate(3, 60)
        places = []
        for _ in range(3):
            places.append(clock.monotonic())
            assert await limiter.take("first", rate) == 0
            await asyncio.sleep(10)
        limiter.give_back_at("first", places[1])
        limiter.give_back_at("first", places[1])
        assert await limiter.take("first", rate) == 0
        # The next one is there when the first one is a minute old.
        assert await limiter.take("first", rate) == pytest.approx(30)

    run(check())
