"""The stores that an application's settings name."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import Problem
from passpost.stores import MemoryIdempotency, SqliteIdempotency, Stores

SECRET = "0d9b0c6e6a5e4e6f8c8d"
CONNECTORS = {
    "primary": {
        "use": "smtp",
        "settings": {"host": "127.0.0.1", "port": 1, "fromEmail": "no-reply@example.com"},
    }
}
TEMPLATES = [
    {"usageType": usage, "subject": "Code", "content": "{{code}}"}
    for usage in ("SignIn", "Register", "ForgotPassword", "Generic")
]
ACME = """
from pathlib import Path
import attrs
from passpost import Secret, config
from passpost.stores import MemoryIdempotency, Stores

@attrs.frozen(kw_only=True)
class AcmeSettings:
    token: Secret = config.field(title={"en": "Token"})

    def open_stores(self, folder: Path) -> Stores:
        if self.token.reveal() == "defect":
            raise RuntimeError(self.token.reveal())
        return Stores(idempotency=MemoryIdempotency())
"""


def text(stores: Any) -> str:
    whole = {"connectors": CONNECTORS, "templates": TEMPLATES, "stores": stores}
    return json.dumps(whole, indent=1)


def problems(stores: Any) -> tuple[Problem, ...]:
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.Mailer.from_settings(text(stores))
    assert all(problem.line for problem in caught.value.problems)
    return caught.value.problems


def shown(stores: Any) -> list[tuple[str, str | None]]:
    return [(problem.path, problem.code) for problem in problems(stores)]


def provide(folder: Path, distribution: str, *, name: str = "acme", module: str = "acme") -> None:
    """Install a package with stores into a folder."""
    (folder / f"{module}.py").write_text(ACME, "utf-8")
    metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        f"[passpost.stores]\n{name} = {module}:AcmeSettings\n"
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("acme", "broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


def test_a_file_names_its_stores_and_a_relative_path_begins_there(tmp_path: Path) -> None:
    path = tmp_path / "passpost.jsonc"
    entry = {"use": "sqlite", "settings": {"path": "sends.sqlite"}, "secret": SECRET}
    path.write_text(text({**entry, "onFailure": "send"}), "utf-8")
    stores = passpost.load(path).stores
    assert stores is not None
    assert isinstance(stores.idempotency, SqliteIdempotency)
    assert (stores.secret, stores.on_failure) == (SECRET.encode(), "send")
    assert SECRET not in repr(stores)
    assert (stores.rates, stores.cooldowns) == (None, None)
    with passpost.Mailer.from_file(path) as mailer:
        message = passpost.Message("ada@example.com", "SignIn", {"code": "1"}, idempotency_key="k")
        with pytest.raises(passpost.SendError):
            mailer.send(message)
    assert (tmp_path / "sends.sqlite").exists()


def test_stores_given_in_python_replace_those_of_the_file(tmp_path: Path) -> None:
    given = Stores(idempotency=MemoryIdempotency(), secret=b"k")
    entry = {"use": "sqlite", "settings": {"path": str(tmp_path / "a.sqlite")}, "secret": SECRET}
    with passpost.Mailer.from_settings(text(entry), stores=given) as mailer:
        message = passpost.Message("ada@example.com", "SignIn", {"code": "1"}, idempotency_key="k")
        with pytest.raises(passpost.SendError):
            mailer.send(message)
    assert not (tmp_path / "a.sqlite").exists()


@pytest.mark.parametrize(
    ("stores", "expected"),
    [
        ({"use": "memory", "settings": {"a": 1}}, [("stores.settings.a", "E101")]),
        ({"use": "sqlit", "secret": SECRET}, [("stores.use", "E430")]),
        ({"use": "sqlite"}, [("stores.secret", "E431"), ("stores.settings.path", "E102")]),
        (
            {"use": "sqlite", "secret": "short", "settings": {"path": "a"}},
            [("stores.secret", "E431")],
        ),
        (
            {"use": "sqlite", "secret": SECRET, "settings": {"path": "<your-path>"}},
            [("stores.settings.path", "W101")],
        ),
        (
            {"use": "sqlite", "secret": SECRET, "settings": {"path": "a"}, "onFailure": "no"},
            [("stores.onFailure", "E108")],
        ),
        ({"use": "memory", "secret": "${NOT_THERE}"}, [("stores.secret", "E051")]),
    ],
)
def test_each_mistake_is_a_problem(stores: Any, expected: list[tuple[str, str]]) -> None:
    assert sorted(shown(stores)) == sorted(expected)


def test_no_problem_shows_the_secret() -> None:
    found = problems({"use": "sqlite", "secret": "hunter2", "settings": {}})
    assert not any("hunter2" in str(problem) for problem in found)


def test_the_package_of_redis_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passpost._plugins.kinds.entry_points", lambda group: ())
    (problem,) = problems({"use": "redis", "secret": SECRET})
    assert problem.remedy == "install it with `pip install 'passpost[redis]'`"


def test_a_package_brings_its_stores(site: Path) -> None:
    provide(site, "acme-stores")
    entry = {"use": "acme", "settings": {"token": "t"}, "secret": SECRET}
    application = passpost.Mailer.from_settings(text(entry))
    application.close()
    assert shown({**entry, "settings": {}}) == [("stores.settings.token", "E102")]


def test_packages_that_are_not_named_are_not_imported(site: Path) -> None:
    provide(site, "acme-stores")
    provide(site, "broken-stores", name="broken", module="broken")
    (site / "broken.py").write_text("raise SystemExit", "utf-8")
    entry = {"use": "acme", "settings": {"token": "t"}, "secret": SECRET}
    passpost.Mailer.from_settings(text(entry)).close()
    (problem,) = problems({"use": "broken", "secret": SECRET})
    assert problem.code == "E430"
    assert "broken-stores" in problem.message
    passpost.Mailer.from_settings(text({"use": "memory"})).close()


def test_two_packages_of_one_name_are_both_named(site: Path) -> None:
    provide(site, "acme-stores")
    provide(site, "other-stores", module="other")
    (problem,) = problems({"use": "acme", "settings": {"token": "t"}, "secret": SECRET})
    assert "acme-stores and other-stores" in problem.message


def test_a_defect_of_a_package_shows_no_setting(site: Path) -> None:
    provide(site, "acme-stores")
    (problem,) = problems({"use": "acme", "settings": {"token": "defect"}, "secret": SECRET})
    assert problem.code == "E430"
    assert "RuntimeError at acme.py" in problem.message
    assert "defect" not in str(problem)


@pytest.mark.parametrize(("secret", "kind"), [("hunter2", TypeError), (b"", ValueError)])
def test_a_secret_is_bytes_and_not_empty(secret: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="secret is") as caught:
        Stores(secret=secret)
    assert "hunter2" not in str(caught.value)


def test_one_store_that_is_several_is_closed_once() -> None:
    closed: list[str] = []

    class All(MemoryIdempotency):
        async def aclose(self) -> None:
            closed.append("once")

    whole: Any = All()
    asyncio.run(Stores(idempotency=whole, cooldowns=whole).aclose())
    assert closed == ["once"]


def test_a_store_that_cannot_be_closed_closes_the_mailer(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryIdempotency):
        async def aclose(self) -> None:
            raise OSError("hunter2")

    stores = Stores(idempotency=Broken())
    mailer = passpost.Mailer.from_settings(text({"use": "memory"}), stores=stores)
    message = passpost.Message("ada@example.com", "SignIn", {"code": "1"})
    with mailer, pytest.raises(passpost.SendError):
        mailer.send(message)
    assert "a store was not closed: OSError at test_stores.py" in caplog.text
    assert "hunter2" not in caplog.text
