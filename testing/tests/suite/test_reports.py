"""What a run of the suite says: its summary, and all that is known of a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from passpost import Receipt, SendError
from passpost._plugins.defects import describe_defect
from pytest_passpost import show_defects
from pytest_passpost.suite.instruments.telling import told, violations_of, wrong_facts
from pytest_passpost.suite.marks import PROPERTY
from pytest_passpost.suite.report import lines


class Report:
    def __init__(self, when: str, *properties: Any, failed: bool = False) -> None:
        self.when = when
        self.user_properties = properties
        self.failed = failed


def test_the_summary_counts_calls_by_suite() -> None:
    note = (PROPERTY, ["TestMine", "http", 6, "test_a", ""])
    overridden = (PROPERTY, ["TestMine", "http", 6, "test_b", "Acme is slow"])
    reports: list[Any] = [
        Report("call", note, ("other", 1)), Report("setup", note), Report("call", overridden),
        Report("call"),
    ]  # fmt: skip
    assert list(lines(reports)) == [
        "passpost: TestMine: 2 checks of the connector contract, for 6 lines of code",
        "  test_b is overridden: Acme is slow",
    ]


def test_the_summary_praises_nobody_whose_checks_failed() -> None:
    note = (PROPERTY, ["TestMine", "http", 6, "test_a", ""])
    reports: list[Any] = [
        Report("call", note), Report("call", note, failed=True), Report("setup", note, failed=True)
    ]  # fmt: skip
    assert list(lines(reports)) == [
        "passpost: TestMine: 2 of 3 checks of the connector contract failed"
    ]


def test_all_facts_of_an_error_are_told() -> None:
    error = SendError(
        "no", outcome="rejected", scope="message", provider_code="554", response="a bare LF"
    )
    assert told(error).splitlines() == [
        "SendError: no", "  outcome: rejected", "  scope: message", "  temporary: False",
        "  provider_code: 554", "  response: a bare LF",
    ]  # fmt: skip
    assert told(Receipt(provider_id="7")).startswith("accepted: Receipt(provider_id='7'")


@pytest.mark.parametrize(
    ("result", "wrong"),
    [
        (Receipt(provider_id="7", response=None), ""),
        (Receipt(provider_id=7), "provider_id=7"),  # type: ignore[arg-type]  # what is tested
        (SendError("x", outcome="rejected", scope="network"), ""),
        (
            SendError("x", outcome="no", scope="nobody", hint=5),  # type: ignore[arg-type]  # likewise
            "hint=5, outcome='no', scope='nobody'",
        ),
    ],
)
def test_facts_that_the_contract_does_not_allow_are_named(result: Any, wrong: str) -> None:
    assert wrong_facts(result) == wrong


def test_the_violations_of_a_stand_in_are_its_own_or_its_servers() -> None:
    server = SimpleNamespace(violations=["a bare CR"])
    assert violations_of(SimpleNamespace(server=server)) == ["a bare CR"]
    assert violations_of(SimpleNamespace(server=server, violations=())) == []
    assert violations_of(SimpleNamespace()) == []


def test_a_defect_is_shown_once_with_its_text_and_only_while_asked() -> None:
    texts: list[str] = []
    error = KeyError("hunter2")
    with show_defects(texts.append):
        assert "hunter2" not in describe_defect(error)
        describe_defect(error)
    describe_defect(ValueError("later"))
    assert texts == ["KeyError: 'hunter2'\n"]


def test_defects_are_shown_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with show_defects():
        describe_defect(KeyError("hunter2"))
    assert capsys.readouterr().err == "KeyError: 'hunter2'\n"


BROKEN = """
import passpost
from passpost import ConnectorInfo, SendError, hookimpl
from passpost.config import ConnectorConfig, parse

class Broken:
    @hookimpl
    def connector_info(self):
        name = {"en": "Broken"}
        return ConnectorInfo(
            id="broken", name=name, description=name, config_class=ConnectorConfig
        )

    @hookimpl
    def parse_config(self, settings):
        return parse(ConnectorConfig, settings)

    @hookimpl
    async def send_mail(self):
        raise SendError("no outcome, no scope")

def test_it():
    host = passpost.Host()
    host.register(Broken())
    template = {"usageType": "SignIn", "subject": "x", "content": "{{code}}"}
    with passpost.Mailer(host.configure("broken", {"templates": [template]})) as mailer:
        mailer.send(passpost.Message("ada@example.com", "SignIn", {"code": "1"}))
"""


@pytest.mark.parametrize("switch", [False, True])
def test_a_switch_shows_an_authors_own_exceptions(switch: bool, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(BROKEN)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "test_it.py"]
    done = subprocess.run(
        [*command, "--passpost-defects"] if switch else command,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed" in done.stdout
    assert ("missing 2 required keyword-only arguments" in done.stdout) == switch


def test_a_module_that_cannot_be_imported_is_reported_as_ever(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import a_module_that_is_not_there\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "test_broken.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "1 error" in done.stdout
