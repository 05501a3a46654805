"""Mailer interrupted at each of its steps: by signals, by other threads, by forks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

import passpost
from passpost import wire
from passpost._mailers import loop_thread
from passpost._mailers import mailer as blocking
from passpost._mailers.call import Call
from passpost.errors import outcome_of

from .conftest import TEMPLATES, Recorder
from .programs import LONG, run
from .test_departure import Marking

OURS = {blocking.__file__, loop_thread.__file__}


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "passpost"]


def in_time(work: Callable[[], Any]) -> Any:
    """Return the result of work done in another thread, or fail if it hangs."""
    results: list[Any] = []

    def perform() -> None:
        try:
            results.append(work())
        except passpost.MailerClosedError:
            results.append("closed")

    thread = threading.Thread(target=perform, daemon=True)
    thread.start()
    thread.join(LONG)
    assert results, "it hangs"
    return results[0]


class Interrupt(BaseException):
    """What a signal handler raised."""


@contextmanager
def traced(reached: Callable[[types.FrameType], None], event: str) -> Iterator[None]:
    """Call a function before each line or opcode of this thread within the modules at hand."""

    def trace(frame: types.FrameType, kind: str, _: Any) -> Any:
        if frame.f_code.co_filename not in OURS:
            return None
        frame.f_trace_opcodes = event == "opcode"
        if kind == event:
            reached(frame)
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(former)


class Countdown:
    """Does something at the n-th call, once."""

    def __init__(self, left: int, act: Callable[[], Any]) -> None:
        self.left = left
        self._act = act

    def __call__(self, frame: types.FrameType) -> None:
        self.left -= 1
        if not self.left:
            self._act()


def interrupt(*_: object) -> None:
    raise Interrupt


def ring_and(work: Callable[[], None]) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    work()


@contextmanager
def alarm() -> Iterator[None]:
    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, former)


def send(mailer: passpost.Mailer, message: passpost.Message) -> None:
    mailer.send(message)


def send_and_close(mailer: passpost.Mailer, message: passpost.Message) -> None:
    mailer.send(message)
    mailer.close()


@pytest.mark.parametrize("act", [send, send_and_close])
@pytest.mark.parametrize("event", ["line", "opcode"])
def test_an_interrupt_at_any_step_leaves_a_mailer_that_works(
    connector: passpost.Connector, message: passpost.Message, act: Any, event: str
) -> None:
    """A signal handler may raise anywhere: no other thread may hang, and `close` must finish."""
    steps, finished = 0, False
    while not finished:
        steps += 1
        mailer = passpost.Mailer(connector)
        countdown = Countdown(steps, interrupt)
        try:
            with traced(countdown, event):
                act(mailer, message)
        except Interrupt:
            pass
        finished = countdown.left > 0
        in_time(lambda: mailer.send(message))  # noqa: B023 - called at once
        in_time(mailer.close)
    assert steps > 30
    for thread in loop_threads():
        thread.join(LONG)
    assert loop_threads() == []


def test_a_thread_that_is_held_up_at_any_step_while_another_closes(
    connector: passpost.Connector, message: passpost.Message, recorder: Recorder
) -> None:
    steps, finished = 0, False
    while not finished:
        steps += 1
        mailer = passpost.Mailer(connector)
        held, go_on = threading.Event(), threading.Event()

        def hold(held: threading.Event = held, go_on: threading.Event = go_on) -> None:
            held.set()
            assert go_on.wait(LONG)

        countdown = Countdown(steps, hold)

        def work(mailer: passpost.Mailer = mailer, countdown: Countdown = countdown) -> Any:
            with traced(countdown, "line"):
                return mailer.send(message)

        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(in_time, work)
            sending.add_done_callback(lambda _, held=held: held.set())  # type: ignore[misc]
            assert held.wait(LONG)
            in_time(mailer.close)
            go_on.set()
            assert sending.result() == "closed" or sending.result().provider_id == "id-1"
        finished = countdown.left > 0
    assert recorder.sessions.count("opened") == recorder.sessions.count("closed")
    assert loop_threads() == []


def test_a_signal_at_any_moment_of_the_first_sends() -> None:
    """Real signals, 10 µs apart: they reach what Python's own threads and locks do as well."""
    ran = run("""
        class Alarm(BaseException):
            pass

        def ring(number, frame):
            raise Alarm

        signal.signal(signal.SIGALRM, ring)
        rang = 0
        for moment in range(1, 400):
            mailer = make()
            try:
                signal.setitimer(signal.ITIMER_REAL, moment / 100_000)
                mailer.send(message)
                mailer.close()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarm:
                rang += 1
            thread = threading.Thread(target=mailer.close)
            thread.start()
            thread.join()
        print("rang" if rang > 20 else rang)
    """)
    # Standard error may tell of an alarm that rang in a callback of the garbage collector.
    assert (set(ran.stdout.split()), ran.returncode) == ({"left", "rang"}, 0)


