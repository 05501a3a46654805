"""JSON Schema of settings: what editors complete, check and explain them with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args
from urllib.parse import quote

import attrs

from passpost._config.fields import (
    ConfigField,
    Options,
    Shape,
    item_type,
    members,
    shape_of,
)
from passpost._config.leaves import NUMBER, WHOLE
from passpost._config.structure import LINT_KEY, SCHEMA_KEY
from passpost._settings.application import ApplicationSettings
from passpost_tools.lint.settings import LintSettings
from passpost_tools.texts import described_fields, in_language

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_REFERENCE: Final = {"$ref": "#/$defs/reference"}
_DEFINITIONS: Final = {
    "reference": {
        "title": "${NAME} or ${file:/path}",
        "type": "string",
        "pattern": r"^\$\{[^{}]*\}$",
    }
}

_LEAVES: Final[Mapping[Shape, Mapping[str, Any]]] = {
    Shape.BOOLEAN: {"anyOf": [{"type": "boolean"}, _REFERENCE]},
    Shape.SECRET: {"type": "string", "minLength": 1, "format": "password", "writeOnly": True},
    Shape.SETTINGS: {"type": "object"},
}

_TEXT_LIMITS: Final = {"minimum": "minLength", "maximum": "maxLength"}
_NUMBER_LIMITS: Final = {
    "minimum": "minimum",
    "above": "exclusiveMinimum",
    "maximum": "maximum",
}
_LIST_LIMITS: Final = {"minimum": "minItems", "maximum": "maxItems"}
_MAPPING_LIMITS: Final = {"minimum": "minProperties", "maximum": "maxProperties"}


def json_schema(cls: type[Any], language: str = "en") -> dict[str, Any]:
    """Return the JSON Schema of a config class, for completion and checks in editors.

    What `parse` accepts is valid by the schema, references such as ``${NAME}`` included, except
    null for a setting that is left out. What the schema rejects, `parse` rejects as well. `parse`
    also checks what no schema can say, such as addresses and what several settings mean together.

    Args:
        cls: The config class.
        language: The language of titles and descriptions, as a BCP 47 tag.
    """
    schema = _Schema(language)
    made = schema.object(cls)
    # Whatever an editor has there means nothing to `parse`.
    first = {SCHEMA_KEY: {"format": "uri-reference"}, LINT_KEY: schema.object(LintSettings)}
    made["properties"] = {**first, **made["properties"]}
    return {"$schema": DIALECT, **made, "$defs": _DEFINITIONS}


def application_schema(
    connectors: Mapping[str, type[Any]],
    stores: Mapping[str, type[Any]] = MappingProxyType({}),
    *,
    sections: Mapping[str, type[Any]] = MappingProxyType({}),
    others: Iterable[str] = (),
    language: str = "en",
) -> dict[str, Any]:
    """Return the JSON Schema of an application's settings, with those of its connectors within.

    Args:
        connectors: The config class of each connector, by its ID.
        stores: The class of the settings of each kind of stores, by its name.
        sections: The class of each section that a package reads, by its key.
        others: IDs of connectors whose settings are not known.
        language: The language of titles and descriptions, as a BCP 47 tag.
    """
    schema = json_schema(ApplicationSettings, language)
    definitions = dict(schema["$defs"])
    properties = schema["properties"]
    entry = properties["connectors"]["additionalProperties"]
    entry["properties"]["use"] |= _named([*connectors, *others])
    entry["allOf"] = [_settings_of(one, f"settings of {one}") for one in connectors]
    store = properties["stores"]
    store["properties"]["use"] |= _named(list(stores))
    store["allOf"] = [_settings_of(one, f"settings of the stores {one}") for one in stores]
    described = _Schema(language)
    definitions |= {f"settings of {one}": described.object(connectors[one]) for one in connectors}
    definitions |= {
        f"settings of the stores {one}": described.object(stores[one]) for one in stores
    }
    for key, cls in sections.items():
        properties[key] = {**properties[key], **described.object(cls)}
        for inner, kinds in _kinds_within(cls).items():
            names = {f"settings of {key}.{inner} {one}": one for one in kinds}
            properties[key]["properties"][inner] |= _one_of(names)
            definitions |= {
                name: _with_use(described.object(kinds[one]), one) for name, one in names.items()
            }
    return {**schema, "$defs": definitions}


def _kinds_within(cls: type[Any]) -> Mapping[str, Mapping[str, type[Any]]]:
    """Return what a section's class says of settings within that depend on their ``use``."""
    kinds = getattr(cls, "kinds", None)
    return {} if kinds is None else kinds()


