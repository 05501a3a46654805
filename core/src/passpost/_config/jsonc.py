"""Reads JSON with comments and trailing commas, and knows where everything is.

The scan follows the grammar to note where keys and values begin, and what is wrong with them. It
blanks comments and trailing commas in place, so that offsets stay true, and leaves the values to
the standard `json`. No problem quotes a value: any text in a settings file may be a secret.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._config.settings import Places, Settings
from passpost._config.words import (
    LOOKALIKES,
    MARKS,
    QUOTES,
    SPACES,
    Fault,
    Token,
    bare,
    lookalike,
    text_faults,
    word_faults,
)
from passpost._frames import without_arguments
from passpost._paths import MAX_DEPTH, TOO_DEEP, Path, path_text
from passpost._phrases import _
from passpost._problems import Problem
from passpost.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_SIZE: Final = 1 << 20
"""Bytes in a settings file, or characters in a text of settings: 1 MiB."""

MAX_PROBLEMS: Final = 100
"""Problems after which the scan ends: nobody reads more of them at once."""

MAX_VALUES: Final = 50_000
"""Values in settings; more take seconds to go through, and nobody wrote them."""

MARK: Final = "\ufeff"
"""The byte order mark, which a text may begin with."""

_NAME: Final = re.compile(r"[$A-Za-z][A-Za-z]{0,39}")
_CLOSERS: Final = {"{": "}", "[": "]"}

# A word is whatever is neither text, comment nor punctuation: numbers, true, and mistakes. White
# space gives nothing back, and the end counts: else a text of spaces would take minutes.
_TOKEN: Final = re.compile(
    rf"""
    [ \t\n\r]*+ (?:
      (?P<comment>   //[^\n\r]* | /\*.*?\*/ )
    | (?P<text>      "[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*" )
    | (?P<mark>      [{{}}\[\],:] )
    | (?P<open>      /\* | " )
    | (?P<strange>   [{MARKS}{SPACES}] )
    | (?P<misquoted> [{QUOTES}][^{QUOTES}"\n\r]*[{QUOTES}] )
    | (?P<word>      (?:[^ \t\n\r{{}}\[\],:"/{MARKS}{SPACES}] | /(?![/*]))+ )
    | (?P<end>       \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)


@without_arguments
def read(text: str | bytes, file: str | None = None) -> Settings:
    """Read settings: a JSON object, which may contain comments and trailing commas.

    Args:
        text: The text, or the bytes of a file in UTF-8; a byte order mark is accepted.
        file: The file's name, for problems.

    Raises:
        ConfigError: The text cannot be read. All that could be found wrong is in `problems`; after
            an error of the grammar nothing more can be found.
    """
    if len(text) > MAX_SIZE:
        too_large = _("the settings are larger than {max_size} MiB", max_size=MAX_SIZE >> 20)
        raise ConfigError([Problem("", too_large, file=file, code="E001")])
    decoded = _decoded(text, file) if isinstance(text, bytes) else text
    scan = Scan(decoded.removeprefix(MARK), file)
    if problems := scan.run():
        raise ConfigError(problems)
    return Settings(_json(scan.blanked()), file=file, places=scan.places)


def _json(text: str) -> Any:
    import json  # noqa: PLC0415 - importing passpost does not mean reading settings

    return json.loads(text)


def _decoded(data: bytes, file: str | None) -> str:
    message, valid = _("the file is encoded in UTF-16 or UTF-32"), b""
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" not in data[:2]:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            message, valid = _("this byte is not valid UTF-8"), data[: error.start]
    # Outside of the except block: the original error contains the whole file.
    before = Places(valid.decode("utf-8").removeprefix(MARK))
    place = before.place(len(before.text))
    remedy = _("save the file as UTF-8")
    raise ConfigError([Problem("", message, remedy, "error", file, *place, code="E002")])


class _GrammarError(Exception):
    """The rest of the text cannot be understood. Never leaves this module."""


def tokens_of(text: str) -> Iterator[Token]:
    """Return the parts of a text in order, comments included; white space is between them."""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        yield Token(kind, match[kind], match.start(kind))


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


class Scan:
    """One walk through a text, without recursion.

    Args:
        text: The text.
        file: The file's name, for problems.

    Attributes:
        places: Where each key and value is, as far as the text was read.
    """

    def __init__(self, text: str, file: str | None) -> None:
        self.places = Places(text)
        self._file = file
        self._problems: list[Problem] = []
        self._blanks: list[tuple[int, int]] = []
        self._open: list[_Open] = []
        # The grammar: what handles the next token.
        self._next: Callable[[Token], None] = self._top

    def run(self) -> list[Problem]:
        """Walk through the text, or up to where it leaves the grammar; return what is wrong."""
        try:
            for token in tokens_of(self.places.text):
                self._take(token)
            self._finish()
        except _GrammarError:
            pass
        return self._problems

    def blanked(self) -> str:
        """Return the text with spaces in place of comments and trailing commas."""
        text = self.places.text
        parts, position = [], 0
        for start, end in sorted(self._blanks):
            parts += [text[position:start], " " * (end - start)]
            position = end
        return "".join([*parts, text[position:]])

    def _take(self, token: Token) -> None:
        match token.kind:
            case "comment":
                self._blanks.append((token.start, token.start + len(token.text)))
            case "open" if token.text == '"':
                message = _("this text is not closed on its line")
                remedy = _('add `"`, and write line breaks in it as `\\n`')
                self._stop(token.start, "E006", message, remedy)
            case "open":
                self._stop(token.start, "E006", _("this comment is not closed"), _("add `*/`"))
            case "strange":
                self._report(lookalike(token, token.text), self._member())
                # So that the next one is found in the same run.
                if (meant := LOOKALIKES[token.text]) != " ":
                    self._next(Token("mark", meant, token.start))
            case "text" | "mark" | "misquoted" | "word":
                self._next(token)

    def _finish(self) -> None:
        if self._open:
            line, column = self.places.place(self._open[-1].token.start)
            opener = self._open[-1].token.text
            message = _(
                "`{opener}` at line {line}, column {column} is not closed",
                opener=opener,
                line=line,
                column=column,
            )
            self._stop(
                len(self.places.text),
                "E005",
                message,
                _("add `{closer}`", closer=_CLOSERS[opener]),
                self._open[-1].path,
            )
        if not self.places.index:
            self._stop(0, "E004", _("the settings are empty"), _("write an object: `{ … }`"))

    def _top(self, token: Token) -> None:
        if token.text != "{":
            begin = _("begin with `{`: this is JSON, in which comments begin with `//`")
            self._stop(token.start, "E003", _("the settings must be an object"), begin)
        self._enter(token, (), token.start)

    def _end(self, token: Token) -> None:
        message = _("unexpected text after the closing `}`")
        self._stop(token.start, "E007", message, _("remove it, or the `}` before it"))

    def _key(self, token: Token) -> None:
        if token.text == "}":
            self._close()
        elif token.kind == "mark":
            self._stop(
                token.start, "E008", _("expected a key in double quotes"), _("add a key, or `}`")
            )
        else:
            self._note_key(token, self._key_text(token))
            self._next = self._colon

    def _colon(self, token: Token) -> None:
        if token.text != ":":
            self._stop(token.start, "E009", _("expected `:` after the key"), _("add `:`"))
        self._next = self._value

    def _item(self, token: Token) -> None:
        if token.text == "]":
            self._close()
            return
        parent = self._open[-1]
        if token.kind == "mark" and token.text not in _CLOSERS:
            # Before the next item begins: an extra comma belongs to the item that it follows.
            self._no_value(token.start)
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
            # At the key: what follows may be lines further down.
            self._no_value(parent.start)
        self._note(path, parent.start, token)
        for fault in text_faults(token) if token.kind == "text" else word_faults(token):
            self._report(fault, path)
        self._next = self._comma

    def _no_value(self, offset: int) -> None:
        remedy = _("add a value, or remove the comma")
        self._stop(offset, "E011", _("expected a value"), remedy)

    def _comma(self, token: Token) -> None:
        parent = self._open[-1]
        closer = _CLOSERS[parent.token.text]
        if token.text == closer:
            self._close()
        elif token.text == ",":
            parent.comma = token.start
            self._next = self._inside(parent)
        else:
            message = _("expected `,` or `{closer}` before this", closer=closer)
            self._stop(token.start, "E010", message, _("add `,` or `{closer}`", closer=closer))

    def _enter(self, token: Token, path: Path, start: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(token.start, "E017", TOO_DEEP)
        self._note(path, start, token)
        self._open.append(_Open(token, path))
        self._next = self._inside(self._open[-1])

    def _note(self, path: Path, start: int, token: Token) -> None:
        if len(self.places.index) >= MAX_VALUES:
            self._stop(
                token.start, "E018", _("more than {max_values} values", max_values=MAX_VALUES)
            )
        self.places.index[path] = (start, token.start)

    def _inside(self, parent: _Open) -> Callable[[Token], None]:
        return self._key if parent.token.text == "{" else self._item

    def _close(self) -> None:
        closed = self._open.pop()
        if closed.comma is not None:
            self._blanks.append((closed.comma, closed.comma + 1))
        self._next = self._comma if self._open else self._end

    def _key_text(self, token: Token) -> str:
        if token.kind != "text":
            unquoted = _("this key is not in double quotes"), _("put the key in double quotes")
            # Anything else may be a password in the wrong place.
            named = _NAME.fullmatch(token.text) is not None
            path = (*self._open[-1].path, token.text) if named else ()
            self._report(bare(token, "E008", *unquoted), path)
            return token.text
        faults = list(text_faults(token))
        for fault in faults:
            self._report(fault)
        plain = faults or "\\" not in token.text
        return token.text[1:-1] if plain else str(_json(token.text))

    def _note_key(self, token: Token, key: str) -> None:
        parent = self._open[-1]
        parent.comma, parent.step, parent.start = None, key, token.start
        first = parent.keys.setdefault(key, token.start)
        if first != token.start:
            line, column = self.places.place(first)
            message = _(
                "duplicate key: first written at line {line}, column {column}",
                line=line,
                column=column,
            )
            fault = Fault(token.start, "E012", message, _("remove one of the two"))
            self._report(fault, (*parent.path, key))

    def _stop(
        self, offset: int, code: str, message: str, remedy: str = "", path: Path | None = None
    ) -> None:
        at = self._member() if path is None else path
        self._report(Fault(offset, code, message, remedy), at)
        raise _GrammarError

    def _member(self) -> Path:
        """Return the path of the member that was read last, or of what encloses it."""
        if not self._open:
            return ()
        parent = self._open[-1]
        inside = parent.step not in (-1, "")
        return (*parent.path, parent.step) if inside else parent.path

    def _report(self, fault: Fault, path: Path = ()) -> None:
        line, column = self.places.place(fault.offset)
        says = Problem(path_text(path), fault.message, fault.remedy, code=fault.code)
        self._problems.append(attrs.evolve(says, file=self._file, line=line, column=column))
        if len(self._problems) >= MAX_PROBLEMS:
            raise _GrammarError
