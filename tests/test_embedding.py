"""The page about frameworks: its examples that need none, and what it promises.

test_frameworks.py runs those that do.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import passpost
from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/en/how-to/embedding.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

NAMES = ("console", "sign_ins", "settings_from_env")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    """A server, and a folder with the examples, from which they can be imported."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    with SmtpServer() as server:
        yield server
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith(NAMES)]:
        del sys.modules[name]


def test_a_console(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_SECRET", "canary")
    example = import_module("console")
    settings = {"host": "${HOME_SECRET}", "fromEmail": "${file:/etc/hostname}"}
    assert [one["path"] for one in example.problems("smtp", settings)] == ["host", "fromEmail"]


def test_both_languages_have_the_same_examples() -> None:
    chinese = (ROOT / "docs/zh-CN/how-to/embedding.md").read_text("utf-8")
    fences = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
    assert fences.findall(chinese) == fences.findall(PAGE)
    assert len(re.findall("^## ", chinese, re.MULTILINE)) == len(
        re.findall("^## ", PAGE, re.MULTILINE)
    )


def test_every_example_is_tested() -> None:
    assert len(re.findall("^```python$", PAGE, re.MULTILINE)) == len(EXAMPLES) == 7


def test_settings_from_the_environment(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"HOST": "127.0.0.1", "PORT": server.port, "FROM": "a@example.com", "TLS": "off"}
    for name, value in {**variables, "PASSWORD": "pw"}.items():
        monkeypatch.setenv(f"SMTP_{name}", str(value))
    (connector,) = import_module("settings_from_env").mailer().connectors
    assert (connector.config.port, connector.config.auth.pass_.reveal()) == (server.port, "pw")


@pytest.mark.usefixtures("server")
def test_each_try_of_a_task_sends_the_same_code() -> None:
    sign_ins = import_module("sign_ins")
    id = sign_ins.begin("ada@example.com")  # noqa: A001 - the page calls it so
    assert sign_ins.find(id) == sign_ins.find(id)
    assert sign_ins.find(id).email == "ada@example.com"


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_typed(name: str) -> None:
    for node in ast.walk(ast.parse(EXAMPLES[name])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.returns is not None
            assert all(one.annotation for one in node.args.args)


def test_the_pages_name_the_default_timeout() -> None:
    default = f"{passpost.Policy().timeout:g}"
    promises = (ROOT / "docs/en/explanation/promises.md").read_text("utf-8")
    assert f"{default} s by default" in promises
    assert f"{default} s for one send in all" in PAGE
