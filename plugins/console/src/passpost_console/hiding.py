r"""Hides the secrets of a settings file, so that its text can be shown, edited and compared.

A secret is shown as `MASK`, and a mask that comes back at the same place stands for the secret
that is there. Comments are treated alike: many of them are settings of yesterday.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost import config
from passpost_tools.setup.questions import field_at, inner_fields, is_reference, is_secret
from passpost_tools.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from passpost_tools.descriptions import FormField

Path = tuple[str | int, ...]

MASK: Final = "***"
"""What is shown in place of a secret."""

NEW: Final = "*** (new)"
"""What is shown in place of a secret that somebody has typed just now."""

_WORDS: Final = (
    "(?:pass(?!post)|pw|secret|token|key|credential|auth|密码|口令|授权码|密钥|私钥|令牌|凭证)"
)
_TELLING: Final = re.compile(_WORDS, re.IGNORECASE)
# Each run of letters is looked at once, however long it is.
_NAME: Final = rf"""(?<!["'\w.-]) (?= ["'\w.-]* {_WORDS}) ["'\w.-]++"""
_VALUE: Final = r""" "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | [^\s,;，；。]+ """
_TOLD: Final = re.compile(rf"(?ix) ({_NAME} \s* [:=：] \s*) ({_VALUE})")
# Without a colon, most words behind a name are prose.
_NAMED: Final = re.compile(
    rf"""(?ix) ({_NAME} \s+) ( "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | (?=\S*\d)[!-~]{{6,}} )"""
)
# A text that cannot be read may end within a value, or have more of its kind in a list.
_SAID: Final = re.compile(
    rf"""(?ix) ( " (?= [^"\n]* {_WORDS}) [^"\n]*+ " \s* : \s* \[? \s* )
    ( "(?:[^"\\\n]|\\.)*"? | '[^'\n]*'? | [^\s"'\[\]{{}},][^\s,}}\]]* )"""
)
_LITERALS: Final = frozenset(("true", "false", "null"))
_BY_NAME: Final = ("list", "mapping", "variants")
"""Settings whose class does not say which of the texts within are secrets."""

_WITH_PASSWORD: Final = re.compile(r"(?i)(?<=[a-z0-9+.-])://[^/\s@:]*+:[^/\s@]*+@")


@attrs.frozen
class Hidden:
    """A text without its secrets.

    Attributes:
        text: The text.
        paths: Where its secrets are.
    """

    text: str
    paths: tuple[Path, ...]


def secret_paths(data: Any, forms: Mapping[str, Sequence[FormField]]) -> Iterator[Path]:
    """Yield where the settings of an application contain secrets, not references to them.

    Args:
        data: The settings.
        forms: The forms of its connectors, by name.
    """
    for key, value in data.items() if isinstance(data, dict) else ():
        if key == "templates":
            continue
        if key != "connectors" or not isinstance(value, dict):
            yield from _within(value, (key,), None, known=False)
            continue
        for name, entry in value.items():
            settings = entry.get("settings") if isinstance(entry, dict) else None
            place = (key, name, "settings")
            yield from _settings(settings, place, forms.get(name, ()))


def _settings(value: Any, place: Path, fields: Sequence[FormField]) -> Iterator[Path]:
    for key, item in value.items() if isinstance(value, dict) else ():
        if key == "templates":
            continue
        field = field_at(fields, (key,)) if fields else None
        inner = inner_fields(field)
        if inner and isinstance(item, dict):
            yield from _settings(item, (*place, key), inner)
        else:
            yield from _within(item, (*place, key), field, known=field is not None)


def _within(
    value: Any, place: Path, field: FormField | None, *, known: bool, told: bool = False
) -> Iterator[Path]:
    """Yield secrets by the name of their key, where no class says which they are."""
    key = place[-1]
    is_told = told or (isinstance(key, str) and _is_told(field, key, known=known))
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _within(item, (*place, name), None, known=False, told=is_told)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, (*place, index), None, known=False, told=is_told)
    elif isinstance(value, str) and (
        (is_told and not _is_open(value)) or _WITH_PASSWORD.search(value)
    ):
        yield place


