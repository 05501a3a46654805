"""``passpost worker`` and ``passpost outbox``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import jsonschema
import pytest
import referencing
from click.testing import CliRunner, Result

import passpost
from passpost_outbox import Claim, Expire, Outbox, Record, SqliteStore
from passpost_outbox.hooks import register_commands
from pytest_passpost import Fault, Hold, SmtpServer

FOLDER = Path(__file__).parents[3] / "docs/schemas"
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
REGISTRY: referencing.Registry[Any] = referencing.Registry().with_resources(
    (f"{name}.json", referencing.Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
PROGRAM = """
import click
from passpost_outbox.hooks import register_commands
group = click.Group()
register_commands(group)
group()
"""
CODE = "493817"


def written(folder: Path, port: int = 1) -> Path:
    settings = {
        "host": "127.0.0.1", "port": port, "ignoreTLS": True, "fromEmail": "no-reply@example.com",
    }  # fmt: skip
    usages = ("SignIn", "Register", "ForgotPassword", "Generic")
    templates = [{"usageType": one, "subject": "Code", "content": "{{code}}"} for one in usages]
    whole = {
        "connectors": {"primary": {"use": "smtp", "settings": settings}},
        "templates": templates,
        "delivery": {"attempts": 1},
        "outbox": {
            "store": {"use": "sqlite", "path": "outbox.sqlite"},
            "keys": {"use": "2026-11", "values": {"2026-11": "ab" * 32}},
            "secret": "0d9b0c6e6a5e4e6f8c8d",
        },
    }
    path = folder / "passpost.jsonc"
    path.write_text(json.dumps(whole), "utf-8")
    return path


def enqueued(path: Path, *usages: str, **options: Any) -> list[str]:
    with Outbox.from_file(path, **options) as outbox:
        return [
            outbox.enqueue(passpost.Message("ada@example.com", usage, {"code": CODE})).id
            for usage in usages
        ]


def states(path: Path) -> dict[Any, int]:
    with Outbox.from_file(path) as outbox:
        return dict(outbox.counts())


def run(*arguments: object) -> Result:
    group = click.Group()
    register_commands(group)
    result = CliRunner().invoke(group, [str(one) for one in arguments])
    assert CODE not in result.output
    assert "ada@" not in result.output
    return result


def document(command: str, *arguments: object) -> Any:
    """Return the JSON that a command prints, after its schema has been asked."""
    found = json.loads(run("outbox", command, "--json", *arguments).stdout)
    schema = SCHEMAS[f"outbox-{command}"]
    jsonschema.Draft202012Validator(schema, registry=REGISTRY).validate(found)
    return found


def test_it_lists_counts_and_shows_emails(tmp_path: Path) -> None:
    path = written(tmp_path)
    first, second = enqueued(path, "SignIn", "Invite")
    counts = document("stats", path)["states"]
    assert (counts["queued"], counts["accepted"]) == (2, 0)
    assert "queued            2" in run("outbox", "stats", path).stdout
    found = document("list", path)["emails"]
    assert [one["id"] for one in found] == [second, first]
    assert [one["id"] for one in document("list", path, "--usage", "SignIn")["emails"]] == [first]
    assert document("list", path, "--state", "accepted")["emails"] == []
    assert document("list", path, "--older-than", "1h")["emails"] == []
    assert len(document("list", path, "--limit", "1")["emails"]) == 1
    line = run("outbox", "list", path, "--usage", "SignIn").stdout
    assert first in line
    assert "a…@example.com" in line
    email = document("show", path, "--", first)["email"]
    assert (email["state"], email["recipient"]) == ("queued", "a…@example.com")
    assert "queued" in run("outbox", "show", path, "--", first).stdout


def test_it_shows_what_cannot_be_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    (ticket,) = enqueued(path, "SignIn")
    assert "unreadable" not in document("stats", path)["states"]
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as connection, connection:
        connection.execute("UPDATE outbox SET record = '{'")
    assert run("worker", path, "--drain").exit_code == 0
    assert document("stats", path)["states"]["unreadable"] == 1
    assert "unreadable        1" in run("outbox", "stats", path).stdout
    (email,) = document("list", path, "--state", "unreadable")["emails"]
    assert (email["id"], email["queued_at"]) == (ticket, None)
    assert document("show", path, "--", ticket)["email"] == email
    assert f"unreadable {ticket}" in run("outbox", "list", path).stdout


def test_pages_of_a_list_are_one_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passpost_outbox.commands.managing._PAGE", 2)
    path = written(tmp_path)
    ids = enqueued(path, *["SignIn"] * 5)
    assert [one["id"] for one in document("list", path)["emails"]] == ids[::-1]
    assert [one["id"] for one in document("list", path, "--limit", 3)["emails"]] == ids[:1:-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "--", "nothing"),
        ("list", "--state", CODE),
        ("list", "--limit", CODE + "x"),
        ("list", "--older-than", CODE),
        ("purge", "--older-than", "1h"),
        ("purge", "--older-than", "1h", "--yes", "--state", "queued"),
        (CODE,),
    ],
)
def test_a_mistake_is_reported_and_not_repeated(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    command, *rest = arguments
    result = run("outbox", command, written(tmp_path), *rest)
    assert result.exit_code != 0
    assert result.stdout == ""


def test_settings_that_are_wrong_are_problems(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"sqlite"', '"sqlit"'), "utf-8")
    for command, *rest in (["stats"], ["list"], ["show", "x"], ["retry", "x"]):
        error = document(command, path, *rest)["error"]
        assert [one["code"] for one in error["problems"]] == ["E440"]
    result = run("worker", path)
    assert (result.exit_code, "E440" in result.stderr) == (1, True)


def test_a_store_that_fails_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "outbox.sqlite").write_text("no database " * 200)
    assert document("stats", path)["error"]["kind"] == "refused"
    result = run("outbox", "stats", path)
    assert result.exit_code == 1
    assert "outbox.sqlite" in result.stderr


def test_what_expired_is_queued_again_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path)
    (late,) = enqueued(path, "SignIn", lifetime=0.001)
    (taken,) = enqueued(path, "SignIn")

    async def claim() -> None:
        store = SqliteStore(tmp_path / "outbox.sqlite")
        change = await store.claim_next(Claim("owner", 60_000))
        assert change is not None
        assert change.record.id == taken
        assert await store.apply(late, Expire()) is not None
        await store.aclose()

    asyncio.run(claim())
    assert states(path) == {"expired": 1, "sending": 1}
    found = document("retry", path, "--lifetime", "1h", "--", late, taken, "nothing")
    assert found == {"ok": False, "retried": [late], "not_retried": [taken, "nothing"]}
    assert states(path) == {"queued": 1, "sending": 1}
    result = run("outbox", "retry", path, "--", late)
    assert result.exit_code == 1
    assert "1 not queued again" in result.stderr


def test_old_records_are_deleted(tmp_path: Path) -> None:
    path = written(tmp_path)
    enqueued(path, "SignIn", "Invite")
    assert run("worker", path, "--drain").exit_code == 0
    assert states(path) == {"rejected": 2}
    assert document("purge", path, "--older-than", "1h", "--yes")["purged"] == 0
    assert states(path) == {"rejected": 2}
    assert document("purge", path, "--older-than", "0s", "--yes")["purged"] == 2
    assert states(path) == {}


def test_the_documents_have_no_hash_and_no_owner() -> None:
    schema = SCHEMAS["common"]["$defs"]["outbox_email"]["properties"]
    fields = {one.name for one in attrs.fields(Record)}
    assert fields & schema.keys() == {
        "id", "state", "reason", "usage", "priority", "queued_at", "deadline", "finished_at",
        "recipient",
    }  # fmt: skip


@contextlib.contextmanager
def working(path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-W", "error", "-c", PROGRAM, "worker", str(path), *options]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


@posix
def test_a_signal_lets_the_worker_finish_what_is_under_way(tmp_path: Path) -> None:
    held = Hold()
    with SmtpServer(faults=[Fault("final", held)]) as server:
        path = written(tmp_path, server.port)
        enqueued(path, "SignIn")
        with working(path, "--concurrency", "1", "--json-logs") as process:
            assert held.reached.wait(60)
            process.send_signal(signal.SIGTERM)
            lines = []
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(json.loads(line))
                if "a second signal" in lines[-1]["message"]:
                    held.release()
            assert process.wait(60) == 0
    assert states(path) == {"accepted": 1}
    (sent,) = [one for one in lines if one.get("outcome")]
    assert (sent["level"], sent["outcome"], sent["connector"]) == ("info", "accepted", "primary")
    assert CODE not in str(lines)
    assert "ada@" not in str(lines)


@posix
def test_a_second_signal_cancels_it(tmp_path: Path) -> None:
    held = Hold()
    with SmtpServer(faults=[Fault("final", held)]) as server:
        path = written(tmp_path, server.port)
        enqueued(path, "SignIn")
        with working(path, "--concurrency", "1") as process:
            assert held.reached.wait(60)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            for line in process.stderr:
                if "a second signal" in line:
                    process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130
        held.release()
    assert states(path) == {"unknown": 1}