def _one_of(names: Mapping[str, str]) -> dict[str, Any]:
    """Return the rule that an object is described by the definition that its ``use`` picks."""
    picked = [
        {
            "if": {"required": ["use"], "properties": {"use": {"const": one}}},
            "then": {"$ref": f"#/$defs/{quote(name)}"},
        }
        for name, one in names.items()
    ]
    use = _named(list(names.values()))
    return {"required": ["use"], "properties": {"use": use}, "allOf": picked}


def _with_use(described: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the schema of an object whose ``use`` is beside its settings."""
    return {**described, "properties": {"use": {"const": name}, **described["properties"]}}


def _named(names: Sequence[str]) -> dict[str, Any]:
    return {"anyOf": [{"enum": list(names)}, _REFERENCE]}


def _settings_of(name: str, definition: str) -> dict[str, Any]:
    """Return the rule that settings are those of what the entry uses."""
    place = f"#/$defs/{quote(definition)}"
    return {
        "if": {"required": ["use"], "properties": {"use": {"const": name}}},
        "then": {"properties": {"settings": {"$ref": place}}},
    }


@attrs.frozen
class _Schema:
    language: str

    def object(self, cls: type[Any]) -> dict[str, Any]:
        fields = described_fields(cls)
        made: dict[str, Any] = {"type": "object"}
        if title := class_title(cls, self.language):
            made["title"] = title
        made["properties"] = {field.key: self._property(field) for field in fields}
        made["required"] = [field.key for field in fields if field.required]
        made["additionalProperties"] = False
        return made

    def _property(self, field: ConfigField) -> dict[str, Any]:
        options = field.options
        notes = {
            "title": in_language(options.title, self.language),
            "description": in_language(options.description, self.language),
            # Descriptions are Markdown, which Visual Studio Code shows as text unless told so.
            "markdownDescription": in_language(options.description, self.language),
            "deprecated": options.deprecated or None,
            "default": plain_default(field),
            "examples": None if options.example is None else [options.example],
        }
        shown = {name: note for name, note in notes.items() if note not in (None, "")}
        return {**shown, **self._type(field.type, options)}

    def _type(self, type_: Any, options: Options) -> dict[str, Any]:
        match shape_of(type_):
            case Shape.LIST:
                items = self._type(item_type(type_), options.of_items)
                return {"type": "array", "items": items, **_limits(options, _LIST_LIMITS)}
            case Shape.MAPPING:
                values = self._type(item_type(type_), options.of_items)
                limits = _limits(options, _MAPPING_LIMITS)
                return {"type": "object", "additionalProperties": values, **limits}
            case Shape.UNION:
                return self._union(type_, options)
            case Shape.OBJECT:
                return self.object(type_)
            case shape:
                return _leaf(shape, type_, options)

    def _union(self, type_: Any, options: Options) -> dict[str, Any]:
        kinds = [self._type(kind, options) for kind in members(type_)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def class_title(cls: type[Any], language: str) -> str:
    """Return what a config class calls itself: its class variable ``title``, or nothing."""
    title = getattr(cls, "title", None)
    return in_language(title, language) if isinstance(title, Mapping) else ""


def plain_default(field: ConfigField) -> Any:
    """Return a default that can be shown: a text, a number, true or false; else None."""
    value = None if field.required or field.depends else field.default_value()
    return value if isinstance(value, str | int | float) else None


def choices_of(type_: Any, options: Options) -> tuple[Any, ...]:
    """Return the only values that a setting may have; empty if there are others."""
    if shape_of(type_) is Shape.CHOICE:
        return get_args(type_)
    return options.choices or ()


def _leaf(shape: Shape, type_: Any, options: Options) -> dict[str, Any]:
    if choices := choices_of(type_, options):
        return {"anyOf": [{"enum": list(choices)}, _REFERENCE]}
    match shape:
        case Shape.WHOLE:
            return _number("integer", WHOLE.pattern, options)
        case Shape.NUMBER:
            return _number("number", NUMBER.pattern, options)
        case Shape.TEXT:
            return _text(options)
        case _:
            return dict(_LEAVES.get(shape, {"type": "string"}))


def _text(options: Options) -> dict[str, Any]:
    limits = _limits(options, _TEXT_LIMITS)
    if options.pattern is not None:
        limits["pattern"] = f"^(?:{options.pattern.pattern})$"
    made = {"type": "string", **limits}
    return {"anyOf": [made, _REFERENCE]} if limits else made


def _number(kind: str, pattern: str, options: Options) -> dict[str, Any]:
    number = {"type": kind, **_limits(options, _NUMBER_LIMITS)}
    text = {"type": "string", "pattern": rf"^[ \t\r\n]*{pattern}[ \t\r\n]*$"}
    return {"anyOf": [number, text, _REFERENCE]}


def _limits(options: Options, names: Mapping[str, str]) -> dict[str, Any]:
    found = {name: getattr(options, limit) for limit, name in names.items()}
    return {name: value for name, value in found.items() if value is not None}
