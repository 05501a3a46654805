"""Mustache text to a tree: read once, by chevron's tokenizer.

The tokenizer (https://github.com/noahmorrison/chevron) decides what is text and what is a tag, also
where a line holds nothing but a tag. It tells no places. So it is given the text as a `_Rest`,
which has the few methods of `str` that it calls, and notes where each tag begins and ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
from chevron.tokenizer import ChevronError, tokenize

from passpost._phrases import _
from passpost._problems import Invalid
from passpost._templates.contexts import Surroundings, surroundings
from passpost._text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TAGS: Final = 1000
"""Tags in one text."""

MAX_SECTIONS: Final = 16
"""Levels of sections within sections."""

MAX_SOURCE: Final = 2_000_000
"""Characters in one text."""

_DEFAULT: Final = ["{{", "}}"]
# What other template languages put there, and what a lost brace leaves there, is not a name.
_NAME: Final = re.compile(r"""\.|[^\s.{}()\[\]|"'`<>=\\#^/!&]+(?:\.[^\s.{}()\[\]|"'`<>=\\]+)*""")
_DELIMITERS: Final = re.compile(r"[^\s=]+ +[^\s=]+")
_HELPER: Final = re.compile(r"(?:if|unless|each|with)\s+([\w.]+)")
_SHOWN: Final = 40


@attrs.frozen
class Variable:
    """A place that the payload fills.

    Attributes:
        name: The dotted path as written: ``user.name``; ``.`` is the item of a list.
        root: The path's first part.
        rest: The parts after it.
        raw: Whether it is never escaped: ``{{{name}}}`` or ``{{&name}}``.
        source: The tag as the text has it, spaces included.
        around: What surrounds it in the text.
    """

    name: str
    root: str
    rest: tuple[str, ...]
    raw: bool
    source: str
    around: Surroundings


@attrs.frozen
class Section:
    """A part shown once for each item, or if a value is there, or (inverted) if it is not."""

    test: Variable
    inverted: bool
    nodes: tuple[Node, ...]


Node = str | Variable | Section


def parse(source: str) -> tuple[Node, ...]:
    """Read a template's text.

    Raises:
        Invalid: The text is not Mustache; the message and `offset` say where.
    """
    if len(source) > MAX_SOURCE:
        raise Invalid(
            _("the text has more than {max_source:,} characters", max_source=MAX_SOURCE),
            offset=0,
            code="E209",
        )
    reading = _Reading(source)
    tokens = reading.tokens()
    around = iter(surroundings(source, [(t.start, t.end, t.shows) for t in reading.tags]))
    return _tree(source, iter(tokens), around)


@attrs.define(eq=False)
class _Tag:
    """A tag of a text.

    Attributes:
        start: Its first character.
        end: The character after it; 0 as long as it is not known.
        kind: What the tokenizer calls it; empty for a comment.
        name: What is in it.
    """

    start: int
    end: int = 0
    kind: str = ""
    name: str = ""

    @property
    def shows(self) -> bool:
        """Whether it shows a value."""
        return self.kind in ("variable", "no escape")


class _Before(str):
    """The text before a tag; the tokenizer would keep tabs before one alone on its line."""

    __slots__ = ()

    def rstrip(self, _characters: str | None = None, /) -> str:
        return super().rstrip(" \t")


class _Rest:
    """A text from one character on, as the tokenizer sees it; copies would take too long."""

    __slots__ = ("_at", "_source", "_tags")

    def __init__(self, source: str, tags: list[_Tag], at: int = 0) -> None:
        self._source = source
        self._tags = tags
        self._at = at

    def __bool__(self) -> bool:
        return self._at < len(self._source)

    def __str__(self) -> str:
        return self._source[self._at :]

    def startswith(self, brace: str) -> bool:
        return self._source.startswith(brace, self._at)

    def __getitem__(self, after_brace: slice) -> _Rest:
        """Go on after the third brace of ``{{{name}}}``."""
        self._tags[-1].end += 1
        return _Rest(self._source, self._tags, self._at + after_brace.start)

    def split(self, separator: str, _most: int) -> list[str | _Rest]:
        """Split at a delimiter, or after a tag at the end of its line, which may be the text's."""
        found = self._source.find(separator, self._at)
        after = found + len(separator)
        if separator == "\n":
            found, after = (found, after) if after else (len(self._source),) * 2
        elif found < 0 or len(self._tags) > MAX_TAGS:
            return [self]
        elif self._tags and not self._tags[-1].end:
            self._tags[-1].end = after
        else:
            self._tags.append(_Tag(found))
        return [_Before(self._source[self._at : found]), _Rest(self._source, self._tags, after)]


class _Reading:
    """Reads one text.

    Attributes:
        tags: The tags so far, comments included.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._delimiters = _DEFAULT
        self._opened: list[_Tag] = []
        self.tags: list[_Tag] = []

    def tokens(self) -> list[str | _Tag]:
        """Return texts and tags in order, without comments.

        Raises:
            Invalid: A tag is wrong.
        """
        text: Any = _Rest(self._source, self.tags)
        tokens: list[str | _Tag] = []
        try:
            for kind, token in tokenize(text):
                tokens.append(str(token) if kind == "literal" else self._tag(kind, token))
        # IndexError: it looks at the first character of a tag that has none.
        except (ChevronError, IndexError):
            failed = True
        else:
            # It drops a text's last tag in silence where nothing of it but its beginning is there.
            failed = len(self.tags) > MAX_TAGS or bool(self.tags and not self.tags[-1].end)
        if failed:
            raise self._reason()
        return tokens

    def _tag(self, kind: str, name: str) -> _Tag:
        """Complete and check the last tag."""
        tag = self.tags[-1]
        tag.kind, tag.name = kind, name
        if kind == "partial":
            remedy = _("replace the tag with the text of the partial")
            raise self._error("E204", tag, _("partials are not supported"), remedy)
        if kind == "no escape?":
            left, right = self._delimiters
            if left + right == "{{}}":
                remedy = _("write `{{name}}` or `{{{name}}}`")
                raise self._error(
                    "E205",
                    tag,
                    _("`{opener}` is not closed by `{closer}`", opener="{{{", closer="}}}"),
                    remedy,
                )
            remedy = _("write `{left}& name {right}`", left=left, right=right)
            raise self._error("E205", tag, _("`{left}{{` is not supported", left=left), remedy)
        if kind == "set delimiter":
            if not _DELIMITERS.fullmatch(name):
                raise self._malformed(tag)
            self._delimiters = name.split()
        elif not _NAME.fullmatch(name):
            raise self._misnamed(tag)
        elif kind == "end":
            self._opened.pop()
        elif not tag.shows:
            self._opened.append(tag)
            if len(self._opened) > MAX_SECTIONS:
                message = _(
                    "sections are nested more than {max_sections} levels deep",
                    max_sections=MAX_SECTIONS,
                )
                raise self._error("E209", tag, message)
        return tag

    def _reason(self) -> Invalid:
        """Return why the tokenizer stopped."""
        left, right = self._delimiters
        tag = self.tags[-1]
        if len(self.tags) > MAX_TAGS:
            return self._error(
                "E209", tag, _("the text has more than {max_tags:,} tags", max_tags=MAX_TAGS)
            )
        if not tag.end:
            return self._error(
                "E201", tag, _("`{left}` is not closed", left=left), _("add `{right}`", right=right)
            )
        inner = self._source[tag.start + len(left) : tag.end - len(right)]
        if tag.kind or inner[:1] not in ("", "=", "/"):
            opened = _shown(self._opened[-1].name)
            message = _("section `{opened}` is not closed", opened=opened)
            return self._error(
                "E207",
                self._opened[-1],
                message,
                _("add `{left}/{opened}{right}`", left=left, opened=opened, right=right),
            )
        if not inner.lstrip("/ "):
            return self._misnamed(tag)
        if inner[0] == "=":
            return self._malformed(tag)
        return self._unopened(tag, _shown(inner[1:].strip()))

    def _misnamed(self, tag: _Tag) -> Invalid:
        shown = _shown(self._source[tag.start : tag.end])
        if helper := _HELPER.fullmatch(tag.name):
            remedy = _("write `{{{{#{helper}}}}}…{{{{/{helper}}}}}`", helper=helper[1])
            message = _("`{shown}` is a helper, which Mustache does not have", shown=shown)
            return self._error("E203", tag, message, remedy)
        remedy = _("use letters, digits, `-` and `_`, with dots between steps: `{{user.name}}`")
        remedy = remedy if tag.name else _("write a name: `{{code}}`")
        return self._error("E202", tag, _("`{shown}` is not a valid variable", shown=shown), remedy)

    def _malformed(self, tag: _Tag) -> Invalid:
        message = _("the tag that sets delimiters is not valid")
        return self._error("E206", tag, message, _("write `{{=<% %>=}}`"))

    def _unopened(self, tag: _Tag, name: str) -> Invalid:
        if not self._opened:
            message = _("section `{name}` is closed but not open", name=name)
            return self._error(
                "E208", tag, message, _("remove the tag, or add `{{{{#{name}}}}}`", name=name)
            )
        last = _shown(self._opened[-1].name)
        message = _("section `{name}` is closed while `{last}` is open", name=name, last=last)
        return self._error("E208", tag, message, _("add `{{{{/{last}}}}}` before it", last=last))

    def _error(self, code: str, tag: _Tag, message: str, remedy: str = "") -> Invalid:
        line = self._source.count("\n", 0, tag.start) + 1
        column = tag.start - self._source.rfind("\n", 0, tag.start)
        place = _("(line {line}, column {column} of the text)", line=line, column=column)
        return Invalid(
            _("{message} {place}", message=message, place=place),
            remedy,
            offset=tag.start,
            code=code,
        )


def _shown(text: str) -> str:
    return visible(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _tree(
    source: str, tokens: Iterator[str | _Tag], around: Iterator[Surroundings]
) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for token in tokens:
        if isinstance(token, str):
            nodes.append(token)
        elif token.kind == "end":
            break
        elif token.kind != "set delimiter":
            root, *rest = token.name.split(".") if token.name != "." else ["."]
            place = next(around) if token.shows else Surroundings()
            raw, written = token.kind == "no escape", source[token.start : token.end]
            variable = Variable(token.name, root, tuple(rest), raw, written, place)
            if token.shows:
                nodes.append(variable)
            else:
                within = _tree(source, tokens, around)
                nodes.append(Section(variable, token.kind == "inverted section", within))
    return tuple(nodes)
