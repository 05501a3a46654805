"""The parts of a mail that templates fill, and what a value must be to stand in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from passpost._text import refused_in_short_value, refused_in_value
from passpost.errors import MessageError, MissingVariable

if TYPE_CHECKING:
    from passpost._templates.syntax import Variable

Missing = Literal["error", "keep", "blank"]
"""What a variable does that the payload lacks: refuse the mail, stay as written, show nothing."""


MAX_LINE: Final = 998
"""Characters in a rendered subject or name; RFC 5322 section 2.1.1 allows lines of as many."""

MAX_BODY: Final = 8 * 1024 * 1024
"""Characters in a rendered body; few providers accept emails of such a size."""

# Programs that show an email ignore blanks in front of and in a scheme.
_BLANKS: Final = re.compile(r"[\x00-\x20]+")
_CODE: Final = re.compile(r"(?:javascript|vbscript):|data:(?!image/(?!svg))")
_SCHEME: Final = 200


class Absent:
    """The type of `ABSENT`."""


ABSENT: Final = Absent()
"""Stands for a variable whose root is not in the payload: None may be a value there."""


@attrs.frozen
class Place:
    """A part of a mail.

    Attributes:
        name: Its key in the settings: ``subject``.
        line: Whether it is a single line.
        html: Whether values are escaped for HTML.
        limit: How many characters it may have.
    """

    name: str
    line: bool = True
    html: bool = False
    limit: int = MAX_LINE

    def put(self, variable: Variable, value: Any, missing: Missing) -> str:
        """Give a variable's text for this place.

        Raises:
            MissingVariable: There is no value, and `missing` is ``error``.
            MessageError: The value is no text or number, or has a character refused here.
        """
        if value is None or value is ABSENT:
            return self._nothing(variable, value, missing)
        text = self._checked(variable, self._text(variable, value))
        return escaped(text) if self.html and not variable.raw else text

    def _nothing(self, variable: Variable, value: Any, missing: Missing) -> str:
        if missing == "error":
            raise MissingVariable(variable.name, self.name)
        # The reference leaves a placeholder only where not even the root of its path is known.
        return variable.source if missing == "keep" and value is ABSENT else ""

    def _text(self, variable: Variable, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        raise MessageError(
            f"the template's {self.name} shows {{{{{variable.name}}}}}, which is {_kind(value)}: "
            "name a value inside of it",
            field=f"payload.{variable.name}",
        )

    def _checked(self, variable: Variable, text: str) -> str:
        if self.line:
            refused = refused_in_short_value(text)
        else:
            text = unified(text)
            # A line break in the middle of a sentence begins one that the template does not have.
            breaks = self.html or variable.around.alone
            refused = refused_in_value(text, breaks=breaks)
        if refused:
            raise MessageError(
                f"{{{{{variable.name}}}}} would bring {refused} of its value into the {self.name}",
                field=self.name,
            )
        if self.html and variable.around.context == "link" and _is_code(text):
            raise MessageError(
                f"{{{{{variable.name}}}}} would begin a link with a scheme that runs code",
                field=self.name,
            )
        return text


SUBJECT: Final = Place("subject")
CONTENT_TEXT: Final = Place("content", line=False, limit=MAX_BODY)
CONTENT_HTML: Final = Place("content", line=False, html=True, limit=MAX_BODY)
TEXT: Final = Place("text", line=False, limit=MAX_BODY)
REPLY_TO: Final = Place("replyTo")
SEND_FROM: Final = Place("sendFrom")


def unified(text: str) -> str:
    r"""Give a text ``\n`` as its only line end; which one a mail carries is the wire's business."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def escaped(text: str) -> str:
    """Escape a text for HTML: ``& < > " '``, so that it may stand in quoted attributes too."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def _is_code(link: str) -> bool:
    return _CODE.match(_BLANKS.sub("", link[:_SCHEME]).lower()) is not None


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"of type {type(value).__name__}"
