"""The language that is active in Django: of passpost's templates, and of texts for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.translation import get_language

from passpost.phrases import Phrases, translated

_: Final = Phrases("passpost_django")
"""Makes the phrases of this package; their translations are in ``locale``."""

_ALSO: Final[Mapping[str, str]] = MappingProxyType({"zh-hans": "zh-CN", "zh-hant": "zh-TW"})
"""Languages that Django names by their script, and templates often by their region."""


def active_locales() -> tuple[str, ...]:
    """Return the tags to look for templates with, best first; none where Django has none."""
    language = get_language()
    if language is None:
        return ()
    also = _ALSO.get(language.lower())
    return (language,) if also is None else (language, also)


def say(text: Any) -> Any:
    """Return a phrase in the active language, and anything else as it is."""
    return translated(text, get_language() or "en")
