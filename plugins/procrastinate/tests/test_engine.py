"""Procrastinate brings each email of an outbox to a worker, and knows nothing of it but the ID."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_program import PostgresProgram

from passpost import Message
from passpost.stores import StoreError
from passpost_outbox import Keys, Outbox, TransactionalEngine
from passpost_outbox.postgres import PostgresStore
from passpost_procrastinate import ProcrastinateEngine

WORKER = Path(__file__).with_name("procrastinate_worker.py")
KEYS = Keys({"2026-11": b"k" * 32}, use="2026-11")
SECRET = b"s" * 16
EMAILS = 10
UNDER_WAY = 3
"""How many emails a worker sends at a time."""


def email(number: int) -> Message:
    return Message(f"canary{number}@example.com", "SignIn", {"code": f"canary-{number}"})


@pytest.fixture
def outbox(url: str) -> Iterator[Outbox]:
    engine = ProcrastinateEngine(url)
    asyncio.run(created(engine))
    with Outbox(PostgresStore(url), KEYS, secret=SECRET, engine=engine) as outbox:
        outbox.counts()
        yield outbox


async def created(engine: ProcrastinateEngine) -> None:
    await asyncio.gather(*(engine.create_tables() for _ in range(3)))
    await engine.aclose()


def start(
    url: str, folder: Path, *, hangs: bool = False, wait: bool = False
) -> subprocess.Popen[str]:
    file = str(folder / "sent")
    argument = json.dumps({"url": url, "file": file, "hangs": hangs, "wait": wait})
    command = [sys.executable, str(WORKER), argument]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def sent(folder: Path) -> Counter[str]:
    return Counter((folder / "sent").read_text().split())


def jobs(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT procrastinate_jobs::text FROM procrastinate_jobs")
        return [text for (text,) in found]


def test_a_worker_sends_each_email_once(outbox: Outbox, url: str, tmp_path: Path) -> None:
    tickets = [outbox.enqueue(email(number)) for number in range(EMAILS)]
    for text, ticket in zip(jobs(url), tickets, strict=True):
        assert ticket.id in text
        assert "canary" not in text
    # Duplicates do no harm.
    engine = ProcrastinateEngine(url)
    asyncio.run(published(engine, tickets[0].id))
    worker = start(url, tmp_path)
    _out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert sent(tmp_path) == Counter({f"canary{number}": 1 for number in range(EMAILS)})
    assert outbox.counts() == {"accepted": EMAILS}
    assert jobs(url) == [], "Procrastinate keeps what is done"
    assert "canary" not in err


async def published(engine: ProcrastinateEngine, id_: str) -> None:
    for _ in range(20):
        await engine.publish(id_, seconds_left=60, priority=10)
    await engine.aclose()


def test_a_job_is_deferred_in_the_transaction_of_the_application(outbox: Outbox, url: str) -> None:
    with psycopg.connect(url) as connection:
        outbox.enqueue(email(1), within=connection)
        connection.rollback()
        assert jobs(url) == []
        ticket = outbox.enqueue(email(2), within=connection)
        assert jobs(url) == []
        connection.commit()
    (job,) = jobs(url)
    assert ticket.id in job
    assert isinstance(ProcrastinateEngine(url), TransactionalEngine)


def test_a_worker_that_is_killed_leaves_no_email_open(
    outbox: Outbox, url: str, tmp_path: Path
) -> None:
    tickets = [outbox.enqueue(email(number)) for number in range(EMAILS)]
    with start(url, tmp_path, hangs=True, wait=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "sending\n"
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
    under_way = set(sent(tmp_path))
    with psycopg.connect(url) as connection:
        # Procrastinate forgets workers that were silent for 30 s.
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - '1 h'::interval"
        )
    with start(url, tmp_path, wait=True) as other:
        states = [found.state for ticket in tickets if (found := ticket.wait(60)) is not None]
        other.send_signal(signal.SIGTERM)
        _out, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    copies = sent(tmp_path)
    assert set(copies.values()) == {1}, "an email was sent twice"
    unknown = {f"canary{number}" for number, state in enumerate(states) if state == "unknown"}
    assert states.count("accepted") + len(unknown) == EMAILS
    assert 1 <= len(unknown) <= UNDER_WAY
    assert unknown >= under_way
    assert jobs(url) == [], "the jobs of the worker that was killed are still there"


@pytest.mark.parametrize("comes_back", [True, False], ids=["comes-back", "stays-away"])
def test_a_worker_outlives_its_database(
    outbox: Outbox, url: str, tmp_path: Path, postgres: PostgresProgram, comes_back: bool
) -> None:
    with start(url, tmp_path, wait=True) as worker:
        try:
            assert outbox.enqueue(email(1)).wait(60)
            postgres.kill()
            assert worker.stderr is not None
            lines = iter(worker.stderr.readline, "")
            lost = next(line for line in lines if "begins again in 1 s" in line)
            if comes_back:
                postgres.start()
                after = outbox.enqueue(email(2)).wait(60)
                assert after is not None
                assert after.state == "accepted"
            worker.send_signal(signal.SIGTERM)
            _out, err = worker.communicate(timeout=60)
        finally:
            worker.kill()
            if not comes_back:
                postgres.start()
    assert worker.returncode == 0, err
    assert "correct-horse" not in lost + err
    assert sent(tmp_path) == Counter({"canary1": 1, **({"canary2": 1} if comes_back else {})})


FIRST = """
SELECT procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(
  'passpost', 'passpost.send', -10, NULL, NULL, CAST(%s AS jsonb), NULL
) AS procrastinate_job_to_defer_v1)])
"""
"""What the first version runs."""


def test_a_job_is_that_of_the_first_version(outbox: Outbox, url: str, tmp_path: Path) -> None:
    with Outbox(PostgresStore(url), KEYS, secret=SECRET, engine=Forgetful()) as other:
        ids = [other.enqueue(email(1)).id, outbox.enqueue(email(2)).id]
    read = "SELECT queue_name, task_name, priority, args FROM procrastinate_jobs ORDER BY id"
    with psycopg.connect(url) as connection:
        connection.execute(FIRST, [json.dumps({"id": ids[0]})])
        found = connection.execute(read.encode()).fetchall()
    expected = [("passpost", "passpost.send", -10, {"id": id_}) for id_ in reversed(ids)]
    assert found == expected
    _out, err = start(url, tmp_path).communicate(timeout=60)
    assert sent(tmp_path) == Counter({"canary1": 1, "canary2": 1}), err


def test_ids_that_come_at_once_share_jobs(outbox: Outbox, url: str, tmp_path: Path) -> None:
    with Outbox(PostgresStore(url), KEYS, secret=SECRET, engine=Forgetful()) as other:
        ids = [other.enqueue(email(number)).id for number in range(12)]
    asyncio.run(published_together(ProcrastinateEngine(url), ids))
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT args FROM procrastinate_jobs ORDER BY id").fetchall()
    expected = [{"id": ids[0], "more": ids[1:10]}, {"id": ids[10], "more": ids[11:]}]
    assert [args for (args,) in found] == expected
    _out, err = start(url, tmp_path).communicate(timeout=60)
    assert sent(tmp_path) == Counter({f"canary{number}": 1 for number in range(12)}), err
    assert jobs(url) == []


async def published_together(engine: ProcrastinateEngine, ids: list[str]) -> None:
    await asyncio.gather(*(engine.publish(id_, seconds_left=60, priority=10) for id_ in ids))
    await engine.aclose()


class Forgetful:
    """An engine that loses each ID."""

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        """Do nothing."""


def test_the_job_of_an_email_that_expired_brings_the_next_one(
    outbox: Outbox, url: str, tmp_path: Path
) -> None:
    with Outbox(PostgresStore(url), KEYS, secret=SECRET, engine=Forgetful()) as other:
        other.enqueue(email(1))
    asyncio.run(published(ProcrastinateEngine(url), "expired"))
    _out, err = start(url, tmp_path).communicate(timeout=60)
    assert sent(tmp_path) == Counter({"canary1": 1}), err
    assert outbox.counts() == {"accepted": 1}


def test_a_server_that_is_gone_is_a_store_error() -> None:
    engine = ProcrastinateEngine("postgresql://postgres:correct-horse@127.0.0.1:1/none")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/none cannot be reached") as caught:
        asyncio.run(engine.publish("id", seconds_left=60, priority=10))
    assert "correct-horse" not in repr(engine) + str(caught.value)
