"""What the package offers, and what loading it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pytest_passpost as testing
from pytest_passpost import CertificateAuthority, HttpServer, SmtpServer

HEAVY = "asyncio ssl h11 trustme cryptography email.message"


def test_the_public_names_are_these() -> None:
    assert set(testing.__all__) == {
        "EXTENSIONS", "AcceptThen", "Action", "ActionName", "Answer", "Answers", "Certificate",
        "CertificateAuthority", "Channel", "Close", "ConnectorSuite", "Credentials", "Deaf",
        "DelayProxy", "Drip", "Endless", "EndlessBody", "EndlessHead", "ExtensionSuite", "Fault",
        "Garbage", "Group", "Handler", "Hold", "HttpServer", "HttpStandIn", "Inbox", "Inject",
        "LongLine", "Omit", "Phase", "ReadableMail", "ReceivedMail", "Refusal", "Refused", "Repeat",
        "Request", "Reset", "Say", "ServerStandIn", "Silence", "SlowHead", "SmtpConnection",
        "SmtpServer", "Split", "StandIn", "StopReading", "StoresSuite", "Stray", "TlsMode",
        "Truncated", "Unread", "Violation", "WrongLength", "accept_then", "decoded",
        "default_authority", "override", "refusing_port", "reply", "show_defects", "silent_port",
    }  # fmt: skip


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(testing, name) is not None
    assert name in dir(testing)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        testing.Nothing  # type: ignore[attr-defined]  # noqa: B018 - asking is what raises


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_importing_the_package_imports_no_server_and_no_pytest() -> None:
    code = f"import sys, pytest_passpost; print(set('{HEAVY} pytest'.split()) & set(sys.modules))"
    before = "import sys, passpost; print(set(sys.modules))"
    assert eval(run(code)) <= eval(run(before))  # noqa: S307 - the repr of a set of names


def test_the_plugin_imports_no_server() -> None:
    code = (
        "import sys, passpost, pytest; before = set(sys.modules); import pytest_passpost.plugin;"
        "print(sorted(name for name in set(sys.modules) - before))"
    )
    assert eval(run(code)) == ["pytest_passpost", "pytest_passpost.plugin"]  # noqa: S307 - likewise


def test_servers_need_no_pytest() -> None:
    code = (
        "import sys; from pytest_passpost import HttpServer, SmtpServer\n"
        "with SmtpServer() as a, HttpServer(tls=True) as b: assert a.port and b.port\n"
        "print('pytest' in sys.modules)"
    )
    assert run(code) == "False\n"


TESTS = """
def test_rewriting():
    import pytest_passpost.servers.smtp.server as module
    assert type(module.__spec__.loader).__name__ == "AssertionRewritingHook"

def test_smtp(passpost_smtp_server):
    import smtplib
    with smtplib.SMTP(passpost_smtp_server.host, passpost_smtp_server.port) as client:
        client.sendmail("a@example.com", ["b@example.com"], "Subject: x")
    assert passpost_smtp_server.mails[0].subject == "x"

def test_http(passpost_http_server):
    import urllib.request
    assert urllib.request.urlopen(passpost_http_server.url).status == 200

def test_ca(passpost_ca, passpost_ca_file):
    assert passpost_ca_file.read_text() == passpost_ca.pem
"""


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


FORGOTTEN = """
import pytest
from pytest_passpost import Fault

def test_passes(passpost_inbox):
    passpost_inbox.script(Fault("auth", "close"))

def test_fails(passpost_smtp_server):
    passpost_smtp_server.script(Fault("mail", "close"))
    assert 202 == 503

def test_skips(passpost_http_server):
    passpost_http_server.script(Fault("answer", "close"))
    pytest.skip("today")

def test_may(passpost_inbox):
    passpost_inbox.script(Fault("auth", "close", optional=True))
"""


def test_a_fault_that_never_struck_fails_the_test_of_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FORGOTTEN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # What failed or was skipped already does not fail once more, but is told of it.
    assert "1 failed, 2 passed, 1 skipped, 1 error" in done.stdout
    assert "passpost: faults" in done.stdout
    assert done.stdout.count("Fault('mail', Close()) never struck") == 1
    assert "AssertionError: Fault('auth', Close()) never struck" in done.stdout
    assert "'answer'" not in done.stdout


def test_the_fixtures_in_this_process(
    passpost_ca: CertificateAuthority,
    passpost_ca_file: Path,
    passpost_smtp_server: SmtpServer,
    passpost_http_server: HttpServer,
) -> None:
    assert passpost_ca_file.read_text() == passpost_ca.pem
    assert passpost_smtp_server.port != passpost_http_server.port
