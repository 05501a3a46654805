"""What went wrong in other projects that retry and fail over; each test names where."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import TEMPLATES, Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import VirtualClock, run

import passpost
from passpost import wire
from passpost._policy.decision import Result
from passpost._policy.health import Health, Limits
from passpost._stores import Stores
from passpost._stores.idempotency import MemoryIdempotency

DOWN = rejected("network", temporary=True)
WEEK = 7 * 86_400.0


def test_wrong_addresses_mark_no_connector_dead() -> None:
    # symfony#52551, symfony#50981
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        first.always = rejected("recipient")
        async with mailer(first, backup) as sends:
            for _ in range(1_000):
                assert await outcome(sends.send(message())) == "rejected recipient"
            first.always = None
            assert await outcome(sends.send(message())) == "first"
            assert sends.health()["first"].since is None
        assert backup.mails == []

    run(scene())


def test_when_all_are_dead_the_error_says_when_to_come_back() -> None:
    # symfony#50162
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        first.always = backup.always = DOWN
        breaker = passpost.Breaker(failures=1, recovery=100)
        async with mailer(first, backup, attempts=1, breaker=breaker) as sends:
            await outcome(sends.send(message()))
            await asyncio.sleep(40)
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(message())
            assert caught.value.temporary
            assert caught.value.retry_after == pytest.approx(60)
            first.always = None
            await asyncio.sleep(caught.value.retry_after or 0)
            assert await outcome(sends.send(message())) == "first"

    run(scene())


def test_the_backup_does_not_stay_the_first_for_ever() -> None:
    # symfony/mailer, FailoverTransport: it stays on the backup until that one dies
    async def scene() -> None:
        first, backup = Scripted("first", *[DOWN] * 5), Scripted("backup")
        async with mailer(first, backup) as sends:
            for _ in range(10):
                assert await outcome(sends.send(message())) == "backup"
            await asyncio.sleep(30)
            assert [await outcome(sends.send(message())) for _ in range(10)] == ["first"] * 10

    run(scene())


def test_failover_always_begins_with_the_first() -> None:
    # symfony#37593, symfony#37611
    async def scene() -> None:
        for _ in range(30):
            async with mailer(*(Scripted(name) for name in "abc")) as sends:
                assert await outcome(sends.send(message())) == "a"

    run(scene())


def test_no_connector_is_dropped_for_ever() -> None:
    # symfony#31024
    async def scene() -> None:
        asks_for_a_week = rejected("provider", temporary=True, retry_after=WEEK)
        first, backup = Scripted("first", *[asks_for_a_week] * 5), Scripted("backup")
        async with mailer(first, backup) as sends:
            for _ in range(10):
                await sends.send(message())
            await asyncio.sleep(300)
            assert await outcome(sends.send(message())) == "first"

    run(scene())


def test_a_failure_that_the_backup_hides_is_told(caplog: pytest.LogCaptureFixture) -> None:
    # symfony#60110
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        first.always = DOWN
        async with mailer(first, backup) as sends:
            for _ in range(5):
                await sends.send(message())
            assert sends.health()["first"].state == "open"
            assert sends.health()["backup"].state == "healthy"

    run(scene())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 5


class BrokenSession(Scripted):
    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[None]:
        if self.name == "broken":
            raise KeyError("token")
        yield


def leave_and_crash(_: passpost.Mail) -> None:
    wire.about_to_send()
    raise KeyError("id")


def test_foreign_exceptions_do_not_bypass_the_failover() -> None:
    # symfony#41419, laravel#48642, mailersend-laravel-driver#44
    async def scene() -> None:
        broken, backup = BrokenSession("broken"), Scripted("backup")
        async with mailer(broken, backup) as sends:
            assert await outcome(sends.send(message())) == "backup"
        # It marks when an email leaves, and this one had not.
        first, backup = Scripted("first", KeyError("id"), marks=True), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == "backup"
        # This one had.
        first, backup = Scripted("first", leave_and_crash, marks=True), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == "unknown provider"
        assert backup.mails == []
        # What a connector raises while it sends may come after the commit.
        first, backup = Scripted("first", KeyError("id")), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == "unknown provider"
        assert backup.mails == []

    run(scene())


def test_each_mailer_tries_a_broken_connector_once_a_period() -> None:
    # symfony#31659, laravel#49435
    async def scene() -> None:
        made = [(Scripted("first"), Scripted("backup")) for _ in range(4)]
        for first, backup in made:
            first.always = DOWN
            async with mailer(first, backup) as sends:
                for _ in range(100):
                    await sends.send(message())
                await asyncio.sleep(30)
                for _ in range(100):
                    await sends.send(message())
        assert [len(first.mails) for first, _ in made] == [6] * 4

    run(scene())


def test_the_error_of_all_holds_every_reason() -> None:
    # symfony#48126
    async def scene() -> None:
        first, backup = Scripted("first", rejected("account")), Scripted("backup")
        backup.always = rejected("provider")
        async with mailer(first, backup) as sends:
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(message())
        tries = [(a.connector, a.result, a.summary) for a in caught.value.attempts]
        assert tries == [
            ("first", "rejected", "no: account"),
            ("backup", "rejected", "no: provider"),
        ]
        assert all(attempt.started_at.utcoffset() is not None for attempt in caught.value.attempts)

    run(scene())


def test_a_server_that_rejects_the_sender_is_asked_last() -> None:
    # listmonk#2547
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        first.always = rejected("account", provider_code="550 sender not verified")
        async with mailer(first, backup) as sends:
            assert [await outcome(sends.send(message())) for _ in range(20)] == ["backup"] * 20
            assert (len(first.mails), sends.health()["first"].state) == (1, "cooling")

    run(scene())


def test_the_policy_is_the_same_from_settings_and_from_code() -> None:
    # laravel#38578, symfony#37158
    async def scene() -> None:
        first, backup = Scripted("first", unknown()), Scripted("backup")
        host = passpost.Host(environ={})
        host.register(first)
        host.register(backup)
        own: dict[str, Any] = {"templates": TEMPLATES, "fromEmail": "a@example.com"}
        settings = {
            "connectors": {
                "a": {"use": "first", "settings": own},
                "b": {"use": "backup", "settings": own},
            },
            "delivery": {"onUnknown": "resend", "breaker": {"failures": 1, "recovery": 3_600}},
        }
        async with passpost.AsyncMailer.from_settings(settings, host=host) as sends:
            assert await outcome(sends.send(message())) == "b"
            assert sends.health()["a"].state == "open"

    run(scene())


def test_a_timeout_after_the_email_was_taken_sends_no_second_copy() -> None:
    # postal#3016, maddy#23
    async def scene() -> None:
        first, backup = Scripted("first", hanging(60)), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == "unknown provider"
        assert (len(first.mails), len(backup.mails)) == (1, 0)

    run(scene())


def test_what_may_have_been_sent_stays_unknown() -> None:
    # kratos#3399: a later answer must not turn an email that was sent into one that was not
    async def scene() -> None:
        first = Scripted("first", unknown(), rejected("recipient"))
        async with mailer(first, on_unknown="resend") as sends:
            assert await outcome(sends.send(message())) == "unknown network"

    run(scene())


def test_a_note_that_fails_after_acceptance_sends_nothing_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # kratos#3175
    class Forgetful(MemoryIdempotency):
        async def finish(self, key: str, token: str, record: Any) -> None:
            raise ConnectionResetError

    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, stores=Stores(idempotency=Forgetful(VirtualClock()))) as sends:
            assert await outcome(sends.send(message(idempotency_key="k"))) == "first"
            assert await outcome(sends.send(message(idempotency_key="k"))) == "unknown provider"
        assert len(first.mails) == 1

    run(scene())
    assert "did not note how a send ended" in caplog.text


@pytest.mark.parametrize("alone", [False, True])
def test_tries_have_a_bound(*, alone: bool) -> None:
    # nodemailer#1105
    async def scene() -> None:
        made = [Scripted("first"), Scripted("backup")][: 1 if alone else 2]
        for connector in made:
            connector.always = DOWN
        began = asyncio.get_running_loop().time()
        async with mailer(*made, breaker=passpost.Breaker(failures=0)) as sends:
            assert await outcome(sends.send(message())) == "rejected network"
        assert all(len(connector.mails) <= 3 for connector in made)
        assert asyncio.get_running_loop().time() - began < 25

    run(scene())


def test_waiting_emails_are_not_released_all_at_once() -> None:
    # nodemailer-smtp-pool#8, nodemailer#827, nodemailer#768
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, rates={"first": "2/s"}) as sends:
            await asyncio.gather(*(outcome(sends.send(message())) for _ in range(50)))
        for at in first.times:
            assert len([time for time in first.times if at <= time < at + 1]) <= 2

    run(scene())


def test_an_outage_longer_than_the_deadline_sends_nothing_afterwards() -> None:
    # identity-idp#5530, mozilla-lockwise#1188
    async def scene() -> None:
        first = Scripted("first")
        first.always = DOWN
        # Without a breaker, only the deadline keeps it from being asked.
        breaker = passpost.Breaker(failures=0)
        async with mailer(first, attempts=100, breaker=breaker) as sends:
            tasks = [asyncio.create_task(outcome(sends.send(message()))) for _ in range(20)]
            await asyncio.sleep(26)
            first.always = None
            before = len(first.mails)
            await asyncio.sleep(3_600)
            assert len(first.mails) == before
            assert {await task for task in tasks} == {"rejected network"}

    run(scene())


def test_a_limit_is_never_silent_and_never_leads_elsewhere() -> None:
    # activepieces#14735
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        async with mailer(first, backup, recipient_cooldowns={"*": 60}) as sends:
            await sends.send(message())
            with pytest.raises(passpost.Throttled) as caught:
                await sends.send(message())
        facts = caught.value
        assert (facts.outcome, facts.scope, facts.temporary) == ("rejected", "recipient", True)
        assert facts.retry_after == pytest.approx(60)
        assert (len(first.mails), backup.mails) == (1, [])

    run(scene())


def test_a_limit_does_not_tell_who_is_registered() -> None:
    # logto, verification-code-helpers.ts
    async def scene() -> None:
        async with mailer(Scripted("first"), recipient_cooldowns={"SignIn": 60}) as sends:
            await sends.send(message(to="known@example.com"))
            await sends.count("stranger@example.com", "SignIn")
            waits = []
            for to in ("known@example.com", "stranger@example.com"):
                with pytest.raises(passpost.Throttled) as caught:
                    await sends.send(message(to=to))
                waits.append(caught.value.retry_after)
            assert waits[0] == waits[1]

    run(scene())


def test_an_outage_locks_nobody_out() -> None:
    # A cooldown that began with an email that was not sent
    async def scene() -> None:
        first = Scripted("first", rejected("provider"))
        async with mailer(first, recipient_cooldowns={"*": 3_600}) as sends:
            assert await outcome(sends.send(message())) == "rejected provider"
            assert await outcome(sends.send(message())) == "first"

    run(scene())


def test_the_end_of_a_hung_trial_does_not_free_the_place_of_the_next() -> None:
    # backon#26
    async def scene() -> None:
        clock = VirtualClock()
        health = Health(Limits(failures=1, recovery=10), clock)
        health.settle(0, Result("rejected", "network"), "")
        await clock.sleep(10)
        hung = health.enter()
        await clock.sleep(10)
        assert hung is not None
        assert health.enter() is not None
        hung.release()
        assert health.enter() is None

    run(scene())
