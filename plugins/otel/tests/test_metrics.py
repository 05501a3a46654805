"""The metrics: each send is recorded once, and attributes come from bounded sets."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import passpost
from passpost.stores import SqliteIdempotency, Stores

from .conftest import Provider, Sdk

Connect = Callable[..., list[passpost.Connector]]


def message(**parts: Any) -> passpost.Message:
    given: dict[str, Any] = {"to": "ada@example.com", "usage": "SignIn", **parts}
    return passpost.Message(payload={"code": "493817", "link": ""}, **given)


def rejected(scope: Any, **facts: Any) -> passpost.SendError:
    return passpost.SendError(f"no: {scope}", outcome="rejected", scope=scope, **facts)


def test_each_send_and_each_attempt_is_recorded_once(sdk: Sdk, connect: Connect) -> None:
    down = rejected("network", temporary=True)
    both = connect(sdk.telemetry(), Provider("primary", down), Provider("backup"))
    with passpost.Mailer(*both) as mailer:
        mailer.send(message())
        mailer.send(message())
    common = {"passpost.usage": "SignIn", "passpost.outcome": "accepted"}

    def of(name: str) -> dict[str, str]:
        return {"passpost.connector": name, "passpost.connector.type": f"{name}-id"}

    assert sorted(sdk.points("passpost.send.duration"), key=str) == [
        ({**common, **of("backup")}, 1),
        ({**common, **of("primary")}, 1),
    ]
    assert sorted(sdk.points("passpost.attempts"), key=str) == [
        ({"passpost.outcome": "accepted", **of("backup")}, 1),
        ({"passpost.outcome": "accepted", **of("primary")}, 1),
        ({"passpost.outcome": "rejected", **of("primary")}, 1),
    ]


def test_a_replayed_receipt_and_a_cooldown_are_counted(
    sdk: Sdk, connect: Connect, tmp_path: Any
) -> None:
    stores = Stores(idempotency=SqliteIdempotency(tmp_path / "sends.sqlite"))
    policy = passpost.Policy(recipient_cooldowns={"Cooled": 600})
    with passpost.Mailer(
        *connect(sdk.telemetry(), Provider("primary")), policy=policy, stores=stores
    ) as mailer:
        for _ in range(3):
            mailer.send(message(idempotency_key="k"))
        mailer.send(message(usage="Cooled"))
        with pytest.raises(passpost.Throttled):
            mailer.send(message(usage="Cooled"))
    assert sdk.points("passpost.replayed") == [({"passpost.usage": "SignIn"}, 2)]
    assert sdk.points("passpost.cooldown") == [({"passpost.usage": "Cooled"}, 1)]
    assert sum(count for _, count in sdk.points("passpost.send.duration")) == 5
    # A send without an attempt counts none.
    assert sum(count for _, count in sdk.points("passpost.attempts")) == 2


def test_open_breakers_show(sdk: Sdk, connect: Connect) -> None:
    telemetry = sdk.telemetry()
    policy = passpost.Policy(breaker=passpost.Breaker(failures=1, recovery=600), timeout=2)
    both = connect(telemetry, Provider("primary", rejected("provider")), Provider("backup"))
    with passpost.Mailer(*both, policy=policy) as mailer:
        telemetry.observe(mailer)
        telemetry.observe(mailer)
        assert dict(breakers(sdk)) == {"primary": 0, "backup": 0}
        mailer.send(message())
        assert sorted(breakers(sdk)) == [("backup", 0), ("primary", 1)]
    alone = connect(telemetry, Provider("primary", rejected("provider")))
    with passpost.Mailer(*alone, policy=policy) as mailer:
        for _ in range(2):
            with pytest.raises(passpost.SendError):
                mailer.send(message())
    assert sdk.points("passpost.unavailable") == [({"passpost.usage": "SignIn"}, 1)]


def test_a_mailer_that_is_gone_shows_no_longer(sdk: Sdk, connect: Connect) -> None:
    telemetry = sdk.telemetry()
    mailer = passpost.Mailer(*connect(telemetry, Provider("primary")))
    telemetry.observe(mailer)
    assert dict(breakers(sdk)) == {"primary": 0}
    mailer.close()
    del mailer
    gc.collect()
    assert breakers(sdk) == []


def breakers(sdk: Sdk) -> list[tuple[str, int]]:
    return [
        (attributes["passpost.connector"], value)
        for attributes, value in sdk.points("passpost.breaker.open")
    ]


def test_names_that_an_application_makes_up_are_bounded(sdk: Sdk, connect: Connect) -> None:
    with passpost.Mailer(*connect(sdk.telemetry(), Provider("primary"))) as mailer:
        for number in range(200):
            mailer.send(message(usage=f"Usage{number}"))
    points = sdk.points("passpost.send.duration")
    usages = {attributes["passpost.usage"] for attributes, _ in points}
    assert len(usages) == 51
    assert "_OTHER" in usages
    assert sum(count for _, count in points) == 200
