"""The section ``outbox`` of a settings file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import Host, Problem, config
from passpost.stores import StoreError
from passpost_outbox import AsyncOutbox, Outbox, OutboxSettings, Worker

KEY = "ab" * 32
SECRET = "0d9b0c6e6a5e4e6f8c8d"
CONNECTORS = {
    "primary": {
        "use": "smtp",
        "settings": {
            "host": "127.0.0.1", "port": 1, "fromEmail": "no-reply@example.com",
            "auth": {"user": "a", "pass": "${SECRET_OF_A_PROVIDER}"},
        },
    }
}  # fmt: skip
TEMPLATES = [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}]
WHOLE = {
    "store": {"use": "sqlite", "path": "outbox.sqlite"},
    "keys": {"use": "2026-11", "values": {"2026-11": KEY}},
    "secret": SECRET,
}


def written(folder: Path, section: Any) -> Path:
    path = folder / "passpost.jsonc"
    whole = {"connectors": CONNECTORS, "templates": TEMPLATES, "outbox": section}
    path.write_text(json.dumps(whole, indent=1), "utf-8")
    return path


def problems(path: Path) -> list[Problem]:
    """Return what both readers of the section find, which is the same."""
    host = Host(environ={"SECRET_OF_A_PROVIDER": "x"}, installed_extensions=())
    with pytest.raises(passpost.ConfigError) as whole:
        passpost.load(path, host)
    with pytest.raises(passpost.ConfigError) as alone:
        Outbox.from_file(path, host)
    assert set(whole.value.problems) == set(alone.value.problems)
    found = list(alone.value.problems)
    assert all(problem.line and problem.file for problem in found)
    assert not any(KEY in str(one) or SECRET in str(one) for one in found)
    return found


def test_a_web_process_needs_no_secret_of_a_provider(tmp_path: Path) -> None:
    section = {**WHOLE, "lifetime": 30, "priorities": {"Invite": 1}}
    path = written(tmp_path, section)
    with Outbox.from_file(path, Host(environ={})) as outbox:
        ticket = outbox.enqueue(passpost.Message("ada@example.com", "Invite", {"code": "1"}))
        status = ticket.wait(0)
    assert status is not None
    assert status.state == "queued"
    assert (tmp_path / "outbox.sqlite").exists()

    async def record() -> Any:
        async with AsyncOutbox.from_file(path, Host(environ={})) as outbox:
            return await outbox._store.get(ticket.id)

    kept = asyncio.run(record())
    assert kept.priority == 1
    assert 0 < kept.deadline - kept.queued_at <= 30_000


def test_arguments_replace_what_the_file_says(tmp_path: Path) -> None:
    with Outbox.from_file(written(tmp_path, WHOLE), lifetime=5) as outbox:
        assert outbox._outbox._lifetime == 5


def test_a_worker_sends_with_the_connectors_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    host = Host(environ={"SECRET_OF_A_PROVIDER": "x"}, installed_extensions=())

    async def check() -> None:
        async with AsyncOutbox.from_file(path, host) as outbox:
            ticket = await outbox.enqueue(
                passpost.Message("ada@example.com", "SignIn", {"code": "1"})
            )
            async with Worker.from_file(path, host, concurrency=1) as worker:
                assert await worker.drain() == 1
            status = await outbox.status(ticket.id)
        assert status is not None
        # Nobody listens at port 1.
        assert (status.state, status.error and status.error.scope) == ("rejected", "network")

    asyncio.run(check())


def test_a_worker_needs_the_secrets_of_the_providers(tmp_path: Path) -> None:
    async def check() -> None:
        async with Worker.from_file(written(tmp_path, WHOLE), Host(environ={})):
            raise AssertionError

    with pytest.raises(passpost.ConfigError, match="SECRET_OF_A_PROVIDER"):
        asyncio.run(check())


def test_a_folder_of_keys_begins_at_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {**WHOLE, "keys": {"folder": "keys"}})
    with pytest.raises(StoreError, match="use"):
        Outbox.from_file(path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "use").write_text("2026-11")
    (tmp_path / "keys" / "2026-11.key").write_text(KEY)
    Outbox.from_file(path).close()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"secret": "short"}, [("outbox.secret", "E441")]),
        ({"secret": "${NOWHERE}"}, [("outbox.secret", "E051")]),
        ({"secrets": SECRET}, [("outbox.secrets", "E101")]),
        ({"lifetime": 0}, [("outbox.lifetime", "E104")]),
        ({"priorities": {"SignIn": "first"}}, [("outbox.priorities.SignIn", "E103")]),
        ({"priorities": {"SignIn": 1_000_001}}, [("outbox.priorities.SignIn", "E442")]),
        ({"priorities": {"SignIn": -1_000_001}}, [("outbox.priorities.SignIn", "E442")]),
        ({"store": {"use": "sqlite"}}, [("outbox.store.path", "E102")]),
        ({"store": {"use": "sqlite", "path": ""}}, [("outbox.store.path", "E105")]),
        ({"store": {"use": "sqlite", "path": "${NOWHERE}"}}, [("outbox.store.path", "E051")]),
        ({"store": {"use": "sqlite", "path": "<your-path>"}}, [("outbox.store.path", "W101")]),
        ({"store": {"use": "sqlite", "path": "a", "b": 1}}, [("outbox.store.b", "E101")]),
        ({"store": {"use": "sqlit", "path": "a"}}, [("outbox.store.use", "E440")]),
        ({"store": {"path": "a"}}, [("outbox.store.use", "E440")]),
        ({"store": "outbox.sqlite"}, [("outbox.store", "E103")]),
        ({"keys": {}}, [("outbox.keys", "E441")]),
        ({"keys": {"folder": "a", "values": {"a": KEY}}}, [("outbox.keys", "E441")]),
        ({"keys": {"folder": "a", "use": "b"}}, [("outbox.keys", "E441")]),
        ({"keys": {"values": {"a": KEY}}}, [("outbox.keys", "E441")]),
        ({"keys": {"use": "b", "values": {"a": KEY}}}, [("outbox.keys", "E441")]),
        ({"keys": {"use": "a", "values": {"a": "word"}}}, [("outbox.keys", "E441")]),
    ],
)
def test_each_mistake_is_a_problem_with_its_place(
    tmp_path: Path, changed: Any, expected: list[tuple[str, str]]
) -> None:
    found = problems(written(tmp_path, {**WHOLE, **changed}))
    assert [(one.path, one.code) for one in found if one.severity == "error"] == expected


def test_a_section_that_is_missing_or_no_object_is_a_problem(tmp_path: Path) -> None:
    path = written(tmp_path, [])
    with pytest.raises(passpost.ConfigError, match="must be an object, not a list"):
        Outbox.from_file(path)
    path.write_text(json.dumps({"connectors": CONNECTORS}))
    with pytest.raises(passpost.ConfigError, match="`outbox` is missing"):
        Outbox.from_file(path)


def test_without_a_package_the_problem_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, WHOLE)
    monkeypatch.setattr("passpost._plugins.kinds.entry_points", lambda group: ())
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.load(path, Host(environ={"SECRET_OF_A_PROVIDER": "x"}, installed_extensions=()))
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("outbox", "E440")
    assert problem.remedy == "install it with `pip install 'passpost[outbox]'`"


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    settings = config.load_section(written(tmp_path, WHOLE), "outbox", OutboxSettings)
    assert SECRET not in repr(settings)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "module", "url"),
    [
        ("redis", "passpost_outbox.redis", "redis://127.0.0.1:1/0"),
        ("postgres", "passpost_outbox.postgres", "postgresql://127.0.0.1:1/none"),
    ],
)
def test_a_missing_extra_is_one_problem_for_each_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, url: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (found,) = problems(written(tmp_path, {**WHOLE, "store": {"use": name, "url": url}}))
    assert (found.path, found.code) == ("outbox.store.use", "E440")
    assert f"pip install 'passpost-outbox[{name}]'" in found.remedy
