"""The Redis store: processes that share it, replies that are lost, and servers that promise less.

``make fleet`` runs the test of one claim for each email with 16 processes and 10,000 emails.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import config
from passpost.stores import StoreError
from passpost_outbox import (
    AsyncOutbox,
    Change,
    Claim,
    Finish,
    Keys,
    OutboxStore,
    Record,
    Result,
    Sweeper,
    redis,
    redis_scripts,
)
from passpost_outbox.redis import RedisStore
from passpost_outbox.redis_settings import RedisOutboxSettings
from passpost_outbox.testing import OutboxStoreSuite
from passpost_redis.testing import RedisProgram

WORKER = Path(__file__).parent / "redis_worker.py"
PROCESSES, EMAILS = map(int, os.environ.get("PASSPOST_FLEET", "4x400").split("x"))
PAGES = [Path(__file__).parents[1] / name for name in ("README.md", "README.zh-CN.md")]
IDS = count()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await work()

    asyncio.run(bounded())


async def put(store: OutboxStore, *, left: int = 600_000) -> str:
    now = await store.now()
    id_ = f"id-{next(IDS)}"
    record = Record(
        id=id_, usage="SignIn", priority=10, queued_at=now, deadline=now + left,
        recipient=f"hash of {id_}", shown="a…@example.com", fingerprint="print",
    )  # fmt: skip
    return (await store.put(record, id_.encode())).id


class Echo:
    """A server that runs each script twice, as after a reply that was lost on its way."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.facts = server.facts
        self.aclose = server.aclose

    async def run(self, script: str, *arguments: Any, **options: Any) -> Any:
        first = await self.server.run(script, *arguments, **options)
        if script == redis_scripts.PURGE:
            # It may say too few, and deletes the same.
            return first
        return await self.server.run(script, *arguments, **options)


class TestLostReplies(OutboxStoreSuite):
    @pytest.fixture
    def connect(self, server: RedisProgram) -> Callable[[], OutboxStore]:
        def connect() -> OutboxStore:
            store: Any = RedisStore(server.url)
            store._server = Echo(store._server)
            return store  # type: ignore[no-any-return]

        return connect


class TestPermissions(OutboxStoreSuite):
    """A user of Redis needs what the pages say."""

    @pytest.fixture(params=PAGES, ids=lambda page: page.name)
    def connect(
        self, server: RedisProgram, request: pytest.FixtureRequest
    ) -> Iterator[Callable[[], OutboxStore]]:
        with server.client() as client:
            user = ("ACL", "SETUSER", "app", "on", ">app", "~passpost:*")
            client.execute_command(*user, *permissions(request.param))
            yield lambda: RedisStore(f"redis://app:app@127.0.0.1:{server.port}")
            client.execute_command("ACL", "DELUSER", "app")


def permissions(page: Path) -> list[str]:
    (section,) = re.findall(
        r"^- \*\*(?:Permissions|权限)[^-]*", page.read_text("utf-8"), re.MULTILINE
    )
    commands = [f"+{name.lower()}" for name in re.findall(r"`([A-Z]+)`", section)]
    return [*commands, *re.findall(r"`(\+eval[^`]*)`", section)[0].split()]


def test_a_user_needs_each_permission(server: RedisProgram) -> None:
    scripts = " ".join(vars(redis_scripts)[name] for name in dir(redis_scripts) if name.isupper())
    called = {f"+{name.lower()}" for name in re.findall(r"redis\.call\('(\w+)'", scripts)}
    other = {"+evalsha", "+script|load", "+info", "+config|get"}
    for page in PAGES:
        assert set(permissions(page)) == called | other


