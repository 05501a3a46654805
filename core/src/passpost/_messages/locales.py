"""Languages: the one that a template is written in, and those that a reader prefers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Self

from passpost._phrases import _
from passpost._problems import Invalid
from passpost.errors import MessageError

MAX_LOCALES: Final = 16
"""Languages that are looked at; more are ignored."""

MAX_SUBTAGS: Final = 8
"""Parts of a tag, such as the three of ``zh-Hant-TW``; tags with more are ignored."""

_READ: Final = 2000
# As BCP 47 has it, loosely; underscores as in POSIX and Java.
_TAG: Final = re.compile(
    rf"[A-Za-z]{{1,8}}(?:[-_][A-Za-z0-9]{{1,8}}){{0,{MAX_SUBTAGS - 1}}}", re.ASCII
)
# A locale of POSIX and Java that is a tag but for its underscores: zh_CN, zh_Hant_TW.
_POSIX: Final = re.compile(r"[a-z]{2,3}(?:_[A-Z][a-z]{3})?(?:_[A-Z]{2})?", re.ASCII)
_WEIGHT: Final = re.compile(r"[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.ASCII)

# RFC 5646 section 2.1, without the registry: language, script, region, variants, extensions,
# private use; or private use alone.
_LANGUAGE_TAG: Final = re.compile(
    r"""
    (?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4,8} )
    (?: -[a-z]{4} )?
    (?: -(?: [a-z]{2} | [0-9]{3} ) )?
    (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*
    (?: -[0-9a-wy-z] (?: -[a-z0-9]{2,8} )+ )*
    (?: -x (?: -[a-z0-9]{1,8} )+ )?
    | x (?: -[a-z0-9]{1,8} )+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


class LanguageTag(str):
    """A BCP 47 tag, such as ``zh-CN``, as written."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is not a well-formed tag.
        """
        if isinstance(value, str) and _LANGUAGE_TAG.fullmatch(value):
            return cls(value)
        remedy = _("use a tag such as `en`, `zh-CN` or `zh-Hant-TW`")
        if isinstance(value, str) and _POSIX.fullmatch(value):
            remedy = _("did you mean `{suggestion}`?", suggestion=value.replace("_", "-"))
        raise Invalid(_("not a valid language tag (BCP 47)"), remedy, code="E231")


def wanted_locales(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the tags of the languages that a reader prefers, best first.

    A locale is a wish: anything that is not a tag is ignored, and so is all beyond the limits.

    Args:
        value: One tag, several with spaces between them (OpenID Connect's ``ui_locales``), the
            value of an ``Accept-Language`` header (RFC 9110 section 12.5.4), or a sequence of
            these.

    Raises:
        MessageError: It is neither text nor a sequence of texts.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        # One tag is nearly always all.
        return (value,) if _TAG.fullmatch(value) else _first(_by_weight(value))
    if not isinstance(value, Sequence):
        raise MessageError(_("locale is one tag or a sequence of tags"), field="locale")
    return _first(tag for text in _texts(value) for tag in _by_weight(text))


def _texts(value: Sequence[str]) -> Iterator[str]:
    """Yield the texts of a sequence, as much of them as is read."""
    left = _READ
    for text in value:
        if not isinstance(text, str):
            raise MessageError(_("locale is one tag or a sequence of tags"), field="locale")
        yield _whole_tags(text, left)
        left -= len(text) + 1
        if left <= 0:
            return


def _first(tags: Iterator[str]) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(tags), MAX_LOCALES))


def _by_weight(text: str) -> Iterator[str]:
    """Yield the tags of a text, the heaviest first; of equal ones the first."""
    text = _whole_tags(text, _READ)
    weighed = [(weight, tag) for part in text.split(",") for weight, tag in _weighed(part)]
    weighed.sort(key=lambda each: -each[0])
    return (tag for _, tag in weighed)


def _whole_tags(text: str, length: int) -> str:
    """Return the beginning of a text, without the tag that is cut at its end."""
    if len(text) <= length:
        return text
    return text[: max(text.rfind(sign, 0, length) for sign in ", ") + 1]


def _weighed(part: str) -> Iterator[tuple[float, str]]:
    tags, _, weight = part.partition(";")
    match = _WEIGHT.fullmatch(weight) if weight else None
    if weight and match is None:
        return
    number = float(match[1]) if match else 1.0
    for tag in tags.split():
        # A weight of 0 excludes the language.
        if number and _TAG.fullmatch(tag):
            yield number, tag
