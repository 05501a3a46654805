"""What the settings of a config class are called and mean: those of passpost itself included."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

from passpost._config.fields import ConfigField, Texts, config_fields

_Texts = Mapping[str, tuple[str, str]]
"""Title and description by language."""


def described_fields(cls: type[Any]) -> tuple[ConfigField, ...]:
    """Return the settings of a config class, each with its title and its description.

    Connectors describe theirs in the class. An application that only sends describes nothing, so
    the texts of passpost's own are in ``settings.toml`` beside this file.
    """
    return tuple(_described(cls, field) for field in config_fields(cls))


def _described(cls: type[Any], field: ConfigField) -> ConfigField:
    texts = _texts_of(cls, field.name)
    if texts is None:
        return field
    titles = {language: title for language, (title, _) in texts.items()}
    descriptions = {language: description for language, (_, description) in texts.items()}
    options = attrs.evolve(field.options, title=titles, description=descriptions)
    return attrs.evolve(field, options=options)


def _texts_of(cls: type[Any], name: str) -> _Texts | None:
    """Return the texts of an attribute that passpost itself declares; None for all others."""
    for base in filter(attrs.has, cls.__mro__):
        attribute: Any = attrs.fields_dict(base).get(name)
        # A connector may declare an inherited setting again, with texts of its own.
        if attribute is not None and not attribute.inherited:
            own = base.__module__.startswith("passpost._")
            return own_texts().get(base.__name__, {}).get(name) if own else None
    return None


@cache
def own_texts() -> Mapping[str, Mapping[str, _Texts]]:
    """Return the texts of passpost's own settings, by class and attribute."""
    # Here, since only those who describe settings pay for it.
    import tomllib  # noqa: PLC0415
    from importlib.resources import files  # noqa: PLC0415

    texts: dict[str, Any] = tomllib.loads((files(__package__) / "settings.toml").read_text("utf-8"))
    return texts


def in_language(texts: Texts, language: str | None) -> str:
    """Return the text in a language, else in that of a shorter tag, else in English."""
    tag = language or "en"
    while tag:
        for key in texts:
            if key.lower() == tag.lower():
                return texts[key]
        tag = tag.rpartition("-")[0]
    return texts["en"] if "en" in texts else next(iter(texts.values()), "")
