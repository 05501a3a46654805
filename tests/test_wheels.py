"""The built wheels work alone: in an empty environment, with nothing of another connector's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import passpost
from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "release"))

from messages import packages  # noqa: E402 - a script

PACKAGES = {
    "passpost": "core",
    "passpost_cli": "cli",
    "passpost_tools": "tools",
    "passpost_templates": "templates",
    "passpost_http": "over_http",
    "pytest_passpost": "testing",
    "passpost_smtp": "plugins/smtp",
    "passpost_aliyun_dm": "plugins/aliyun_dm",
    "passpost_sendgrid": "plugins/sendgrid",
    "passpost_ses": "plugins/ses",
    "passpost_webhook": "plugins/webhook",
    "passpost_django": "plugins/django",
    "passpost_redis": "plugins/redis",
    "passpost_otel": "plugins/otel",
    "passpost_outbox": "plugins/outbox",
    "passpost_celery": "plugins/celery",
    "passpost_procrastinate": "plugins/procrastinate",
    "passpost_console": "plugins/console",
    "passpost_smtp_stand_in": "plugins/smtp/stand_in",
    "passpost_aliyun_dm_stand_in": "plugins/aliyun_dm/stand_in",
    "passpost_sendgrid_stand_in": "plugins/sendgrid/stand_in",
    "passpost_ses_stand_in": "plugins/ses/stand_in",
    "passpost_webhook_stand_in": "plugins/webhook/stand_in",
}
CONNECTORS = [name for name in PACKAGES if f"{name}_stand_in" in PACKAGES]
TRANSLATED = {package.name for package in packages()}
"""The packages whose source makes phrases."""
OVER_HTTP = ("passpost_aliyun_dm", "passpost_sendgrid", "passpost_ses", "passpost_webhook")
HTTP = {"certifi", "h11", "httpcore", "passpost-http", "sniffio"}
HOST = {"anyio", "attrs", "cattrs", "chevron", "idna", "passpost", "pluggy", "typing-extensions"}
CLI = {
    "click",
    "dnspython",
    "markdown-it-py",
    "mdurl",
    "passpost-cli",
    "passpost-templates",
    "passpost-tools",
    "pygments",
    "rich",
}
TESTING = {
    "cffi", "cryptography", "h11", "iniconfig", "packaging", "pycparser", "pygments", "pytest",
    "passpost-tools", "pytest-passpost", "trustme",
}  # fmt: skip
CELERY = {
    "amqp", "billiard", "celery", "cffi", "click", "click-didyoumean", "click-plugins",
    "click-repl", "cryptography", "kombu", "passpost-celery", "passpost-outbox", "prompt-toolkit",
    "pycparser", "python-dateutil", "six", "tzlocal", "vine", "wcwidth",
}  # fmt: skip
PROCRASTINATE = {
    "asgiref", "cffi", "croniter", "cryptography", "packaging", "passpost-outbox",
    "passpost-procrastinate", "procrastinate", "psycopg", "psycopg-pool", "pycparser",
    "python-dateutil", "six",
}  # fmt: skip
EXTRAS = {
    "http": HTTP,
    "cli": CLI,
    "testing": TESTING,
    "redis": {"passpost-redis", "redis"},
    "otel": {"opentelemetry-api", "passpost-otel"},
    "console": CLI
    | {
        "h11",
        "jinja2",
        "markupsafe",
        "passpost-console",
        "python-multipart",
        "starlette",
        "uvicorn",
    },
    "outbox": {"cffi", "cryptography", "passpost-outbox", "pycparser"},
    "celery": CELERY,
    "procrastinate": PROCRASTINATE,
    "demo": CLI | TESTING | {"passpost-smtp", "passpost-smtp-stand-in"},
}

ELSEWHERE = {
    "-mpasspost": "passpost[cli]",
    "-cfrom passpost.config import json_schema": "passpost-tools",
    "-cimport passpost.http": "passpost[http]",
    "-cimport passpost.testing": "passpost[testing]",
}

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
OURS = """
import json
from importlib.metadata import distributions
from pathlib import Path
import passpost

