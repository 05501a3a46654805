"""What people read goes through `passpost.phrases`: a text beside it would stay English.

Packages that make phrases are held to it, each file of them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import passpost
from passpost.phrases import said, translated
from passpost_cli.program import make

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "release"))

from messages import packages  # noqa: E402 - a script

SHOWN = frozenset(
    (
        "BadParameter", "BrokenContract", "CommandError", "Defect", "Diagnosis", "Fault", "Finding",
        "Invalid", "JournalError", "MailerClosedError", "MessageError", "PluginError", "Problem",
        "SendError", "StoreError", "UsageError", "advise", "complain",
        "deadline_error", "fault", "mistyped", "problem",
    )
)  # fmt: skip
"""What is called with texts that a person reads."""

NAMES = frozenset(("evidence", "hint", "message", "problem", "reason", "remedy", "wrong"))
"""What such texts are called before they are used."""

SAID_BY_HELP = frozenset(("epilog", "help", "help_text", "short_help"))

ENGLISH = {
    "a Problem contains something else than text": "for the author of a config class",
    "passpost init": "a command",
}
"""Texts that stay English, and why."""

# Words with a blank between them; what has none is a name, a code or a path.
WORDS = re.compile(r"[A-Za-z]{2}[^A-Za-z]? +[^ ]|[^ ] +[A-Za-z]{2}")


def text_of(node: ast.AST) -> str | None:
    """Return a text as it is written, with ``{}`` for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (text_of(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(part or "" for part in parts)
    return None


def shown(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what people are shown, as far as it can be seen from the source."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in SHOWN:
                yield from node.args
                yield from (one.value for one in node.keywords)
            case ast.Call(func=ast.Attribute(attr="add_argument" | "ArgumentParser")):
                # Of Django and of scripts, whose help has no language of its own.
                pass
            case ast.Call(keywords=keywords):
                # What `--help` says, though a function of ours may pass it on to click.
                yield from (one.value for one in keywords if one.arg in SAID_BY_HELP)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMES:
                yield value


def untranslated(source: str) -> list[str]:
    found = []
    for node in shown(ast.parse(source)):
        # Either part of a choice is shown.
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        texts = (text_of(part) for part in parts)
        found += [text for text in texts if text and WORDS.search(text) and text not in ENGLISH]
    return found


# The form of a JSON document and commands are the same in each language.
FORM = re.compile(r'[{}\]]|"$|\bpasspost completion\b')
QUOTED = re.compile("“[^”]*”")
SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}")


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the names of a command and of those within it, also of installed extensions."""
    yield path
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from commands(inner, *path, name)


COMMANDS = [*commands(make())]


def test_the_commands_of_extensions_and_those_within_groups_are_looked_at() -> None:
    assert {("worker",), ("outbox", "purge"), ("console",), ("send",)} <= {*COMMANDS}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_all_in_chinese(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(make(), [*path, "--help", "--lang", "zh-CN"]).stdout
    assert shown.startswith("用法：")
    said = [line for line in shown.splitlines() if not FORM.search(line)]
    assert [line for line in said if SENTENCE.search(QUOTED.sub("…", line))] == []


FILES = [path for package in packages() for path in sorted(package.rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_people_read_is_made_of_phrases(path: Path) -> None:
    assert untranslated(path.read_text("utf-8")) == [], "write _(…), and run `make messages`"


@pytest.mark.parametrize(
    "source",
    [
        'raise CommandError("the file is empty")',
        'raise passpost.SendError(f"{name} is gone", outcome="rejected", scope="network")',
        'yield Problem("port", "out of range", code="E1")',
        'Finding("TLS", "error", evidence, "Set `port` to 587.")',
        'remedy = "write a number" if digits else ""',
        'node.fault("E1", "too short")',
        'click.option("--fix", help="Correct mistakes.")',
        'number("--limit", default=9, help_text="How many at most.")',
        'click.command(cls=Command, epilog="It ends at once.")',
    ],
)
def test_a_text_without_a_phrase_is_found(source: str) -> None:
    assert len(untranslated(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'raise CommandError(_("the file is empty"))',
        'yield Problem(f"weights.{name}", _("out of range"), code="E1")',
        'message = "content-type"',
    ],
)
def test_a_phrase_or_a_name_is_not_found(source: str) -> None:
    assert untranslated(source) == []


def joined(source: str) -> list[str]:
    """Return the lists that a text joins by itself, in the call that makes a phrase of it."""
    return [
        ast.unparse(word.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_"
        for word in node.keywords
        if "', '.join(" in ast.unparse(word.value)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_list_is_joined_by_its_phrase(path: Path) -> None:
    assert joined(path.read_text("utf-8")) == [], (
        "pass the list: languages have commas of their own"
    )


def test_a_joined_list_is_found() -> None:
    assert joined('_("known: {names}", names=", ".join(known) or "-")')
    assert not joined('_("known: {names}", names=known)')


def test_an_unknown_connector_is_told_with_chinese_commas() -> None:
    with pytest.raises(passpost.UnknownConnectorError) as caught:
        passpost.Host().configure("no-such", {})
    assert "`aliyun-dm`、" in translated(said(caught.value), "zh-CN")
    assert "`aliyun-dm`, " in str(caught.value)
