"""Writes settings with a comment for each, and changes parts of those that exist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from passpost import config
from passpost.phrases import Phrases, translated
from passpost_tools.descriptions import form_fields
from passpost_tools.editing import rewrite
from passpost_tools.setup.questions import field_at, inner_fields
from passpost_tools.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from passpost_tools.descriptions import FormField

_: Final = Phrases("passpost_tools")

SCHEMA: Final = "./passpost.schema.json"
"""The schema that a new file names, beside it: ``passpost schema`` writes it."""

_UNIT: Final = "  "
_SHOWN_DELIVERY: Final = ("timeout", "attempts", "onUnknown")


def new_text(settings: Mapping[str, Any], fields: Sequence[FormField], language: str) -> str:
    """Return the text of a new settings file, with comments in the reader's language.

    Args:
        settings: An application's settings with one connector.
        fields: The form of the connector's settings.
        language: The language, as a BCP 47 tag.
    """
    return "\n".join(_File(fields, language).lines(settings)) + "\n"


class _File:
    def __init__(self, fields: Sequence[FormField], language: str) -> None:
        self._fields = fields
        self._own = form_fields(config.ApplicationSettings, language)
        self._language = language

    def lines(self, settings: Mapping[str, Any]) -> Iterator[str]:
        for text in (
            _("What passpost sends emails through, and what they say."),
            _("passpost reads comments like this one, and commas before a closing bracket."),
        ):
            yield f"// {self._said(text)}"
        yield "{"
        schema = self._said(_("With this file, editors complete and explain settings."))
        yield f"{_UNIT}// {schema}"
        yield f'{_UNIT}"$schema": {json.dumps(SCHEMA)},'
        yield from self._connectors(settings["connectors"])
        yield from self._delivery()
        if templates := settings.get("templates"):
            yield from self._about("templates")
            yield f'{_UNIT}"templates": {commented(templates, (), _UNIT)},'
        yield "}"

    def _connectors(self, connectors: Mapping[str, Any]) -> Iterator[str]:
        yield from self._about("connectors")
        yield f'{_UNIT}"connectors": {{'
        for name, entry in connectors.items():
            yield f"{_UNIT * 2}{_json(name)}: {commented_entry(entry, self._fields, _UNIT * 2)},"
        yield f"{_UNIT}}},"

    def _delivery(self) -> Iterator[str]:
        """Yield the policy with its defaults, as comments."""
        yield from self._about("delivery")
        yield f'{_UNIT}"delivery": {{'
        policy = inner_fields(field_at(self._own, ("delivery",)))
        for field in policy:
            if field.key in _SHOWN_DELIVERY:
                yield f"{_UNIT * 2}// {_one_line(field.description)}"
                default = field.default
                shown = f"{default:g}" if isinstance(default, float) else _json(default)
                yield f"{_UNIT * 2}// {_json(field.key)}: {shown},"
        yield f"{_UNIT}}},"

    def _about(self, key: str) -> Iterator[str]:
        field = field_at(self._own, (key,))
        if field is not None and field.description:
            yield f"{_UNIT}// {_one_line(field.description)}"

    def _said(self, text: str) -> str:
        return str(translated(text, self._language))


def commented_entry(entry: Mapping[str, Any], fields: Sequence[FormField], indent: str) -> str:
    """Return a connector of an application's settings, with a comment for each of its settings."""
    inner = indent + _UNIT
    own = commented(entry["settings"], fields, inner)
    lines = (f'"use": {_json(entry["use"])},', f'"settings": {own},')
    return "{\n" + "".join(f"{inner}{line}\n" for line in lines) + f"{indent}}}"


def commented(value: Any, fields: Sequence[FormField], indent: str) -> str:
    """Return a value as JSON on lines of its own, with a comment before each setting.

    Args:
        value: JSON data.
        fields: What the settings mean; those that it does not have come without a comment.
        indent: The white space before the line on which the value begins.
    """
    if isinstance(value, dict) and value:
        return _block("{}", _members(value, fields, indent + _UNIT), indent)
    if isinstance(value, list) and value:
        inner = indent + _UNIT
        items = (f"{inner}{commented(item, (), inner)},\n" for item in value)
        return _block("[]", items, indent)
    return _json(value)


def _members(value: Mapping[str, Any], fields: Sequence[FormField], indent: str) -> Iterator[str]:
    for key, item in value.items():
        field = field_at(fields, (key,))
        if field is not None and field.description:
            yield f"{indent}// {_one_line(field.description)}\n"
        yield f"{indent}{_json(key)}: {commented(item, inner_fields(field), indent)},\n"


def _block(brackets: str, inside: Iterable[str], indent: str) -> str:
    return f"{brackets[0]}\n{''.join(inside)}{indent}{brackets[1]}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def with_part(text: str, path: tuple[str, ...], written: str) -> str:
    """Return a text with the value at a path replaced by another text."""
    member = Spans(text).members[path]
    newline = "\r\n" if "\r\n" in text else "\n"
    return text[: member.value] + written.replace("\n", newline) + text[member.end :]


def with_entry(text: str, name: str, entry: Mapping[str, Any], fields: Sequence[FormField]) -> str:
    """Return a text with a connector replaced or added as a whole, with comments of its own.

    Comments within the connector that was there are removed: they explained its settings.
    """
    data = _data(text)
    path = ("connectors", name)
    if name in data.setdefault("connectors", {}):
        text = with_part(text, path, "{}")
    else:
        data["connectors"][name] = {}
        text = rewrite(text, data)
    return with_part(text, path, commented_entry(entry, fields, _indent(text, path)))


def with_templates(text: str, templates: Sequence[Mapping[str, Any]]) -> str:
    """Return a text with all templates replaced."""
    data, path = _data(text), ("templates",)
    if "templates" not in data:
        text = rewrite(text, {**data, "templates": []})
    return with_part(text, path, commented([*templates], (), _indent(text, path)))


def masked(text: str, paths: Iterable[tuple[str, ...]]) -> str:
    """Return a text with the values at some paths hidden."""
    for path in paths:
        text = with_part(text, path, '"***"')
    return text


def _data(text: str) -> Any:
    return Spans(text).value


def _indent(text: str, path: tuple[str, ...]) -> str:
    """Return the white space at the beginning of a member's line."""
    start = Spans(text).members[path].start
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return line[: len(line) - len(line.lstrip())]
