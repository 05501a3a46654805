"""The metrics of an outbox: waits, ends and sweeps, and nothing of a person."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import passpost
from passpost_otel import Telemetry
from passpost_outbox import (
    Abandon,
    AsyncOutbox,
    Claim,
    Expire,
    Keys,
    Outbox,
    Renew,
    Sweeper,
    TransactionalStore,
    Worker,
)
from passpost_outbox.hooks import register_commands
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.sqlite import SqliteStore
from pytest_passpost import SmtpServer

README = Path(__file__).parents[1] / "plugins/otel/README.md"


def settings_file(folder: Path, port: int) -> Path:
    smtp = {"host": "127.0.0.1", "port": port, "ignoreTLS": True, "fromEmail": "a@example.com"}
    usages = ("Generic", "SignIn", "Register", "ForgotPassword")
    templates = [{"usageType": one, "subject": "Code", "content": "{{code}}"} for one in usages]
    whole = {
        "connectors": {"primary": {"use": "smtp", "settings": smtp}},
        "templates": templates,
        "outbox": {
            "store": {"use": "sqlite", "path": "outbox.sqlite"},
            "keys": {"use": "2026-11", "values": {"2026-11": "ab" * 32}},
            "secret": "0d9b0c6e6a5e4e6f8c8d",
        },
    }
    path = folder / "passpost.jsonc"
    path.write_text(json.dumps(whole), "utf-8")
    return path


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    data: Any = reader.get_metrics_data()
    return {
        metric.name: [
            (dict(point.attributes), getattr(point, "sum", getattr(point, "value", None)))
            for point in metric.data.data_points
        ]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }


def test_waits_ends_and_sweeps_are_measured(tmp_path: Path) -> None:
    reader = InMemoryMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    seconds = 1_000_000.0

    async def check() -> None:
        nonlocal seconds
        store = telemetry.watch(SqliteStore(tmp_path / "outbox.sqlite", clock=lambda: seconds))
        keys = Keys({"2026-11": "ab" * 32}, use="2026-11")
        async with AsyncOutbox(store, keys, secret=b"s" * 16, lifetime=60) as outbox:
            for usage in ("SignIn", "Register"):
                await outbox.enqueue(passpost.Message("ada@example.com", usage, {"code": "493817"}))
            seconds += 5
            change = await store.claim_next(Claim("owner", 10_000))
            assert change is not None
            await store.apply(change.record.id, Renew("owner", 10_000))
            seconds += 100
            for record in await store.due(10):
                event = Expire() if record.state == "queued" else Abandon()
                assert await store.apply(record.id, event) is not None
            assert await Sweeper(store, every=5, keep=60).sweep() is not None

    asyncio.run(check())
    found = points(reader)
    assert found == {
        "passpost.outbox.wait": [({"passpost.usage": "SignIn"}, 5.0)],
        "passpost.outbox.ended": [
            (
                {
                    "passpost.usage": usage,
                    "passpost.outbox.state": state,
                    "passpost.outbox.reason": reason,
                },
                1,
            )
            for usage, state, reason in (
                ("Register", "expired", "overdue"),
                ("SignIn", "unknown", "lease"),
            )
        ],
        "passpost.outbox.sweeps": [({}, 1)],
    }
    assert all(f"`{name}`" in README.read_text("utf-8") for name in found)
    assert "ada@" not in str(found)


def test_what_ends_by_the_way_is_counted(tmp_path: Path) -> None:
    reader = InMemoryMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    assert telemetry.has_sdk

    async def check() -> None:
        kept = SqliteStore(tmp_path / "outbox.sqlite")
        keys = Keys({"2026-11": "ab" * 32}, use="2026-11")
        # The web process and the worker of a test share it; each email is counted once.
        web, work = telemetry.watch(kept), telemetry.watch(kept)
        message = passpost.Message("ada@example.com", "SignIn", {"code": "493817"})
        async with AsyncOutbox(web, keys, secret=b"s" * 16) as outbox:
            for _time in range(3):
                await outbox.enqueue(message, supersedes=("ada@example.com", "SignIn"))
            assert await work.claim_next(Claim("owner", 10_000)) is not None

    asyncio.run(check())
    ended = {
        (attributes["passpost.outbox.state"], attributes["passpost.outbox.reason"]): number
        for attributes, number in points(reader)["passpost.outbox.ended"]
    }
    assert ended == {("expired", "superseded"): 2}


def test_a_watched_store_writes_in_a_transaction_only_if_the_store_does(tmp_path: Path) -> None:
    telemetry = Telemetry()
    assert not telemetry.has_sdk
    assert isinstance(telemetry.watch(PostgresStore("postgresql:///none")), TransactionalStore)
    store = telemetry.watch(SqliteStore(tmp_path / "outbox.sqlite"))
    assert not isinstance(store, TransactionalStore)


MEASURED = """
import click
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from passpost_outbox.hooks import register_commands
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())]))
group = click.Group()
register_commands(group)
group()
"""


def test_the_worker_of_the_command_line_is_measured(tmp_path: Path) -> None:
    with SmtpServer() as server:
        path = settings_file(tmp_path, server.port)
        with Outbox.from_file(path) as outbox:
            outbox.enqueue(passpost.Message("ada@example.com", "SignIn", {"code": "493817"}))
        command = [sys.executable, "-c", MEASURED, "worker", str(path), "--drain", "--telemetry"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no SDK" not in done.stderr
    for name in ("passpost.outbox.ended", "passpost.outbox.wait", "passpost.send.duration"):
        assert f'"{name}"' in done.stdout
    assert "ada@" not in done.stdout


def test_the_worker_says_what_it_lacks_for_telemetry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = click.Group()
    register_commands(group)
    arguments = ["worker", str(settings_file(tmp_path, 1)), "--drain", "--telemetry"]
    found = CliRunner().invoke(group, arguments)
    assert found.exit_code == 0
    assert "no SDK of OpenTelemetry" in found.stderr
    monkeypatch.setitem(sys.modules, "passpost_otel", None)
    missing = CliRunner().invoke(group, arguments)
    assert missing.exit_code == 1
    assert "passpost-otel is not installed" in missing.stderr


def test_a_worker_of_a_settings_file_is_measured(tmp_path: Path) -> None:
    reader = InMemoryMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    with SmtpServer() as server:
        path = settings_file(tmp_path, server.port)

        async def check() -> None:
            async with (
                AsyncOutbox.from_file(path) as outbox,
                Worker.from_file(path, watch=telemetry.watch, observe=telemetry.observe) as worker,
            ):
                await outbox.enqueue(passpost.Message("ada@example.com", "SignIn", {"code": "1"}))
                assert await worker.drain() == 1
                found.update(points(reader))

        found: dict[str, Any] = {}
        asyncio.run(check())
    assert found["passpost.breaker.open"] == [({"passpost.connector": "primary"}, 0)]
    ((attributes, number),) = found["passpost.outbox.ended"]
    assert (attributes["passpost.outbox.state"], number) == ("accepted", 1)
