"""What a mailer promises, held whatever happens and in whichever order."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import passpost

from .drivers import AsyncDriver, BlockingDriver, Driver
from .test_interrupts import Countdown, Interrupt, interrupt, traced
from .world import TIMEOUT, WATCHDOG, Delivery, Gate, Operation, Plan, World, connector

GRACE = 0.5
"""Seconds past the deadline that a connector has to say whether anything was sent."""

MANY = 45
"""More calls than a synchronous connector has threads."""

PLACES = st.sampled_from(["open", "close", "around", "check"])
SECONDS = st.sampled_from([0.2, 20.0, TIMEOUT + 1])


def rejected() -> BaseException:
    return passpost.SendError("no", outcome="rejected", scope="provider", temporary=True)


ERRORS: dict[str, Callable[[], BaseException]] = {
    "rejected": rejected,
    "ETIMEDOUT": lambda: TimeoutError(110, "Connection timed out"),
    "defect": lambda: KeyError("key"),
    "sys.exit": lambda: SystemExit(0),
    "interrupt": KeyboardInterrupt,
    "cancelled": asyncio.CancelledError,
}


class Machine(RuleBasedStateMachine):
    """A mailer, its provider, and everything that may befall them."""

    driver: Driver

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.gates: list[Gate] = []
        self.closing = False

    def drive(self) -> Driver:
        raise NotImplementedError

    @hypothesis.stateful.initialize(threads=st.booleans(), extended=st.booleans())
    def begin(self, *, threads: bool, extended: bool) -> None:
        self.threads = threads
        self.connector = connector(self.world, threads=threads, extended=extended)
        self.driver = self.drive()

    def gate(self) -> Gate:
        gate = Gate()
        self.gates.append(gate)
        self.world.gates.append(gate)
        return gate

    def message(self, delivery: Delivery, seconds: float | None = None) -> passpost.Message:
        number = self.driver.number()
        self.world.deliveries[number] = delivery
        self.world.expected[number] = self.world.clock.time() + min(seconds or TIMEOUT, TIMEOUT)
        deadline = None
        if seconds is not None:
            deadline = self.world.clock.wall() + dt.timedelta(seconds=seconds)
        return passpost.Message(
            to="ada@example.com", usage="SignIn", payload={"number": number}, deadline=deadline
        )

    # What applications do.

    @rule(seconds=st.none() | st.sampled_from([3.0, 90.0]))
    def send(self, seconds: float | None) -> None:
        self.driver.start("send", self.message(Delivery(), seconds))

    @rule(error=st.sampled_from(sorted(ERRORS)), leaves=st.booleans(), waits=st.booleans())
    def send_what_fails(self, error: str, *, leaves: bool, waits: bool) -> None:
        leaves = leaves and error != "rejected" and not self.threads
        gate = self.gate() if waits else None
        delivery = Delivery(gate, ERRORS[error], leaves=leaves, leaves_first=True)
        self.driver.start("send", self.message(delivery))

    @rule(leaves_first=st.booleans())
    def send_what_takes_its_time(self, *, leaves_first: bool) -> None:
        delivery = Delivery(self.gate(), leaves_first=leaves_first and not self.threads)
        self.driver.start("send", self.message(delivery))

    @precondition(lambda self: self.threads)
    @rule()
    def send_more_than_there_are_threads(self) -> None:
        gate = self.gate()
        for _ in range(MANY):
            self.driver.start("send", self.message(Delivery(gate)))

    @rule()
    def check(self) -> None:
        self.driver.start("check")

    @rule()
    def close(self) -> None:
        self.closing = True
        self.driver.start("close")

    # What befalls them.

    @rule(place=PLACES)
    def plan_to_hang(self, place: str) -> None:
        self.world.plans[place].append(Plan(self.gate()))

    @rule(place=PLACES, error=st.sampled_from(sorted(ERRORS)), waits=st.booleans())
    def plan_to_fail(self, place: str, error: str, *, waits: bool) -> None:
        self.world.plans[place].append(Plan(self.gate() if waits else None, ERRORS[error]))

    @rule(place=st.sampled_from(["open", "around", "check", "send"]))
    def hang_until_the_deadline_has_passed(self, place: str) -> None:
        if place == "send":
            self.send_what_takes_its_time(leaves_first=False)
        else:
            self.plan_to_hang(place)
            self.driver.start("check") if place == "check" else self.send(None)
        self.promises()
        self.time_passes(TIMEOUT + 1)

    # No rule draws from, or depends on, what threads bring about: hypothesis requires each run to
    # draw the same.
    @rule(place=st.integers(0, 9))
    def open_gate(self, place: int) -> None:
        if self.gates:
            self.gates.pop(place % len(self.gates)).open()

    @rule()
    def crash_session(self) -> None:
        async def crash() -> None:
            for session in self.world.sessions:
                session.crash(max(self.world.deliveries, default=0))

        self.driver.on_loop(crash)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.world.clock.pass_by(seconds)

    @rule(seconds=st.sampled_from([-90.0, 90.0, 86400.0]))
    def wall_clock_is_set(self, seconds: float) -> None:
        self.world.clock.step(seconds)

    # What holds.

    @invariant()
    def promises(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.driver.settle()
        assert self.world.broken == []
        for operation in self.driver.operations:
            if operation.done.is_set():
                if not operation.checked:
                    self.judge(operation)
            else:
                assert not self.is_overdue(operation), f"{operation} is late"
        if any(one.kind == "close" and one.error is None for one in self.done):
            assert self.world.entered == self.world.ended

    @property
    def done(self) -> list[Operation]:
        return [one for one in self.driver.operations if one.done.is_set()]

    def is_overdue(self, operation: Operation) -> bool:
        until = self.world.expected.get(operation.number, operation.begun + TIMEOUT)
        return operation.kind != "close" and self.world.clock.time() >= until + GRACE

    def judge(self, operation: Operation) -> None:
        operation.checked = True
        error = operation.error
        assert isinstance(error, asyncio.CancelledError) == operation.cancelled, repr(error)
        if operation.cancelled:
            return
        if operation.kind == "close":
            assert error is None
        elif isinstance(error, passpost.MailerClosedError):
            assert self.closing
            assert operation.number not in self.world.left
        elif operation.kind == "check":
            assert error is None or isinstance(error, passpost.SendError | passpost.PluginError)
        elif error is None:
            assert self.world.left.count(operation.number) == 1
        else:
            assert isinstance(error, passpost.SendError)
            self.judge_failure(operation.number, error)

    def judge_failure(self, number: int, error: passpost.SendError) -> None:
        if error.outcome == "rejected":
            assert number not in self.world.left
        else:
            assert number in self.world.called, f"it never left, and is unknown: {error}"
        if "deadline" in str(error):
            assert self.world.clock.time() >= self.world.expected[number], error

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            self.world.clock.close()
            return
        try:
            self.end()
        finally:
            for gate in self.gates:
                gate.open()
            self.world.clock.close()

    def end(self) -> None:
        """Close the mailer, once nothing holds anything up any more: nothing may be left."""
        for plans in self.world.plans.values():
            plans.clear()
        while self.gates:
            self.gates.pop().open()
        self.promises()
        self.closing = True
        last = self.driver.start("close")
        self.promises()
        for seconds in (TIMEOUT + 6, 11, 2):
            self.world.clock.pass_by(seconds)
            self.promises()
        assert self.driver.pending == []
        assert last.error is None
        assert self.world.entered == self.world.ended, "a session was never left"
        self.driver.end()
        assert self.world.broken == []


class AsyncMachine(Machine):
    """`AsyncMailer`, whose calls can be cancelled."""

    driver: AsyncDriver

    def drive(self) -> Driver:
        return AsyncDriver(self.world, self.connector)

    @rule(place=st.integers(0, 9))
    def cancel(self, place: int) -> None:
        if pending := self.driver.pending:
            self.driver.cancel(pending[place % len(pending)])

    @rule()
    def cancel_the_closing(self) -> None:
        self.send_what_takes_its_time(leaves_first=True)
        self.promises()
        self.close()
        self.promises()
        self.driver.cancel(self.driver.operations[-1])


class BlockingMachine(Machine):
    """`Mailer`, which is called from threads, interrupted by signals, and forked."""

    driver: BlockingDriver

    def drive(self) -> Driver:
        self.forks = 0
        return BlockingDriver(self.world, self.connector)

    def attempt(self, step: int, act: Callable[[], Any], message: passpost.Message) -> Operation:
        """Send, and do something at the n-th step of it."""
        number: Any = message.payload["number"]
        operation = Operation("send", number, self.world.clock.time())
        with traced(Countdown(step, act), "line"):
            operation.run_in_thread(lambda: self.driver.mailer.send(message))
        return operation

    @rule(step=st.integers(1, 60))
    def interrupt(self, step: int) -> None:
        if not self.is_free:
            return
        operation = self.attempt(step, interrupt, self.message(Delivery()))
        if not isinstance(operation.error, Interrupt):
            self.judge(operation)
        # Whatever was interrupted, the next caller finds everything in order.
        self.driver.start("send", self.message(Delivery()))

    @rule(step=st.integers(1, 60))
    def close_while_a_send_is_held_up(self, step: int) -> None:
        if not self.is_free:
            return
        message = self.message(Delivery())
        held, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            assert go_on.wait(WATCHDOG)

        results: list[Operation] = []

        def send() -> None:
            results.append(self.attempt(step, hold, message))
            held.set()

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        assert held.wait(WATCHDOG)
        self.closing = True
        closing = threading.Thread(target=self.driver.mailer.close, daemon=True)
        closing.start()
        closing.join(WATCHDOG)
        assert not closing.is_alive(), "closing hangs"
        sent = list(self.world.left)
        go_on.set()
        thread.join(WATCHDOG)
        assert results, "the send hangs"
        self.judge(results[0])
        assert self.world.left == sent, "an email left after the mailer had closed"

    @property
    def is_free(self) -> bool:
        """Whether a send that is begun now ends by itself."""
        return not any(self.world.plans.values()) and not self.driver.pending

    @precondition(lambda self: hasattr(os, "fork") and self.forks < 2)
    @rule()
    def fork(self) -> None:
        self.forks += 1
        child = os.fork()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            return
        status = 1
        try:
            signal.alarm(int(WATCHDOG))
            status = self.use_in_child()
        finally:
            os._exit(status)

    def use_in_child(self) -> int:
        for plans in self.world.plans.values():
            plans.clear()
        try:
            self.driver.mailer.send(self.message(Delivery()))
        except passpost.MailerClosedError:
            return 0 if self.closing else 2
        self.driver.mailer.close()
        return 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("machine", [AsyncMachine, BlockingMachine])
def test_what_a_mailer_promises(machine: type[Machine]) -> None:
    hypothesis.stateful.run_state_machine_as_test(
        machine,
        # Seeds are the same in each run: a fault that is found once is found again.
        settings=hypothesis.settings(
            max_examples=100, stateful_step_count=30, deadline=None, derandomize=True,
            database=None, print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip
