"""``passpost check --connect`` and ``passpost doctor`` ask the stores that settings name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import passpost
from passpost._settings.stores import MemorySettings
from passpost.stores import MemoryCooldowns, StoreError, Stores
from passpost_cli.program import cli

SETTINGS: dict[str, Any] = {
    "connectors": {"primary": {"use": "smtp", "settings": {
        "host": "127.0.0.1", "port": 1, "fromEmail": "a@example.com",
    }}},
    "templates": [{"usageType": "Generic", "subject": "x", "content": "x"}],
}  # fmt: skip


def write(folder: Path, **stores: Any) -> str:
    path = folder / "passpost.json"
    settings = {**SETTINGS, "stores": {"secret": "k" * 32, **stores}}
    path.write_text(json.dumps(settings), "utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def found(result: Result) -> list[tuple[str, str]]:
    return [(one["id"], one["result"]) for one in json.loads(result.stdout)["stores"]]


def test_a_file_that_can_be_written_to(tmp_path: Path) -> None:
    file = write(tmp_path, use="sqlite", settings={"path": "sends.sqlite"})
    result = run("check", "--connect", "--json", "--timeout", "5", file)
    assert found(result) == [("store.reachable", "ok")]
    assert "stores: store: ok" in run("check", "--connect", "--timeout", "5", file).stdout
    assert not (tmp_path / "sends.sqlite-wal").exists(), "it stayed open"


def test_a_file_that_cannot_be_opened_fails_the_check(tmp_path: Path) -> None:
    file = write(tmp_path, use="sqlite", settings={"path": "nowhere/sends.sqlite"})
    result = run("check", "--connect", "--json", "--timeout", "5", file)
    assert found(result) == [("store.unreachable", "error")]
    assert json.loads(result.stdout)["ok"] is False
    assert "stores" in json.loads(result.stdout)["error"]["message"]
    assert result.exit_code == 1


def test_stores_are_asked_with_connect_alone(tmp_path: Path) -> None:
    file = write(tmp_path, use="sqlite", settings={"path": "sends.sqlite"})
    assert "stores" not in json.loads(run("check", "--json", file).stdout)
    assert not (tmp_path / "sends.sqlite").exists()


class Failing:
    """A store whose check raises."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def check(self) -> list[passpost.Finding]:
        if self.error is not None:
            raise self.error
        return [passpost.Finding("store", "ok", "fine", id="store.fine")]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ("store.fine", "ok")),
        (StoreError("Acme is away", hint="Start it."), ("store.unreachable", "error")),
        (ValueError("k" * 32), ("store.failed", "error")),
    ],
)
@pytest.mark.parametrize("command", ["check", "doctor"])
def test_stores_of_other_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any, expected: Any, command: str
) -> None:
    stores: Any = Failing(error)

    def open_stores(_settings: object, _folder: Path) -> Stores:
        # One that knows no check is passed over.
        return Stores(idempotency=stores, rates=stores, cooldowns=MemoryCooldowns())

    monkeypatch.setattr(MemorySettings, "open_stores", open_stores)
    file = write(tmp_path, use="memory")
    arguments = ["--connect"] if command == "check" else ["--no-sender"]
    result = run(command, *arguments, "--json", "--timeout", "5", file)
    document = json.loads(result.stdout)
    if command == "check":
        assert found(result) == [expected]
    else:
        ours = [one for one in document["diagnoses"] if one["connector"] == "stores"]
        assert [(one["id"], one["result"]) for one in ours] == [expected]
    assert "kkkk" not in result.output
