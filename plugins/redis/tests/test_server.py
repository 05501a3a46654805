"""A server that fails, hangs, is restarted or shared: bounded, named, and never mixed up."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import config
from passpost.phrases import said, translated
from passpost.stores import Begun, Ended, Rate, ReturnableRates, StoreError, Stores
from passpost_redis import RedisServer, RedisSettings, open_stores

KEY = b"k" * 16


async def begin(stores: Stores, key: str = "key") -> Any:
    assert stores.idempotency is not None
    return await stores.idempotency.begin(key, "fingerprint", running=60, kept=60)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await main()

    asyncio.run(bounded())


async def failure(stores: Stores, key: str = "key") -> str:
    with pytest.raises(StoreError) as caught:
        await begin(stores, key)
    assert caught.value.hint
    assert caught.value.__cause__ is caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["redis:/x", "http://h", "redis://:hunter2@h:99x", "<your-url>", "", "redis://h/0?db=hunter2"],
)
def test_a_url_that_is_not_valid_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="not a valid URL of a Redis server") as caught:
        open_stores(url, secret=KEY)
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_the_settings_are_parsed_and_described() -> None:
    settings = config.parse(RedisSettings, {"url": "redis://:hunter2@h:99/0"})
    assert "hunter2" not in repr(settings)
    assert str(RedisServer(settings.url)) == "Redis at h:99"
    assert "hunter2" not in repr(RedisServer(settings.url))
    assert str(RedisServer("unix:///run/redis.sock")) == "Redis at /run/redis.sock"


@pytest.mark.parametrize(("language", "file"), [("en", "README.md"), ("zh-CN", "README.zh-CN.md")])
def test_the_page_lists_the_settings(language: str, file: str) -> None:
    page = (Path(__file__).parents[1] / file).read_text("utf-8")
    assert config.reference_table(RedisSettings, language).strip() in page
    (text,) = re.findall(r"^```jsonc\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    environ = {"REDIS_URL": "redis://h:1/0", "PASSPOST_STORE_SECRET": "0d9b0c6e6a5e4e6f8c8d"}
    with passpost.Mailer.from_settings(text, passpost.Host(environ=environ)):
        pass


def test_a_server_that_is_not_there_is_named() -> None:
    async def main() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{bound.getsockname()[1]}"
            stores = open_stores(f"redis://:hunter2@{place}", secret=KEY)
            assert await failure(stores) == f"Redis at {place} cannot be reached"

    run(main)


def test_a_node_of_a_cluster_is_named() -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(b"-MOVED 866 127.0.0.1:7001\r\n")
        writer.close()

    async def main() -> None:
        node = await asyncio.start_server(reply, "127.0.0.1", 0)
        place = f"127.0.0.1:{node.sockets[0].getsockname()[1]}"
        stores = open_stores(f"redis://{place}", secret=KEY)
        assert await failure(stores) == f"Redis at {place} is a node of a cluster"
        await stores.aclose()
        node.close()

    run(main)


def test_a_failure_can_be_said_in_chinese() -> None:
    async def main() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{bound.getsockname()[1]}"
            with pytest.raises(StoreError) as caught:
                await begin(open_stores(f"redis://:hunter2@{place}", secret=KEY))
        assert translated(said(caught.value), "zh-CN") == f"Redis（{place}）无法访问"
        hint = translated(caught.value.hint, "zh-CN")
        assert hint == "请确认 Redis 正在运行，并且本进程可以访问它。"

    run(main)


def test_a_wrong_password_is_named_and_not_repeated(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(f"redis://:hunter2@127.0.0.1:{server.port}", secret=KEY)
        assert await failure(stores) == (f"Redis at 127.0.0.1:{server.port} rejected the password")
        await stores.aclose()

    run(main)


def test_a_user_needs_what_the_page_says_and_no_more(server: Any) -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    section = page.partition("- **Permissions.**")[2].partition("\n\n")[0]
    commands = [f"+{name.lower()}" for name in re.findall(r"`([A-Z]+)`", section)]
    (rest,) = re.findall(r"`(\+eval[^`]*)`", section)
    needed = [*commands, *rest.split()]

    async def use(stores: Stores) -> None:
        begun = await begin(stores)
        assert stores.idempotency is not None
        assert stores.rates is not None
        assert stores.cooldowns is not None
        await stores.idempotency.finish("key", begun.token, {"outcome": "accepted"})
        await stores.idempotency.forget("key", begun.token)
        assert isinstance(stores.rates, ReturnableRates)
        wait, place = await stores.rates.reserve("primary", Rate(1, 1))
        assert wait == 0
        await stores.rates.give_back("primary", place)
        for owner in ("one", "other"):
            await stores.cooldowns.begin("key", 60, owner=owner)
        await stores.cooldowns.give_back("key", owner="one")

    async def main() -> None:
        stores = open_stores(f"redis://app:app@127.0.0.1:{server.port}", secret=KEY)
        try:
            await use(stores)
        finally:
            await stores.aclose()

    with server.client() as client:
        setuser = ("ACL", "SETUSER", "app", "on", ">app", "~passpost:*")
        try:
            client.execute_command(*setuser, *needed)
            run(main)
            for command in needed:
                client.execute_command(*setuser, command.replace("+", "-"))
                client.execute_command("SCRIPT", "FLUSH")
                client.flushall()
                with pytest.raises(StoreError, match="does not permit a command"):
                    run(main)
                client.execute_command(*setuser, command)
        finally:
            client.execute_command("ACL", "DELUSER", "app")


def test_a_full_server_rejects(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        with server.client() as client:
            client.config_set("maxmemory", "1")
            try:
                assert "is out of memory" in await failure(stores)
            finally:
                client.config_set("maxmemory", "0")
        assert isinstance(await begin(stores), Begun)
        await stores.aclose()

    run(main)


def test_a_command_that_is_rejected_is_named_by_its_code(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(f"{server.url.rsplit('/', 1)[0]}/9999", secret=KEY)
        place = f"Redis at 127.0.0.1:{server.port}"
        assert await failure(stores) == f"{place} rejected a command"
        await stores.aclose()
        stores = open_stores(server.url, secret=KEY)
        with server.client() as client:
            client.set("passpost:once:key", "of somebody else")
            assert await failure(stores) == f"{place} rejected a command: WRONGTYPE"
            client.delete("passpost:once:key")
        await stores.aclose()

    run(main)


def test_a_record_that_is_damaged_is_an_end_all_the_same(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        await begin(stores)
        with server.client() as client:
            client.hset("passpost:once:key", "record", '{"outcome": "acc')
        assert await begin(stores) == Ended({})
        await stores.aclose()

    run(main)


def test_a_replica_is_named(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        with server.client() as client:
            client.replicaof("127.0.0.1", "1")
            client.config_set("replica-serve-stale-data", "yes")
            try:
                assert "is a replica" in await failure(stores)
            finally:
                client.replicaof("NO", "ONE")
        await stores.aclose()

    run(main)


def test_a_server_that_hangs_is_given_up_by_all_callers_and_serves_again(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY, timeout=0.3)
        await begin(stores, "before")
        server.pause()
        # More than there are connections: those that wait for one give up as well.
        waiting = [asyncio.create_task(failure(stores, str(number))) for number in range(60)]
        said = {await one for one in waiting}
        assert said == {f"Redis at 127.0.0.1:{server.port} did not reply within 0.3 s"}
        server.go_on()
        assert isinstance(await begin(stores, "after"), Begun)
        await stores.aclose()

    run(main)


def test_a_reply_that_comes_late_is_nobody_elses(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        assert stores.rates is not None
        server.pause()
        # Cancelled where its reply is still to come, over all connections.
        lost = [
            asyncio.create_task(stores.rates.take("primary", Rate(1, 3_600))) for _ in range(40)
        ]
        await asyncio.wait(lost, timeout=0.1)
        for task in lost:
            task.cancel()
        await asyncio.wait(lost)
        server.go_on()
        found = await asyncio.gather(*(begin(stores, str(number)) for number in range(200)))
        assert all(isinstance(one, Begun) for one in found)
        await stores.aclose()

    run(main)


def test_a_restarted_server_serves_those_that_were_connected(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        begun = await asyncio.gather(*(begin(stores, str(number)) for number in range(50)))
        server.kill()
        assert "cannot be reached" in await failure(stores)
        server.start()
        # Its disk knows what was begun, and its scripts are gone.
        for number in range(50):
            assert not isinstance(await begin(stores, str(number)), Begun)
        assert stores.idempotency is not None
        await stores.idempotency.forget("0", begun[0].token)
        assert isinstance(await begin(stores, "0"), Begun)
        await stores.aclose()

    run(main)


def test_a_broken_connection_is_replaced(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        await asyncio.gather(*(begin(stores, str(number)) for number in range(50)))
        with server.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
        found = await asyncio.gather(*(begin(stores, f"again {number}") for number in range(50)))
        assert all(isinstance(one, Begun) for one in found)
        await stores.aclose()

    run(main)


def test_stores_serve_one_event_loop_after_another_and_leave_nothing_open(server: Any) -> None:
    def serve(stores: Stores) -> None:
        async def main() -> None:
            assert isinstance(await begin(stores, secrets.token_hex()), Begun)
            await stores.aclose()

        for _ in range(3):
            run(main)

    serve(open_stores(server.url, secret=KEY))
    # Warnings are errors: a connection that is open when it is collected is one.
    gc.collect()
    with server.client() as client:
        assert int(client.info("clients")["connected_clients"]) == 1


def test_a_child_process_has_connections_of_its_own(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        await asyncio.gather(*(begin(stores, f"parent {number}") for number in range(20)))
        child = await asyncio.to_thread(fork, stores)
        found = [
            isinstance(one, Begun)
            for one in await asyncio.gather(*(begin(stores, f"again {n}") for n in range(200)))
        ]
        assert found == [True] * 200
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status == 0
        for number in range(20):
            assert isinstance(await begin(stores, f"last {number}"), Begun)
        await stores.aclose()

    run(main)


def fork(stores: Stores) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:

        async def main() -> None:
            found = await asyncio.gather(*(begin(stores, f"child {n}") for n in range(200)))
            assert all(isinstance(one, Begun) for one in found)
            await stores.aclose()

        # What was inherited is left alone when it is collected here.
        run(main)
        gc.collect()
        code = 0
    finally:
        os._exit(code)


def test_a_child_that_exits_leaves_the_connections_of_its_parent(server: Any) -> None:
    """The interpreter takes its objects apart at exit, and both processes share a selector."""
    program = """