def test_each_email_is_claimed_once_by_many_processes(
    server: RedisProgram, record_property: Callable[[str, object], None]
) -> None:
    async def fill() -> None:
        store = RedisStore(server.url, timeout=30)
        for _ in range(0, EMAILS, 100):
            found.extend(await asyncio.gather(*(put(store) for _ in range(100))))
        await store.aclose()

    async def counts() -> None:
        store = RedisStore(server.url)
        assert await store.counts() == {"accepted": len(found)}
        await store.aclose()

    found: list[str] = []
    run(fill)
    command = [sys.executable, "-W", "error", str(WORKER), server.url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(PROCESSES) as readers:
        claimed = list(readers.map(lambda process: process.communicate("\n")[0].split(), processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert sorted(id_ for each in claimed for id_ in each) == sorted(found)
    record_property("claims of each process", [len(each) for each in claimed])
    run(counts)


class Load:
    """Enqueues and claims until the server fails, and knows what it was told of."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.stored: list[str] = []
        self.claimed: list[str] = []

    async def enqueue(self) -> None:
        while True:
            self.stored.append(await put(self.store))

    async def claim(self) -> None:
        while True:
            change = await self.store.claim_next(Claim("me", 600_000))
            if change is not None:
                self.claimed.append(change.record.id)

    async def until_killed(self, kill: Callable[[], None]) -> None:
        tasks = [asyncio.create_task(each()) for each in (self.enqueue, self.enqueue, self.claim)]
        for _ in range(100):
            self.stored.append(await put(self.store))
        kill()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in failures} == {StoreError}

    async def claim_the_rest(self) -> None:
        while (change := await self.store.claim_next(Claim("me", 600_000))) is not None:
            self.claimed.append(change.record.id)


def test_a_server_that_is_killed_loses_no_email_and_no_claim(tmp_path: Path) -> None:
    program = RedisProgram(tmp_path)
    program.start()

    async def main() -> None:
        store = RedisStore(program.url, timeout=5)
        load = Load(store)
        for _ in range(3):
            await load.until_killed(program.kill)
            program.start()
        await load.claim_the_rest()
        records = [await store.get(id_) for id_ in load.stored]
        assert all(record is not None and record.state == "sending" for record in records)
        assert len(set(load.claimed)) == len(load.claimed), "an email was claimed twice"
        await store.aclose()

    try:
        run(main)
    finally:
        program.kill()


def test_its_files_contain_no_address_and_no_code(tmp_path: Path) -> None:
    program = RedisProgram(tmp_path)
    program.start()
    canaries = ["canary-address", "canary-4711", "canary-name"]

    async def main() -> None:
        store = RedisStore(program.url)
        outbox = AsyncOutbox(store, Keys({"k": b"k" * 32}, use="k"), secret=b"s" * 16)
        for number in range(3):
            payload = {"code": canaries[1], "name": canaries[2]}
            address = f"{canaries[0]}@example.com"
            await outbox.enqueue(passpost.Message(address, f"U{number}", payload))
        claimed = await store.claim_next(Claim("me", 60_000))
        assert claimed is not None
        await store.claim_next(Claim("you", 60_000))
        await store.apply(claimed.record.id, Finish("me", Result(state="accepted")))
        await store.aclose()

    try:
        run(main)
        with program.client() as client:
            client.save()
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    finally:
        program.kill()
    assert b"{outbox}:record:" in written
    # Base64 has three forms of a word, by where it begins.
    forms = [
        base64.b64encode(b" " * n + word.encode())[4:-4] for word in canaries for n in (0, 1, 2)
    ]
    assert [word for word in [*map(str.encode, canaries), *forms] if word in written] == []


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[RedisProgram]:
    """A server with ``appendfsync everysec``."""
    program = RedisProgram(tmp_path, fsync="everysec")
    program.start()
    yield program
    program.kill()


async def failure(store: RedisStore) -> str:
    with pytest.raises(StoreError) as caught:
        await store.now()
    await store.aclose()
    assert caught.value.hint
    return str(caught.value)


def test_a_server_that_promises_less_is_rejected(weak: RedisProgram) -> None:
    async def main() -> None:
        place = f"Redis at 127.0.0.1:{weak.port}"
        assert await failure(RedisStore(weak.url)) == (
            f"{place} has `appendfsync everysec`, and the outbox requires `always`"
        )
        store = RedisStore(weak.url, durability="everysec")
        assert await store.now()
        await store.aclose()
        with weak.client() as client:
            client.config_set("appendonly", "no")
        assert "has `appendonly no`" in await failure(RedisStore(weak.url, durability="everysec"))
        store = RedisStore(weak.url, durability="unchecked")
        assert await store.now()
        await store.aclose()

    run(main)


def test_waiting_for_the_disk_requires_a_server_that_can(server: RedisProgram) -> None:
    async def main() -> None:
        with server.client() as client:
            version = str(client.info("server")["redis_version"])
        store = RedisStore(server.url, durability="waitaof")
        if tuple(map(int, version.split(".")[:2])) < (7, 2):
            assert (
                await failure(store) == f"Redis at 127.0.0.1:{server.port} is of version {version}"
            )
            return
        id_ = await put(store)
        assert await store.apply(id_, Claim("me", 60_000)) is not None
        await store.aclose()

    run(main)


def test_a_server_that_evicts_is_warned_of(
    server: RedisProgram, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with server.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            try:
                store = RedisStore(server.url)
                await store.now()
                await store.now()
            finally:
                client.config_set("maxmemory-policy", "noeviction")
        await store.aclose()

    with caplog.at_level(logging.WARNING, "passpost.outbox"):
        run(main)
    (record,) = caplog.records
    assert "has `maxmemory-policy allkeys-lru`: set `noeviction`" in record.message


def test_a_record_that_was_evicted_is_not_sent(server: RedisProgram) -> None:
    async def main() -> None:
        store = RedisStore(server.url)
        gone, kept = await put(store), await put(store, left=-1)
        good = await put(store)
        with server.client() as client:
            (key,) = client.keys(f"*:record:{gone}")
            client.delete(key)
        assert await store.apply(gone, Claim("me", 60_000)) is None
        claimed = await store.claim_next(Claim("me", 60_000))
        assert claimed is not None
        assert claimed.record.id == good
        assert [record.id for record in await store.list()] == [good, kept]
        assert [record.id for record in await store.due(10)] == [kept]
        assert await store.claim_next(Claim("me", 60_000)) is None
        await store.aclose()

    run(main)


def test_an_email_that_is_overdue_by_its_index_alone_is_put_back(server: RedisProgram) -> None:
    async def main() -> None:
        store = RedisStore(server.url)
        id_ = await put(store)
        with server.client() as client:
            (key,) = client.keys("*:due")
            client.zadd(key, {id_: 1})
        assert await store.claim_next(Claim("me", 60_000)) is None
        await Sweeper(store, every=5, keep=60).sweep()
        assert await store.due(10) == []
        claimed = await store.claim_next(Claim("me", 60_000))
        assert claimed is not None
        assert claimed.record.id == id_
        assert claimed.body == id_.encode()
        await store.aclose()

    run(main)


def test_a_long_queue_of_overdue_emails_is_passed(
    server: RedisProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        store = RedisStore(server.url)
        for _ in range(250):
            await put(store, left=-1)
        monkeypatch.setattr(redis, "_PASSED", 100)
        good = await put(store)
        claimed = await store.claim_next(Claim("me", 60_000))
        assert claimed is not None
        assert claimed.record.id == good
        swept = await Sweeper(store, every=5, keep=60).sweep()
        assert swept is not None
        assert swept.expired == 250
        assert await store.counts() == {"expired": 250, "sending": 1}
        assert await store.purge(age=-60_000, limit=210) == 210
        assert await store.counts() == {"expired": 40, "sending": 1}
        assert await store.purge(age=-60_000) == 40
        await store.aclose()

    run(main)


def test_a_store_of_a_newer_version_is_rejected(server: RedisProgram) -> None:
    async def main() -> None:
        with server.client() as client:
            client.set("passpost:{outbox}:form", 2)
        assert "newer version" in await failure(RedisStore(server.url))

    run(main)


def test_a_paused_server_is_given_up_in_time(server: RedisProgram) -> None:
    async def main() -> None:
        store = RedisStore(server.url, timeout=0.2)
        id_ = await put(store)
        server.pause()
        assert "did not reply within 0.2 s" in await failure(store)
        server.go_on()
        change: Change | None = await store.apply(id_, Claim("me", 60_000))
        assert change is not None
        await store.aclose()

    run(main)


@pytest.mark.parametrize(("language", "page"), [("en", PAGES[0]), ("zh-CN", PAGES[1])])
def test_the_page_lists_the_settings(language: str, page: Path) -> None:
    table = config.reference_table(RedisOutboxSettings, language).strip()
    assert table in page.read_text("utf-8")


def test_the_settings_make_a_store(server: RedisProgram, tmp_path: Path) -> None:
    async def main() -> None:
        settings = config.parse(RedisOutboxSettings, {"url": server.url, "prefix": "other:"})
        store = settings.open_store(tmp_path)
        assert server.url not in repr(settings)
        await put(store)
        with server.client() as client:
            names = client.keys("*")
        assert all(name.startswith("other:{outbox}:") for name in names)
        await store.aclose()

    run(main)


def test_a_url_that_is_not_valid_is_a_problem_of_the_settings() -> None:
    with pytest.raises(passpost.ConfigError) as caught:
        config.parse(RedisOutboxSettings, {"url": "redis://:hunter2@h:99x"})
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("url", "E432")
    assert problem.message == "not a valid URL of a Redis server"
    assert "hunter2" not in str(problem)


def test_the_settings_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "passpost_outbox.redis")
    monkeypatch.setitem(sys.modules, "passpost_redis", None)
    with pytest.raises(passpost.ConfigError) as caught:
        config.parse(RedisOutboxSettings, {"url": "redis://h"})
    (problem,) = caught.value.problems
    assert problem.remedy == "install it with `pip install 'passpost-outbox[redis]'`"


def test_neither_password_nor_durability_is_taken_as_it_comes() -> None:
    store = RedisStore("redis://:hunter2@h:99/0")
    assert repr(store) == "<RedisStore: Redis at h:99>"
    durability: Any = "sometimes"
    with pytest.raises(ValueError, match="always, waitaof, everysec, unchecked"):
        RedisStore("redis://h", durability=durability)
