"""The command shows what the examination finds, to people and to programs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_passpost import SmtpServer, default_authority, refusing_port

Run = Callable[..., Any]

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/schemas/doctor.json").read_text("utf-8"))
CANARY = "canary-3141592653"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(port: int, **more: Any) -> str:
        settings = {
            "host": "127.0.0.1",
            "port": port,
            "auth": {"user": "ada", "pass": CANARY},
            "fromEmail": "no-reply@example.com",
            "tls": {"ca": default_authority().pem},
            "templates": [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}],
            **more,
        }
        file = tmp_path / "smtp.json"
        file.write_text(json.dumps(settings), "utf-8")
        return str(file)

    return written


def valid(text: str) -> Any:
    document = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    return document


def test_a_healthy_set_up_exits_with_0(run: Run, write: Any) -> None:
    with SmtpServer(tls="starttls", auth={"ada": CANARY}) as server:
        result = run(
            "doctor", write(server.port), "--connector", "smtp", "--no-sender", "--strict",
            "--to", "bob@example.org",
        )  # fmt: skip
        assert server.mails == []
    assert result.exit_code == 0
    assert "no faults found" in result.stdout
    assert "the server accepts emails to bob@example.org" in result.stdout
    assert CANARY not in result.stdout + result.stderr


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_fault_exits_with_1_and_names_its_remedy(run: Run, write: Any, language: str) -> None:
    with refusing_port() as port:
        result = run(
            "doctor", write(port), "--connector", "smtp", "--no-sender", "--lang", language
        )
    assert result.exit_code == 1
    assert "[connect.refused]" in result.stdout
    said = {"en": "help: Check host and port", "zh-CN": "解决方法：请检查配置中的主机和端口"}
    assert said[language] in result.stdout


def test_json_has_its_schema(run: Run, write: Any) -> None:
    with refusing_port() as port:
        file = write(port)
        result = run("doctor", file, "--connector", "smtp", "--no-sender", "--json")
    document = valid(result.stdout)
    assert (document["ok"], document["worst"]) == (False, "error")
    assert [one["id"] for one in document["diagnoses"]] == [
        "settings.ok",
        "connect.refused",
        "check.skipped",
    ]
    with SmtpServer(tls="starttls", auth={"ada": CANARY}) as server:
        result = run("doctor", write(server.port), "--connector", "smtp", "--no-sender", "--json")
    assert valid(result.stdout)["ok"] is True
    assert CANARY not in result.stdout


def in_namespace(*commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands of a shell where the network is this machine alone, with routes of a test."""
    script = "ip link set lo up && " + " && ".join(commands)
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script],  # noqa: S607 - as on PATH
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@pytest.fixture
def namespace() -> None:
    """Skip where the system gives no namespace to a user, as some do."""
    missing = [name for name in ("unshare", "ip") if shutil.which(name) is None]
    if missing or in_namespace("ip route add prohibit 198.51.100.9").returncode:
        pytest.skip(f"no network namespace here ({', '.join(missing) or 'not permitted'})")


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("prohibit", "connect.denied", "firewall of this machine"),
        ("unreachable", "connect.no-route", "network of this machine"),
        ("blackhole", "connect.no-route", "network of this machine"),
    ],
)
def test_a_firewall_and_a_missing_route_are_told_apart(
    write: Any, kind: str, expected: str, words: str
) -> None:
    arguments = [write(587, host="198.51.100.1"), "--connector", "smtp", "--json", "--no-sender"]
    command = shlex.join([sys.executable, "-m", "passpost", "doctor", *arguments])
    ended = in_namespace(f"ip route add {kind} 198.51.100.1", command)
    assert ended.returncode == 1, ended.stderr
    (fault,) = [one for one in valid(ended.stdout)["diagnoses"] if one["result"] == "error"]
    assert fault["id"] == expected
    assert words in fault["remedy"]


@pytest.mark.usefixtures("namespace")
def test_without_any_network_each_step_says_why(write: Any) -> None:
    arguments = [write(587, host="smtp.example.com"), "--connector", "smtp", "--json"]
    ended = in_namespace(shlex.join([sys.executable, "-m", "passpost", "doctor", *arguments]))
    assert ended.returncode == 1, ended.stderr
    found = valid(ended.stdout)["diagnoses"]
    assert [one["id"] for one in found if one["result"] == "error"] == ["dns.unanswered"]
    assert all(one["evidence"] for one in found if one["result"] == "skipped")


def test_settings_that_are_not_valid_are_a_finding(run: Run, write: Any) -> None:
    file = write(25, auth={"user": "ada", "pass": "${NOT_SET_ANYWHERE}"})
    result = run("doctor", file, "--connector", "smtp")
    assert result.exit_code == 1
    assert re.search(r"^error .*auth\.pass: .*NOT_SET_ANYWHERE", result.stdout, re.MULTILINE)
    assert "skipped" in result.stdout
    document = valid(run("doctor", file, "--connector", "smtp", "--json").stdout)
    assert document["error"]["kind"] == "config"


def test_strict_and_warnings(run: Run, write: Any) -> None:
    tls = {"rejectUnauthorized": False}
    with SmtpServer(tls="starttls", certificate="self-signed", auth={"ada": CANARY}) as server:
        arguments = ("doctor", write(server.port, tls=tls), "--connector", "smtp", "--no-sender")
        assert run(*arguments).exit_code == 0
        result = run(*arguments, "--strict")
    assert result.exit_code == 1
    assert "[tls.unverified]" in result.stdout


def test_offline_uses_no_network(run: Run, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name is looked up")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with refusing_port() as port:
        result = run("doctor", write(port), "--connector", "smtp", "--offline")
    assert result.exit_code == 0


@pytest.mark.parametrize("arguments", [("--from-ip", "x"), ("--timeout", "0"), ("--to", "nobody")])
def test_invalid_arguments_are_rejected_first(
    run: Run, write: Any, arguments: tuple[str, str]
) -> None:
    with refusing_port() as port:
        result = run("doctor", write(port), "--connector", "smtp", *arguments, "--json")
    assert result.exit_code in {1, 2}
    assert valid(result.stdout)["error"]["kind"] in {"usage", "message"}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_explains_each_id(language: str) -> None:
    page = (ROOT / f"docs/{language}/how-to/finding-faults.md").read_text("utf-8")
    areas = "settings|dns|connect|tls|smtp|http|clock|proxy|check|auth|account|sender|recipient"
    pattern = re.compile(rf'"((?:{areas}|domain|spf|dkim|dmarc|ptr|time)\.[a-z-]+)"')
    sources = [
        *ROOT.glob("tools/src/passpost_tools/doctor/*.py"),
        *ROOT.glob("plugins/*/src/*/check.py"),
    ]
    known = {one for file in sources for one in pattern.findall(file.read_text("utf-8"))}
    assert len(known) > 90
    assert sorted(one for one in known if f"`{one}`" not in page) == []
