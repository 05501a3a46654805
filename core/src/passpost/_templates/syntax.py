"""Mustache text to a tree: variables, sections and what stands between them.

chevron's tokenizer decides what is literal text, the lines that hold nothing but a tag included
(https://mustache.github.io/mustache.5.html). Before it is asked, every tag is scanned here: the
tokenizer tells no columns, drops a text that ends in an open tag in silence and fails on ``{{}}``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs
from chevron.tokenizer import tokenize

from passpost._templates.contexts import Surroundings, surroundings
from passpost._text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_TAGS: Final = 1000
"""Tags in one text; the tokenizer copies the rest of the text for each of them."""

MAX_SECTIONS: Final = 16
"""Levels of sections within sections."""

MAX_SOURCE: Final = 2_000_000
"""Characters in one text."""

_DEFAULT: Final = ("{{", "}}")
_KINDS: Final = "!#^/>={&"
# What other template languages put there, and what a lost brace leaves there, is no name.
_NAME: Final = re.compile(r"""[^\s.{}()\[\]|"'`<>=\\#^/!&]+(?:\.[^\s.{}()\[\]|"'`<>=\\]+)*""")
_HELPER: Final = re.compile(r"(if|unless|each|with)\s+([\w.]+)")
_SHOWN: Final = 40
_UNKNOWN: Final = Surroundings()


class TemplateSyntaxError(ValueError):
    """A template's text is no Mustache.

    Attributes:
        message: What is wrong, without the place.
        remedy: What to do about it; may be empty.
        offset: The character of the text at which it goes wrong, counted from 0.
        line: The line in the text, counted from 1.
        column: The character in that line, counted from 1.
    """

    def __init__(
        self, message: str, remedy: str = "", *, offset: int = 0, line: int = 1, column: int = 1
    ) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy
        self.offset = offset
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column} of the text)"


@attrs.frozen
class Variable:
    """A place that the payload fills.

    Attributes:
        name: The dotted path as written: ``user.name``; ``.`` is the item of a list.
        root: The path's first part.
        rest: The parts after it.
        raw: Whether it is never escaped: ``{{{name}}}`` or ``{{&name}}``.
        source: The tag as it stands in the text, spaces included.
        around: What surrounds it in the text.
    """

    name: str
    root: str
    rest: tuple[str, ...]
    raw: bool
    source: str
    around: Surroundings = _UNKNOWN


@attrs.frozen
class Section:
    """A part shown once for each item, or if a value is there, or (inverted) if it is not."""

    test: Variable
    inverted: bool
    nodes: tuple[Node, ...]


Node = str | Variable | Section


@attrs.frozen
class _Tag:
    kind: str
    name: str
    source: str
    offset: int
    around: Surroundings = _UNKNOWN

    @property
    def end(self) -> int:
        return self.offset + len(self.source)

    @property
    def is_variable(self) -> bool:
        return self.kind in ("", "{", "&")


