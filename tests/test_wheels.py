"""The built wheels work alone: in an empty environment, with nothing of another connector's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "passpost": "core",
    "passpost_cli": "cli",
    "pytest_passpost": "testing",
    "passpost_smtp": "plugins/smtp",
    "passpost_aliyun_dm": "plugins/aliyun_dm",
    "passpost_sendgrid": "plugins/sendgrid",
    "passpost_ses": "plugins/ses",
    "passpost_webhook": "plugins/webhook",
}
OVER_HTTP = ("passpost_aliyun_dm", "passpost_sendgrid", "passpost_ses", "passpost_webhook")
HTTP = {"certifi", "h11", "httpcore", "sniffio"}
HOST = {"anyio", "attrs", "cattrs", "chevron", "idna", "passpost", "pluggy", "typing-extensions"}

SEND = """
import json, sys
import passpost

connector, settings = json.load(sys.stdin)
with passpost.Mailer(passpost.Host().configure(connector, settings)) as mailer:
    message = passpost.Message(to="ada@example.com", usage="SignIn", payload={"code": "493817"})
    print(mailer.send(message).connector)
"""
LIST = """
from importlib.metadata import distributions
print(*{d.name.lower().replace("_", "-") for d in distributions()})
"""
TEMPLATES = [
    {"usageType": "SignIn", "subject": "Code", "content": "{{code}}", "contentType": "text/plain"}
]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return built(tmp_path_factory.mktemp("wheels"), *PACKAGES.values())


def built(folder: Path, *sources: str) -> dict[str, Path]:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    paths = [str(ROOT / source) for source in sources]
    subprocess.run([*command, "--wheel-dir", str(folder), *paths], check=True, capture_output=True)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


def installed(folder: Path, *wheels: Path | str) -> Path:
    """Make an environment with these wheels and what they need; give its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install",
         "--constraint", str(ROOT / "constraints.txt"), *map(str, wheels)],
        check=True, capture_output=True,
    )  # fmt: skip
    return python


def run(python: Path, program: str, stdin: str = "") -> str:
    command = [str(python), "-W", "error", "-c", program]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_smtp_wheel_sends_without_anything_of_aliyuns(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = installed(tmp_path / "env", wheels["passpost"], wheels["passpost_smtp"])
    assert set(run(python, LIST).split()) == HOST | {"passpost-smtp"}
    with SmtpServer() as server:
        settings = {
            "host": "127.0.0.1", "port": server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com", "templates": TEMPLATES,
        }  # fmt: skip
        assert run(python, SEND, json.dumps(["smtp", settings])) == "smtp"
    (mail,) = server.mails
    assert mail.message.get_content().strip() == "493817"


def test_the_readmes_first_commands_show_what_it_shows(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    own = [wheels[name] for name in ("passpost_cli", "pytest_passpost", "passpost_smtp")]
    stand_in = built(tmp_path, "plugins/smtp/stand_in")["passpost_smtp_stand_in"]
    python = installed(tmp_path / "env", f"{wheels['passpost']}[demo]", *own, stand_in)
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "80"}
    done = subprocess.run(
        [str(python.with_name("passpost")), "demo"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:2525", done.stdout).strip()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "$ pip install 'passpost[demo]'\n$ passpost demo\n" + printed + "\n```" in readme


@pytest.mark.parametrize("package", OVER_HTTP)
def test_a_wheel_over_http_brings_nothing_of_another(
    wheels: dict[str, Path], tmp_path: Path, package: str
) -> None:
    connector = package.removeprefix("passpost_").replace("_", "-")
    python = installed(tmp_path / "env", wheels["passpost"], wheels[package])
    assert set(run(python, LIST).split()) == HOST | HTTP | {f"passpost-{connector}"}
    # The webhook's templates are its service's.
    templates = {} if connector == "webhook" else {"templates": TEMPLATES}
    with import_module(f"{package}_stand_in").StandIn() as provider:
        settings = {**provider.settings, **templates}
        assert run(python, SEND, json.dumps([connector, settings])) == connector
    assert [mail.recipient for mail in provider.received] == ["ada@example.com"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_is_typed_licensed_and_guided(wheels: dict[str, Path], package: str) -> None:
    names = zipfile.ZipFile(wheels[package]).namelist()
    assert f"{package}/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)
    if package in {"passpost_smtp", *OVER_HTTP}:
        assert {f"{package}/README.md", f"{package}/README.zh-CN.md"} <= set(names)
    # The tests that `passpost new` writes are no tests of the package.
    own = [name for name in names if "/scaffold/templates/" not in name]
    assert not [name for name in own if "/tests/" in name or "/test_" in name]
    assert not [name for name in own if "stand_in" in name and "pytest_passpost" not in name]
