"""Looks at what a config holds: for warnings, placeholders, and secrets to keep quiet about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final

import attrs

from passpost._config.fields import config_fields, rules
from passpost._config.leaves import FILL_IN, PLACEHOLDER
from passpost._config.objects import run_rule
from passpost._config.settings import Settings
from passpost._config.values import doubt_of_secret, is_placeholder, is_secret_placeholder
from passpost._messages.addresses import Address
from passpost._paths import Path, joined, path_text, quoted
from passpost._problems import Problem, Severity
from passpost._secret import Secret

_HOLDS_NONE: Final = (str, bytes, int, float, type, ModuleType, FunctionType, Settings)
# A config has some dozens; whoever keeps the whole application in it does not wait for its end.
_MAX_SEEN: Final = 10_000


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

    Those are the warnings of the rules of its class and of the classes within, the placeholders
    that are not filled in, and secrets and addresses that look wrong. `Settings.placed` adds file,
    line and column.
    """
    found = [
        attrs.evolve(problem, path=joined(path_text(part.path), problem.path))
        for part in _parts(config)
        if part.is_object
        for names, method in rules(type(part.value))
        for problem in run_rule(type(part.value), names, method, part.value)
        if problem.severity == "warning"
    ]
    return (*found, *_placeholders(config, "warning"), *_doubts(config))


def placeholders(config: Any) -> tuple[Problem, ...]:
    """Give the placeholders that are not filled in, as errors: nothing can be sent with them.

    A secret in angle brackets counts only if it is made of the words that guides use: a password
    may happen to begin with < and end with >.
    """
    return tuple(_placeholders(config, "error"))


def secrets_in(config: Any) -> Iterator[str]:
    """Give the text of every secret in a config, for whoever has to keep it out of logs.

    A config of another kind than attrs classes is looked through as well.
    """
    waiting = [config]
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _MAX_SEEN:
        value = waiting.pop()
        if isinstance(value, Secret):
            yield value.reveal()
        elif not isinstance(value, _HOLDS_NONE) and id(value) not in seen:
            # Kept: an id is unique among objects that exist.
            seen[id(value)] = value
            waiting += _held(value)


def _held(value: Any) -> Iterator[Any]:
    """Give what an object holds, of whatever kind it is."""
    if isinstance(value, Mapping):
        yield from (each for item in value.items() for each in item)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        for member in vars(kind).values():
            # A slot, which may be empty.
            if isinstance(member, MemberDescriptorType):
                with suppress(AttributeError):
                    yield member.__get__(value)


def _placeholders(config: Any, severity: Severity) -> Iterable[Problem]:
    for part in _parts(config):
        if not part.placeholders or not isinstance(part.value, str | Address | Secret):
            continue
        is_one = is_secret_placeholder if isinstance(part.value, Secret) else is_placeholder
        if is_one(_text(part.value)):
            yield Problem(path_text(part.path), PLACEHOLDER, FILL_IN, severity)


def _doubts(config: Any) -> Iterable[Problem]:
    for part in _parts(config):
        doubt = None
        if isinstance(part.value, Secret):
            doubt = doubt_of_secret(part.value.reveal())
        elif isinstance(part.value, Address):
            doubt = _doubt_of_address(part.value)
        if doubt:
            yield Problem(path_text(part.path), *doubt, "warning")


def _doubt_of_address(address: Address) -> tuple[str, str] | None:
    # A literal such as [192.0.2.1] has its own form; a placeholder is warned of as such.
    domain = address.domain
    if not domain or "." in domain or domain.startswith("[") or is_placeholder(address.address):
        return None
    return (
        f"the domain {quoted(domain)} has no dot",
        "write the whole domain, such as example.com, unless the name is local",
    )


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
