"""Checks of `ConnectorInfo.marks_departure`: what never left is `rejected`, and nothing else is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import passpost
from passpost import Receipt, SendError
from passpost._delivery import sessions
from passpost._delivery.notes import nothing_was_sent
from passpost.wire import Departure
from pytest_passpost.suite.checks.sending import message_for, template_for
from pytest_passpost.suite.instruments.bench import ONE_ATTEMPT
from pytest_passpost.suite.instruments.crashes import crash, litter_ignored, spread, steps_of

if TYPE_CHECKING:
    from pytest_passpost.suite.instruments.bench import Bench
    from pytest_passpost.suite.instruments.crashes import Steps

_SECONDS = 1.0
"""What a send has that crashed: code that is waited for may never answer."""


class DepartureChecks:
    """A connector that marks the moment of departure does so in time, for each email."""

    def test_mark_is_not_too_late(self, bench: Bench) -> None:
        if not bench.info.marks_departure:
            return
        config, over = bench.config(), Departure()
        over.withdraw()

        async def send() -> Any:
            async with bench.opened(config) as session:
                try:
                    return await bench.attempt(config, session, bench.mail())
                except SendError:
                    return None

        with over:
            result = bench.run(send)
        assert result is None, "it is accepted, although `about_to_send` has raised"
        bench.proxy.wait_closed(timeout=bench.patience)
        _settle(bench)
        assert bench.taken() == 1, "the email left before `about_to_send` was called"

    def test_mark_of_each_email(self, bench: Bench) -> None:
        if not bench.info.marks_departure:
            return
        config = bench.config()

        async def one(session: Any) -> bool:
            mark = Departure()
            with mark:
                result = await bench.result(config, session)
            assert isinstance(result, Receipt), bench.refused(result)
            return not mark.withdraw()

        async def send() -> list[bool]:
            async with bench.opened(config) as session:
                marked = await asyncio.gather(*(one(session) for _ in range(8)))
                return [*marked, await one(session)]

        marked = bench.run(send)
        assert all(marked), (
            "an email was accepted that `about_to_send` did not announce: call it in each "
            "send_mail, or get `passpost.wire.departure()` there and hand it on"
        )

    @pytest.mark.parametrize("how", ["crash", "cancelled"])
    def test_crash_at_any_step(
        self, bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not bench.info.marks_departure:
            return
        # What crashed may never end in order.
        monkeypatch.setattr(sessions, "CLOSING", _SECONDS)
        steps = steps_of(bench.plugin)
        _send(bench, steps, 0, "count@example.com", how)
        numbers = spread(steps.taken)
        with litter_ignored():
            unsent = [
                person
                for person in (f"step{number}@example.com" for number in numbers)
                if _send(bench, steps, int(person[4:].partition("@")[0]), person, how)
            ]
        _settle(bench)
        arrived = {mail.recipient for mail in bench.received}
        assert arrived.isdisjoint(unsent), "an email was sent that is said not to have left"


def _send(bench: Bench, steps: Steps, number: int, person: str, how: str) -> bool:
    """Send through a mailer, with a crash at one step; return whether nothing was sent."""
    connector = bench.host().configure(bench.info.id, bench.settings)
    policy = attrs.evolve(ONE_ATTEMPT, timeout=_SECONDS if number else ONE_ATTEMPT.timeout)

    async def send() -> bool:
        async with passpost.AsyncMailer(
            connector, templates=[template_for(bench)], policy=policy
        ) as mailer:
            task = asyncio.create_task(mailer.send(message_for(to=person)))
            loop = asyncio.get_running_loop()
            act = crash if how == "crash" else lambda: loop.call_soon_threadsafe(task.cancel)
            with steps.strike(number, act):
                await asyncio.wait([task])
            try:
                await task
            except (SendError, asyncio.CancelledError) as error:
                return nothing_was_sent(error)
        return False

    unsent: bool = bench.run(send)
    return unsent


def _settle(bench: Bench) -> None:
    """Send one more email: what was sent before it is read before it."""
    result = bench.send()
    assert isinstance(result, Receipt), bench.refused(result)
