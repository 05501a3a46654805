"""What a command says is in the language of ``--lang`` or of the locale, and all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unicodedata import east_asian_width

import click.testing
import pytest

from passpost_cli.program import SUMMARIES

Run = Callable[..., click.testing.Result]
Arguments = tuple[str, ...]

# What is the same in each language: names, values, and the form that editors read.
SAME: Final = re.compile(
    r"`[^`]*`|'[^']*'|--[a-z-]+|[\w.<>/@-]*[./@\d_][\w.<>/@-]*"
    r"|\b(?:error|warning|passpost|check|send|explain|preview|help|smtp|acme|aliyun|dm|sendgrid|ses|sluggish|webhook|payload|config)\b"
    r"|\b(?:FILE|JSON|UTF|HTML|CODE|TEXT|NAME|ID|KiB|MiB|Mustache|partial|helper|locale|to|en|zh)\b"
)
# The form of a JSON document, and the scripts of shells.
JSON: Final = re.compile(r'[{}\]]|"$|\bpasspost completion\b')
WIDTH: Final = 80
SENTENCE: Final = re.compile(r"[A-Za-z]{2,}[ ,:;]+[A-Za-z]{2,}")

TEMPLATE = '{"usageType": "Generic", "subject": "Code", "content": "%s"}'
SETTINGS = '{"host": %s, "port": %s, "fromEmail": "%s", "auth": {%s}, "templates": [%s]}'


def settings(
    host: str = '"smtp.example.com"',
    port: str = "587",
    sender: str = "no-reply@example.com",
    auth: str = '"user": "u", "pass": "p-secret"',
    template: str = TEMPLATE % "{{code}}",
) -> str:
    return SETTINGS % (host, port, sender, auth, template)


FILES: Final = {
    "empty": "",
    "no object": "[1]",
    "not closed": '{"host": "x',
    "no comma": '{"host": "x" "port": 1}',
    "bare word": '{"host": yes}',
    "full-width comma": '{"host": "x"，"port": 1}',
    "twice": '{"host": "x", "host": "y"}',
    "not UTF-8": "\udcff",
    "unknown key": settings()[:-1] + ', "prot": 1}',
    "wrong type": settings(port='["x"]'),
    "out of range": settings(port="99999"),
    "not a number": settings(port='"x"'),
    "host with scheme": settings(host='"https://smtp.example.com"'),
    "two addresses": settings(sender="a@example.com, b@example.com"),
    "no dot": settings(sender="a@example"),
    "environment": settings(auth='"user": "u", "pass": "${PASSPOST_NOT_SET}"'),
    "placeholder": settings(auth='"user": "<your-user>", "pass": "p-secret"'),
    "missing": "{}",
    "no template": settings(template=""),
    "section": settings(template=TEMPLATE % "{{#a}} {{code}}"),
    "partial": settings(template=TEMPLATE % "{{>a}} {{code}}"),
    "triple": settings(template=TEMPLATE % "{{{code}} x"),
    "no placeholder": settings(template=TEMPLATE % "Hello"),
    "sound": settings(),
    "an application": '{"connectors": {"a": {"use": "smpt", "settings": {}}}, "delivery": '
    '{"timeout": -1, "weights": {"b": 1}, "routes": {"SignIn": []}}}',
    "not a setting": '{"connectros": {}}',
}

LINES: Final[dict[str, Arguments]] = {
    "no file": ("check", "missing.jsonc"),
    "no connector": ("check", "sound.jsonc"),
    "unknown connector": ("check", "sound.jsonc", "--connector", "smtpp"),
    "unknown command": ("chekc",),
    "unknown option": ("check", "sound.jsonc", "--conect"),
    "no argument": ("check",),
    "value missing": ("send", "sound.jsonc", "--to"),
    "recipient missing": ("send", "sound.jsonc", "--usage", "SignIn"),
    "bad timeout": ("check", "sound.jsonc", "--timeout", "soon"),
    "bad recipient": (
        "send", "sound.jsonc", "--connector", "smtp", "--to", "a@", "--usage", "Generic",
    ),
    "no code": (
        "send", "sound.jsonc", "--connector", "smtp", "--to", "a@example.com", "--usage", "Generic",
    ),
    "too late": (
        "send", "closed.jsonc", "--connector", "smtp", "--to", "a@example.com", "--usage",
        "Generic", "--code", "1", "--timeout", "0.000001",
    ),
    "no such code": ("explain", "E999"),
    "no guide": ("guide", "nobody"),
    "set twice": ("preview", "sound.jsonc", "--usage", "Generic", "--code", "1", "--set", "code=2"),
    "no batch": ("send", "sound.jsonc", "--connector", "smtp", "--batch", "missing.csv"),
}  # fmt: skip


def english_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if SENTENCE.search(SAME.sub("…", line))]


@pytest.mark.parametrize("name", FILES)
def test_problems_of_settings_are_in_chinese(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "settings.jsonc"
    file.write_text(FILES[name], "utf-8", errors="surrogateescape")
    alone = () if "connect" in FILES[name] else ("--connector", "smtp")
    result = run("check", file, *alone, "--lang", "zh-CN")
    assert re.search("[\u4e00-\u9fff]", result.stdout + result.stderr)
    shown = "\n".join(
        line
        for line in (result.stdout + result.stderr).splitlines()
        if not re.match(r" +\d* *\|", line)
    )
    assert english_in(shown) == []


@pytest.mark.parametrize("name", LINES)
def test_failures_are_in_chinese(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    Path("sound.jsonc").write_text(settings(), "utf-8")
    Path("closed.jsonc").write_text(settings(host='"127.0.0.1"', port="1"), "utf-8")
    result = run(*LINES[name])
    assert re.search("[\u4e00-\u9fff]", result.stderr)
    assert english_in(result.stdout + result.stderr) == []


@pytest.mark.parametrize("name", ["", *SUMMARIES])
def test_help_is_in_chinese(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    arguments = (name, "--help") if name else ("--help",)
    result = run(*arguments, "--lang", "zh-CN")
    assert result.stdout.startswith("用法：passpost")
    prose = [line for line in result.stdout.splitlines() if not JSON.search(line)]
    assert english_in("\n".join(prose)) == []
    assert all(columns(line) <= WIDTH for line in prose)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(*arguments).stdout == result.stdout


def test_help_without_arguments_is_help(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert result.stderr == run("--help").stdout


def columns(line: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in line)


def test_json_is_in_english_unless_a_language_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    file = tmp_path / "none.jsonc"
    english = run("check", file, "--json")
    chinese = run("check", file, "--json", "--lang", "zh-CN")
    problems = [json.loads(one.stdout)["error"]["problems"][0] for one in (english, chinese)]
    assert problems[0]["remedy"] == "check the path and its permissions"
    assert problems[1]["remedy"] == "检查路径及其权限"


def test_the_form_of_a_problem_is_the_same_in_each_language(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "settings.jsonc"
    file.write_text(settings(port='"x"'), "utf-8")
    result = run("check", file, "--connector", "smtp", "--lang", "zh-CN")
    assert re.match(rf"{re.escape(str(file))}:1:\d+: error: port: \S+", result.stderr)
