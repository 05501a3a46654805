"""PostgreSQL that is killed, paused or out of reach: nothing is lost, nothing is claimed twice."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from lossy_proxy import LossyProxy
from postgres_program import PASSWORD, PostgresProgram

import passpost
from passpost import config
from passpost.stores import StoreError
from passpost_outbox import Claim, Expire, Finish, Record, Result
from passpost_outbox.postgres import PostgresStore, ddl, tables
from passpost_outbox.postgres_settings import PostgresSettings

WORKER = Path(__file__).with_name("claim_worker.py")
PROCESSES, EMAILS = map(int, os.environ.get("PASSPOST_FLEET", "3x200").split("x"))
HOUR = 3_600_000
ACCEPTED = Result(state="accepted", connector="smtp")


def record(now: int, id_: str | None = None) -> Record:
    return Record(
        id=id_ or secrets.token_urlsafe(16),
        usage="SignIn",
        priority=10,
        queued_at=now,
        deadline=now + HOUR,
        recipient="hash",
        shown="a…@example.com",
        fingerprint="print",
    )


def run(url: str, work: Callable[[PostgresStore], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def main() -> Any:
        store = PostgresStore(url, **options)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(main())


async def fill(store: PostgresStore, emails: int) -> list[str]:
    now = await store.now()
    return [(await store.put(record(now), b"body")).id for _ in range(emails)]


def test_several_processes_claim_each_email_once(postgres_url: str) -> None:
    ids = run(postgres_url, lambda store: fill(store, EMAILS))
    command = [sys.executable, "-W", "error", str(WORKER), postgres_url]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    claimed: list[str] = []
    for worker in workers:
        out, _err = worker.communicate(timeout=600)
        assert worker.returncode == 0
        claimed += out.split()
    assert Counter(claimed) == Counter(ids)


def test_emails_that_are_stored_at_once_share_a_statement(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    async def work(store: PostgresStore) -> None:
        now = await store.now()
        bodies = [b"body"] * 20 + [b"large" * 20_000]
        await asyncio.gather(*(store.put(record(now), body) for body in bodies))
        assert await store.counts() == {"queued": 21}

    run(postgres_url, work)
    schema = postgres_url.partition("search_path%3D")[2]
    found = postgres.execute(
        f"SELECT count(*), max(length(body)) FROM {schema}.passpost_outbox GROUP BY xmin"  # noqa: S608 - of this test
    )
    assert sorted(found) == [(1, 100_000), (20, 4)]


def test_an_email_that_cannot_be_stored_keeps_no_other_from_it(postgres_url: str) -> None:
    async def work(store: PostgresStore) -> None:
        now = await store.now()
        good = [record(now) for _ in range(4)]
        bad = attrs.evolve(record(now), priority=2**31)
        asked = [store.put(each, b"body") for each in (*good[:2], bad, *good[2:])]
        *stored, failure = sorted(
            await asyncio.gather(*asked, return_exceptions=True),
            key=lambda one: isinstance(one, StoreError),
        )
        assert stored == good
        assert "22003" in str(failure)
        assert await store.counts() == {"queued": 4}

    run(postgres_url, work)


def test_of_two_emails_with_one_id_both_callers_learn_which_was_stored(postgres_url: str) -> None:
    async def work(store: PostgresStore) -> None:
        first = record(await store.now())
        second = attrs.evolve(first, fingerprint="other")
        asked = store.put(first, b"1"), store.put(second, b"2")
        assert list(await asyncio.gather(*asked)) == [first, first]
        assert await store.body(first.id) == b"1"

    run(postgres_url, work)


def test_a_usage_is_in_any_language_whatever_the_encoding_of_the_client(postgres_url: str) -> None:
    async def work(store: PostgresStore) -> None:
        new = attrs.evolve(record(await store.now()), usage="登录")
        assert await store.put(new, b"body") == new
        assert await store.list(usage="登录") == [new]

    run(f"{postgres_url}&client_encoding=latin1", work)


class Load:
    """Enqueues, claims and finishes at a time, and remembers what it was told of each email.

    Attributes:
        unknown: The owners of claims of which nobody knows what became of them.
    """

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.stored: list[str] = []
        self.claimed: list[str] = []
        self.finished: list[str] = []
        self.unknown: set[str] = set()
        self.over = False

    async def run(self, fault: Callable[[], None]) -> None:
        work = [asyncio.create_task(self.enqueue()) for _ in range(3)]
        work += [asyncio.create_task(self.send()) for _ in range(3)]
        for _ in range(2):
            await self.until(20)
            # In a thread: what is under way goes on meanwhile.
            await asyncio.to_thread(fault)
            await self.until(20)
        self.over = True
        await asyncio.gather(*work)

    async def until(self, more: int) -> None:
        goal = len(self.finished) + more
        while len(self.finished) < goal:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0)

    async def enqueue(self) -> None:
        while not self.over:
            with suppress(StoreError):
                new = record(await self.store.now())
                self.stored.append((await self.store.put(new, b"body")).id)

    async def send(self) -> None:
        while not self.over:
            owner = secrets.token_urlsafe(16)
            try:
                change = await self.store.claim_next(Claim(owner, HOUR))
                if change is None:
                    continue
                self.claimed.append(change.record.id)
                await self.store.apply(change.record.id, Finish(owner, ACCEPTED))
                self.finished.append(change.record.id)
            except StoreError:
                self.unknown.add(owner)


def kill_the_server(postgres: PostgresProgram) -> None:
    postgres.kill()
    postgres.start()


def kill_a_backend(postgres: PostgresProgram) -> None:
    (pid,) = postgres.execute(
        "SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'passpost-outbox'"
    )[0]
    # The server ends all other backends as well, and recovers.
    os.kill(pid, 9)


@pytest.mark.parametrize("fault", [kill_the_server, kill_a_backend])
def test_a_crash_loses_and_doubles_nothing(
    fault: Callable[[PostgresProgram], None], postgres: PostgresProgram, postgres_url: str
) -> None:
    async def work(store: PostgresStore) -> tuple[Load, dict[str, Record]]:
        load = Load(store)
        await asyncio.wait_for(load.run(lambda: fault(postgres)), 120)
        return load, {one.id: one for one in await store.list(limit=100_000)}

    load, found = run(postgres_url, work)
    lost = set(load.stored) - found.keys()
    doubled = [one for one, times in Counter(load.claimed).items() if times > 1]
    undone = [one for one in load.finished if one not in found or found[one].state != "accepted"]
    # Each owner claims once: an email of one who was told of no failure was claimed in vain.
    owners = Counter(one.owner for one in found.values() if one.state == "sending")
    in_vain = [one for one, times in owners.items() if one not in load.unknown or times > 1]
    told = (load.stored, load.finished, lost, doubled, owners)
    print("stored, accepted, lost, doubled, in flight:", *map(len, told))  # noqa: T201 - pytest -s shows it
    assert (lost, doubled, undone, in_vain) == (set(), [], [], [])


@asynccontextmanager
async def behind_a_proxy(
    url: str, port: int, **options: Any
) -> AsyncIterator[tuple[PostgresStore, LossyProxy]]:
    proxy = LossyProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    # Replies can be read on the way, and a fault is that of a connection that was used before.
    store = PostgresStore(url.replace(f":{port}/", f":{own}/") + "&sslmode=disable", **options)
    try:
        await store.counts()
        yield store, proxy
    finally:
        await store.aclose()
        server.close()


def test_emails_whose_reply_was_lost_are_stored_once(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    async def check() -> None:
        async with behind_a_proxy(postgres_url, postgres.port) as (store, proxy):
            now = await store.now()
            new = [record(now) for _ in range(5)]
            proxy.loses = b"INSERT 0 "
            stored = await asyncio.gather(*(store.put(each, b"body") for each in new))
            assert (proxy.lost, stored) == (1, new)
            assert {one.id for one in await store.list()} == {one.id for one in new}
            # A reply that comes late tells what has become of the email meanwhile.
            taken = await store.claim_next(Claim("me", HOUR))
            assert taken is not None
            assert await store.put(record(now, taken.record.id), b"other") == taken.record

    asyncio.run(check())


@pytest.mark.parametrize("what", ["claim", "finish"])
def test_a_claim_or_result_whose_reply_was_lost_is_not_repeated(
    what: str, postgres: PostgresProgram, postgres_url: str
) -> None:
    async def check() -> None:
        async with behind_a_proxy(postgres_url, postgres.port) as (store, proxy):
            now = await store.now()
            first, _second = [await store.put(record(now), b"body") for _ in range(2)]
            ask = partial(store.claim_next, Claim("me", HOUR))
            if what == "finish":
                assert await ask() is not None
                ask = partial(store.apply, first.id, Finish("me", ACCEPTED))
            # Without this connection, there is another one that could be used.
            await asyncio.gather(store.counts(), store.counts())
            proxy.loses = b"COMMIT\0"
            with pytest.raises(StoreError, match="cannot be reached"):
                await ask()
            assert proxy.lost == 1
            done = "sending" if what == "claim" else "accepted"
            assert await store.counts() == {done: 1, "queued": 1}

    asyncio.run(check())


def test_connections_that_a_firewall_forgot_fail_one_call_alone(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    async def check() -> None:
        async with behind_a_proxy(postgres_url, postgres.port, timeout=2.0) as (store, proxy):
            await asyncio.gather(*(store.counts() for _ in range(4)))
            proxy.forget()
            with pytest.raises(StoreError, match="did not reply within 2 s"):
                await store.now()
            assert await store.now() > 0

    asyncio.run(check())


def test_many_bodies_are_kept_in_one_statement(postgres_url: str) -> None:
    async def work(store: PostgresStore) -> None:
        now = await store.now()
        body = secrets.token_bytes(1000)
        stored = [await store.put(record(now - 2 * HOUR), body) for _ in range(50)]
        ended = await asyncio.gather(*(store.apply(one.id, Expire()) for one in stored))
        assert {one and one.record.state for one in ended} == {"expired"}
        assert await store.body(stored[-1].id) == body

    run(postgres_url, work)


def test_a_server_that_was_restarted_is_no_failure(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    async def work(store: PostgresStore) -> None:
        await asyncio.gather(*(store.counts() for _ in range(4)))
        await asyncio.to_thread(kill_the_server, postgres)
        await asyncio.gather(*(fill(store, 1) for _ in range(4)))
        assert await store.counts() == {"queued": 4}

    run(postgres_url, work)


@pytest.mark.parametrize("what", ["now", "put"])
def test_those_who_wait_for_others_wait_no_longer_than_they(
    what: str, postgres: PostgresProgram, postgres_url: str
) -> None:
    run(postgres_url, lambda store: store.counts())

    async def work(store: PostgresStore) -> None:
        new = record(await store.now())
        ask: Callable[[], Any] = store.now if what == "now" else partial(store.put, new, b"body")
        calls = []
        run_once = store._server.run

        async def counted(*work: Any, **options: Any) -> Any:
            calls.append(work)
            return await run_once(*work, **options)

        store._server.run = counted  # type: ignore[method-assign]
        postgres.pause()
        try:
            # Three calls, if each of them waited for its turn.
            failures = await asyncio.gather(*(ask() for _ in range(120)), return_exceptions=True)
        finally:
            postgres.go_on()
        assert {str(one)[-24:] for one in failures} == {"did not reply within 2 s"}
        assert len(calls) == 1

    run(postgres_url, work, timeout=2.0)


def test_a_server_that_hangs_holds_nobody(postgres: PostgresProgram, postgres_url: str) -> None:
    async def work(store: PostgresStore) -> None:
        await store.counts()
        postgres.pause()
        try:
            calls = (store.counts(), store.now(), store.claim_next(Claim("me", 1)))
            failures = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            postgres.go_on()
        assert [str(one) for one in failures] == [
            f"PostgreSQL at 127.0.0.1:{postgres.port}/postgres did not reply within 1 s"
        ] * 3
        assert await store.counts() == {}

    run(postgres_url, work, timeout=1.0)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://postgres:canary@127.0.0.1:{port}/postgres", "rejected the password"),
        ("postgresql://postgres:{password}@127.0.0.1:{port}/none", "has no such user or database"),
        ("postgresql://postgres:canary@127.0.0.1:1/postgres", "cannot be reached"),
    ],
)
def test_a_failure_names_the_server_and_no_password(
    url: str, problem: str, postgres: PostgresProgram
) -> None:
    store = PostgresStore(url.format(port=postgres.port, password=PASSWORD))
    with pytest.raises(StoreError, match=problem) as caught:
        asyncio.run(store.counts())
    assert caught.value.__context__ is None
    for text in (repr(store), str(caught.value), caught.value.hint):
        assert "canary" not in text
        assert PASSWORD not in text


def test_a_url_that_is_not_valid_is_rejected_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="not a valid URL") as caught:
        PostgresStore("postgresql://user:canary@[")
    assert "canary" not in str(caught.value)
    with pytest.raises(ValueError, match="schema's name"):
        ddl("public; DROP TABLE users")
    with pytest.raises(passpost.ConfigError) as wrong:
        config.parse(PostgresSettings, {"url": "postgresql://user:canary@["})
    (problem,) = wrong.value.problems
    assert (problem.path, problem.code) == ("url", "E432")
    assert problem.remedy == 'write "postgresql://db.example.com/app"'
    assert "canary" not in str(problem)


def test_many_processes_make_the_tables_at_once(postgres_url: str) -> None:
    async def count() -> None:
        store = PostgresStore(postgres_url)
        assert await store.counts() == {}
        await store.aclose()

    async def main() -> None:
        await asyncio.gather(*(count() for _ in range(8)))

    asyncio.run(main())


def test_tables_of_a_newer_version_are_rejected(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    run(postgres_url, lambda store: store.counts())
    schema = postgres_url.partition("search_path%3D")[2]
    postgres.execute(f"UPDATE {schema}.passpost_outbox_meta SET version = 99")  # noqa: S608 - of this test
    with pytest.raises(StoreError, match="newer version"):
        run(postgres_url, lambda store: store.counts())


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("next", "passpost_outbox_next"),
        ("some", "passpost_outbox_ticket_key"),
        ("older", "passpost_outbox_to"),
        ("overdue", "passpost_outbox_overdue"),
        ("stale", "passpost_outbox_stale"),
        ("dead", "passpost_outbox_dead"),
        ("purge", "passpost_outbox_ended"),
    ],
)
def test_the_questions_of_workers_read_an_index_in_order(
    question: str, index: str, postgres_url: str
) -> None:
    texts = dict.fromkeys(("ticket", "recipient", "usage", "state"), "")
    values: dict[str, Any] = {**texts, "limit": 1, "age": 1, "tickets": [""]}

    async def work(store: PostgresStore) -> str:
        sql = getattr(tables.statements(None), question)
        return "\n".join(line for (line,) in await store._ask(f"EXPLAIN {sql}", values))

    plan = run(postgres_url, work)
    assert index in plan
    assert "Sort" not in plan, "sorting costs more with each record that waits"


def test_an_operation_is_on_disk_unless_settings_say_otherwise(postgres_url: str) -> None:
    async def work(store: PostgresStore) -> str:
        return str((await store._ask("SHOW synchronous_commit"))[0][0])

    careless = f"{postgres_url}%20-csynchronous_commit%3Doff"
    assert run(careless, work) == "on"
    assert run(postgres_url, work, synchronous_commit="off") == "off"


def test_a_user_needs_no_more_than_the_guide_grants(
    postgres: PostgresProgram, postgres_url: str
) -> None:
    schema = postgres_url.partition("search_path%3D")[2]
    role = f"role_{schema}"
    postgres.execute(ddl(schema))
    postgres.execute(f"""
        CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.passpost_outbox TO {role};
        GRANT SELECT, UPDATE ON {schema}.passpost_outbox_meta TO {role};
        """)

    async def work(store: PostgresStore) -> None:
        (id_,) = await fill(store, 1)
        now = await store.now()
        await store.put(record(now), b"body", supersedes=("hash", "SignIn"))
        assert await store.claim_next(Claim("me", HOUR)) is not None
        assert await store.lead("me", HOUR)
        assert await store.purge(age=-1) == 1
        assert await store.get(id_) is None

    url = f"postgresql://{role}:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
    run(url, work, schema=schema)
