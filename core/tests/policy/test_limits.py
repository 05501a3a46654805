"""What passpost and extensions reject: rates, cooldowns, stores; no provider is at fault for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import run

import passpost
from passpost._delivery import threads
from passpost._stores import Stores

DOWN = rejected("network", temporary=True)


class Broken:
    """A store that cannot be reached, or hangs."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs

    async def take(self, name: str, rate: Any) -> float:
        return await self._fail()

    async def begin(self, *args: Any, **named: Any) -> Any:
        return await self._fail()

    async def give_back(self, key: str, *, owner: str) -> None:
        await self._fail()

    async def _fail(self) -> float:
        if self.hangs:
            await asyncio.sleep(3_600)
        raise ConnectionRefusedError


class Refusing:
    """An extension that lets nothing pass, as a rate limit of the application's own."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @passpost.hookimpl
    @asynccontextmanager
    async def around_send(self, summary: passpost.MailSummary) -> AsyncIterator[None]:
        if summary.connector == "first":
            raise self.error
        yield


# Nobody's fault ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["provider", "network", "account"])
def test_what_an_extension_rejects_is_nobodys_fault(
    scope: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        refusing = Refusing(rejected(scope, temporary=True))
        async with mailer(first, backup, extensions=[refusing]) as sends:
            # Its scope says what comes next, as a connector's would.
            assert [await outcome(sends.send(message())) for _ in range(20)] == ["backup"] * 20
            assert sends.health()["first"].state == "healthy"
        assert first.mails == []

    run(scene())
    assert not [record for record in caplog.records if record.levelno == logging.ERROR]


def test_a_defect_of_an_extension_is_nobodys_fault() -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, extensions=[Refusing(KeyError("x"))]) as sends:
            for _ in range(20):
                await outcome(sends.send(message()))
            assert sends.health()["first"].state == "healthy"

    run(scene())


def test_a_connector_cannot_excuse_itself_by_its_code() -> None:
    async def scene() -> None:
        first = Scripted("first")
        first.always = rejected("network", provider_code="passpost.threads")
        async with mailer(first) as sends:
            for _ in range(5):
                await outcome(sends.send(message()))
            assert sends.health()["first"].state == "open"

    run(scene())


class Blocking(Scripted):
    """Sends in threads, which hang until they are released."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.released = threading.Event()

    @passpost.hookimpl
    def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:  # type: ignore[override]  # a plain one
        self.mails.append(mail)
        self.released.wait(20)
        return passpost.Receipt()


def test_an_email_that_never_got_a_thread_is_nobodys_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)

    async def scene() -> None:
        first = Blocking("first")
        async with mailer(first, timeout=0.3, breaker=passpost.Breaker(failures=2)) as sends:
            results = await asyncio.gather(*(outcome(sends.send(message())) for _ in range(5)))
            assert sorted(results) == ["rejected provider"] * 4 + ["unknown provider"]
            assert sends.health()["first"].state == "healthy"
            first.released.set()
        assert len(first.mails) == 1

    asyncio.run(scene())


# Rates -------------------------------------------------------------------------------------------


def test_a_rate_spreads_emails_or_hands_them_on() -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, rates={"first": "5/s"}) as sends:
            results = await asyncio.gather(*(outcome(sends.send(message())) for _ in range(50)))
        assert set(results) == {"first"}
        for at in first.times:
            assert len([time for time in first.times if at <= time < at + 1]) <= 5

        first, backup = Scripted("first"), Scripted("backup")
        async with mailer(first, backup, rates={"first": "1/d"}) as sends:
            assert [await outcome(sends.send(message())) for _ in range(3)] == [
                "first",
                "backup",
                "backup",
            ]

    run(scene())


def test_a_place_after_the_deadline_is_refused_beforehand() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        first = Scripted("first")
        async with mailer(first, rates={"first": "1/h"}) as sends:
            await sends.send(message())
            began = loop.time()
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(message())
            assert loop.time() == began
            assert caught.value.retry_after == pytest.approx(3_600)
            assert (caught.value.outcome, caught.value.temporary) == ("rejected", True)
            assert sends.health()["first"].state == "healthy"

    run(scene())


def test_a_backup_whose_rate_is_used_up_costs_no_email() -> None:
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        async with mailer(first, backup, rates={"backup": "1/h"}) as sends:
            first.answers = [rejected("provider")]
            assert await outcome(sends.send(message())) == "backup"
            first.answers = [DOWN]
            # It may be asked in an hour, and the first one in half a second.
            assert await outcome(sends.send(message())) == "first"

    run(scene())


# Recipients --------------------------------------------------------------------------------------


