"""Runs the command line against connectors that are installed into a folder of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click.testing
import pytest

from passpost_cli.program import make

SOURCES = Path(__file__).parent / "acme"

API_KEY = "canary-key-Zq7"
CODE = "739206"

TEMPLATES = [
    {"usageType": "SignIn", "subject": "Code {{code}}", "content": "{{user.name}}: {{code}}\n"},
    {
        "usageType": "SignIn",
        "locale": "zh",
        "subject": "验证码 {{code}}",
        "content": "验证码是 {{code}}。",
    },
    {
        "usageType": "Register",
        "contentType": "text/html",
        "subject": "Welcome",
        "content": "<p>Code <b>{{code}}</b></p>",
        "text": "Code {{code}}",
        "replyTo": "help@acme.example",
    },
    {"usageType": "ForgotPassword", "subject": "Reset", "content": "{{code}}"},
    {"usageType": "Generic", "subject": "Hello", "content": "Hello {{code}}"},
]

LINT = {"rules": {"W212": "off", "W218": "off"}}
"""Of the templates above, what is meant to be."""

Install = Callable[..., Path]
Run = Callable[..., click.testing.Result]
Spawn = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution, for this process and those it starts."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    # As streams are for most people: buffered.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), before))))

    def installed(name: str, entry_points: Mapping[str, Mapping[str, str]], **sources: str) -> Path:
        metadata = site / f"{name.replace('-', '_')}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        groups = [
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in entry_points.items()
        ]
        (metadata / "entry_points.txt").write_text("\n".join(groups))
        for module, source in sources.items():
            # Each test has its own module of this name.
            monkeypatch.delitem(sys.modules, module, raising=False)
            (site / f"{module}.py").write_text(source)
        return site

    return installed


@pytest.fixture
def acme(install: Install) -> Path:
    """The test's own connectors, installed."""
    entries = {"acme": "passpost_acme", "sluggish": "passpost_acme:sluggish"}
    site = install("passpost-acme", {"passpost.connectors": entries})
    shutil.copytree(SOURCES, site, dirs_exist_ok=True)
    return site


@pytest.fixture
def run(acme: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in this process."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)

    def run_in_process(
        *arguments: object, stdin: str | bytes | None = None
    ) -> click.testing.Result:
        runner = click.testing.CliRunner()
        return runner.invoke(make(), [str(one) for one in arguments], input=stdin)

    return run_in_process


@pytest.fixture
def spawn(acme: Path) -> Spawn:
    """Return a function that runs a command in a process of its own."""

    def run_in_subprocess(
        *arguments: object, environ: Mapping[str, str] | None = None, **options: Any
    ) -> Any:
        options = {"capture_output": True, **options}
        env = {**os.environ, **(environ or {})}
        return subprocess.run(command_line(*arguments), env=env, check=False, timeout=60, **options)

    return run_in_subprocess


def command_line(*arguments: object) -> list[str]:
    program = "from passpost_cli import main; main()"
    return [sys.executable, "-c", program, *(str(one) for one in arguments)]


@pytest.fixture
def command(acme: Path) -> Callable[..., list[str]]:
    """The command line that starts the program in a process of its own."""
    return command_line


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file of the connector's own settings."""

    def written(name: str = "acme.jsonc", **settings: Any) -> Path:
        path = tmp_path / name
        base: dict[str, Any] = {"apiKey": API_KEY, "fromEmail": "no-reply@acme.example"}
        base |= {"templates": TEMPLATES, "lint": LINT}
        path.write_text(json.dumps({**base, **settings}, ensure_ascii=False), encoding="utf-8")
        return path

    return written


@pytest.fixture
def application(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an application's file of connectors, by name."""

    def written(name: str = "passpost.jsonc", **connectors: Mapping[str, Any]) -> Path:
        path = tmp_path / name
        base = {"apiKey": API_KEY, "fromEmail": "no-reply@acme.example"}
        entries = {
            key: {"use": "acme", "settings": {**base, **settings}}
            for key, settings in connectors.items()
        }
        document = {"connectors": entries, "templates": TEMPLATES, "lint": LINT}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return path

    return written
