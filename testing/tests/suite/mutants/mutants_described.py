"""Mutants that describe themselves wrongly, or take wrong settings."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from acme import GUIDE, PRESET, Acme, AcmeConfig
from mutant import caught_by

from passpost import Capability, ConfigError, Preset, Problem
from passpost.config import field

# What a connector says of itself.


@caught_by("test_name_and_description[zh-CN]")
class HasNoChineseName(Acme):
    name = {"en": "Acme"}  # noqa: RUF012 - nobody changes it


@caught_by("test_guide[zh-CN]")
class HasNoChineseGuide(Acme):
    guide = {"en": GUIDE}  # noqa: RUF012 - nobody changes it


@caught_by("test_guide_examples_parse[en]")
class ShowsWhatDoesNotParse(Acme):
    guide = {"en": GUIDE.replace("apiKey", "apikey"), "zh-CN": GUIDE}  # noqa: RUF012 - likewise


@attrs.frozen(kw_only=True)
class Untranslated(AcmeConfig):
    region: str = field(default="eu", title={"en": "Region"}, description={"en": "Where."})


@caught_by("test_form_fields[zh-CN]")
class HasNoChineseField(Acme):
    config_class = Untranslated


@caught_by("test_presets_parse")
class HasABrokenPreset(Acme):
    presets = (PRESET, attrs.evolve(PRESET, id="eu", settings={"apiKey": "<key>", "region": "eu"}))


@caught_by("test_presets_hold_no_secret")
class PublishesItsKey(Acme):
    presets = (attrs.evolve(PRESET, settings={**PRESET.settings, "apiKey": "acme-4711"}),)


@caught_by("test_presets_are_named[zh-CN]")
class HasNoChinesePreset(Acme):
    presets = (Preset("acme", {"en": "Acme"}, PRESET.settings),)


@caught_by("test_info_is_pure")
class ReadsAFileToDescribeItself(Acme):
    def info(self) -> Any:
        Path(__file__).read_text("utf-8")
        return super().info()


@caught_by("test_config_class")
class HasNoConfigClass(Acme):
    config_class = dict

    def parse(self, settings: Mapping[str, Any]) -> Any:
        return dict(settings)


@caught_by("test_capabilities")
class ClaimsNoContent(Acme):
    capabilities = frozenset({Capability.HEADERS})


# How settings become a config.


@caught_by("test_parsing_is_pure[environment]")
class ReadsTheEnvironment(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        os.environ.get("ACME_REGION")
        return super().parse(settings)


@caught_by("test_parsing_is_pure[network]")
class LooksUpItsHost(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        socket.getaddrinfo("localhost", 443)
        return super().parse(settings)


@caught_by("test_parsing_is_pure[files]")
class ReadsAFile(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        Path(__file__).read_text("utf-8")
        return super().parse(settings)


@caught_by("test_parsing_is_repeatable")
class ChangesTheSettings(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        config = super().parse(settings)
        if isinstance(settings, dict):
            settings.setdefault("readTimeout", 5000)
        return config


@caught_by("test_all_problems_come_at_once")
class StopsAtTheFirstProblem(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        try:
            return super().parse(settings)
        except ConfigError as error:
            raise ConfigError(error.problems[:1]) from None


@caught_by("test_unknown_settings_are_refused")
class TakesUnknownSettings(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        known = ("apiKey", "fromEmail", "endpoint")
        return super().parse({key: settings[key] for key in known if key in settings})


@caught_by("test_types_are_strict")
class TakesAListForAText(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        lists = {key: value[0] for key, value in settings.items() if isinstance(value, list)}
        return super().parse({**settings, **lists})


@caught_by("test_required_settings_are_required")
class RequiresNothing(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        return super().parse({"apiKey": "none", **settings})


@caught_by("test_control_characters_in_settings")
class StripsControlCharacters(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        clean = {
            key: "".join(filter(str.isprintable, value)) if isinstance(value, str) else value
            for key, value in settings.items()
        }
        return super().parse(clean)


@attrs.frozen(kw_only=True)
class Plain(AcmeConfig):
    api_key: str = field(title={"en": "Key"})  # type: ignore[assignment]  # this is the mutation


@caught_by("test_credentials_are_secrets")
class KeepsItsKeyAsText(Acme):
    config_class = Plain

    def headers(self, config: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {config.api_key}"}


@attrs.frozen(kw_only=True, repr=False)
class Talkative(AcmeConfig):
    def __repr__(self) -> str:
        return f"Talkative({self.api_key.reveal()})"


@caught_by("test_config_hides_its_secrets")
class ShowsItsKey(Acme):
    config_class = Talkative


@caught_by("test_problems_hide_secrets")
class QuotesTheKeyInAProblem(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        try:
            return super().parse(settings)
        except ConfigError as error:
            quoted = Problem("apiKey", f"{settings.get('apiKey')!r} is no key")
            raise ConfigError([*error.problems, quoted]) from None
