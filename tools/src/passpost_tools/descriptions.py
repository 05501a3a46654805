"""A config class described for people: JSON Schema, the fields of a form, the table of a guide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._config.fields import (
    NO_OPTIONS,
    ConfigField,
    Options,
    Shape,
    item_type,
    members,
    shape_of,
)
from passpost._config.values import HostName
from passpost.config import ApplicationSettings
from passpost_tools.schemas import choices_of, class_title, json_schema, plain_default
from passpost_tools.texts import described_fields, in_language

__all__ = [
    "FormField",
    "FormVariant",
    "form_fields",
    "inner_classes",
    "json_schema",
    "may_be_application",
    "reference_table",
    "sole_type",
]

_WIDGETS: Final = {
    Shape.TEXT: "text",
    Shape.WHOLE: "number",
    Shape.NUMBER: "number",
    Shape.BOOLEAN: "switch",
    Shape.SECRET: "password",
    Shape.ADDRESS: "address",
    Shape.OWN: "text",
    Shape.CHOICE: "choice",
    Shape.LIST: "list",
    Shape.MAPPING: "mapping",
    Shape.OBJECT: "object",
    Shape.SETTINGS: "mapping",
    Shape.UNION: "variants",
}


@attrs.frozen(kw_only=True)
class FormField:
    """One field of a form.

    Attributes:
        key: The setting's key.
        title: A short name; the key where the class gives none.
        description: What it means.
        widget: How to ask for it: ``text``, ``multiline``, ``number``, ``switch``, ``password``,
            ``address``, ``host``, ``choice``, ``list``, ``mapping``, ``object`` or ``variants``.
        required: Whether it must be filled in.
        default: What holds where it is left empty, if that can be shown.
        choices: The only values allowed, where there are such.
        minimum: The least number, or the least length.
        maximum: The greatest number, or the greatest length.
        unit: What a number counts.
        example: A value to show in an empty field.
        variants: The forms within: one of an object or of a list's items, several of ``variants``.
    """

    key: str
    title: str
    description: str
    widget: str
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    example: Any = None
    variants: tuple[FormVariant, ...] = ()


@attrs.frozen
class FormVariant:
    """One of the shapes that a setting within settings may have.

    Attributes:
        title: Its name; empty where the class gives none.
        fields: Its fields.
    """

    title: str
    fields: tuple[FormField, ...]


def form_fields(cls: type[Any], language: str = "en") -> tuple[FormField, ...]:
    """Describe the settings of a config class as the fields of a form.

    Args:
        cls: The config class.
        language: The language of titles and descriptions, as a BCP 47 tag.
    """
    return tuple(_form_field(field, language) for field in described_fields(cls))


def inner_classes(type_: Any) -> tuple[type[Any], ...]:
    """Return the config classes within a type: its own, its items' or those of a union."""
    match shape_of(type_):
        case Shape.OBJECT:
            return (type_,)
        case Shape.LIST | Shape.MAPPING:
            return inner_classes(item_type(type_))
        case Shape.UNION:
            return tuple(cls for member in members(type_) for cls in inner_classes(member))
        case _:
            return ()


def sole_type(type_: Any) -> Any:
    """Return the type besides None of a union of two, or the type itself."""
    kinds = members(type_) if shape_of(type_) is Shape.UNION else (type_,)
    return kinds[0] if len(kinds) == 1 else type_


def _form_field(field: ConfigField, language: str) -> FormField:
    options = field.options
    kind = sole_type(field.type)
    return FormField(
        key=field.key,
        title=in_language(options.title, language) or field.key,
        description=in_language(options.description, language),
        widget=_widget(kind, field),
        required=field.required,
        default=plain_default(field),
        choices=choices_of(kind, options),
        minimum=options.minimum if options.minimum is not None else options.above,
        maximum=options.maximum,
        unit=options.unit,
        example=options.example,
        variants=tuple(
            FormVariant(class_title(inner, language), form_fields(inner, language))
            for inner in inner_classes(kind)
        ),
    )


def _widget(kind: Any, field: ConfigField) -> str:
    if kind is HostName:
        return "host"
    if choices_of(kind, field.options):
        return "choice"
    widget = _WIDGETS[shape_of(kind)]
    return "multiline" if widget == "text" and field.options.multiline else widget