def test_a_recipient_gets_one_email_in_a_time() -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, recipient_cooldowns={"SignIn": 60}) as sends:
            await sends.send(message())
            for to in ("ada@example.com", "Ada@Example.COM"):
                with pytest.raises(passpost.Throttled) as caught:
                    await sends.send(message(to=to))
                assert caught.value.retry_after == pytest.approx(60)
            assert await outcome(sends.send(message(to="bob@example.com"))) == "first"
            assert await outcome(sends.send(message(usage="Generic"))) == "first"
            await asyncio.sleep(60)
            assert await outcome(sends.send(message())) == "first"
            # An email that is not sent counts as well.
            await sends.count("eve@example.com", "SignIn")
            with pytest.raises(passpost.Throttled):
                await sends.count("eve@example.com", "SignIn")
            with pytest.raises(passpost.Throttled):
                await sends.send(message(to="eve@example.com"))
            assert sends.health()["first"].state == "healthy"

    run(scene())


@pytest.mark.parametrize(
    ("answer", "stays"),
    [(rejected("provider"), False), (rejected("recipient"), False), (unknown(), True)],
)
def test_a_cooldown_ends_where_nothing_was_sent(answer: Any, *, stays: bool) -> None:
    async def scene() -> None:
        first = Scripted("first", answer)
        async with mailer(first, recipient_cooldowns={"*": 60}) as sends:
            await outcome(sends.send(message()))
            again = await outcome(sends.send(message()))
            assert again == ("rejected recipient" if stays else "first")

    run(scene())


def test_a_cancelled_send_may_have_been_sent() -> None:
    async def scene() -> None:
        first = Scripted("first", hanging(10))
        async with mailer(first, recipient_cooldowns={"*": 60}) as sends:
            task = asyncio.create_task(sends.send(message()))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])
            with pytest.raises(passpost.Throttled):
                await sends.send(message())

    run(scene())


def test_a_send_does_not_end_the_cooldown_of_a_later_one() -> None:
    async def scene() -> None:
        late = passpost.SendError("no", outcome="rejected", scope="provider")

        async def slow(_mail: passpost.Mail) -> None:
            await asyncio.sleep(8)
            raise late

        first = Scripted("first", slow)
        async with mailer(first, recipient_cooldowns={"*": 5}) as sends:
            task = asyncio.create_task(outcome(sends.send(message())))
            await asyncio.sleep(6)
            await sends.send(message())
            assert await task == "rejected provider"
            with pytest.raises(passpost.Throttled):
                await sends.send(message())

    run(scene())


# Stores that fail --------------------------------------------------------------------------------


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("store", ["rates", "cooldowns", "idempotency"])
def test_without_its_store_an_email_is_rejected_or_sent(store: str, *, hangs: bool) -> None:
    async def scene(on_failure: Any) -> str:
        loop = asyncio.get_running_loop()
        began = loop.time()
        given: dict[str, Any] = {store: Broken(hangs=hangs), "on_failure": on_failure}
        policy: dict[str, Any] = {"rates": {"first": "9/s"}, "recipient_cooldowns": {"*": 9}}
        async with mailer(Scripted("first"), stores=Stores(**given), **policy) as sends:
            result = await outcome(sends.send(message(idempotency_key="key")))
            assert loop.time() - began <= 25.1
        return result

    assert run(scene("reject")) == "rejected provider"
    if not hangs:
        assert run(scene("send")) == "first"


def test_a_cooldown_that_cannot_be_given_back_hides_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Once(Broken):
        async def begin(self, *args: Any, **named: Any) -> Any:
            return 0.0

    async def scene() -> None:
        first = Scripted("first", rejected("recipient"))
        stores = Stores(cooldowns=Once())
        async with mailer(first, recipient_cooldowns={"*": 9}, stores=stores) as sends:
            assert await outcome(sends.send(message())) == "rejected recipient"

    run(scene())
    assert "a cooldown may stay although its email was not sent" in caplog.text


def test_a_store_sees_no_address() -> None:
    seen: list[str] = []

    class Seeing:
        async def begin(self, key: str, seconds: float, *, owner: str) -> float:
            seen.append(key)
            return 0.0

        async def give_back(self, key: str, *, owner: str) -> None:
            raise NotImplementedError

    async def scene() -> None:
        for secret in (None, b"secret"):
            stores = Stores(cooldowns=Seeing(), secret=secret)
            async with mailer(
                Scripted("first"), recipient_cooldowns={"*": 9}, stores=stores
            ) as sends:
                await sends.send(message())

    run(scene())
    assert len(set(seen)) == 2
    assert not any("ada@" in key or "example" in key for key in seen)
