"""Workers that are killed, brokers that forget, and connections that go silent."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import kombu
import pytest

from passpost_outbox import Outbox
from pytest_passpost import Fault, Hold

from .conftest import PATIENCE, Shop, message, states
from .test_engine import POOLS

EMAILS = 12


def children(process: subprocess.Popen[bytes]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in text.split()]


def hold_one(one: Shop, outbox: Outbox) -> tuple[str, Hold]:
    """Let a worker send an email, and the mail server not reply when all of it has come."""
    hold = Hold()
    one.server.script(Fault("final", hold))
    id_ = str(outbox.enqueue(message("held")))
    assert hold.reached.wait(PATIENCE)
    return id_, hold


def check(one: Shop, held: str, ids: list[str], under_way: int) -> None:
    with one.outbox() as outbox:
        found = dict(zip(ids, states(outbox, ids), strict=True))
        assert states(outbox, [held]) == ["unknown"]
    # Others may have been under way at that moment, and nobody knows of those either.
    assert set(found.values()) <= {"accepted", "unknown"}
    assert list(found.values()).count("unknown") < under_way
    copies = one.sent()
    assert max(copies.values()) == 1
    sent = [f"user{n}@example.com" for n, id_ in enumerate(ids) if found[id_] == "accepted"]
    assert set(sent) <= set(copies)


def test_a_worker_that_is_killed_leaves_what_was_under_way(redis_shop: Shop) -> None:
    one = redis_shop
    with one.outbox() as outbox, one.worker("-n", "one@%h", *POOLS["threads"]) as killed:
        held, hold = hold_one(one, outbox)
        with one.worker("-n", "two@%h", *POOLS["threads"]):
            ids = [str(outbox.enqueue(message(f"user{number}"))) for number in range(EMAILS)]
            killed.kill()
            check(one, held, ids, under_way=8)
        hold.release()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it finds processes in /proc")
def test_a_pool_whose_processes_are_killed_goes_on(redis_shop: Shop) -> None:
    one = redis_shop
    with one.outbox() as outbox, one.worker(*POOLS["prefork"]) as worker:
        held, hold = hold_one(one, outbox)
        ids = [str(outbox.enqueue(message(f"user{number}"))) for number in range(EMAILS)]
        for pid in children(worker):
            os.kill(pid, signal.SIGKILL)
        check(one, held, ids, under_way=2)
        hold.release()


def test_a_message_of_redis_leaves_the_broker_when_it_is_taken(redis_shop: Shop) -> None:
    one = redis_shop
    with one.outbox() as outbox, one.worker("-P", "threads", "-c", "1"):
        held, hold = hold_one(one, outbox)
        with kombu.Connection(one.broker.url()) as connection:
            client = connection.default_channel.client
            left = [client.dump(name) for name in client.keys("*")]
        hold.release()
        # The only thread is free again, and the worker asks for more.
        ids = [held, *(str(outbox.enqueue(message(f"user{number}"))) for number in range(3))]
        assert states(outbox, ids) == ["accepted"] * 4
    assert not any(held.encode() in each for each in left if each is not None)


@pytest.mark.parametrize("pool", POOLS)
def test_a_signal_lets_a_worker_finish_what_is_under_way(redis_shop: Shop, pool: str) -> None:
    one = redis_shop
    with one.outbox() as outbox, one.worker(*POOLS[pool]) as stopped:
        held, hold = hold_one(one, outbox)
        stopped.send_signal(signal.SIGTERM)
        hold.release()
        assert stopped.wait(PATIENCE) == 0
        assert states(outbox, [held]) == ["accepted"]
    assert dict(one.sent()) == {"held@example.com": 1}


def test_a_broker_that_lost_all_ids_loses_no_email(each_shop: Shop) -> None:
    one = each_shop
    with one.outbox() as outbox:
        ids = [str(outbox.enqueue(message(f"user{number}"))) for number in range(EMAILS)]
        one.broker.kill()
        one.broker.forget()
        # It starts without its broker, and waits for it.
        with one.worker("-P", "threads", "-c", "4"):
            ids += [str(outbox.enqueue(message(f"late{number}"))) for number in range(EMAILS)]
            one.broker.start()
            assert states(outbox, ids) == ["accepted"] * 2 * EMAILS
    assert Counter(one.sent().values()) == {1: 2 * EMAILS}
