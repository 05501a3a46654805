"""The names by which templates are picked: usages and languages."""

from __future__ import annotations

import re
from typing import Final, Self

from passpost._messages.messages import MAX_NAME
from passpost._messages.usages import canonical_usage
from passpost._problems import Invalid
from passpost._text import refused_in_line, visible

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


def is_language_tag(text: str) -> bool:
    """Say whether a text is well formed as a BCP 47 tag, such as ``zh-Hant-TW``."""
    return _LANGUAGE_TAG.fullmatch(text) is not None


class LanguageTag(str):
    """A BCP 47 tag, such as ``zh-CN``, as written."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is no well-formed tag.
        """
        if not isinstance(value, str) or not is_language_tag(value):
            remedy = "write a tag such as en, zh-CN or zh-Hant-TW, with hyphens"
            raise Invalid("is no BCP 47 language tag", remedy)
        return cls(value)


class UsageName(str):
    """The name of a usage; ``Test`` becomes ``Generic``, its present name."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is no name.
        """
        if not isinstance(value, str) or not value or len(value) > MAX_NAME:
            raise Invalid(f"must be text of 1 to {MAX_NAME} characters", "write a name like SignIn")
        if refused := refused_in_line(value):
            raise Invalid(f"{refused} is not allowed in a name", "remove it")
        if visible(value) != value:
            raise Invalid("a mark of direction is not allowed in a name", "remove it")
        return cls(canonical_usage(value))