def test_a_signal_handler_may_use_the_mailer_it_interrupts() -> None:
    ran = run("""
        sent = []
        signal.signal(signal.SIGALRM, lambda *_: sent.append(mailer.send(message)))
        for moment in range(1, 200):
            mailer = make()
            signal.setitimer(signal.ITIMER_REAL, moment / 50_000)
            mailer.send(message)
            signal.setitimer(signal.ITIMER_REAL, 0)
            mailer.close()
        print("sent" if sent else "never")
    """)
    assert (set(ran.stdout.split()), ran.stderr, ran.returncode) == ({"left", "sent"}, "", 0)


@pytest.mark.parametrize(("leaves", "expected"), [(False, "rejected"), (True, "unknown")])
def test_a_caller_that_was_interrupted_is_told_whether_its_email_may_have_been_sent(
    message: passpost.Message, leaves: bool, expected: str
) -> None:
    connector = Marking()

    async def hang() -> passpost.Receipt:
        if leaves:
            wire.about_to_send()
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGALRM)
        await asyncio.Event().wait()
        raise AssertionError

    connector.behave = lambda mail: hang()
    host = passpost.Host(environ={})
    host.register(connector)
    settings = {"templates": TEMPLATES, "fromEmail": "no-reply@example.com"}
    with passpost.Mailer(host.configure(connector.id, settings)) as mailer:
        with alarm(), pytest.raises(Interrupt) as caught:
            mailer.send(message)
        assert outcome_of(caught.value) == expected
        (note,) = caught.value.__notes__
        assert "not sent" in note if expected == "rejected" else "may have been sent" in note
        connector.behave = lambda mail: passpost.Receipt()
        # The loop serves on.
        assert mailer.send(message).connector == connector.id


def test_a_caller_that_was_interrupted_after_its_email_was_accepted_is_in_doubt(
    connector: passpost.Connector, message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    with passpost.Mailer(connector) as mailer:
        mailer.send(message)
        wait = Call.wait

        def interrupted(call: Call[Any]) -> None:
            wait(call)
            raise Interrupt

        monkeypatch.setattr(Call, "wait", interrupted)
        with pytest.raises(Interrupt) as caught:
            mailer.send(message)
        monkeypatch.undo()
        assert outcome_of(caught.value) == "unknown"


def test_a_call_that_the_loop_never_came_to_sent_nothing(
    connector: passpost.Connector, message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_thread: object, _call: object) -> bool:
        raise Interrupt

    with passpost.Mailer(connector) as mailer:
        monkeypatch.setattr(loop_thread.LoopThread, "submit", never)
        with pytest.raises(Interrupt) as caught:
            mailer.send(message)
        monkeypatch.undo()
        assert outcome_of(caught.value) == "rejected"


def test_closing_that_was_interrupted_is_repeated(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    reached, released = threading.Event(), threading.Event()

    async def slow() -> passpost.Receipt:
        reached.set()
        await asyncio.to_thread(released.wait)
        return passpost.Receipt("id-1")

    recorder.behave = lambda mail: slow()
    mailer = passpost.Mailer(connector)
    with ThreadPoolExecutor(1) as threads, alarm():
        sending = threads.submit(mailer.send, message)
        assert reached.wait(LONG)
        with pytest.raises(Interrupt):
            # Closing lasts until the send is over, and that until it is released.
            ring_and(mailer.close)
        with pytest.raises(passpost.MailerClosedError):
            mailer.send(message)
        released.set()
        mailer.close()
        assert sending.result().provider_id == "id-1"
    assert recorder.sessions == ["opened", "closed"]
    assert loop_threads() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("act", [send, send_and_close])
def test_a_fork_while_another_thread_is_at_any_step(
    connector: passpost.Connector, message: passpost.Message, act: Any
) -> None:
    steps, finished = 0, False
    while not finished:
        steps += 1
        mailer, other = passpost.Mailer(connector), passpost.Mailer(connector)
        children: list[int] = []

        def fork(children: list[int] = children, other: passpost.Mailer = other) -> None:
            # From a thread of its own, as the one that is traced stands still in the child.
            with ThreadPoolExecutor(1) as threads:
                children.append(threads.submit(use_in_child, other, message).result())

        countdown = Countdown(steps, fork)
        with traced(countdown, "line"):
            act(mailer, message)
        mailer.close()
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finished = countdown.left > 0


def use_in_child(mailer: passpost.Mailer, message: passpost.Message) -> int:
    """Fork; the child sends, closes and ends, at the latest when the alarm kills it."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(int(LONG))
        mailer.send(message)
        mailer.close()
        status = 0
    finally:
        os._exit(status)
