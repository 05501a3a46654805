"""No secret, code or payload reaches an output, however wrong the input is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import click.testing
import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., click.testing.Result]

CANARIES = ("canary-key-Zq7", "canary-code-Yw8", "canary-name-Xv9", "canary+payload/Wu6")


def forms(text: str) -> Iterator[str]:
    yield text
    yield quote(text, safe="")
    for shift in range(3):
        # Base64 depends on what is before; only its inner characters are sure.
        encoded = base64.b64encode(b"x" * shift + text.encode())
        yield encoded.decode()[4 : len(encoded) // 4 * 4 - 4]


FORMS = [form for canary in CANARIES for form in forms(canary)]
KEY, CODE, NAME, PAYLOAD = CANARIES

GOOD = {"apiKey": KEY, "fromEmail": "no-reply@acme.example"}
TEMPLATES = [{"usageType": "Generic", "subject": "s", "content": "{{code}} {{user.name}}"}]


def settings(**changes: object) -> str:
    return json.dumps({**GOOD, "templates": TEMPLATES, **changes})


FILES = {
    "good": settings(),
    "rejects": settings(behave="reject"),
    "crashes": settings(behave="crash"),
    "unknown": settings(behave="unknown"),
    "unreachable": settings(behave="unreachable"),
    "no json": settings()[:-9],
    "key of the wrong type": settings(apiKey=[KEY]),
    "key misspelt": settings().replace("apiKey", "apiKeey"),
    "key twice": f'{{"apiKey": "{KEY}", "apiKey": "{KEY}"}}',
    "key in the sender": settings(fromEmail=KEY),
    "key in a template": settings(templates=[{**TEMPLATES[0], "subject": KEY + "{{#"}]),
    "key in a choice": settings(behave=KEY),
    "an application": json.dumps(
        {"connectors": {"a": {"use": "acme", "settings": {**GOOD, "behave": KEY}}}}
    ),
    "no object": json.dumps(KEY),
}  # fmt: skip

ARGUMENTS = {
    "good": ["--code", CODE, "--set", f"user.name={NAME}"],
    "a name is missing": ["--code", CODE],
    "given twice": ["--code", CODE, "--set", f"code={CODE}"],
    "no equals sign": ["--set", CODE],
    "too many arguments": ["--code", "1", CODE],
    "grown together": [f"--code{CODE}"],
    "payload for a file": ["--payload", f'{{"code": "{PAYLOAD}"}}'],
    "payload for a name": ["--payload", PAYLOAD],
    "payload broken": ["--payload", "-"],
    "timeout": ["--timeout", CODE],
    "line break": ["--code", f"{CODE}\r\nBcc: x@example.com", "--set", f"user.name={NAME}\x1b"],
}

COMMANDS = {
    "check": ["check"],
    "check the connection": ["check", "--connect"],
    "send": ["send", "--to", "ada@example.com", "--usage", "Generic"],
    "send to two": ["send", "--to", f"ada@example.com,{CODE}@example.com", "--usage", "Generic"],
}


def cases() -> Iterator[tuple[str, str, str]]:
    """Every file with good arguments, and the good file with all arguments."""
    for command in COMMANDS:
        yield from ((command, file, "good") for file in FILES)
        yield from ((command, "good", arguments) for arguments in ARGUMENTS)


@pytest.mark.parametrize("output", [[], ["--json"]], ids=["lines", "json"])
@pytest.mark.parametrize("case", list(cases()), ids=" - ".join)
def test_no_canary_sings(
    run: Run, tmp_path: Path, case: tuple[str, ...], output: list[str]
) -> None:
    command, file, arguments = case
    path = tmp_path / "settings.jsonc"
    path.write_text(FILES[file])
    name, *options = COMMANDS[command]
    more = ARGUMENTS[arguments] if name == "send" else []
    stdin = f'{{"code": "{PAYLOAD}" "user": 1}}'
    result = run(name, path, *options, *more, *output, "--connector", "acme", stdin=stdin)
    shown = result.stdout + result.stderr
    assert shown
    assert [form for form in FORMS if form in shown] == []


def test_the_canaries_would_be_heard(run: Run, tmp_path: Path) -> None:
    """The cases above do send what they look for: preview is meant to show it."""
    path = tmp_path / "settings.jsonc"
    path.write_text(FILES["good"])
    result = run("preview", path, "--connector", "acme", "--usage", "Generic", *ARGUMENTS["good"])
    assert f"{CODE} {NAME}" in result.stdout
    assert KEY not in result.stdout
