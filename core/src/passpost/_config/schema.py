"""JSON Schema of a config class, for editors (draft 2020-12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from passpost._config.fields import config_fields
from passpost._config.leaves import NUMBER, WHOLE
from passpost._config.objects import SCHEMA_KEY
from passpost._config.shapes import Shape, item_type, members, shape_of
from passpost._connector_info import in_language

if TYPE_CHECKING:
    from passpost._config.fields import ConfigField, Options

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
    """Give the JSON Schema of the settings of a config class, for completion and checks in editors.

    Whatever `parse` accepts, references such as ``${NAME}`` included, is valid by the schema, but
    for null in place of leaving a setting out; the schema is not as strict as `parse` is.

    Args:
        cls: The config class.
        language: The language of titles and descriptions, as a BCP 47 tag.
    """
    schema = _Schema(language)
    made = schema.object(cls)
    made["properties"] = {SCHEMA_KEY: {"type": "string"}, **made["properties"]}
    return {"$schema": DIALECT, **made, "$defs": _DEFINITIONS}


@attrs.frozen
class _Schema:
    language: str

    def object(self, cls: type[Any]) -> dict[str, Any]:
        fields = config_fields(cls)
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
            "default": plain_default(field),
            "examples": None if options.example is None else [options.example],
        }
        shown = {name: note for name, note in notes.items() if note not in (None, "")}
        return {**shown, **self._type(field.type, options)}

    def _type(self, type_: Any, options: Options) -> dict[str, Any]:
        match shape_of(type_):
            case Shape.LIST:
                items = self._type(item_type(type_), _without_limits(options))
                return {"type": "array", "items": items, **_limits(options, _LIST_LIMITS)}
            case Shape.MAPPING:
                values = self._type(item_type(type_), _without_limits(options))
                limits = _limits(options, _MAPPING_LIMITS)
                return {"type": "object", "additionalProperties": values, **limits}
            case Shape.UNION:
                return self._union(type_, options)
            case Shape.OBJECT:
                return self.object(type_)
            case shape:
                return _leaf(shape, type_, options)

    def _union(self, type_: Any, options: Options) -> dict[str, Any]:
        kinds = members(type_)
        if len(kinds) == 1:
            return self._type(kinds[0], options)
        return {"anyOf": [self._type(kind, options) for kind in kinds]}


def class_title(cls: type[Any], language: str) -> str:
    """Give what a config class calls itself: its class variable ``title``, or nothing."""
    title = getattr(cls, "title", None)
    return in_language(title, language) if isinstance(title, Mapping) else ""


def plain_default(field: ConfigField) -> Any:
    """Give a default that can be shown: a text, a number, true or false; else None."""
    value = None if field.required or field.depends else field.default_value()
    return value if isinstance(value, str | int | float) else None


def choices_of(type_: Any, options: Options) -> tuple[Any, ...]:
    """Give the only values that a setting may have, where there are such."""
    if shape_of(type_) is Shape.CHOICE:
        return get_args(type_)
    return options.choices or ()


def _leaf(shape: Shape, type_: Any, options: Options) -> dict[str, Any]:
    if choices := choices_of(type_, options):
        return _or_reference({"enum": list(choices)})
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
    return _or_reference(made) if limits else made


def _number(kind: str, pattern: str, options: Options) -> dict[str, Any]:
    number = {"type": kind, **_limits(options, _NUMBER_LIMITS)}
    text = {"type": "string", "pattern": rf"^[ \t\r\n]*{pattern}[ \t\r\n]*$"}
    return {"anyOf": [number, text, _REFERENCE]}


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, _REFERENCE]}


def _limits(options: Options, names: Mapping[str, str]) -> dict[str, Any]:
    found = {name: getattr(options, limit) for limit, name in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _without_limits(options: Options) -> Options:
    return attrs.evolve(options, minimum=None, above=None, maximum=None)
