"""Follows the grammar of JSON with comments through a text, without recursion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from passpost._config.tokens import (
    Fault,
    Token,
    lookalike,
    lookalike_fault,
    meant_by,
    text_faults,
    tokens,
    word_faults,
)
from passpost._paths import MAX_DEPTH, TOO_DEEP, Path, path_text, quoted
from passpost._problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from passpost._config.settings import Source

MAX_PROBLEMS: Final = 100
"""Problems after which the scan gives up: nobody reads more of them at once."""

MAX_VALUES: Final = 50_000
"""Values in settings; more take seconds to walk through, and nobody wrote them."""

_CLOSERS: Final = {"{": "}", "[": "]"}


class _GrammarError(Exception):
    """The text left the grammar: what follows cannot be understood. Never leaves this module."""


@attrs.define
class _Open:
    """An object or list that is not closed yet.

    Attributes:
        token: The bracket that opened it.
        path: Its path.
        step: The key or index of the member being read.
        start: Offset of that member's key, or of the list's item.
        comma: Offset of the last comma, while nothing has followed it.
        keys: Offsets of the object's keys so far.
    """

    token: Token
    path: Path
    step: str | int = -1
    start: int = 0
    comma: int | None = None
    keys: dict[str, int] = attrs.field(factory=dict)

    @property
    def closer(self) -> str:
        return _CLOSERS[self.token.text]


class Scan:
    """One walk through a text.

    Args:
        source: The text.
        file: The file's name, for problems.

    Attributes:
        index: Offsets of key and value by path.
    """

    def __init__(self, source: Source, file: str | None) -> None:
        self.index: dict[Path, tuple[int, int]] = {}
        self._source = source
        self._file = file
        self._problems: list[Problem] = []
        self._blanks: list[tuple[int, int]] = []
        self._open: list[_Open] = []
        # The grammar: what the next token is given to.
        self._next: Callable[[Token], None] = self._top

    def run(self) -> list[Problem]:
        """Walk through the whole text, or up to where it leaves the grammar; give what is wrong."""
        try:
            for token in tokens(self._source.text):
                self._take(token)
            self._finish()
        except _GrammarError:
            pass
        return self._problems

    def blanked(self) -> str:
        """Give the text with spaces in place of comments and trailing commas."""
        text = self._source.text
        parts, position = [], 0
        for start, end in sorted(self._blanks):
            parts += [text[position:start], " " * (end - start)]
            position = end
        return "".join([*parts, text[position:]])

    def _take(self, token: Token) -> None:
        if token.kind == "comment":
            self._blanks.append((token.start, token.start + len(token.text)))
        elif token.kind == "open":
            self._stop(_never_closed(token))
        elif token.kind == "strange":
            self._take_as_meant(token)
        else:
            self._next(token)

    def _take_as_meant(self, token: Token) -> None:
        meant = meant_by(token.text)
        self._report(lookalike_fault(token.text, token.start))
        # So that the next one is found in the same run.
        if meant != " ":
            self._next(Token("mark", meant, token.start))

    def _finish(self) -> None:
        if self._open:
            line, column = self._source.place(self._open[-1].token.start)
            opener, closer = self._open[-1].token.text, self._open[-1].closer
            message = (
                f"the text ends, and the {opener} at line {line}, column {column} is not closed"
            )
            self._stop(Fault(len(self._source.text), message, f"close it with {closer}"))
        if not self.index:
            self._stop(
                Fault(0, "there is nothing but space and comments", "write an object: { … }")
            )

    # What the next token may be ---------------------------------------------------------------

    def _top(self, token: Token) -> None:
        if token.text != "{":
            begin = "begin with {; this is JSON, in which comments begin with //"
            self._stop(Fault(token.start, "settings are an object", begin))
        self._enter(token, (), token.start)

    def _end(self, token: Token) -> None:
        self._unexpected(token, "something follows the closing }", "remove it, or the } before it")

    def _key(self, token: Token) -> None:
        if token.text == "}":
            self._close()
        elif token.kind == "mark":
            self._unexpected(token, "a key in double quotes belongs here", "write one, or }")
        else:
            self._note_key(token, self._key_text(token))
            self._next = self._colon

    def _colon(self, token: Token) -> None:
        if token.text != ":":
            self._unexpected(token, "a colon belongs here, after the key", "write :")
        self._next = self._value

    def _item(self, token: Token) -> None:
        if token.text == "]":
            self._close()
            return
        parent = self._open[-1]
        parent.step = int(parent.step) + 1
        parent.start = token.start
        self._value(token)

    def _value(self, token: Token) -> None:
        parent = self._open[-1]
        parent.comma = None
        path = (*parent.path, parent.step)
        if token.text in _CLOSERS:
            self._enter(token, path, parent.start)
            return
        if token.kind == "mark":
            self._unexpected(token, "a value belongs here", "write one, or remove the comma")
        self._note(path, parent.start, token)
        self._check_scalar(token, path)
        self._next = self._comma

    def _comma(self, token: Token) -> None:
        parent = self._open[-1]
        if token.text == parent.closer:
            self._close()
        elif token.text == ",":
            parent.comma = token.start
            self._next = self._inside(parent)
        else:
            message = f"a comma or {parent.closer} belongs before this"
            self._unexpected(token, message, "write the one that is missing")

    # What is done with it ---------------------------------------------------------------------

    def _enter(self, token: Token, path: Path, start: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(Fault(token.start, TOO_DEEP, "flatten it"))
        self._note(path, start, token)
        self._open.append(_Open(token, path))
        self._next = self._inside(self._open[-1])

    def _note(self, path: Path, start: int, token: Token) -> None:
        if len(self.index) >= MAX_VALUES:
            too_many = f"these are more than {MAX_VALUES} values"
            self._stop(Fault(token.start, too_many, "write fewer"))
        self.index[path] = (start, token.start)

    def _inside(self, parent: _Open) -> Callable[[Token], None]:
        return self._key if parent.token.text == "{" else self._item

    def _close(self) -> None:
        closed = self._open.pop()
        if closed.comma is not None:
            self._blanks.append((closed.comma, closed.comma + 1))
        self._next = self._comma if self._open else self._end

    def _key_text(self, token: Token) -> str:
        if token.kind != "text":
            bare = "a key stands here without quotes", "put keys in double quotes"
            self._report(lookalike(token) or Fault(token.start, *bare))
            return token.text
        faults = list(text_faults(token))
        for fault in faults:
            self._report(fault)
        return token.text[1:-1] if faults else _decoded(token.text)

    def _note_key(self, token: Token, key: str) -> None:
        parent = self._open[-1]
        parent.comma, parent.step, parent.start = None, key, token.start
        first = parent.keys.setdefault(key, token.start)
        if first != token.start:
            line, column = self._source.place(first)
            message = f"the key {quoted(key)} is given twice; first at line {line}, column {column}"
            self._report(Fault(token.start, message, "remove one of the two"), (*parent.path, key))

    def _check_scalar(self, token: Token, path: Path) -> None:
        for fault in text_faults(token) if token.kind == "text" else word_faults(token):
            self._report(fault, path)

    def _unexpected(self, token: Token, message: str, remedy: str) -> None:
        self._stop(Fault(token.start, message, remedy))

    def _stop(self, fault: Fault) -> None:
        self._report(fault)
        raise _GrammarError

    def _report(self, fault: Fault, path: Path = ()) -> None:
        line, column = self._source.place(fault.offset)
        problem = Problem(
            path_text(path), fault.message, fault.remedy, "error", self._file, line, column
        )
        self._problems.append(problem)
        if len(self._problems) >= MAX_PROBLEMS:
            raise _GrammarError


def _never_closed(token: Token) -> Fault:
    if token.text == '"':
        return Fault(
            token.start,
            "the text that begins here is not closed on its line",
            'close it with ", and write line breaks in it as \\n',
        )
    return Fault(token.start, "the comment that begins here is never closed", "close it with */")


def _decoded(literal: str) -> str:
    import json  # noqa: PLC0415 - see jsonc

    text: str = json.loads(literal)
    return text
