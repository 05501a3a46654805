"""The types of template texts: read once, when settings are parsed or a template is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self

from passpost._problems import Invalid
from passpost._templates.contexts import Context
from passpost._templates.places import MAX_LINE, Missing, Place, unified
from passpost._templates.program import Program, variables_in
from passpost._templates.syntax import TemplateSyntaxError, parse
from passpost._text import refused_in_body, refused_in_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN: Final = 40

# A placeholder that lost its double braces to an editor or a formatter of JSON. The first form is
# never meant; the second may be a style sheet or code where the text has placeholders too.
_SPREAD: Final = re.compile(r"\{ +\{ *[\w.]+ *\} *\}")
_SINGLE: Final = re.compile(r"\{ *[A-Za-z_][\w.]* *\}")


class TemplateText:
    r"""A text with placeholders in Mustache, compiled; it may have many lines.

    ``CRLF`` and ``CR`` become ``LF``, the one line end that templates and mails have inside of
    passpost. Two texts are equal if their sources are.

    Args:
        source: The text as the operator wrote it.

    Attributes:
        source: The text, with ``\n`` line ends.
        variables: The dotted paths that it shows, in order, each once; those within sections too.
        raw_variables: Those of them that are put in unescaped: ``{{{name}}}``, ``{{&name}}``.
        contexts: What surrounds each of them where the text is HTML, and its path.

    Raises:
        TemplateSyntaxError: The text is no Mustache.
        Invalid: It holds a character that may not stand in such a text.
    """

    __slots__ = ("_program", "contexts", "raw_variables", "source", "variables")

    source: str
    variables: tuple[str, ...]
    raw_variables: tuple[str, ...]
    contexts: tuple[tuple[Context, str], ...]

    def __init__(self, source: str) -> None:
        self.source = unified(source)
        if refused := refused_in_body(self.source):
            raise Invalid(f"{refused} is not allowed here", "remove it")
        nodes = parse(self.source)
        found = tuple(variables_in(nodes))
        self.variables = tuple(dict.fromkeys(variable.name for variable in found))
        self.raw_variables = tuple(dict.fromkeys(v.name for v in found if v.raw))
        self.contexts = tuple(dict.fromkeys((v.around.context, v.name) for v in found))
        self._program = Program(nodes)

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is no text, empty, no Mustache, or holds a character that is refused.
        """
        if not isinstance(value, str):
            raise Invalid("must be text", "put it in double quotes")
        if not value.strip():
            raise Invalid("must not be empty")
        return cls.compiled(value)

    @classmethod
    def compiled(cls, value: str) -> Self:
        """Make a text, which may be empty.

        Raises:
            Invalid: It is no Mustache, or holds a character that may not stand there.
        """
        try:
            return cls(value)
        except TemplateSyntaxError as error:
            offset = _before_unified(value, error.offset)
            invalid = Invalid(str(error), error.remedy, offset=offset)
        raise invalid

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> str:
        """Fill in a payload.

        Raises:
            MissingVariable: A variable has no value, and `missing` is ``error``.
            MessageError: A value may not stand in this place.
        """
        return self._program.render(payload, place, missing)

    @property
    def constant(self) -> bool:
        """Whether it is the same for every payload."""
        return self._program.constant

    def mangled(self) -> str | None:
        """Give what looks like a placeholder that lost its braces, or None."""
        match = _SPREAD.search(self.source)
        if match is None and not self.variables:
            match = _SINGLE.search(self.source)
        return match.group() if match else None

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        end = "…" if len(self.source) > _SHOWN else ""
        return f"{type(self).__name__}({self.source[:_SHOWN] + end!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.source == other.source

    def __hash__(self) -> int:
        return hash((type(self), self.source))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return (type(self), (self.source,))


class TemplateLine(TemplateText):
    """A text with placeholders that is a single line, such as a subject."""

    __slots__ = ()

    def __init__(self, source: str) -> None:
        # Before line ends are unified: here they are refused.
        if refused := refused_in_line(source):
            raise Invalid(f"{refused} is not allowed in a single line", "remove it")
        if len(source) > MAX_LINE:
            raise Invalid(f"has more than {MAX_LINE} characters", "shorten it")
        super().__init__(source)


def _before_unified(text: str, offset: int) -> int:
    """Give the place in a text of a place in the text with unified line ends."""
    for pair in re.finditer("\r\n", text):
        if pair.start() >= offset:
            break
        offset += 1
    return offset
