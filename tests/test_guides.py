"""The guides of all connectors: their examples work, and both languages say the same."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import passpost
from passpost import Capability, config
from passpost._config.leaves import PLACEHOLDER
from passpost._messages.usages import FLOW_USAGES
from passpost_aliyun_dm.codes import known_fault
from passpost_cli.program import cli
from passpost_smtp.config import SmtpConfig
from passpost_smtp.fault import Phase
from passpost_smtp.hints import reply_hint
from passpost_smtp.reply import Reply

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]


def script() -> ModuleType:
    """Load docs/update_guides.py, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("update_guides", ROOT / "docs/update_guides.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


UPDATE = script()
GUIDES = list(UPDATE.guides())
ENGLISH = [guide for guide in GUIDES if guide.language == "en"]

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")

# What a translation may change in settings: words that recipients read.
WORDS = {"subject", "content", "text", "fromAlias"}


def name_of(guide: Any) -> str:
    return f"{guide.connector}-{guide.language}"


def blocks(guide: Any, language: str) -> list[str]:
    return [match[3] for match in FENCE.finditer(guide.text) if match[2] == language]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def section(guide: Any, *titles: str) -> str:
    """Give the part of a guide under the first of the headings that it has."""
    found = re.search(
        rf"^## (?:{'|'.join(titles)})\n(.*?)(?=^## |\Z)", guide.text, re.MULTILINE | re.DOTALL
    )
    assert found, f"{guide.path}: no section {titles}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.lstrip().startswith("|")]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def host() -> passpost.Host:
    host = passpost.Host(environ={})
    for _, module, _ in UPDATE.modules():
        host.register(module)
    return host


def accepted(guide: Any, text: str, folder: Path) -> list[passpost.Connector]:
    """Parse an example as the command line would: an application's file, or a connector's own."""
    if "connectors" not in config.read(text):
        return [host().configure(guide.connector, text)]
    file = folder / "example.jsonc"
    file.write_text(text, "utf-8")
    return list(passpost.load(file, host()).connectors)


def other(guide: Any) -> Any:
    return next(
        g for g in GUIDES if g.connector == guide.connector and g.language != guide.language
    )


def test_there_is_a_guide_in_each_language_for_each_connector() -> None:
    assert {guide.connector for guide in GUIDES} >= {"smtp", "aliyun-dm"}
    assert all(guide.path.is_file() for guide in GUIDES)


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_guide_is_the_one_that_the_connector_shows(guide: Any) -> None:
    assert guide.module.connector_info().guide[guide.language] == guide.text


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_reference_is_what_the_config_class_gives(guide: Any) -> None:
    table = config.reference_table(guide.module.connector_info().config_class, guide.language)
    assert UPDATE.reference(guide.text).strip() == table.strip(), "run docs/update_guides.py"


def test_the_script_restores_a_reference_and_then_leaves_it() -> None:
    guide = GUIDES[0]
    damaged = UPDATE.rewritten(guide.text, "| nothing |")
    assert damaged != guide.text
    assert UPDATE.rewritten(damaged, guide.table) == guide.text


@pytest.mark.parametrize("text", ["no markers", "end first"])
def test_the_script_refuses_a_guide_without_its_markers(text: str) -> None:
    if text == "end first":
        text = UPDATE.END + UPDATE.START
    with pytest.raises(ValueError, match="reference: end"):
        UPDATE.rewritten(text, "| table |")


def keys(schema: Mapping[str, Any]) -> Iterator[str]:
    """Give the names of all settings in a JSON Schema, nested ones too."""
    yield from schema.get("properties", {})
    for value in schema.values():
        nested = value if isinstance(value, list) else [value]
        for part in nested:
            if isinstance(part, Mapping):
                yield from keys(part)


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_every_setting_is_in_the_reference(guide: Any) -> None:
    settings = set(keys(config.json_schema(guide.module.connector_info().config_class)))
    # For editors; it is explained in the text.
    settings.discard("$schema")
    named = " ".join(CODE.findall(UPDATE.reference(guide.text)))
    assert settings
    assert {key for key in settings if not re.search(rf"\b{key}\b", named)} == set()


def examples() -> list[Any]:
    return [
        pytest.param(guide, text, id=f"{name_of(guide)}-{number}")
        for guide in GUIDES
        for number, text in enumerate(blocks(guide, "jsonc"), 1)
    ]


@pytest.mark.parametrize(("guide", "text"), examples())
def test_an_example_is_accepted_as_it_stands(guide: Any, text: str, tmp_path: Path) -> None:
    connectors = accepted(guide, text, tmp_path)
    assert [connector.id for connector in connectors] == [guide.connector]


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_first_example_is_complete(guide: Any, tmp_path: Path) -> None:
    (connector,) = accepted(guide, blocks(guide, "jsonc")[0], tmp_path)
    usages = {template.usage_type for template in getattr(connector.config, "templates", ())}
    at_provider = Capability.PROVIDER_TEMPLATES in connector.info.capabilities
    assert usages == (set() if at_provider else set(FLOW_USAGES))
    # The only thing left to do is to fill it in, and nothing is sent before that.
    assert {problem.message for problem in connector.warnings} == {PLACEHOLDER}
    assert connector.placeholders


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_every_preset_is_explained_by_an_example_or_in_a_table(guide: Any) -> None:
    shown = [literals(config.read(text).data) for text in blocks(guide, "jsonc")]
    shown += [set(CODE.findall(" ".join(row))) for row in rows(prose(guide.text))]
    presets = guide.module.connector_info().presets
    assert presets
    unexplained = [
        preset.id
        for preset in presets
        if not any(literals(preset.settings) <= known for known in shown)
    ]
    assert unexplained == []


def literals(value: Any) -> set[str]:
    """Give the values in settings that are for use as they stand; templates are anybody's own."""
    if isinstance(value, Mapping):
        return set().union(*(literals(v) for k, v in value.items() if k != "templates"))
    return set() if isinstance(value, str) and config.is_placeholder(value) else {str(value)}


def without_words(value: Any) -> Any:
    """Leave of settings what a translation may not change: of words, their variables."""
    if isinstance(value, Mapping):
        return {k: variables(v) if k in WORDS else without_words(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_words(part) for part in value]
    # A display name is for recipients too.
    return re.sub(r"^[^<]+ <", "<", value) if isinstance(value, str) else value


def variables(text: str) -> list[str]:
    return re.findall(r"{{.*?}}", text)


@pytest.mark.parametrize("guide", ENGLISH, ids=name_of)
def test_both_languages_hold_the_same_examples(guide: Any) -> None:
    mine, theirs = (
        [without_words(config.read(text).data) for text in blocks(g, "jsonc")]
        for g in (guide, other(guide))
    )
    assert mine == theirs
    for language in ("sh", "json"):
        assert blocks(guide, language) == blocks(other(guide), language)


@pytest.mark.parametrize("guide", ENGLISH, ids=name_of)
def test_both_languages_have_the_same_headings_and_tables(guide: Any) -> None:
    mine, theirs = (prose(g.text) for g in (guide, other(guide)))
    levels = [[len(mark) for mark, _ in HEADING.findall(text)] for text in (mine, theirs)]
    assert levels[0] == levels[1]
    for row, translated in zip(rows(mine), rows(theirs), strict=True):
        assert len(row) == len(translated)
        assert CODE.findall(row[0]) == CODE.findall(translated[0])


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_links_are_https_or_lead_to_something_here(guide: Any) -> None:
    anchors = {anchor(title) for _, title in HEADING.findall(prose(guide.text))}
    for link in LINK.findall(guide.text):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif "://" in link:
            assert link.startswith("https://"), link
        else:
            assert (guide.path.parent / link).is_file(), link


def anchor(title: str) -> str:
    """Give the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_commands_are_ones_that_the_command_line_understands(guide: Any) -> None:
    lines = [shlex.split(line) for text in blocks(guide, "sh") for line in text.splitlines()]
    commands = [line for line in lines if line[0] == "passpost"]
    assert {line[1] for line in commands} >= {"check", "preview", "send", "schema"}
    for _, name, *rest in commands:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        # What stands behind ">" is the shell's. Arguments that do not fit raise a usage error.
        command.make_context(name, list(itertools.takewhile(">".__ne__, rest)))


@pytest.mark.parametrize("guide", [g for g in GUIDES if g.connector == "aliyun-dm"], ids=name_of)
def test_error_codes_are_ones_that_the_connector_knows(guide: Any) -> None:
    table = rows(section(guide, "Troubleshooting", "故障排查"))
    codes = [code for row in table for code in CODE.findall(row[0])]
    assert len(codes) > 20
    assert [code for code in codes if known_fault(code) is None] == []


@pytest.mark.parametrize(
    ("code", "phase", "host"),
    [
        ("454", "starttls", "mail.example.com"),
        ("501 5.5.4", "ehlo", "smtp.gmail.com"),
        ("530", "mail", "mail.example.com"),
        ("534 5.7.9", "auth", "smtp.gmail.com"),
        ("535 5.7.8", "auth", "smtp.gmail.com"),
        ("535", "auth", "smtp.sendgrid.net"),
        ("538", "auth", "mail.example.com"),
        ("550", "mail", "smtp.sendgrid.net"),
    ],
)
def test_smtp_replies_in_the_guide_have_a_hint_in_the_error_too(
    code: str, phase: Phase, host: str
) -> None:
    guide = next(guide for guide in ENGLISH if guide.connector == "smtp")
    table = rows(section(guide, "Troubleshooting"))
    assert any(code in CODE.findall(row[0]) for row in table)
    number, _, enhanced = code.partition(" ")
    settings = {"host": host, "fromEmail": "no-reply@example.com"}
    reply = Reply(int(number), (enhanced.encode(),))
    assert reply_hint(phase, reply, config.parse(SmtpConfig, settings))
