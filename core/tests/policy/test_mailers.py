"""Mailers of several connectors, as an application sees them, in virtual time."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import Counter
from typing import Any

import pytest
from scripted import TEMPLATES, Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import run

import passpost

DOWN = rejected("network", temporary=True)
LOCKED = rejected("account", hint="Enable the account.")


def content(mail: passpost.Mail) -> tuple[Any, ...]:
    parts = (mail.subject, mail.text, mail.html, dict(mail.headers), dict(mail.payload))
    return (mail.message_id, mail.date, mail.to, mail.delivery_key, *parts)


def record_of(caplog: pytest.LogCaptureFixture, level: int) -> Any:
    (record,) = [record for record in caplog.records if record.levelno == level]
    return record


@pytest.mark.parametrize("scope", ["provider", "network", "account"])
@pytest.mark.parametrize("temporary", [False, True])
def test_another_connector_helps_out_at_once(
    scope: Any, *, temporary: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        error = rejected(scope, temporary=temporary, retry_after=20)
        first, backup = Scripted("first", error), Scripted("backup")
        async with mailer(first, backup) as sends:
            receipt = await sends.send(message())
        assert receipt.connector == "backup"
        assert [(a.connector, a.result) for a in receipt.attempts] == [
            ("first", "rejected"),
            ("backup", "accepted"),
        ]
        assert first.times == backup.times
        # Identity is made once per send, whatever the second connector's domain is.
        assert content(first.mails[0]) == content(backup.mails[0])
        assert receipt.message_id.endswith("@first.example>")

    run(scene())
    facts = record_of(caplog, logging.WARNING).passpost
    assert (facts["outcome"], facts["connector"], facts["attempts"]) == ("accepted", "backup", 2)
    assert facts["recipient"] == "a…@example.com"
    assert "493817" not in caplog.text


@pytest.mark.parametrize("scope", ["recipient", "message"])
def test_what_the_email_is_rejected_for_ends_the_send(scope: Any) -> None:
    async def scene() -> None:
        first, backup = Scripted("first", rejected(scope)), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == f"rejected {scope}"
            assert backup.mails == []
            assert sends.health()["first"].state == "healthy"

    run(scene())


def test_a_retry_is_the_same_email_to_the_last_byte() -> None:
    async def scene() -> None:
        first = Scripted("first", rejected("provider", temporary=True, retry_after=3), DOWN)
        async with mailer(first) as sends:
            receipt = await sends.send(message())
        assert len(receipt.attempts) == 3
        assert len({content(mail)[:2] for mail in first.mails}) == 1
        assert content(first.mails[0]) == content(first.mails[1]) == content(first.mails[2])
        waits = [later - at for at, later in zip(first.times, first.times[1:], strict=False)]
        assert 3 <= waits[0] <= 3.3
        assert waits[1] <= 1

    run(scene())


def test_nothing_is_attempted_after_the_deadline() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        first = Scripted("first")
        first.always = rejected("provider", temporary=True, retry_after=4)
        began = loop.time()
        # A third would begin at 8 s at the earliest: too late, whatever the jitter.
        async with mailer(first, timeout=8.8, attempts=100) as sends:
            assert await outcome(sends.send(message())) == "rejected provider"
            assert len(first.mails) == 2
            assert loop.time() - began < 9
            late = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            assert await outcome(sends.send(message(deadline=late))) == "rejected message"
            assert len(first.mails) == 2

    run(scene())


def test_a_connector_that_hangs_takes_no_longer_than_the_send() -> None:
    async def scene() -> None:
        first, backup = Scripted("first", hanging(3_600)), Scripted("backup")
        began = asyncio.get_running_loop().time()
        async with mailer(first, backup, timeout=10) as sends:
            assert await outcome(sends.send(message())) == "unknown provider"
        assert asyncio.get_running_loop().time() - began < 11
        assert backup.mails == []

    run(scene())


def test_an_account_at_fault_is_asked_last_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        first, backup = Scripted("first", LOCKED, LOCKED), Scripted("backup")
        async with mailer(first, backup, account_cooldown=60) as sends:
            assert [await outcome(sends.send(message())) for _ in range(5)] == ["backup"] * 5
            assert len(first.mails) == 1
            shown = sends.health()["first"]
            assert (shown.state, shown.why) == ("cooling", "no: account")
            # Better an account at fault than no email: it is asked where no other can be.
            backup.answers = [DOWN]
            assert await outcome(sends.send(message())) == "backup"
            assert len(first.mails) == 2
            await asyncio.sleep(60)
            assert await outcome(sends.send(message())) == "first"

    run(scene())
    assert "first" in record_of(caplog, logging.ERROR).getMessage()


def test_one_accepted_of_many_under_way_does_not_end_the_cooldown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        first = Scripted("first", hanging(1), LOCKED, hanging(1), LOCKED)
        async with mailer(first, Scripted("backup")) as sends:
            await asyncio.gather(*(sends.send(message()) for _ in range(4)))
            assert sends.health()["first"].state == "cooling"

    run(scene())
    record_of(caplog, logging.ERROR)


def test_the_breaker_opens_and_all_traffic_returns_to_the_first() -> None:
    async def scene() -> None:
        first, backup = Scripted("first"), Scripted("backup")
        first.always = DOWN
        async with mailer(first, backup) as sends:
            assert [await outcome(sends.send(message())) for _ in range(50)] == ["backup"] * 50
            assert len(first.mails) == 5
            shown = sends.health()["first"]
            assert (shown.state, shown.why) == ("open", "no: network")
            first.always = hanging(1)
            await asyncio.sleep(30)
            results = await asyncio.gather(*(outcome(sends.send(message())) for _ in range(1_000)))
            # Exactly one of a thousand tried it.
            assert Counter(results) == {"first": 1, "backup": 999}
            assert [await outcome(sends.send(message())) for _ in range(9)] == ["first"] * 9
            assert sends.health()["first"].state == "healthy"
            assert sends.health()["first"].last_success is not None

    run(scene())


def test_a_cancelled_trial_gives_its_place_back() -> None:
    async def scene() -> None:
        first = Scripted("first", *[DOWN] * 5)
        async with mailer(first, attempts=1) as sends:
            for _ in range(5):
                await outcome(sends.send(message()))
            await asyncio.sleep(30)
            first.answers = [hanging(20)]
            trial = asyncio.create_task(sends.send(message()))
            await asyncio.sleep(1)
            assert sends.health()["first"].state == "trial"
            trial.cancel()
            await asyncio.wait([trial])
            began = asyncio.get_running_loop().time()
            assert await outcome(sends.send(message())) == "first"
            assert asyncio.get_running_loop().time() == began

    run(scene())


def test_a_send_waits_for_the_only_connector_to_be_asked_again() -> None:
    async def scene() -> None:
        first = Scripted("first", *[DOWN] * 5)
        async with mailer(first, attempts=1, breaker=passpost.Breaker(recovery=10)) as sends:
            for _ in range(5):
                await outcome(sends.send(message()))
            began = asyncio.get_running_loop().time()
            assert await outcome(sends.send(message())) == "first"
            assert asyncio.get_running_loop().time() - began == pytest.approx(10, abs=0.01)

    run(scene())


def test_routes_and_weights_choose_the_first() -> None:
    async def scene() -> None:
        a, b, c = (Scripted(name) for name in "abc")
        routes = {"SignIn": ["b", "c"], "*": ["c"]}
        async with mailer(a, b, c, routes=routes) as sends:
            assert await outcome(sends.send(message())) == "b"
            assert await outcome(sends.send(message(usage="Register"))) == "c"
            b.always = DOWN
            assert await outcome(sends.send(message())) == "c"
        assert a.mails == []
        shared = [Scripted(name) for name in "abc"]
        async with mailer(*shared, weights={"a": 3, "b": 1}) as sends:
            counts = Counter([await outcome(sends.send(message())) for _ in range(40)])
        assert counts == {"a": 30, "b": 10}

    run(scene())


def test_an_unknown_outcome_is_resent_only_where_the_policy_says_so() -> None:
    async def scene() -> None:
        first, backup = Scripted("first", unknown()), Scripted("backup")
        async with mailer(first, backup) as sends:
            assert await outcome(sends.send(message())) == "unknown network"
        assert (len(first.mails), len(backup.mails)) == (1, 0)

        first, backup = Scripted("first", unknown(), unknown(), unknown()), Scripted("backup")
        async with mailer(first, backup, on_unknown="resend") as sends:
            assert await outcome(sends.send(message())) == "backup"
        assert len({content(mail)[:2] for mail in first.mails + backup.mails}) == 1
        assert len(first.mails) == 3

    run(scene())


def test_a_provider_that_recognizes_repetitions_is_asked_again() -> None:
    async def scene() -> None:
        first = Scripted("first", unknown(), repeatable_for=60)
        async with mailer(first, Scripted("backup")) as sends:
            assert await outcome(sends.send(message())) == "first"
        assert first.mails[0].delivery_key == first.mails[1].delivery_key

    run(scene())


@pytest.mark.parametrize(("window", "tries"), [(5.0, 1), (16.0, 2)])
def test_it_is_not_asked_again_once_it_has_forgotten(window: float, tries: int) -> None:
    async def scene() -> None:
        # The provider asks for ten seconds: the window may be over by then.
        silent = passpost.SendError(
            "no reply", outcome="unknown", scope="network", temporary=True, retry_after=10
        )
        first = Scripted("first", silent, repeatable_for=window)
        backup = Scripted("backup")
        async with mailer(first, backup) as sends:
            await outcome(sends.send(message()))
        assert (len(first.mails), len(backup.mails)) == (tries, 0)

    run(scene())


@pytest.mark.parametrize("key", [None, "key"])
def test_an_identity_makes_another_mailer_send_the_same_email(key: str | None) -> None:
    async def scene() -> None:
        date = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=3)
        first = Scripted("first")
        for name in ("one", "one", "two"):
            identity = passpost.Identity(name, date)
            async with mailer(first) as sends:
                await sends.send(message(idempotency_key=key), identity=identity)
        one, again, two = first.mails
        assert content(one) == content(again)
        assert (one.message_id == two.message_id) == (key is not None)
        assert one.date == date
        # The deadline is that of this send.
        assert (again.seconds_left() or 0) > 0
        assert again.deadline is not None
        assert again.deadline > date + dt.timedelta(minutes=3)

    run(scene())


@pytest.mark.parametrize(("age", "tries"), [(0, 2), (120, 1), (-120, 2)])
def test_a_provider_recognizes_repetitions_from_the_first_send_on(age: int, tries: int) -> None:
    async def scene() -> None:
        date = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)
        first = Scripted("first", unknown(), repeatable_for=60)
        async with mailer(first, Scripted("backup")) as sends:
            await outcome(sends.send(message(), identity=passpost.Identity("one", date)))
        assert len(first.mails) == tries

    run(scene())


def test_an_identity_needs_a_name_and_a_time_zone() -> None:
    now = dt.datetime.now(dt.UTC)
    with pytest.raises(ValueError, match="not empty"):
        passpost.Identity("", now)
    with pytest.raises(ValueError, match="time zone"):
        passpost.Identity("one", now.replace(tzinfo=None))


def test_a_hostile_connector_spoils_nothing_for_the_next() -> None:
    def spoil(mail: passpost.Mail) -> None:
        for name in ("subject", "text", "to", "message_id", "headers", "payload"):
            with pytest.raises(AttributeError):
                setattr(mail, name, "spoiled")
        with pytest.raises(TypeError):
            mail.headers["X-Spoiled"] = "yes"  # type: ignore[index]  # a hostile connector
        raise DOWN

    async def scene() -> None:
        first, backup = Scripted("first", spoil), Scripted("backup")
        async with mailer(first, backup) as sends:
            await sends.send(message(headers={"X-Campaign": "none"}))
        (mail,) = backup.mails
        assert (mail.subject, mail.text) == ("Code 493817", "Your code is 493817.")
        assert dict(mail.headers) == {"X-Campaign": "none"}

    run(scene())


def test_a_backup_without_the_template_does_not_end_the_send() -> None:
    async def scene() -> None:
        first, backup = Scripted("first", DOWN), Scripted("backup")
        other = [{"usageType": "Invoice", "subject": "Invoice", "content": "Invoice"}]
        async with mailer(first, backup, templates={"backup": other}) as sends:
            # The backup cannot make it an email, so the first one is asked again.
            assert await outcome(sends.send(message())) == "first"
            first.answers = [rejected("provider")]
            assert await outcome(sends.send(message())) == "rejected provider"
            with pytest.raises(passpost.MessageError):
                await sends.send(passpost.Message("ada@example.com", "SignIn", {}))

    run(scene())


def test_connectors_of_one_name_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        broken = {"one"}

        def answer(mail: passpost.Mail) -> None:
            if str(mail.text) in broken:
                raise DOWN

        same = Scripted("same")
        same.always = answer
        host = passpost.Host(environ={})
        host.register(same)
        template = {"usageType": "SignIn", "subject": "Hello"}
        made = [
            host.configure("same", {"templates": [{**template, "content": word}]})
            for word in ("one", "two")
        ]
        async with passpost.AsyncMailer(*made) as sends:
            assert [await outcome(sends.send(message())) for _ in range(6)] == ["same (2)"] * 6
            shown = sends.health()
            assert (shown["same"].state, shown["same (2)"].state) == ("open", "healthy")
            broken.clear()
            await asyncio.sleep(30)
            assert await outcome(sends.send(message())) == "same"

    run(scene())
    # The sixth met an open breaker, and the first connector that was asked accepted it.
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 5


def test_a_blocking_mailer_follows_the_policy() -> None:
    first, backup = Scripted("first", DOWN), Scripted("backup")
    host = passpost.Host(environ={})
    made = []
    for scripted in (first, backup):
        host.register(scripted)
        made.append(host.configure(scripted.name, {"templates": TEMPLATES}))
    policy = passpost.Policy(recipient_cooldowns={"SignIn": 60})
    with passpost.Mailer(*made, policy=policy) as sends:
        assert sends.send(message()).connector == "backup"
        with pytest.raises(passpost.Throttled):
            sends.send(message())
        sends.count("eve@example.com", "SignIn")
        with pytest.raises(passpost.Throttled):
            sends.count("eve@example.com", "SignIn")
        assert sends.health()["backup"].last_success is not None
        assert {health.state for health in sends.health().values()} == {"healthy"}


def test_the_health_of_a_blocking_mailer_can_be_asked_for_while_a_breaker_is_open() -> None:
    down = Scripted("first", DOWN)
    host = passpost.Host(environ={})
    host.register(down)
    connector = host.configure("first", {"templates": TEMPLATES})
    policy = passpost.Policy(attempts=1, breaker=passpost.Breaker(failures=1))
    with passpost.Mailer(connector, policy=policy) as sends:
        with pytest.raises(passpost.SendError):
            sends.send(message())
        shown = sends.health()["first"]
        assert (shown.state, shown.next_trial is None) == ("open", False)


def test_the_same_idempotency_key_makes_the_same_message_id() -> None:
    async def scene() -> None:
        first = Scripted("first", DOWN)
        async with mailer(first) as sends:
            await sends.send(message(idempotency_key="one"))
            await sends.send(message(idempotency_key="one"))
        assert len({mail.message_id for mail in first.mails}) == 1
        dates = [mail.date for mail in first.mails]
        assert dates[0] == dates[1] != dates[2]

    run(scene())
