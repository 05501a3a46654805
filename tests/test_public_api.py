"""The public names are these and no others, and importing passpost costs next to nothing."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import passpost
import pytest_passpost
from passpost import hookspecs, testing

EXPECTED = """
Address Application AsyncMailer Attempt Backoff Breaker Capability ConfigError Connector
ConnectorHealth ConnectorInfo DeliverySummary Finding Host Identity InstalledConnector
InstalledExtension Mail MailSummary Mailer MailerClosedError Message MessageError MissingVariable
PasspostError PluginError Policy Preset Problem Receipt Secret SendError Sent Server Template
TemplateNotFound Throttled UnknownConnectorError __version__ guides hookimpl load
""".split()


def test_all_is_exact() -> None:
    assert passpost.__all__ == EXPECTED
    assert set(dir(passpost)) >= set(EXPECTED)


ELSEWHERE = {
    "passpost_console": "Console",
    "passpost_outbox.redis": "RedisStore",
    "passpost_templates": "languages templates",
    "passpost_tools.doctor": "Diagnosis Names Wishes diagnose",
    "passpost_tools.lint": "Examined Fix LintSettings examine fixed lint",
}


@pytest.mark.parametrize("module", ELSEWHERE)
def test_all_of_another_package_is_exact(module: str) -> None:
    assert import_module(module).__all__ == ELSEWHERE[module].split()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_name_is_there_and_documented(name: str) -> None:
    value = getattr(passpost, name)
    assert name in {"__version__", "hookimpl"} or inspect.getdoc(value)


def test_the_names_for_type_checkers_are_those_at_run_time() -> None:
    tree = ast.parse(Path(passpost.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = [
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(imported) == sorted(set(EXPECTED) - {"__version__"})


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sender'"):
        passpost.Sender  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


def test_the_test_kit_has_its_earlier_name() -> None:
    assert dir(testing) == dir(pytest_passpost)
    for name in ("SmtpServer", "ConnectorSuite", "reply"):
        assert getattr(testing, name) is getattr(pytest_passpost, name)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        testing.Nothing  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


HEAVY = "passpost_smtp passpost_aliyun_dm click rich h11 httpcore sqlite3 idna".split()


@pytest.mark.parametrize(
    ("program", "heavy"),
    [
        ("import passpost", [*HEAVY, "email", "asyncio"]),
        (
            "from passpost import Host, Message; Host(); Message(to='a@b.c', usage='x')",
            [*HEAVY, "email", "asyncio"],
        ),
        ("from passpost import Mailer", HEAVY),
        ("import passpost.config", HEAVY),
        ("import passpost.http", HEAVY),
    ],
)
def test_importing_brings_no_connector_no_command_line_no_email_package(
    program: str, heavy: list[str]
) -> None:
    check = f"{program}; import sys; print(*[n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path}; {check}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ""


def test_every_hook_is_documented_with_an_implementation() -> None:
    hooks = [
        hook
        for spec in (hookspecs.ConnectorSpec, hookspecs.ExtensionSpec)
        for name, hook in vars(spec).items()
        if not name.startswith("_")
    ]
    assert len(hooks) == 9
    for hook in hooks:
        documentation = inspect.getdoc(hook) or ""
        assert "@hookimpl" in documentation, hook.__name__
        example = documentation.partition("::\n\n")[2].partition("\n\n")[0]
        ast.parse(inspect.cleandoc("\n" + example))
        assert f"def {hook.__name__}(" in example