package = Path(passpost.__file__).parent
modules = {path.relative_to(package).parts[0] for path in package.rglob("*.py")}
points = [point.value for found in distributions() for point in found.entry_points]
site = {path.name for path in package.parent.iterdir() if "passpost" in path.name}
print(json.dumps([sorted(modules), points, sorted(site)]))
"""
# Nothing of this checkout may be found by the programs of another environment.
ENVIRON = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
TEMPLATES = [
    {"usageType": "SignIn", "subject": "Code", "content": "{{code}}", "contentType": "text/plain"}
]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    sources = [str(ROOT / source) for source in PACKAGES.values()]
    subprocess.run(
        [*command, "--wheel-dir", str(folder), *sources], check=True, capture_output=True
    )
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


def pip(python: Path | str, wheels: Path, *requirements: str) -> str:
    """Install packages and what they require, those of ours from a folder of wheels."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install"]
    links = ("--find-links", str(wheels), "--constraint", str(ROOT / "constraints.txt"))
    done = subprocess.run(
        [*command, *links, *requirements], check=True, capture_output=True, text=True
    )
    return done.stdout


def installed(folder: Path, *wheels: Path, extra: str = "") -> Path:
    """Make an environment with these wheels and what they require; return its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    pip(python, wheels[0].parent, *(f"{wheel}{extra}" for wheel in wheels))
    return python


def run(python: Path, program: str, stdin: str = "") -> str:
    command = [str(python), "-W", "error", "-c", program]
    done = subprocess.run(
        command, input=stdin, env=ENVIRON, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_core_alone_has_no_plugin_no_command_line_and_no_server(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = installed(tmp_path / "env", wheels["passpost"])
    assert set(run(python, LIST).split()) == HOST
    modules, entry_points, site = json.loads(run(python, OURS))
    assert [point for point in entry_points if "passpost" in point] == []
    assert site == ["passpost", f"passpost-{passpost.__version__}.dist-info"]
    assert {"http.py", "testing.py", "__main__.py"} <= set(modules)
    assert not {"cli", "scaffold", "testing", "plugin.py"} & set(modules)
    assert not list((tmp_path / "env/bin").glob("passpost*"))
    for program, what in ELSEWHERE.items():
        command = [str(python), program]
        done = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith(f"pip install '{what}'")


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_these(wheels: dict[str, Path], extra: str) -> None:
    what = f"{wheels['passpost']}[{extra}]"
    options = ("--dry-run", "--ignore-installed", "--report", "-")
    report = json.loads(pip(sys.executable, wheels["passpost"].parent, *options, what))
    names = {item["metadata"]["name"].lower().replace("_", "-") for item in report["install"]}
    assert names == HOST | EXTRAS[extra]


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
    python = installed(tmp_path / "env", wheels["passpost"], extra="[demo]")
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "80"}
    done = subprocess.run(
        [str(python.with_name("passpost")), "demo"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:2525", done.stdout).strip()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "$ pip install 'passpost[demo]'\n$ passpost demo\n" + printed + "\n```" in readme


def test_the_wheel_of_templates_has_its_languages_and_requires_nothing(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = installed(tmp_path / "env", wheels["passpost_templates"])
    assert run(python, LIST) == "passpost-templates"
    program = (
        "import passpost_templates as t; print(t.languages(), len(t.templates('en', 'zh-CN')))"
    )
    assert run(python, program) == "('en', 'zh-CN') 27"


def test_the_wheel_of_the_console_has_all_that_its_pages_load(wheels: dict[str, Path]) -> None:
    source = ROOT / PACKAGES["passpost_console"] / "src"
    pages = [
        path.relative_to(source).as_posix()
        for folder in ("static", "templates")
        for path in source.glob(f"passpost_console/{folder}/*")
    ]
    assert len(pages) > 20
    assert set(pages) <= set(zipfile.ZipFile(wheels["passpost_console"]).namelist())


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
def test_a_wheel_is_typed_licensed_guided_and_translated(
    wheels: dict[str, Path], package: str
) -> None:
    names = zipfile.ZipFile(wheels[package]).namelist()
    assert f"{package}/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)
    source = ROOT / PACKAGES[package] / "src"
    catalogs = {path.relative_to(source).as_posix() for path in source.glob("*/locale/*/*/*.?o")}
    assert {name for name in names if "/LC_MESSAGES/" in name} == catalogs
    assert (f"{package}/locale/zh_CN/LC_MESSAGES/{package}.mo" in names) == (package in TRANSLATED)
    if package in CONNECTORS:
        assert {f"{package}/README.md", f"{package}/README.zh-CN.md"} <= set(names)
    # The tests that `passpost new` writes are not tests of the package.
    own = [name for name in names if "/scaffold/templates/" not in name]
    assert not [name for name in own if "/tests/" in name or "/test_" in name]
    assert {name.partition("/")[0] for name in names if not name.endswith("/LICENSE")} == {
        package,
        wheels[package].name.partition("-py3")[0] + ".dist-info",
    }