def parse(source: str) -> tuple[Node, ...]:
    """Read a template's text.

    Raises:
        TemplateSyntaxError: With the place of the tag at fault.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateSyntaxError(f"the text is longer than {MAX_SOURCE} characters")
    tags = list(_Scanner(source).tags())
    _check_sections(source, tags)
    named = iter([tag for tag in _placed(source, tags) if tag.kind not in ("!", "=")])
    # Its line counter is shared by all threads, but only its errors use it, and none are left.
    return _tree(tokenize(_without_blanks(source, tags)), named)


def _placed(source: str, tags: Sequence[_Tag]) -> Iterator[_Tag]:
    spans = [(tag.offset, tag.end, tag.is_variable) for tag in tags]
    around = iter(surroundings(source, spans))
    for tag in tags:
        yield attrs.evolve(tag, around=next(around)) if tag.is_variable else tag


def _without_blanks(source: str, tags: Sequence[_Tag]) -> str:
    """Take off the blanks around tags that stand alone on their line and show nothing.

    The tokenizer takes off those lines, but of tabs before such a tag, and of blanks after one that
    ends the text, it makes text.
    """
    parts: list[str] = []
    position = 0
    for tag in tags:
        before, after = source.rfind("\n", 0, tag.offset) + 1, source.find("\n", tag.end)
        rest = source[tag.end : after if after >= 0 else None]
        if tag.is_variable or source[before : tag.offset].strip(" \t") or rest.strip(" \t"):
            continue
        parts += [source[position:before], source[tag.offset : tag.end]]
        position = tag.end + len(rest)
    return "".join([*parts, source[position:]])


def _tree(tokens: Iterator[tuple[str, str]], tags: Iterator[_Tag]) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for kind, text in tokens:
        if kind == "literal":
            nodes.append(text)
        elif kind != "set delimiter":
            tag = next(tags)
            if tag.kind == "/":
                break
            nodes.append(_node(tag, tokens, tags))
    return tuple(nodes)


def _node(tag: _Tag, tokens: Iterator[tuple[str, str]], tags: Iterator[_Tag]) -> Node:
    root, *rest = tag.name.split(".") if tag.name != "." else ["."]
    raw = tag.kind in ("{", "&")
    variable = Variable(tag.name, root, tuple(rest), raw, tag.source, tag.around)
    if tag.kind in ("#", "^"):
        return Section(variable, tag.kind == "^", _tree(tokens, tags))
    return variable


class _Scanner:
    """Walks the tags of a text in order, as the tokenizer will."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._left, self._right = _DEFAULT

    def tags(self) -> Iterator[_Tag]:
        position = count = 0
        while (start := self._source.find(self._left, position)) >= 0:
            if (count := count + 1) > MAX_TAGS:
                raise _error(self._source, start, f"the text has more than {MAX_TAGS} tags")
            tag, position = self._tag(start)
            yield tag

    def _tag(self, start: int) -> tuple[_Tag, int]:
        inner_start = start + len(self._left)
        inner_end = self._source.find(self._right, inner_start)
        if inner_end < 0:
            raise self._error(
                start, f"{self._left} is never closed", f"close it with {self._right}"
            )
        inner = self._source[inner_start:inner_end]
        kind = inner[:1] if inner[:1] and inner[0] in _KINDS else ""
        end = inner_end + len(self._right) + self._extra(kind, start, inner_end)
        tag = _Tag(kind, inner[len(kind) :].strip(), self._source[start:end], start)
        self._check(tag)
        return tag, end

    def _extra(self, kind: str, start: int, inner_end: int) -> int:
        """Give the third brace of ``{{{name}}}`` its place in the tag."""
        if kind != "{":
            return 0
        if (self._left, self._right) != _DEFAULT:
            raise self._error(start, "a tag begins with {", "write & for a value put as it is")
        if not self._source.startswith("}}}", inner_end):
            raise self._error(start, "{{{ is not closed by }}}", "write {{name}} or {{{name}}}")
        return 1

    def _check(self, tag: _Tag) -> None:
        if tag.kind == "=":
            self._set_delimiters(tag)
        elif tag.kind == ">":
            raise self._error(
                tag.offset, "partials are off", "put the text of the partial in its place"
            )
        elif tag.kind != "!" and tag.name != "." and not _NAME.fullmatch(tag.name):
            raise self._error(tag.offset, *_misnamed(tag))

    def _set_delimiters(self, tag: _Tag) -> None:
        # The tokenizer takes the closing sign only where it touches the right delimiter.
        delimiters = tag.name.removesuffix("=").strip()
        left, _, right = delimiters.partition(" ")
        right = right.strip(" ")
        closed = tag.source[: -len(self._right)].endswith("=") and tag.name != ""
        if not closed or not left or not right or re.search(r"[\s=]", left + right):
            raise self._error(
                tag.offset, "a tag that sets delimiters is malformed", "write {{=<% %>=}}"
            )
        self._left, self._right = left, right

    def _error(self, offset: int, message: str, remedy: str) -> TemplateSyntaxError:
        return _error(self._source, offset, message, remedy)


def _misnamed(tag: _Tag) -> tuple[str, str]:
    shown = visible(tag.source if len(tag.source) <= _SHOWN else f"{tag.source[:_SHOWN]}…")
    if helper := _HELPER.fullmatch(tag.name):
        name = helper[2]
        closing = f"{{{{#{name}}}}} … {{{{/{name}}}}}"
        return f"{shown} calls a helper, which Mustache has not", f"write {closing}"
    if not tag.name:
        return f"{shown} names no variable", "write a name, such as {{code}}"
    return (
        f"{shown} names no variable",
        "a name is letters, digits, - and _, with dots between the steps: {{user.name}}",
    )


def _check_sections(source: str, tags: list[_Tag]) -> None:
    opened: list[_Tag] = []
    for tag in tags:
        if tag.kind in ("#", "^"):
            opened.append(tag)
            if len(opened) > MAX_SECTIONS:
                message = f"sections are nested deeper than {MAX_SECTIONS} levels"
                raise _error(source, tag.offset, message)
        elif tag.kind == "/":
            _close(source, tag, opened)
    if opened:
        tag = opened[-1]
        raise _error(
            source, tag.offset, f"section {tag.name} is never closed", f"add {{{{/{tag.name}}}}}"
        )


def _close(source: str, tag: _Tag, opened: list[_Tag]) -> None:
    if not opened:
        raise _error(source, tag.offset, f"section {tag.name} is closed, but was not opened")
    last = opened.pop()
    if last.name != tag.name:
        raise _error(
            source,
            tag.offset,
            f"section {tag.name} is closed where {last.name} is open",
            f"close {last.name} first",
        )


def _error(source: str, offset: int, message: str, remedy: str = "") -> TemplateSyntaxError:
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    return TemplateSyntaxError(message, remedy, offset=offset, line=line, column=column)
