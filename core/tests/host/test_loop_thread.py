"""The event loop that all blocking mailers share."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
from typing import Any

import pytest

import passpost
from passpost._mailers import loop_thread

from .conftest import Recorder
from .programs import both_loops, run


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "passpost"]


def test_a_thousand_mailers_share_one_thread_which_ends_with_the_last(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0  # noqa: PTH110, PTH208 - counted, not opened

    with passpost.Mailer(connector) as first:
        # uvloop opens descriptors for the whole process.
        first.send(message)
    before = threading.active_count(), descriptors()
    mailers = [passpost.Mailer(connector) for _ in range(1000)]
    for mailer in mailers:
        mailer.send(message)
    assert threading.active_count() - before[0] == len(loop_threads()) == 1
    # The selector, and the pair that wakes it; uvloop has a few more.
    assert descriptors() - before[1] <= 10
    for mailer in mailers:
        mailer.close()
    assert (threading.active_count(), descriptors()) == before
    assert recorder.sessions.count("closed") == 1001


def test_a_mailer_closed_leaves_the_others_open(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    with passpost.Mailer(connector) as other:
        other.send(message)
        with passpost.Mailer(connector) as mailer:
            mailer.send(message)
        assert recorder.sessions == ["opened", "opened", "closed"]
        other.send(message)


def test_context_variables_of_the_caller_reach_the_send(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    trace = contextvars.ContextVar("trace", default="none")
    seen: list[str] = []

    def behave(mail: passpost.Mail) -> passpost.Receipt:
        seen.append(trace.get())
        return passpost.Receipt("id-1")

    recorder.behave = behave
    with passpost.Mailer(connector) as mailer:
        trace.set("first")
        mailer.send(message)
        trace.set("second")
        mailer.send(message)
    assert seen == ["first", "second"]


def test_a_mailer_called_on_the_loop_itself_says_so(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    refused: list[BaseException] = []

    class Mails(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                mailer.send(message)
            except RuntimeError as error:
                refused.append(error)

    log, handler = logging.getLogger("passpost"), Mails(logging.WARNING)

    def behave(mail: passpost.Mail) -> passpost.Receipt:
        log.warning("the quota is nearly used up")
        return passpost.Receipt("id-1")

    recorder.behave = behave
    log.addHandler(handler)
    try:
        with passpost.Mailer(connector) as mailer:
            mailer.send(message)
    finally:
        log.removeHandler(handler)
    assert "QueueListener" in str(refused[0])


@both_loops
def test_a_task_that_exits_does_not_end_the_loop_for_the_others(*, uvloop: bool) -> None:
    ran = run(
        """
        import logging

        async def leave():
            raise SystemExit(3)

        class Exits(Quick):
            @passpost.hookimpl
            async def send_mail(self, mail):
                stray = asyncio.create_task(leave())
                while not stray.done():
                    await asyncio.sleep(0)
                stray.exception()
                return passpost.Receipt("sent")

        host = passpost.Host()
        host.register(Exits())
        with make() as mailer:
            for _ in range(3):
                print(mailer.send(message).provider_id)
        """,
        uvloop=uvloop,
    )
    assert ran.stdout.split() == ["sent", "sent", "sent", "left"]
    assert ran.stderr.count("raised SystemExit at") == 3
    assert (len(ran.stderr.splitlines()), ran.returncode) == (3, 0)


def test_a_loop_that_cannot_start_is_a_rejection_and_the_next_send_tries_again(
    connector: passpost.Connector, message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(24, "Too many open files")

    mailer = passpost.Mailer(connector)
    with monkeypatch.context() as patch:
        patch.setattr(loop_thread, "_new_event_loop", refuse)
        with pytest.raises(passpost.SendError, match="Too many open files") as caught:
            mailer.send(message)
    assert (caught.value.outcome, caught.value.temporary) == ("rejected", True)
    assert mailer.send(message).provider_id == "id-1"
    mailer.close()


@pytest.mark.parametrize("where", ["threading.Thread.start", "_thread.start_new_thread"])
def test_a_thread_that_cannot_start_is_a_rejection(
    connector: passpost.Connector,
    message: passpost.Message,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    def refuse(*arguments: Any) -> None:
        raise RuntimeError("can't start new thread")

    mailer = passpost.Mailer(connector)
    with monkeypatch.context() as patch:
        patch.setattr(where, refuse)
        with pytest.raises(passpost.SendError, match="can't start new thread") as caught:
            mailer.send(message)
    assert caught.value.outcome == "rejected"
    assert mailer.send(message).provider_id == "id-1"
    mailer.close()
