"""The reference table of a guide, generated from a config class."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._config.fields import ConfigField, Options, config_fields
from passpost._config.forms import inner_classes, sole_type
from passpost._config.schema import choices_of, class_title, plain_default
from passpost._config.shapes import Shape, item_type, members, shape_of
from passpost._config.values import HostName
from passpost._connector_info import in_language

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS: Final = {
    "en": {
        "header": "| Key | Type | Required or default | Meaning |",
        "required": "required",
        "optional": "optional",
        "example": " Example: {}.",
        Shape.LIST: "list (each: {})",
        Shape.MAPPING: "object (each value: {})",
        "or": " or ",
        "host": "host name",
        Shape.TEXT: "text",
        Shape.WHOLE: "whole number",
        Shape.NUMBER: "number",
        Shape.BOOLEAN: "true or false",
        Shape.SECRET: "secret text",
        Shape.ADDRESS: "mail address",
        Shape.OWN: "text",
        Shape.OBJECT: "object, see below",
        Shape.SETTINGS: "object",
    },
    "zh-CN": {
        "header": "| 键 | 类型 | 必填或默认值 | 含义 |",
        "required": "必填",
        "optional": "可选",
        "example": "例如 {}。",
        Shape.LIST: "列表（每项：{}）",
        Shape.MAPPING: "对象（每个值：{}）",
        "or": "或",
        "host": "主机名",
        Shape.TEXT: "文本",
        Shape.WHOLE: "整数",
        Shape.NUMBER: "数字",
        Shape.BOOLEAN: "true 或 false",
        Shape.SECRET: "机密文本",
        Shape.ADDRESS: "邮箱地址",
        Shape.OWN: "文本",
        Shape.OBJECT: "对象，见下文",
        Shape.SETTINGS: "对象",
    },
}
"""The table's own words; languages other than Chinese get English ones."""

_SUFFIXES: Final = {Shape.LIST: "[]", Shape.MAPPING: ".*"}
_NO_OPTIONS: Final = Options()


def reference_table(cls: type[Any], language: str = "en") -> str:
    """Give a Markdown table of the settings of a config class, and one of each class within.

    Args:
        cls: The config class.
        language: The language, as a BCP 47 tag.
    """
    return "\n\n".join(_Reference(language).tables(cls, "")) + "\n"


@attrs.frozen
class _Reference:
    language: str

    def tables(self, cls: type[Any], prefix: str) -> Iterator[str]:
        fields = config_fields(cls)
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
                return self._word(shape).format(self._type(item_type(type_), _NO_OPTIONS))
            case Shape.UNION:
                kinds = [self._type(member, options) for member in members(type_)]
                return self._word("or").join(dict.fromkeys(kinds))
            case (Shape.WHOLE | Shape.NUMBER) as shape:
                return f"{self._word(shape)} {_range(options)}".rstrip()
            case shape:
                return self._word("host" if type_ is HostName else shape)

    def _word(self, word: str | Shape) -> str:
        return _WORDS["zh-CN" if self.language.lower().startswith("zh") else "en"][word]


def _range(options: Options) -> str:
    """Write limits in signs that need no language."""
    low, high = options.minimum, options.maximum
    if low is not None and high is not None:
        return f"{low} – {high}"  # noqa: RUF001 - an en dash is the sign of a range
    signs = {"≥": low, ">": options.above, "≤": high}
    return ", ".join(f"{sign} {limit}" for sign, limit in signs.items() if limit is not None)


def _code(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
