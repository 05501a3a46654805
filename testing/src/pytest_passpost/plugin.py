"""Fixtures for pytest: servers and an authority, wherever ``passpost[testing]`` is installed.

pytest loads this module whenever it starts, so it imports what it needs where it needs it.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from pytest_passpost.inbox import Inbox
    from pytest_passpost.servers.certificates import CertificateAuthority
    from pytest_passpost.servers.http.server import HttpServer
    from pytest_passpost.servers.smtp.server import SmtpServer

# So that a bare assert of a check says what it compared. What is imported already is left alone,
# since pytest warns of it.
_NAMES = {f"pytest_passpost.{module}" for module in ("inbox", "servers.http.server", "suite")}
pytest.register_assert_rewrite(*sorted(_NAMES - set(sys.modules)))

_NOTED = "passpost-suite"


@pytest.fixture(scope="session")
def passpost_ca() -> CertificateAuthority:
    """Return the authority that issues the certificates of all servers of this session."""
    from pytest_passpost.servers.certificates import default_authority  # noqa: PLC0415 - see above

    return default_authority()


@pytest.fixture(scope="session")
def passpost_ca_file(
    passpost_ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a file with that authority's certificate, for settings that require one."""
    return passpost_ca.write_pem(tmp_path_factory.mktemp("passpost") / "ca.pem")


@pytest.fixture
def passpost_smtp_server() -> Iterator[SmtpServer]:
    """Return an SMTP server without TLS and AUTH, fresh for each test."""
    from pytest_passpost.servers.smtp.server import SmtpServer  # noqa: PLC0415 - see above

    with SmtpServer() as server:
        yield server


@pytest.fixture
def passpost_http_server() -> Iterator[HttpServer]:
    """Return an HTTP server that answers 200 until told otherwise, fresh for each test."""
    from pytest_passpost.servers.http.server import HttpServer  # noqa: PLC0415 - see above

    with HttpServer() as server:
        yield server


@pytest.fixture
def passpost_inbox() -> Iterator[Inbox]:
    """Return an inbox for what an application sends, fresh for each test."""
    from pytest_passpost.inbox import Inbox  # noqa: PLC0415 - see above

    with Inbox() as inbox:
        yield inbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that shows what passpost leaves out of its errors."""
    parser.getgroup("passpost").addoption(
        "--passpost-defects",
        action="store_true",
        help="show the text and traceback of exceptions that a connector must not raise",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Show the exceptions of connectors in the report of a check that failed."""
    if not (_is_check(item) or item.config.getoption("passpost_defects")):
        return (yield)
    from pytest_passpost.tracebacks import show_defects  # noqa: PLC0415 - see above

    with show_defects(partial(item.add_report_section, "call", "exception of the connector")):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell where a test failed what its servers know, and do not fail it once more for it."""
    report = yield
    if report.failed and call.when == "call" and _is_check(item):
        told = item.funcargs["bench"].told()  # type: ignore[attr-defined]  # a check is a function
        report.sections += [("passpost: what came of the emails", told)] if told else []
    scripted = sys.modules.get("pytest_passpost.servers.scripted")
    if scripted is not None and not report.passed and call.when != "teardown":
        missed = [text for server in list(scripted.RUNNING) if (text := server.excused())]
        if report.failed:
            report.sections += [("passpost: faults", text) for text in missed]
    return report


def _is_check(item: pytest.Item) -> bool:
    """Whether an item is a check of a `ConnectorSuite` with its bench."""
    suite = getattr(getattr(item, "cls", None), "is_connector_suite", False)
    return suite and "bench" in getattr(item, "funcargs", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many checks each suite ran, and which of them were overridden, and why."""
    kinds = ("passed", "failed", "error")
    found = [report for kind in kinds for report in terminalreporter.getreports(kind)]
    # A module that cannot be imported has a report of another kind among the errors.
    reports = [report for report in found if isinstance(report, pytest.TestReport)]
    # By the reports: where tests run in other processes, this one has not imported the suite.
    if not any(key == _NOTED for report in reports for key, _ in report.user_properties):
        return
    from pytest_passpost.suite.report import lines  # noqa: PLC0415 - only where a suite ran

    for line in lines(reports):
        terminalreporter.write_line(line)
