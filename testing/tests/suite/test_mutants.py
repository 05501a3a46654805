"""Every faulty connector is caught by the check meant for it, and good connectors pass them all."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import pytest

from pytest_passpost.suite import CHECKS

HERE = Path(__file__).parent / "mutants"
GOOD = ("TestAcme", "TestHosted", "TestHtmlOnly", "TestPlainly", "TestTokens", "TestWire")
MEANT = re.compile(r'^@caught_by\("(.+)"\)\nclass (\w+)', re.MULTILINE)

# By name, with the check that has to fail. Read, not imported: they are a program of their own.
MUTANTS = {
    name: check
    for file in sorted(HERE.glob("mutants_*.py"))
    for check, name in MEANT.findall(file.read_text("utf-8"))
}
MUTANTS |= {
    "Trusting": "test_untrusted_authority",
    "SpeaksInClear": "test_untrusted_authority",
    "DeclaresNoThrottling": "test_declarations",
    "DeclaresAnotherProtocol": "test_declarations",
    "DeclaresHttp": "test_declarations",
}

# Wrong in a way that shows whatever they do: other mutants send an ordinary email as they should.
ALWAYS_WRONG = {
    "SpeaksInClear", "HasNoConfigClass", "ReturnsNothing", "CountsItsIds", "SendsNothing",
    "SendsACopy",
}  # fmt: skip

STATEMENTS = ("failure: AssertionError:", "failure: assert ", "failure: Failed:")
"""How the report of a check that failed by what it says begins."""


@attrs.frozen
class Run:
    """A run of the suite over everything: failures by class and check, and what was printed."""

    failures: dict[str, dict[str, str]]
    passed: dict[str, list[str]]
    output: str


def ids() -> list[str]:
    caught = [f"Test{name}::{check}" for name, check in MUTANTS.items()]
    usual = [f"Test{name}::test_mail_arrives" for name in MUTANTS if name not in ALWAYS_WRONG]
    others = ["TestOverrides::test_connections_are_reused", "TestHasNoStandIn::test_mail_arrives"]
    return [*GOOD, *caught, *usual, *others]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run everything in one process; where tests run in parallel, in one of them."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    report = shared / "mutants.xml"
    with (shared / "mutants.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not report.exists():
            start(report)
    return read(report)


def start(report: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir=.", "--tb=line"]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}"]
    path = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [*command, *(f"run_all.py::{one}" for one in ids())],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    report.with_suffix(".txt").write_text(done.stdout, "utf-8")


def read(report: Path) -> Run:
    failures: dict[str, dict[str, str]] = {}
    passed: dict[str, list[str]] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        suite = str(case.get("classname")).rpartition(".")[2].removeprefix("Test")
        name = str(case.get("name"))
        found = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if found:
            message = f"{found[0].tag}: {found[0].get('message')}"
            failures.setdefault(suite, {})[name] = message
        else:
            passed.setdefault(suite, []).append(name)
    return Run(failures, passed, report.with_suffix(".txt").read_text("utf-8"))


@pytest.mark.parametrize("suite", GOOD)
def test_a_good_connector_passes_all_checks(run: Run, suite: str) -> None:
    name = suite.removeprefix("Test")
    assert run.failures.get(name) is None
    assert len(run.passed[name]) > 130


def test_there_are_mutants_enough() -> None:
    assert len(MUTANTS) >= 25


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught_by_the_check_meant_for_it(run: Run, mutant: str) -> None:
    failed = run.failures.get(mutant, {})
    meant = [message for check, message in failed.items() if check.startswith(MUTANTS[mutant])]
    assert meant, f"{MUTANTS[mutant]} lets it pass"
    # By a statement of the check, not by an accident on the way to it.
    accidents = [one for one in meant if not one.startswith(STATEMENTS)]
    assert accidents == []


@pytest.mark.parametrize("mutant", sorted(set(MUTANTS) - ALWAYS_WRONG))
def test_a_mutant_is_wrong_in_one_respect(run: Run, mutant: str) -> None:
    assert "test_mail_arrives" in run.passed[mutant]


def test_every_check_has_its_mutant() -> None:
    caught = {check.partition("[")[0] for check in MUTANTS.values()}
    assert set(CHECKS) - caught == set()


def test_a_connector_without_a_stand_in_is_told_so(run: Run) -> None:
    assert "names no stand_in" in run.failures["HasNoStandIn"]["test_mail_arrives"]


def test_the_summary_counts_checks_and_gives_reasons(run: Run) -> None:
    assert re.search(
        r"passpost: TestAcme: 1\d\d checks of the connector contract, for 5 lines", run.output
    )
    assert "test_connections_are_reused is overridden: Acme closes each connection" in run.output
    wire = run.output.partition("passpost: TestWire:")[2].splitlines()
    assert wire[1].strip() == "it speaks no HTTP: the checks of HTTP do not apply"
