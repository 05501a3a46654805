"""Looks at what a config holds: for warnings, placeholders, and secrets to keep quiet about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from passpost.addresses import Address
from passpost.config.fields import config_fields, rules
from passpost.config.leaves import FILL_IN, PLACEHOLDER
from passpost.config.objects import run_rule
from passpost.config.paths import Path, joined, path_text
from passpost.config.problems import Problem, Severity
from passpost.config.settings import Settings
from passpost.config.values import is_placeholder
from passpost.secret import Secret


@attrs.frozen
class _Part:
    """A part of a config: an instance of a config class, or a value.

    Attributes:
        path: Where its setting stands.
        value: The part.
        placeholders: Whether a text in angle brackets counts as not filled in.
    """

    path: Path
    value: Any
    placeholders: bool

    @property
    def is_object(self) -> bool:
        kind = type(self.value)
        return (
            attrs.has(kind)
            and not isinstance(self.value, Address | Settings)
            and not hasattr(kind, "from_setting")
        )


def warnings(config: Any) -> tuple[Problem, ...]:
    """Give what is unlikely to be meant in a valid config, with relative paths and no places.

    Those are the warnings of the rules of its class and of the classes within, and the placeholders
    that are not filled in. `Settings.placed` adds file, line and column.
    """
    found = [
        attrs.evolve(problem, path=joined(path_text(part.path), problem.path))
        for part in _parts(config)
        if part.is_object
        for names, method in rules(type(part.value))
        for problem in run_rule(type(part.value), names, method, part.value)
        if problem.severity == "warning"
    ]
    return (*found, *_placeholders(config, "warning", (str, Address, Secret)))


def placeholders(config: Any) -> tuple[Problem, ...]:
    """Give the placeholders that are not filled in, as errors: nothing can be sent with them.

    A secret that looks like one is left out: it might be the secret.
    """
    return tuple(_placeholders(config, "error", (str, Address)))


def secrets_in(config: Any) -> Iterator[str]:
    """Give the text of every secret in a config, for whoever has to keep it out of logs."""
    for part in _parts(config):
        if isinstance(part.value, Secret):
            yield part.value.reveal()


def _placeholders(
    config: Any, severity: Severity, kinds: tuple[type[Any], ...]
) -> Iterable[Problem]:
    for part in _parts(config):
        if (
            part.placeholders
            and isinstance(part.value, kinds)
            and is_placeholder(_text(part.value))
        ):
            yield Problem(path_text(part.path), PLACEHOLDER, FILL_IN, severity)


def _text(value: str | Address | Secret) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    return value.address if isinstance(value, Address) else value


def _parts(config: Any) -> Iterator[_Part]:
    return _within(_Part((), config, placeholders=True))


def _within(part: _Part) -> Iterator[_Part]:
    yield part
    for inner in _members(part):
        yield from _within(inner)


def _members(part: _Part) -> Iterator[_Part]:
    if part.is_object:
        for field in config_fields(type(part.value)):
            shows = part.placeholders and field.options.placeholders
            yield _Part((*part.path, field.key), getattr(part.value, field.name), shows)
    elif isinstance(part.value, tuple):
        for index, item in enumerate(part.value):
            yield attrs.evolve(part, path=(*part.path, index), value=item)
    elif isinstance(part.value, Mapping) and not isinstance(part.value, Settings):
        for key, item in part.value.items():
            yield attrs.evolve(part, path=(*part.path, key), value=item)
