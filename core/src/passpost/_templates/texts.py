"""The types of template texts: read once, when settings are parsed or a template is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from passpost._messages.addresses import Address, split_name
from passpost._phrases import _, said
from passpost._problems import Invalid
from passpost._templates.rendering import MAX_LINE, SEND_FROM, Missing, Place, Program, unified
from passpost._templates.syntax import Node, Section, Variable, parse
from passpost._text import refused_in_body, refused_in_line
from passpost.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passpost._templates.contexts import Context

_T = TypeVar("_T")

_SHOWN: Final = 40

# A placeholder that lost its double braces to an editor or a formatter of JSON. The first form is
# never meant; the second may be a style sheet or code where the text has placeholders too.
_SPREAD: Final = re.compile(r"\{ +\{ *[\w.]+ *\} *\}")
_SINGLE: Final = re.compile(r"\{ *[A-Za-z_][\w.]* *\}")


class _Source:
    """What a text of a template was made of; two are equal if they are of one kind and source."""

    __slots__ = ("source", "variables")

    source: str
    variables: tuple[str, ...]

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        end = "…" if len(self.source) > _SHOWN else ""
        return f"{type(self).__name__}({self.source[:_SHOWN] + end!r})"

    def __eq__(self, other: object) -> bool:
        return self.source == other.source if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.source))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.source,))


class TemplateText(_Source):
    r"""A text with placeholders in Mustache, compiled; it may have many lines.

    ``CRLF`` and ``CR`` become ``LF``, the one line end that templates and emails have inside of
    passpost.

    Args:
        source: The text as the operator wrote it.

    Attributes:
        source: The text, with ``\n`` line ends.
        variables: The dotted paths that it shows, in order, each once; those within sections too.
        raw_variables: Those of them that are put in unescaped: ``{{{name}}}``, ``{{&name}}``.
        contexts: What surrounds each of them where the text is HTML, and its path.

    Raises:
        Invalid: The text is not Mustache, or has a character that is not allowed in it.
    """

    __slots__ = ("_program", "contexts", "raw_variables")

    raw_variables: tuple[str, ...]
    contexts: tuple[tuple[Context, str], ...]

    def __init__(self, source: str) -> None:
        self.source = unified(source)
        if refused := refused_in_body(self.source):
            raise Invalid(
                _("{what} is not allowed", what=refused),
                _("remove the character"),
                code="E211",
            )
        nodes = parse(self.source)
        found = tuple(_variables_in(nodes))
        self.variables = tuple(dict.fromkeys(variable.name for variable in found))
        self.raw_variables = tuple(dict.fromkeys(v.name for v in found if v.raw))
        self.contexts = tuple(dict.fromkeys((v.around.context, v.name) for v in found))
        self._program = Program(nodes)

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is not text, empty, not Mustache, or has a character that is not allowed.
        """
        if not isinstance(value, str):
            raise Invalid(_("must be text"), _("put it in double quotes"), code="E103")
        if not value.strip():
            raise Invalid(_("the text is empty"), _("write a text: `Code: {{code}}`"), code="E210")
        return cls.compiled(value)

    @classmethod
    def compiled(cls, value: str) -> Self:
        """Make a text, which may be empty.

        Raises:
            Invalid: It is not Mustache; `offset` is the place in the text as it was written.
        """
        try:
            return cls(value)
        except Invalid as error:
            invalid = error.with_traceback(None)
        if (offset := invalid.offset) is not None:
            for pair in re.finditer("\r\n", value):
                offset += pair.start() < offset
            invalid.offset = offset
        raise invalid

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> str:
        """Fill in a payload.

        Raises:
            MissingVariable: A variable has no value, and `missing` is ``error``.
            MessageError: A value is not allowed in this place.
        """
        return self._program.render(payload, place, missing)

    @property
    def constant(self) -> bool:
        """Whether it is the same for every payload."""
        return self._program.constant

    def mangled(self) -> str | None:
        """Return what looks like a placeholder that lost its braces, or None."""
        match = _SPREAD.search(self.source)
        if match is None and not self.variables:
            match = _SINGLE.search(self.source)
        return match.group() if match else None


class TemplateLine(TemplateText):
    """A text with placeholders that is a single line, such as a subject."""

    __slots__ = ()

    def __init__(self, source: str) -> None:
        # Before line ends are unified: here they are not allowed.
        if refused := refused_in_line(source):
            message = _("{what} is not allowed in a single line", what=refused)
            raise Invalid(message, _("remove the character"), code="E211")
        if len(source) > MAX_LINE:
            raise Invalid(
                _("too long: {size} characters", size=len(source)),
                _("use at most {limit} characters", limit=MAX_LINE),
                code="E212",
            )
        super().__init__(source)


class TemplateAddress(_Source):
    """An address with placeholders: ``local@domain`` or ``Name <local@domain>``.

    What is name and what is address is settled when the text is read. So a value may be any name,
    commas, quotes and angle brackets included, and an address that a value went into is checked as
    one single address.

    Args:
        source: The text as the operator wrote it.

    Attributes:
        source: The text.
        variables: The dotted paths that it shows.

    Raises:
        Invalid: It is not Mustache, or not an address.
    """

    __slots__ = ("_address", "_fixed", "_name")

    def __init__(self, source: str) -> None:
        self.source = source
        # Read as a whole first, so that places in errors are places in the whole.
        self.variables = TemplateLine.compiled(source).variables
        name, address = _valid(split_name, source)
        # A tag that reaches from the name into the address is cut in two, and so is an error here.
        self._name = TemplateLine.compiled(name)
        self._address = TemplateLine.compiled(address)
        self._fixed: Address | None = None
        if self._address.constant:
            fixed = _valid(Address.plain, _literal(self._address)).address
            if self._name.constant:
                self._fixed = Address(fixed, _literal(self._name))

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is not text, not Mustache or not an address.
        """
        if not isinstance(value, str):
            raise Invalid(_("must be text"), _("put it in double quotes"), code="E103")
        return cls(value)

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> Address:
        """Fill in a payload.

        Args:
            payload: The values.
            place: ``replyTo`` or ``sendFrom``.
            missing: What a variable of the name does that the payload lacks; one of the address
                is always an error, since a placeholder is not an address.

        Raises:
            MissingVariable: A variable has no value.
            MessageError: A value is not allowed there, or makes the address invalid.
        """
        if self._fixed is not None:
            return self._fixed
        name = self._name.render(payload, place, missing).strip()
        address = self._address.render(payload, place, "error")
        try:
            return Address(Address.plain(address).address, name)
        except ValueError as error:
            reason = said(error)
        raise MessageError(
            _(
                "{name} is not a valid address with this payload: {reason}",
                name=place.name,
                reason=reason,
            ),
            field=place.name,
        )


def _variables_in(nodes: tuple[Node, ...]) -> Iterator[Variable]:
    for node in nodes:
        if isinstance(node, Variable):
            yield node
        elif isinstance(node, Section):
            yield from _variables_in(node.nodes)


def _literal(text: TemplateLine) -> str:
    """Return a text without variables; comments are left out of it."""
    return text.render({}, SEND_FROM, "error").strip()


def _valid(read: Callable[[str], _T], text: str) -> _T:
    try:
        return read(text)
    except ValueError as error:
        reason = said(error)
    remedy = _("write `local@domain` or `Name <local@domain>`")
    raise Invalid(_("not a valid address: {reason}", reason=reason), remedy, code="E220")