_WORDS: Final[Mapping[str | Shape, tuple[str, str]]] = {
    "header": (
        "| Key | Type | Required or default | Meaning |",
        "| 键 | 类型 | 必填或默认值 | 含义 |",
    ),
    "required": ("required", "必填"),
    "optional": ("optional", "可选"),
    "example": (" Example: {}.", "例如 {}。"),
    "or": (" or ", "或"),
    "host": ("hostname", "主机名"),
    Shape.LIST: ("list (each: {})", "列表（每项：{}）"),
    Shape.MAPPING: ("object (each value: {})", "对象，每个值为{}"),
    Shape.TEXT: ("text", "文本"),
    Shape.OWN: ("text", "文本"),
    Shape.WHOLE: ("whole number", "整数"),
    Shape.NUMBER: ("number", "数字"),
    Shape.BOOLEAN: ("true or false", "true 或 false"),
    Shape.SECRET: ("text (secret)", "文本（敏感）"),
    Shape.ADDRESS: ("email address", "邮箱地址"),
    Shape.OBJECT: ("object, see below", "对象，见下文"),
    Shape.SETTINGS: ("object", "对象"),
}
"""The table's own words in English and Chinese; other languages get English ones."""

_SUFFIXES: Final = {Shape.LIST: "[]", Shape.MAPPING: ".*"}


def reference_table(cls: type[Any], language: str = "en") -> str:
    """Return a Markdown table of the settings of a config class, and one of each class within.

    Args:
        cls: The config class.
        language: The language, as a BCP 47 tag.
    """
    return "\n\n".join(_Reference(language).tables(cls, "")) + "\n"


@attrs.frozen
class _Reference:
    language: str

    def tables(self, cls: type[Any], prefix: str) -> Iterator[str]:
        fields = described_fields(cls)
        rows = [self._row(field) for field in fields]
        yield "\n".join([self._word("header"), "| --- | --- | --- | --- |", *rows])
        for field in fields:
            yield from self._within(field, prefix)

    def _within(self, field: ConfigField, prefix: str) -> Iterator[str]:
        path = f"{prefix}{field.key}{_SUFFIXES.get(shape_of(sole_type(field.type)), '')}"
        for inner in inner_classes(field.type):
            title = class_title(inner, self.language)
            heading = f"**`{path}`**"
            first, *rest = self.tables(inner, f"{path}.")
            yield f"{heading}: {title}\n\n{first}" if title else f"{heading}\n\n{first}"
            yield from rest

    def _row(self, field: ConfigField) -> str:
        options = field.options
        meaning = in_language(options.description or options.title, self.language)
        if options.example is not None:
            meaning += self._word("example").format(_code(options.example))
        cells = [f"`{field.key}`", self._type(field.type, options), self._default(field), meaning]
        return f"| {' | '.join(_cell(cell) for cell in cells)} |"

    def _default(self, field: ConfigField) -> str:
        if field.required:
            return self._word("required")
        default = plain_default(field)
        if default is None or default == "":
            return self._word("optional")
        return _code(default) + (f" {field.options.unit}" if field.options.unit else "")

    def _type(self, type_: Any, options: Options) -> str:
        if choices := choices_of(type_, options):
            return ", ".join(_code(choice) for choice in choices)
        match shape_of(type_):
            case (Shape.LIST | Shape.MAPPING) as shape:
                return self._word(shape).format(self._type(item_type(type_), NO_OPTIONS))
            case Shape.UNION:
                kinds = [self._type(member, options) for member in members(type_)]
                return self._word("or").join(dict.fromkeys(kinds))
            case (Shape.WHOLE | Shape.NUMBER) as shape:
                return f"{self._word(shape)} {_range_in_signs(options)}".rstrip()
            case shape:
                return self._word("host" if type_ is HostName else shape)

    def _word(self, word: str | Shape) -> str:
        return _WORDS[word][self.language.lower().startswith("zh")]


def _range_in_signs(options: Options) -> str:
    """Write limits in signs that need no language."""
    low, high = options.minimum, options.maximum
    if low is not None and high is not None:
        return f"{low} – {high}"  # noqa: RUF001 - an en dash is the sign of a range
    signs = {"≥": low, ">": options.above, "≤": high}
    return ", ".join(f"{sign} {limit}" for sign, limit in signs.items() if limit is not None)


def _code(value: Any) -> str:
    import json  # noqa: PLC0415 - only guides show values

    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def may_be_application(settings: Mapping[str, Any]) -> bool:
    """Return whether an application's settings may have these keys, and no others."""
    own = {field.key for field in form_fields(ApplicationSettings, "en")}
    return own.issuperset(key for key in settings if key != "$schema")
