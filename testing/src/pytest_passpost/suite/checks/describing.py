"""Checks of what a connector says of itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from passpost import Capability
from passpost import config as settings_to_config
from passpost._config.fields import ConfigField
from passpost._connector_info import LANGUAGES
from passpost.config import is_placeholder, secrets_in
from passpost_tools.descriptions import inner_classes
from passpost_tools.texts import described_fields
from pytest_passpost.suite.instruments.purity import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_passpost.suite.instruments.bench import Bench

_EXAMPLE: Final = re.compile(r"^ *```jsonc\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_REFERENCE: Final = re.compile(r'"\$\{[^}"]*\}"')

by_language: Final = pytest.mark.parametrize("language", LANGUAGES)


class DescriptionChecks:
    """`connector_info`, its guides and its presets."""

    @by_language
    def test_name_and_description(self, bench: Bench, language: str) -> None:
        assert bench.info.name.get(language), f"connector_info has no name in {language}"
        assert bench.info.description.get(language), f"there is no description in {language}"

    def test_info_is_pure(self, bench: Bench) -> None:
        bench.describe()
        with watched() as seen:
            again = bench.describe()
        assert seen == [], "connector_info does more than describe"
        assert again == bench.describe(), "connector_info says something else each time"

    def test_config_class(self, bench: Bench) -> None:
        cls = bench.info.config_class
        assert attrs.has(cls), "the config class is not an attrs class"
        assert isinstance(bench.config(), cls)
        assert settings_to_config.json_schema(cls)["properties"], "there are no settings"

    def test_capabilities(self, bench: Bench) -> None:
        claimed = bench.info.capabilities
        assert claimed <= set(Capability), "a capability is claimed that does not exist"
        content = {Capability.TEXT, Capability.HTML, Capability.PROVIDER_TEMPLATES}
        assert claimed & content, "a connector sends text, HTML or the provider's templates"

    @by_language
    def test_guide(self, bench: Bench, language: str) -> None:
        assert language in bench.info.guide, f"there is no guide in {language}"
        guide = bench.info.guide[language]
        assert guide.startswith("# "), "a guide begins with its title"

    @by_language
    def test_guide_examples_parse(self, bench: Bench, language: str) -> None:
        examples = _EXAMPLE.findall(bench.info.guide.get(language, ""))
        assert examples, "a guide shows settings, in a block that begins with ```jsonc"
        for example in examples:
            for settings in _settings(_REFERENCE.sub('"<reference>"', example), bench.info.id):
                assert bench.problems(settings) == {}, f"does not parse: {example}"

    def test_presets_parse(self, bench: Bench) -> None:
        presets = bench.info.presets
        assert presets, "there is no preset to start from"
        assert len({preset.id for preset in presets}) == len(presets), "two presets share an ID"
        for preset in presets:
            assert bench.problems(preset.settings) == {}, f"preset {preset.id} does not parse"

    @by_language
    def test_presets_are_named(self, bench: Bench, language: str) -> None:
        unnamed = [preset.id for preset in bench.info.presets if not preset.name.get(language)]
        assert unnamed == [], f"presets have no name in {language}"

    def test_presets_hold_no_secret(self, bench: Bench) -> None:
        for preset in bench.info.presets:
            held = list(secrets_in(bench.config(preset.settings)))
            filled_in = sum(not is_placeholder(secret) for secret in held)
            assert not filled_in, f"preset {preset.id} has a secret instead of a <placeholder>"

    @by_language
    def test_form_fields(self, bench: Bench, language: str) -> None:
        untold = [
            field.key
            for field in _all_fields(bench.info.config_class)
            if not (field.options.title.get(language) and field.options.description.get(language))
        ]
        assert untold == [], f"settings have no title or no description in {language}"


def _settings(example: str, connector: str) -> Iterator[Any]:
    """Return a connector's settings in an example: its own, or those in an application's file."""
    data = settings_to_config.read(example).data
    if "connectors" not in data:
        yield data
        return
    for entry in data["connectors"].values():
        if entry.get("use") == connector:
            yield entry.get("settings", {})


def _all_fields(cls: type[Any]) -> Iterator[ConfigField]:
    """Return the settings of a config class and of those within it, but for passpost's own."""
    for field in described_fields(cls):
        yield field
        for inner in inner_classes(field.type):
            if not inner.__module__.startswith("passpost._templates"):
                yield from _all_fields(inner)
