"""The metrics of an outbox: waits, ends and sweeps, and nothing of a person."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import passpost
from passpost_otel import Telemetry
from passpost_outbox import Abandon, AsyncOutbox, Claim, Expire, Keys, Renew, Sweeper, Worker
from passpost_outbox.sqlite import SqliteStore
from pytest_passpost import SmtpServer

README = Path(__file__).parents[1] / "plugins/otel/README.md"


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
    assert "ada" not in str(found)


def test_a_worker_of_a_settings_file_is_measured(tmp_path: Path) -> None:
    reader = InMemoryMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    with SmtpServer() as server:
        settings = {"host": "127.0.0.1", "port": server.port, "ignoreTLS": True}
        whole = {
            "connectors": {
                "primary": {
                    "use": "smtp",
                    "settings": {**settings, "fromEmail": "no-reply@example.com"},
                }
            },
            "templates": [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}],
            "outbox": {
                "store": {"use": "sqlite", "path": "outbox.sqlite"},
                "keys": {"use": "2026-11", "values": {"2026-11": "ab" * 32}},
                "secret": "0d9b0c6e6a5e4e6f8c8d",
            },
        }
        path = tmp_path / "passpost.jsonc"
        path.write_text(json.dumps(whole), "utf-8")

        async def check() -> None:
            async with (
                AsyncOutbox.from_file(path) as outbox,
                Worker.from_file(path, watch=telemetry.watch) as worker,
            ):
                await outbox.enqueue(passpost.Message("ada@example.com", "SignIn", {"code": "1"}))
                assert await worker.drain() == 1

        asyncio.run(check())
    ((attributes, number),) = points(reader)["passpost.outbox.ended"]
    assert (attributes["passpost.outbox.state"], number) == ("accepted", 1)
