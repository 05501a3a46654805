"""The guides of all connectors: their examples work, and both languages say the same."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import click
import pytest

import passpost
from passpost import Capability, config
from passpost._config.reading import PLACEHOLDER
from passpost._messages.usages import FLOW_USAGES
from passpost_aliyun_dm.codes import known_fault
from passpost_cli.program import cli
from passpost_cli.scaffold.guide import FILES, PARTS, updated
from passpost_smtp.config import SmtpConfig
from passpost_smtp.fault import Phase
from passpost_smtp.hints import reply_hint
from passpost_smtp.reply import Reply

ROOT = Path(__file__).parents[1]


@attrs.frozen
class Guide:
    """One guide of one connector."""

    connector: str
    language: str
    path: Path
    module: ModuleType = attrs.field(repr=False)

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    def updated(self, text: str) -> str:
        return updated(text, self.connector, self.info.config_class, self.language)

    @property
    def info(self) -> passpost.ConnectorInfo:
        info = self.module.connector_info()
        assert isinstance(info, passpost.ConnectorInfo)
        return info


def modules() -> Iterator[tuple[str, ModuleType, Path]]:
    """Yield ID, hooks and folder of each connector, as the packages of the workspace declare."""
    for project in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        declared = tomllib.loads(project.read_text("utf-8"))["project"].get("entry-points", {})
        for connector, module in declared.get("passpost.connectors", {}).items():
            yield connector, import_module(module), project.parent


GUIDES = [
    Guide(connector, language, folder / file, module)
    for connector, module, folder in modules()
    for language, file in FILES.items()
]
ENGLISH = [guide for guide in GUIDES if guide.language == "en"]

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")

# What a translation may change in settings: words that recipients read.
WORDS = {"subject", "content", "text", "fromAlias"}


def name_of(guide: Guide) -> str:
    return f"{guide.connector}-{guide.language}"


def blocks(guide: Guide, language: str) -> list[str]:
    return [match[3] for match in FENCE.finditer(guide.text) if match[2] == language]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def section(guide: Guide, *titles: str) -> str:
    """Return the part of a guide under the first of the headings that it has."""
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
    for _, module, _ in modules():
        host.register(module)
    return host


def accepted(guide: Guide, text: str, folder: Path) -> list[passpost.Connector]:
    """Parse an example as the command line would: an application's file, or a connector's own."""
    if "connectors" not in config.read(text):
        return [host().configure(guide.connector, text)]
    file = folder / "example.jsonc"
    file.write_text(text, "utf-8")
    return list(passpost.load(file, host()).connectors)


def other(guide: Guide) -> Guide:
    return next(
        g for g in GUIDES if g.connector == guide.connector and g.language != guide.language
    )


def test_there_is_a_guide_in_each_language_for_each_connector() -> None:
    assert {guide.connector for guide in GUIDES} >= {"smtp", "aliyun-dm"}
    assert all(guide.path.is_file() for guide in GUIDES)


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_guide_is_the_one_that_the_connector_shows(guide: Guide) -> None:
    assert guide.info.guide[guide.language] == guide.text


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_generated_parts_are_up_to_date(guide: Guide) -> None:
    assert guide.updated(guide.text) == guide.text, "run `make guides`"


def test_a_damaged_part_is_restored() -> None:
    guide = GUIDES[0]
    damaged = guide.text.replace("| `Register` |", "| `Other` |")
    assert damaged != guide.text
    assert guide.updated(damaged) == guide.text


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_a_guide_has_the_common_parts(guide: Guide) -> None:
    at_provider = Capability.PROVIDER_TEMPLATES in guide.info.capabilities
    parts = set(PARTS) - ({"templates"} if at_provider else set())
    assert {part for part in parts if f"<!-- {part}: start -->" in guide.text} == parts


def keys(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all settings in a JSON Schema, nested ones too."""
    yield from schema.get("properties", {})
    for value in schema.values():
        nested = value if isinstance(value, list) else [value]
        for part in nested:
            if isinstance(part, Mapping):
                yield from keys(part)


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_every_setting_is_in_the_reference(guide: Guide) -> None:
    schema = config.json_schema(guide.info.config_class)
    # For editors and the linter; they are explained elsewhere.
    del schema["properties"]["$schema"], schema["properties"]["lint"]
    settings = set(keys(schema))
    _, _, table = guide.text.partition("<!-- reference: start -->")
    named = " ".join(CODE.findall(table.partition("<!-- reference: end -->")[0]))
    assert settings
    assert {key for key in settings if not re.search(rf"\b{key}\b", named)} == set()