import asyncio, os, sys, threading, warnings
from passpost_redis.server import RedisServer

warnings.simplefilter("ignore")
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
server = RedisServer(sys.argv[1])
ask = lambda: asyncio.run_coroutine_threadsafe(server.run("return 1", "key"), loop).result()
assert ask() == 1
child = os.fork()
if not child:
    asyncio.run(server.run("return 1", "key"))
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
assert ask() == 1
"""
    assert subprocess.run([sys.executable, "-c", program, server.url], check=False).returncode == 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"appendfsync": "always"}, ["ok", "ok", "ok"]),
        ({"maxmemory-policy": "allkeys-lru"}, ["ok", "error", "ok"]),
        ({"appendonly": "no"}, ["ok", "ok", "warning"]),
    ],
)
def test_a_check_says_what_the_server_forgets(
    server: Any, settings: dict[str, str], expected: list[str]
) -> None:
    async def main() -> None:
        stores = open_stores(server.url, secret=KEY)
        with server.client() as client:
            before = {name: client.config_get(name)[name] for name in settings}
            try:
                for name, value in settings.items():
                    client.config_set(name, value)
                found = await stores.check()
            finally:
                for name, value in before.items():
                    client.config_set(name, value)
        assert [one.result for one in found] == expected
        assert [one.id for one in found] == [
            "store.reachable", "store.eviction", "store.durability",
        ]  # fmt: skip
        await stores.aclose()

    run(main)


def test_a_check_needs_no_more_than_the_stores(server: Any) -> None:
    async def main() -> None:
        stores = open_stores(f"redis://app:app@127.0.0.1:{server.port}", secret=KEY)
        found = await stores.check()
        assert [(one.id, one.result) for one in found] == [
            ("store.reachable", "ok"),
            ("store.hidden", "warning"),
        ]
        await stores.aclose()

    with server.client() as client:
        needed = ("~passpost:*", "+evalsha", "+script|load")
        try:
            client.execute_command("ACL", "SETUSER", "app", "on", ">app", *needed)
            run(main)
        finally:
            client.execute_command("ACL", "DELUSER", "app")


def test_a_check_of_a_server_that_is_away() -> None:
    async def main() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{bound.getsockname()[1]}"
            (found,) = await open_stores(f"redis://:hunter2@{place}", secret=KEY).check()
        assert (found.id, found.result) == ("store.unreachable", "error")
        assert found.evidence == f"Redis at {place} cannot be reached"
        assert found.remedy

    run(main)
