"""The JSON Schema of settings and the parser reject the same settings, with known exceptions."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

import passpost
from passpost import config
from passpost._host.application import load_settings
from passpost._host.stores import find_stores
from passpost._plugins.discovery import FIRST_PARTY
from passpost_outbox import OutboxSettings
from passpost_outbox.settings import SqliteSettings
from passpost_tools.lint.settings import read_settings
from passpost_tools.schemas import application_schema

ROOT = Path(__file__).parents[1]

# What the parser alone rejects. A test below shows for each that the schema does not.
EXCEPTIONS = {
    "E05": "a reference is followed when settings are read, and not by an editor",
    "E106": "which characters a text may have: Unicode's categories, and line ends",
    "E109": "likewise in a secret",
    "E110": "an email address has a grammar of its own",
    "E113": "likewise in a key",
    "E2": "the text of a template is Mustache",
    "E3": "hostnames, URLs and keys have grammars of their own",
    "E403": "which codes of warnings there are, connectors know",
    "E402": "the application's templates serve every connector, and extensions may have others",
    "E42": "delivery names connectors of the same file, and rates have a grammar",
    "E431": "whether stores need a secret depends on which stores they are",
    "E432": "a URL has a grammar of its own",
    "E441": "a key has a grammar, and of its settings some exclude others",
    "E442": "a priority belongs to a usage, and a schema says nothing of a mapping's numbers",
    "-E": "a connector's own rules compare several settings",
    "?": "likewise those that have no code",
}
"""Beginnings or parts of codes, each with the reason."""

NUMBER = "a number as text: a pattern cannot say how great it is"
"""What the parser alone rejects with E104."""

NULL = "null counts as a setting that is left out, but nobody means to write it"
"""What the schema alone rejects."""

HOST = passpost.Host(environ={}, installed_extensions=())
CLASSES = {one: HOST.info(one).config_class for one in FIRST_PARTY}
STORES = {one: find_stores(one) for one in ("memory", "sqlite", "redis")}
APPLICATION = "application"
SCHEMAS = {one: config.json_schema(cls) for one, cls in CLASSES.items()}
SECTIONS = {"outbox": OutboxSettings}
SCHEMAS[APPLICATION] = application_schema(CLASSES, STORES, sections=SECTIONS)
VALIDATORS = {one: jsonschema.Draft202012Validator(schema) for one, schema in SCHEMAS.items()}

BLOCK = re.compile(r"^ *```jsonc?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def excepted(code: str) -> bool:
    return any(code.startswith(part) or (part[0] == "-" and part in code) for part in EXCEPTIONS)


def errors(kind: str, given: Mapping[str, Any]) -> set[str]:
    """Return the codes with which the parser rejects settings; empty if it accepts them."""
    _, of_lint = read_settings(config.Settings.of(given), CLASSES)
    found = {one.code or "?" for one in of_lint}
    try:
        if kind == APPLICATION:
            load_settings(given, HOST)
        else:
            HOST.configure(kind, given)
    except passpost.ConfigError as error:
        found |= {one.code or "?" for one in error.problems if one.severity == "error"}
    return found


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        yield value
        return
    for inner in value:
        yield from leaves(inner)


def is_number(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*-?[0-9.eE+-]+\s*", value) is not None


def check_agreement(kind: str, given: Mapping[str, Any]) -> None:
    found = errors(kind, given)
    hard = {code for code in found if not excepted(code)}
    if any(map(is_number, leaves(given))):
        hard.discard("E104")
    valid = VALIDATORS[kind].is_valid(given)
    if hard:
        assert not valid, f"the parser alone rejects: {hard}"
    elif not found and None not in leaves(given):
        said = [one.message for one in VALIDATORS[kind].iter_errors(given)]
        assert valid, f"the schema alone rejects: {said}"


def shown() -> Iterator[dict[str, Any]]:
    """Yield all settings on pages: in the guides, in the documentation, in explanations."""
    pages = [*ROOT.glob("README*.md"), *ROOT.glob("docs/*/**/*.md")]
    pages += [*ROOT.glob("plugins/*/README*.md"), *ROOT.glob("cli/src/**/explanations/**/*.md")]
    for page in sorted(pages):
        for text in BLOCK.findall(page.read_text("utf-8")):
            try:
                yield dict(config.read(text).data)
            except passpost.ConfigError:
                # Shown to explain what is wrong with it.
                continue


def examples() -> Iterator[dict[str, Any]]:
    yield from shown()
    for one in FIRST_PARTY:
        for preset in HOST.info(one).presets:
            yield dict(preset.settings)
            yield {"connectors": {"a": {"use": one, "settings": dict(preset.settings)}}}


CORPUS = [one for one in examples() if one]
VALID = [(kind, one) for one in CORPUS for kind in SCHEMAS if not errors(kind, one)]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_it_is_a_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])


def test_it_explains_in_the_language_of_its_reader() -> None:
    schema = application_schema(CLASSES, STORES, others=["acme"], language="zh-CN")
    assert schema["properties"]["connectors"]["markdownDescription"].startswith("按优先顺序")
    smtp = schema["$defs"]["settings of smtp"]["properties"]
    assert smtp["host"]["markdownDescription"] == smtp["host"]["description"]
    assert [key for key, one in smtp.items() if one.get("deprecated")] == ["username", "password"]
    entry = schema["properties"]["connectors"]["additionalProperties"]
    assert "acme" in entry["properties"]["use"]["anyOf"][0]["enum"]
    assert "path" in schema["$defs"]["settings of the stores sqlite"]["properties"]


def test_it_describes_the_section_of_a_package_and_each_store() -> None:
    schema = application_schema({}, sections={"outbox": OutboxSettings})
    section = schema["properties"]["outbox"]
    assert section["additionalProperties"] is False
    assert section["required"] == ["store", "keys", "secret"]
    assert section["properties"]["secret"]["writeOnly"] is True
    described = schema["$defs"]["settings of outbox.store sqlite"]
    assert set(described["properties"]) == {"use", "path"}
    assert OutboxSettings.kinds()["store"]["sqlite"] is SqliteSettings


@pytest.mark.parametrize("kind", SCHEMAS)
def test_they_agree_on_every_example(kind: str) -> None:
    # On each of every kind: of another connector, both have to reject it.
    for one in CORPUS:
        check_agreement(kind, one)
    assert len(CORPUS) > 100
    assert any(valid == kind for valid, _ in VALID)


OWN = {"smtp": {"host": "smtp.example.com", "port": 587, "fromEmail": "no-reply@example.com"}}
OUTBOX = {
    "store": {"use": "sqlite", "path": "outbox.sqlite"},
    "keys": {"folder": "keys"},
    "secret": "0d9b0c6e6a5e4e6f8c8d",
}
TEMPLATE = {"usageType": "Generic", "subject": "Code", "content": "{{code}}"}


def of_smtp(**changed: Any) -> tuple[str, dict[str, Any]]:
    return "smtp", {**OWN["smtp"], "templates": [TEMPLATE], **changed}


def of_application(**changed: Any) -> tuple[str, dict[str, Any]]:
    entry = {"use": "smtp", "settings": OWN["smtp"]}
    return APPLICATION, {"connectors": {"primary": entry}, "templates": [TEMPLATE], **changed}


STILL = {
    "E05": of_smtp(host="${NOWHERE}"),
    "E106": of_smtp(auth={"user": "a\n", "pass": "b"}),
    "?": of_smtp(localAddress="a\u2028b"),
    "E109": of_smtp(auth={"user": "a", "pass": "b\n"}),
    "E110": of_smtp(fromEmail="no-reply"),
    "E113": of_smtp(customHeaders={"X\n": "a"}),
    "E2": of_smtp(templates=[{**TEMPLATE, "content": "{{code"}]),
    "E3": of_smtp(host="smtp.example.com/"),
    "E402": of_application(templates=[]),
    "E403": of_application(lint={"rules": {"W999": "off"}}),
    "E42": of_application(delivery={"routes": {"*": ["backup"]}}),
    "E431": of_application(stores={"use": "sqlite", "settings": {"path": "a"}}),
    "E432": of_application(
        stores={
            "use": "redis",
            "settings": {"url": "http://cache.example.com"},
            "secret": OUTBOX["secret"],
        }
    ),
    "E441": of_application(outbox={**OUTBOX, "secret": "short"}),
    "E442": of_application(outbox={**OUTBOX, "priorities": {"SignIn": 10**7}}),
    "-E": of_smtp(auth={"user": "a"}),
    "E104": of_smtp(port="65536"),
}
"""Settings that the parser alone rejects, for each exception."""


@pytest.mark.parametrize("part", STILL)
def test_an_exception_still_is_one(part: str) -> None:
    kind, given = STILL[part]
    found = errors(kind, given)
    assert found
    assert all(part in code for code in found), found
    assert VALIDATORS[kind].is_valid(given)


def test_null_still_is_an_exception() -> None:
    kind, given = of_smtp(auth=None)
    assert not errors(kind, given)
    assert not VALIDATORS[kind].is_valid(given)


# Settings made up after the schema, references left out.


class Maker:
    """Makes values that a schema describes."""

    def __init__(self, root: Mapping[str, Any], seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)  # noqa: S311 - made-up settings

    def make(self, schema: Mapping[str, Any]) -> Any:
        if "anyOf" in schema:
            return self.make(self.one([one for one in schema["anyOf"] if "$ref" not in one]))
        if "enum" in schema:
            return self.one(schema["enum"])
        make: Any = getattr(self, f"_{schema.get('type', 'string')}")
        return make(schema)

    def one(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def _string(self, schema: Mapping[str, Any]) -> str:
        texts = [
            *schema.get("examples", ()),
            "",
            "a",
            "5",
            " 7 ",
            "1.5e1",
            "a@example.com",
            "x" * 99,
        ]
        pattern, low = schema.get("pattern", ""), schema.get("minLength", 0)
        high = schema.get("maxLength", 99)
        fit = [one for one in texts if low <= len(one) <= high and re.search(pattern, one)]
        text: str = self.one(fit)
        return text

    def _integer(self, schema: Mapping[str, Any]) -> int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -6) + 1)
        return self.random.randint(low, schema.get("maximum", low + 100))

    def _number(self, schema: Mapping[str, Any]) -> float:
        number = self._integer(schema)
        return float(number) if self._boolean(schema) else number

    def _boolean(self, _schema: Mapping[str, Any]) -> bool:
        return self.random.random() < 0.5

    def _array(self, schema: Mapping[str, Any]) -> list[Any]:
        low = schema.get("minItems", 0)
        return [self.make(schema["items"]) for _ in range(self.random.randint(low, low + 2))]

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(inner := schema.get("additionalProperties"), Mapping):
            low = schema.get("minProperties", 0)
            keys = ["primary", "backup", "X-Tag"][: self.random.randint(low, low + 2)]
            return {key: self.make(inner) for key in keys}
        made = {
            key: self.make(inner)
            for key, inner in schema.get("properties", {}).items()
            if key in schema["required"] or self._boolean(schema)
        }
        return self._entry(schema, made) if "allOf" in schema else made

    def _entry(self, schema: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        """Let the settings of an entry be those of what it uses."""
        rule = self.one(schema["allOf"])
        use = rule["if"]["properties"]["use"]["const"]
        beside = "$ref" in rule["then"]
        named = rule["then"] if beside else rule["then"]["properties"]["settings"]
        own = self.make(self.root["$defs"][unquote(named["$ref"].rpartition("/")[2])])
        return {**own, "use": use} if beside else {**made, "use": use, "settings": own}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_they_agree_on_what_the_schema_describes(kind: str) -> None:
    schema = SCHEMAS[kind]
    for seed in range(200):
        made = Maker(schema, seed).make(schema)
        assert VALIDATORS[kind].is_valid(made)
        check_agreement(kind, made)


# Valid settings with mistakes.

VALUES = [
    None, True, False, 0, 1, -1, 5.0, 0.5, 65_536, 10**12, "", " ", "a", "587", " 587 ", "5_8",
    "1e3", "true", "x" * 400, "${NAME}", "< your-thing >", [], ["a"], [1], {}, {"a": 1}, {"a": "b"},
]  # fmt: skip
"""What a value is replaced with."""

KEYS = ["unknown", "$schema", "lint", "templates", "use"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def mutate(value: dict[str, Any], chance: random.Random) -> None:
    path = chance.choice([*places(value)] or [("new",)])
    holder: Any = value
    for key in path[:-1]:
        holder = holder[key]
    action = chance.choice(["replace", "replace", "remove", "misspell", "add"])
    if action == "replace" or isinstance(holder, list):
        holder[path[-1]] = copy.deepcopy(chance.choice(VALUES))
    elif action == "remove":
        holder.pop(path[-1], None)
    elif action == "misspell":
        holder[f"{path[-1]}s"] = holder.pop(path[-1], 1)
    else:
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))


@pytest.mark.parametrize("mistakes", [1, 2, 3])
def test_they_agree_on_mistakes(mistakes: int) -> None:
    for seed in range(500):
        chance = random.Random(f"{mistakes} {seed}")  # noqa: S311 - likewise
        kind, valid = chance.choice(VALID)
        made = copy.deepcopy(valid)
        for _ in range(mistakes):
            mutate(made, chance)
        check_agreement(kind, made)