def examples() -> list[Any]:
    return [
        pytest.param(guide, text, id=f"{name_of(guide)}-{number}")
        for guide in GUIDES
        for number, text in enumerate(blocks(guide, "jsonc"), 1)
    ]


@pytest.mark.parametrize(("guide", "text"), examples())
def test_an_example_is_accepted_as_it_stands(guide: Guide, text: str, tmp_path: Path) -> None:
    connectors = accepted(guide, text, tmp_path)
    assert [connector.id for connector in connectors] == [guide.connector]


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_the_first_example_is_complete(guide: Guide, tmp_path: Path) -> None:
    (connector,) = accepted(guide, blocks(guide, "jsonc")[0], tmp_path)
    usages = {template.usage_type for template in getattr(connector.config, "templates", ())}
    at_provider = Capability.PROVIDER_TEMPLATES in connector.info.capabilities
    assert usages == (set() if at_provider else set(FLOW_USAGES))
    # The only thing left to do is to fill it in, and nothing is sent before that.
    assert {problem.message for problem in connector.warnings} == {PLACEHOLDER}
    assert connector.placeholders


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_every_preset_is_explained_by_an_example_or_in_a_table(guide: Guide) -> None:
    shown = [literals(config.read(text).data) for text in blocks(guide, "jsonc")]
    shown += [set(CODE.findall(" ".join(row))) for row in rows(prose(guide.text))]
    presets = guide.info.presets
    assert presets
    unexplained = [
        preset.id
        for preset in presets
        if not any(literals(preset.settings) <= known for known in shown)
    ]
    assert unexplained == []


def literals(value: Any) -> set[str]:
    """Return the values in settings that are used unchanged; templates are the reader's own."""
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
def test_both_languages_hold_the_same_examples(guide: Guide) -> None:
    mine, theirs = (
        [without_words(config.read(text).data) for text in blocks(g, "jsonc")]
        for g in (guide, other(guide))
    )
    assert mine == theirs
    for language in ("sh", "json"):
        assert blocks(guide, language) == blocks(other(guide), language)


@pytest.mark.parametrize("guide", ENGLISH, ids=name_of)
def test_both_languages_have_the_same_headings_and_tables(guide: Guide) -> None:
    mine, theirs = (prose(g.text) for g in (guide, other(guide)))
    levels = [[len(mark) for mark, _ in HEADING.findall(text)] for text in (mine, theirs)]
    assert levels[0] == levels[1]
    for row, translated in zip(rows(mine), rows(theirs), strict=True):
        assert len(row) == len(translated)
        assert CODE.findall(row[0]) == CODE.findall(translated[0])


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_links_lead_somewhere_wherever_the_guide_is_shown(guide: Guide) -> None:
    # A package index and `passpost guide` show it too: a relative link is dead there.
    anchors = {anchor(title) for _, title in HEADING.findall(prose(guide.text))}
    for link in LINK.findall(guide.text):
        assert link.startswith("https://") or link.removeprefix("#") in anchors, link


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_a_guide_leads_to_the_other_language(guide: Guide) -> None:
    assert f"`passpost guide {guide.connector} --lang {other(guide).language}`" in guide.text


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_a_table_of_troubleshooting_ends_in_the_fix(guide: Guide) -> None:
    lines = section(guide, "Troubleshooting", "故障排查").splitlines()
    headers = [above for above, line in itertools.pairwise(lines) if line.startswith("|---")]
    assert headers
    assert {rows(header)[0][-1] for header in headers} == {
        "Fix" if guide.language == "en" else "解决办法"
    }


def anchor(title: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_commands_are_ones_that_the_command_line_understands(guide: Guide) -> None:
    lines = [shlex.split(line) for text in blocks(guide, "sh") for line in text.splitlines()]
    commands = [line for line in lines if line[0] == "passpost"]
    assert {line[1] for line in commands} >= {"check", "preview", "send", "schema"}
    for _, name, *rest in commands:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        # What is behind ">" is the shell's. Arguments that do not fit raise an error.
        command.make_context(name, list(itertools.takewhile(">".__ne__, rest)))


@pytest.mark.parametrize("guide", [g for g in GUIDES if g.connector == "aliyun-dm"], ids=name_of)
def test_error_codes_are_ones_that_the_connector_knows(guide: Guide) -> None:
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
