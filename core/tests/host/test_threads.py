"""Synchronous connectors: threads that cannot start, and sessions that die beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pytest

import passpost
from passpost._delivery import threads

from .test_lifecycle import Blocking, Mortal, configured, failure

pytestmark = pytest.mark.anyio


async def test_a_thread_that_cannot_be_started_has_sent_nothing(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    blocking = Blocking()
    blocking.go_on.set()
    async with passpost.AsyncMailer(configured(blocking)) as mailer:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            error = await failure(mailer, message)
            assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", True)
            assert "can't start new thread" in str(error)
        assert blocking.called == 0
        assert "defective" not in caplog.text
        # The place was given back: there is one only.
        monkeypatch.setattr(threading.Thread, "start", start)
        assert (await mailer.send(message)).provider_id == "late"


class MortalInThreads(Mortal):
    """Sends synchronously, with a session that dies when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.used: list[int] = []
        self.refuses = False

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[str]:
        if self.refuses:
            raise OSError("refused")
        async with super().open_session() as session:
            yield session

    @passpost.hookimpl
    def send_mail(self, session: str, mail: passpost.Mail) -> Any:
        self.used.append(self.sessions.count("opened") - self.sessions.count("ended"))
        self.begun.set()
        self.go_on.wait()
        return passpost.Receipt(session)


async def test_a_session_that_died_while_an_email_waited_for_a_thread_is_not_used(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    mortal = MortalInThreads()
    mailer = passpost.AsyncMailer(configured(mortal))
    first, second = (asyncio.create_task(mailer.send(message)) for _ in range(2))
    try:
        await anyio.to_thread.run_sync(mortal.begun.wait)
        mortal.dies.set()
        await mortal.dead.wait()
        mortal.dies.clear()
        mortal.go_on.set()
        await asyncio.gather(first, second)
        assert mortal.used == [1, 1]
        assert mortal.sessions == ["opened", "ended", "opened"]
    finally:
        mortal.go_on.set()
        mortal.dies.set()
        await mailer.aclose()


async def test_a_session_that_cannot_be_opened_again_gives_the_thread_back(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    mortal = MortalInThreads()
    mailer = passpost.AsyncMailer(configured(mortal))
    first, second = (asyncio.create_task(mailer.send(message)) for _ in range(2))
    try:
        await anyio.to_thread.run_sync(mortal.begun.wait)
        mortal.dies.set()
        await mortal.dead.wait()
        mortal.dies.clear()
        mortal.refuses = True
        mortal.go_on.set()
        await first
        with pytest.raises(passpost.SendError) as caught:
            await second
        assert caught.value.outcome == "rejected"
        mortal.refuses = False
        await mailer.send(message)
        assert mortal.used == [1, 1]
    finally:
        mortal.go_on.set()
        mortal.dies.set()
        await mailer.aclose()
