"""Checks of how settings become a config."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import pytest

from passpost import ConfigError
from passpost._config.fields import config_fields
from passpost.config import secrets_in
from pytest_passpost.suite.instruments.canaries import Canaries, LogRecords, shown
from pytest_passpost.suite.instruments.pointing import Path, leaves, with_value
from pytest_passpost.suite.instruments.purity import watched
from pytest_passpost.suite.instruments.texts import REFUSED_IN_LINE, named_character

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_passpost.suite.instruments.bench import Bench

UNKNOWN: Final = "passpostUnknownSetting"
"""A setting that no connector has."""


class ParsingChecks:
    """`parse_config`: pure, complete, strict, and silent about secrets."""

    def test_parsing_is_repeatable(self, bench: Bench) -> None:
        settings = bench.settings
        before = copy.deepcopy(settings)
        first, second = bench.config(settings), bench.config(settings)
        assert first == second, "the same settings give another config"
        assert settings == before, "parse_config changes the settings that it is given"

    @pytest.mark.parametrize("what", ["network", "files", "programs", "environment"])
    def test_parsing_is_pure(self, bench: Bench, what: str) -> None:
        settings = bench.settings
        bench.config(settings)  # what is imported late is imported now
        with watched() as seen:
            bench.config(settings)
        assert [one for one in seen if one.startswith(what)] == []

    def test_unknown_settings_are_refused(self, bench: Bench) -> None:
        problems = bench.problems({**bench.settings, UNKNOWN: 1})
        assert UNKNOWN in problems, "a setting that does not exist is taken"

    def test_required_settings_are_required(self, bench: Bench) -> None:
        for field in config_fields(bench.info.config_class):
            if field.required:
                left = {key: v for key, v in bench.settings.items() if key != field.key}
                assert field.key in bench.problems(left), f"{field.key} may be left out"

    def test_types_are_strict(self, bench: Bench) -> None:
        for key in _plain(bench.settings):
            changed = {**bench.settings, key: [bench.settings[key]]}
            assert key in _roots(bench.problems(changed)), f"{key} may be a list"

    def test_all_problems_come_at_once(self, bench: Bench) -> None:
        wrong = {key: [["wrong"]] for key in _plain(bench.settings)}
        problems = bench.problems({**bench.settings, **wrong, UNKNOWN: 1})
        assert _roots(problems) >= {*wrong, UNKNOWN}, "parse_config stops at a problem"

    def test_credentials_are_secrets(self, bench: Bench) -> None:
        secrets = set(secrets_in(bench.config(bench.direct)))
        plain = [_name(path) for path, value in bench.credentials() if value not in secrets]
        assert plain == [], "give these settings the type passpost.Secret"

    def test_config_hides_its_secrets(self, bench: Bench) -> None:
        config = bench.config()
        canaries = Canaries(bench.secrets(config))
        assert canaries.found_in(repr(config), str(config)) == []

    def test_problems_hide_secrets(self, bench: Bench) -> None:
        for settings, secret in _spoilt(bench):
            with LogRecords() as logged, pytest.raises(ConfigError) as caught:
                bench.config(settings)
            found = Canaries([("the secret", secret)]).found_in(*logged.texts, *shown(caught.value))
            assert found == [], "the problems of settings, or their traceback, show a secret"

    @pytest.mark.parametrize("character", REFUSED_IN_LINE, ids=named_character)
    def test_control_characters_in_settings(self, bench: Bench, character: str) -> None:
        secret = {path for path, _ in bench.credentials()}
        for path, value in leaves(bench.settings):
            if not isinstance(value, str) or "\n" in value or path in secret:
                continue
            middle = len(value) // 2
            spoilt = f"{value[:middle]}{character}{value[middle:]}"
            problems = bench.problems(with_value(bench.settings, path, spoilt))
            assert problems, f"{_name(path)} takes {named_character(character)}"


def _plain(settings: dict[str, Any]) -> list[str]:
    """Return the settings that are plain texts, numbers or switches."""
    return [key for key, value in settings.items() if isinstance(value, str | int | float)]


def _roots(problems: dict[str, str]) -> set[str]:
    return {path.partition(".")[0].partition("[")[0] for path in problems}


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _spoilt(bench: Bench) -> Iterator[tuple[dict[str, Any], str]]:
    """Return settings that cannot parse because of a secret, or beside it, and the secret."""
    for path, value in bench.credentials():
        yield {**bench.settings, UNKNOWN: value}, value
        canary = f"{value}canary"
        yield with_value({**bench.settings, UNKNOWN: 1}, path, canary), canary
        if len(path) == 1:
            yield with_value(bench.settings, path, [[canary]]), canary
