"""The kit works from its built wheel, in an environment that has nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MUTANTS = Path(__file__).parent / "mutants"

AUTHORS_TESTS = """
from pytest_passpost import ConnectorSuite, Fault, Refusal, override, reply
import wire


def slow(fake):
    fake.server.slow = True


def later(fake):
    fake.server.script(Fault("rcpt", reply("450 Later")))


class TestWire(ConnectorSuite):
    connector = wire.Wire()
    speaks = "tcp"
    refusals = (Refusal("slow", slow, "provider", temporary=True),)


class TestSmtp(ConnectorSuite):
    connector = "smtp"
    speaks = "tcp"
    refusals = (Refusal("later", later, "recipient", temporary=True),)

    @override("a server replies before it closes")
    def test_close_after_it_was_taken(self): ...


class TestForgetful(TestWire):
    refusals = ()


def test_inbox(passpost_inbox):
    assert passpost_inbox.mails == []
"""


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the wheels of passpost and of one connector."""
    folder = tmp_path_factory.mktemp("kit")
    folders = ("core", "tools", "testing", "plugins/smtp", "plugins/smtp/stand_in")
    sources = [str(ROOT / source) for source in folders]
    wheels = folder / "wheels"
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *sources)
    core = next(wheels.glob("passpost-*.whl"))
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env/bin/python"
    pip(
        "--python", str(python), "install", "--constraint", str(ROOT / "constraints.txt"),
        "--find-links", str(wheels), f"{core}[testing]", "passpost-smtp[stand-in]",
    )  # fmt: skip
    return python


@pytest.fixture(scope="module")
def output(python: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what an author sees who runs the suite there."""
    package = tmp_path_factory.mktemp("author")
    for name in ("wire.py", "wire_stand_in.py"):
        shutil.copy(MUTANTS / name, package)
    (package / "test_connector.py").write_text(AUTHORS_TESTS, "utf-8")
    environ = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-W", "error", "."],
        cwd=package, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_suite_runs_from_the_wheel(output: str) -> None:
    assert "1 failed" in output.splitlines()[-1], output
    assert "passpost: TestWire: 14" in output
    assert "passpost: TestSmtp: 14" in output
    assert "test_close_after_it_was_taken is overridden: a server replies before" in output


def test_a_bare_assert_explains_itself(output: str) -> None:
    assert "declare in `refusals` how the provider throttles" in output
    assert "where False = any(" in output


def test_no_http_client_comes_along(python: Path) -> None:
    found = subprocess.run(
        [str(python), "-c", "import importlib.util as u; print(u.find_spec('httpcore'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout.strip() == "None"