def _is_told(field: FormField | None, key: str, *, known: bool) -> bool:
    if known and field is not None and field.widget not in _BY_NAME:
        return is_secret(field, key)
    return _TELLING.search(key) is not None


def _is_open(value: str) -> bool:
    return is_reference(value) or config.is_placeholder(value) or not value


def hide(spans: Spans, forms: Mapping[str, Sequence[FormField]]) -> Hidden:
    """Return a text without its secrets."""
    paths = tuple(secret_paths(spans.value, forms))
    return Hidden(replaced(spans, dict.fromkeys(paths, MASK)), paths)


def replaced(spans: Spans, values: Mapping[Path, str]) -> str:
    """Return a text with other values at some paths, and without secrets in its comments."""
    parts = [*_written(spans, values)]
    parts += [(at, at + len(old), quiet(old)) for at, old in spans.comments]
    return _spliced(spans.text, parts)


def _written(spans: Spans, values: Mapping[Path, str]) -> Iterator[tuple[int, int, str]]:
    for path, value in values.items():
        member = spans.members[path]
        yield member.value, member.end, json.dumps(value, ensure_ascii=False)


def quiet(comment: str) -> str:
    """Return a comment with what looks like a secret hidden."""
    hidden = comment
    for told in (_TOLD, _NAMED):
        hidden = told.sub(lambda found: found[1] + _masked(found[2]), hidden)
    return _WITH_PASSWORD.sub(MASK, hidden)


def quiet_draft(text: str, forms: Mapping[str, Sequence[FormField]]) -> str:
    """Return a text that somebody is writing without the secrets in it, even if it is not JSON."""
    try:
        return hide(Spans(text), forms).text
    except passpost.ConfigError:
        told = _SAID.sub(lambda said: said[1] + _masked(said[2]), text)
        return _WITH_PASSWORD.sub(MASK, told)


def _masked(value: str) -> str:
    bare = value.strip("\"'")
    return value if value in _LITERALS or _is_open(bare) else value.replace(bare, MASK)


def reveal(text: str, before: str, forms: Mapping[str, Sequence[FormField]]) -> str:
    """Return a text with the secrets that its masks stand for: those at the same places.

    Args:
        text: The text that somebody has edited.
        before: The text as it was, with its secrets.
        forms: The forms of its connectors, by name.

    Raises:
        ConfigError: A text cannot be read.
    """
    old, new = Spans(before if before.strip() else "{}"), Spans(text)
    known = {path: value_at(old.value, path) for path in secret_paths(old.value, forms)}
    wanted = {path: known[path] for path in known if value_at(new.value, path) == MASK}
    return _spliced(text, [*_written(new, wanted), *_revealed_comments(new, old)])


def _revealed_comments(new: Spans, old: Spans) -> Iterator[tuple[int, int, str]]:
    originals: defaultdict[str, list[str]] = defaultdict(list)
    for _, comment in old.comments:
        originals[quiet(comment)].append(comment)
    for at, comment in new.comments:
        if MASK in comment and originals[comment]:
            yield at, at + len(comment), originals[comment].pop(0)


def left_masks(data: Any, forms: Mapping[str, Sequence[FormField]]) -> tuple[Path, ...]:
    """Return where settings have a mask that stands for nothing."""
    return tuple(path for path in secret_paths(data, forms) if value_at(data, path) == MASK)


def value_at(data: Any, path: Path) -> Any:
    """Return the value at a path of keys and indexes; None if there is nothing."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _spliced(text: str, parts: Sequence[tuple[int, int, str]]) -> str:
    order: Callable[[tuple[int, int, str]], int] = lambda part: part[0]  # noqa: E731
    for start, end, new in sorted(parts, key=order, reverse=True):
        text = text[:start] + new + text[end:]
    return text
