"""Emails of an outbox, brought to real Celery workers by real brokers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from passpost_outbox import Outbox

from .conftest import Shop, message, states
from .shop import KEYS, shop

EMAILS = 20
POOLS = {"threads": ("-P", "threads", "-c", "8"), "prefork": ("-P", "prefork", "-c", "2")}
CANARY = re.compile(rb"canary|user\d|example\.com")


def found(folder: Path) -> list[str]:
    """Return the files of a broker that contain an address or a code."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(b"passpost" in path.read_bytes() for path in files), "the broker wrote nothing"
    return [str(path) for path in files if CANARY.search(path.read_bytes())]


def test_an_id_that_comes_100_times_is_sent_once(each_shop: Shop) -> None:
    # Devlane#374, celery#6871
    _app, engine = shop(each_shop.task)

    async def repeat(id_: str) -> None:
        for _time in range(99):
            await engine.publish(id_, seconds_left=60, priority=10)

    with each_shop.outbox() as outbox:
        ids = [str(outbox.enqueue(message(f"user{number}"))) for number in range(EMAILS)]
        asyncio.run(repeat(ids[0]))
        assert found(each_shop.broker.folder) == []
        # With events, which the broker passes on.
        with each_shop.worker("-E", *POOLS["threads"]):
            assert states(outbox, ids) == ["accepted"] * EMAILS
            last = str(outbox.enqueue(message("last")))
            assert states(outbox, [last]) == ["accepted"]
    assert found(each_shop.broker.folder) == []
    log = each_shop.log.read_bytes()
    assert b"passpost.send" in log
    # Passpost shortens addresses in its log.
    assert re.findall(rb"canary|user\d|Traceback| ERROR.*", log) == []
    expected = {f"user{number}@example.com" for number in range(EMAILS)} | {"last@example.com"}
    assert dict(each_shop.sent()) == dict.fromkeys(expected, 1)


class Forgetful:
    """An engine that loses each ID."""

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        """Do nothing."""


def test_the_message_of_an_email_that_expired_brings_the_next_one(redis_shop: Shop) -> None:
    # Nothing is published again while this test runs.
    redis_shop.task["worker"] |= {"sweep_every": 600.0, "republish": 600.0}
    _app, engine = shop(redis_shop.task)
    store, lost = redis_shop.store, Forgetful()
    with Outbox(store, KEYS, secret=b"s" * 16, engine=lost, republish=600.0) as outbox:
        ids = [str(outbox.enqueue(message("user1")))]
        # Old enough for Celery to discard it, if it looked at that.
        asyncio.run(engine.publish("expired", seconds_left=0, priority=10))
        with redis_shop.worker(*POOLS["threads"]):
            assert states(outbox, ids) == ["accepted"]
