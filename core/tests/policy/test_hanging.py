"""A connector that hangs gets its share of the time, and the others get the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import Scripted, mailer, message, outcome, rejected
from virtual_time import run

import passpost

DOWN = rejected("network", temporary=True)


def noting(shares: list[float | None], answer: Any = None) -> Any:
    """Return an answer that notes how long the connector may wait before it begins."""

    def note(mail: passpost.Mail) -> None:
        shares.append(mail.seconds_to_begin())
        if answer is not None:
            raise answer

    return note


class Waiting(Scripted):
    """Waits for a connection as long as it may, and never gets one."""

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> Any:
        self.mails.append(mail)
        left = mail.seconds_to_begin()
        await asyncio.sleep(mail.seconds_left() if left is None else left)  # type: ignore[arg-type]  # each has a deadline
        raise DOWN


class Opening(Scripted):
    """Never opens its session."""

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield


class Busy(Scripted):
    """Has no thread that is free."""

    @passpost.hookimpl
    def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:  # type: ignore[override]  # a connector may be either
        raise AssertionError("it has no thread to run in")


@pytest.mark.parametrize("connectors", [2, 3, 4])
def test_each_connector_that_can_be_asked_gets_an_equal_share(connectors: int) -> None:
    async def scene() -> None:
        shares: list[float | None] = []
        made = [Scripted(name) for name in "abcd"[:connectors]]
        for each in made:
            each.always = noting(shares, DOWN)
        async with mailer(*made, attempts=1) as sends:
            await outcome(sends.send(message()))
        assert shares[:-1] == [
            pytest.approx(25 / left, abs=0.5) for left in range(connectors, 1, -1)
        ]
        assert shares[-1] is None

    run(scene())


def test_the_last_one_has_the_rest() -> None:
    # Although the first could be asked a second time.
    async def scene() -> None:
        shares: list[float | None] = []
        first, backup = Scripted("first"), Scripted("backup")
        first.always, backup.always = noting(shares, DOWN), noting(shares)
        async with mailer(first, backup) as sends:
            await sends.send(message())
        assert shares == [pytest.approx(12.5, abs=0.5), None]

    run(scene())


def test_a_retry_has_its_share_of_what_is_left_then() -> None:
    async def scene() -> None:
        shares: list[float | None] = []
        greylisted = rejected("recipient", temporary=True, retry_after=10)
        first, backup = Scripted("first", noting(shares, greylisted)), Scripted("backup")
        first.always = noting(shares)
        async with mailer(first, backup) as sends:
            await sends.send(message())
        assert shares == [pytest.approx(12.5, abs=0.5), pytest.approx(7.25, abs=0.5)]

    run(scene())


def test_a_connector_that_nobody_can_help_has_all_the_time_there_is() -> None:
    async def scene() -> None:
        shares: list[float | None] = []
        first, backup = Scripted("first"), Scripted("backup")
        first.always = noting(shares)
        async with mailer(first) as sends:
            await sends.send(message())
        backup.always = DOWN
        routes, breaker = {"Generic": ["backup"]}, passpost.Breaker(failures=1)
        async with mailer(first, backup, attempts=1, routes=routes, breaker=breaker) as sends:
            await sends.send(message())
            await outcome(sends.send(message(usage="Generic")))
            assert sends.health()["backup"].state == "open"
            await sends.send(message())
        assert shares == [None, pytest.approx(12.5, abs=0.5), None]

    run(scene())


def test_emails_that_wait_for_a_server_that_hangs_go_elsewhere_in_time() -> None:
    async def scene() -> None:
        first, backup = Waiting("first"), Scripted("backup")
        async with mailer(first, backup) as sends:
            outcomes = await asyncio.gather(*(outcome(sends.send(message())) for _ in range(50)))
            assert set(outcomes) == {"backup"}
            assert await outcome(sends.send(message())) == "backup"
        assert len(first.mails) == 50

    run(scene())


def test_a_session_that_never_opens_leaves_time_for_the_backup() -> None:
    async def scene() -> None:
        first, backup = Opening("first"), Scripted("backup")
        async with mailer(first, backup) as sends:
            receipt = await sends.send(message())
        assert receipt.connector == "backup"
        assert receipt.attempts[0].summary == "the connector's session was not open in time"
        (at,) = backup.times
        assert at == pytest.approx(1_012.5, abs=0.5)

    run(scene())


def test_threads_that_hang_leave_time_for_the_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        first, backup = Busy("first"), Scripted("backup")
        async with mailer(first, backup) as sends:
            monkeypatch.setattr("passpost._delivery.threads.Threads.prepare", _never)
            receipt = await sends.send(message())
        assert receipt.connector == "backup"
        assert receipt.attempts[0].summary == "the connector had no thread for the email in time"

    run(scene())


async def _never(_threads: object) -> None:
    await asyncio.Event().wait()
