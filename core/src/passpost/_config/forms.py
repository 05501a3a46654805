"""The fields of a form that asks for settings, such as a web console shows."""

from __future__ import annotations

from typing import Any, Final

import attrs

from passpost._config.fields import ConfigField, config_fields
from passpost._config.schema import choices_of, class_title, plain_default
from passpost._config.shapes import Shape, item_type, members, shape_of
from passpost._config.values import HostName
from passpost._connector_info import in_language

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
    return tuple(_form_field(field, language) for field in config_fields(cls))


def inner_classes(type_: Any) -> tuple[type[Any], ...]:
    """Give the config classes within a type: its own, its items' or those of a union."""
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
    """Give the type beside None of a union of two, or the type itself."""
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
