"""Reads JSON with comments and trailing commas, and knows where everything is.

The scan follows the grammar to note where keys and values begin, and what is wrong with them. It
blanks comments and trailing commas in place, so that offsets stay true, and leaves the values to
the standard `json`. No problem quotes a value: any text in a settings file may be a secret.
"""

from __future__ import annotations

import codecs
import math
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import attrs

from passpost._config.settings import Places, Settings, Source
from passpost._frames import without_arguments
from passpost._paths import MAX_DEPTH, TOO_DEEP, Path, path_text
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

MAX_DIGITS: Final = 308
"""Digits in a whole number: those of the largest float, so that each is finite as one too."""

_MARK: Final = "\ufeff"
_CLOSERS: Final = {"{": "}", "[": "]"}

# What keyboards and word processors write instead of JSON's own characters.
_QUOTES: Final = "“”„‟″＂«»「」『』'‘’‚‛`´"  # noqa: RUF001 - the lookalikes are meant
_MARKS: Final = "，、：｛｝［］【】"  # noqa: RUF001 - likewise
_SPACES: Final = "\u00a0\u3000\u200b\u2028\u2029\ufeff\f\v"
_LOOKALIKES: Final = {
    **dict.fromkeys(_QUOTES, '"'),
    **dict(zip(_MARKS, ",,:{}[][]", strict=True)),
    **dict.fromkeys(_SPACES, " "),
}
_LOOKALIKE: Final = re.compile(f"[{''.join(_LOOKALIKES)}]")

# A word is whatever is neither text, comment nor punctuation: numbers, true, and mistakes. White
# space gives nothing back, and the end counts: else a text of spaces would take minutes.
_TOKEN: Final = re.compile(
    rf"""
    [ \t\n\r]*+ (?:
      (?P<comment>   //[^\n\r]* | /\*.*?\*/ )
    | (?P<text>      "[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*" )
    | (?P<mark>      [{{}}\[\],:] )
    | (?P<open>      /\* | " )
    | (?P<strange>   [{_MARKS}{_SPACES}] )
    | (?P<misquoted> [{_QUOTES}][^{_QUOTES}"\n\r]*[{_QUOTES}] )
    | (?P<word>      (?:[^ \t\n\r{{}}\[\],:"/{_MARKS}{_SPACES}] | /(?![/*]))+ )
    | (?P<end>       \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)

# The first two kinds of match are sound; the order matters.
_IN_TEXT: Final = re.compile(
    r"""
      \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    | (?P<lone>    \\u[dD][89a-fA-F][0-9a-fA-F]{2} | [\ud800-\udfff] )
    | \\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})
    | (?P<escape>  \\ )
    | (?P<control> [\x00-\x1f] )
    """,
    re.VERBOSE,
)

_NUMBER: Final = re.compile(
    r"-?(?P<digits>0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
)

_IN_TEXT_SAYS: Final = {
    "lone": ("an unpaired surrogate is not a valid character", "write the character itself"),
    "escape": ("not a valid escape", "write `\\\\` for a backslash"),
    "control": ("a control character must be escaped", "write it as `\\t` or `\\u00XX`"),
}


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
        too_large = f"the settings are larger than {MAX_SIZE >> 20} MiB"
        raise ConfigError([Problem("", too_large, file=file, code="E001")])
    decoded = _decoded(text, file) if isinstance(text, bytes) else text
    source = Source(decoded.removeprefix(_MARK))
    scan = Scan(source, file)
    if problems := scan.run():
        raise ConfigError(problems)
    return Settings(_json(scan.blanked()), file=file, places=Places(source, scan.index))


def _json(text: str) -> Any:
    import json  # noqa: PLC0415 - importing passpost does not mean reading settings

    return json.loads(text)


def _decoded(data: bytes, file: str | None) -> str:
    message, valid = "the file is encoded in UTF-16 or UTF-32", b""
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" not in data[:2]:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            message, valid = "this byte is not valid UTF-8", data[: error.start]
    # Outside of the except block: the original error contains the whole file.
    before = Source(valid.decode("utf-8").removeprefix(_MARK))
    place = before.place(len(before.text))
    remedy = "save the file as UTF-8"
    raise ConfigError([Problem("", message, remedy, "error", file, *place, code="E002")])


class _GrammarError(Exception):
    """The rest of the text cannot be understood. Never leaves this module."""


class _Token(NamedTuple):
    """A part of the text that matches a group of `_TOKEN`: the group's name, text and offset."""

    kind: str
    text: str
    start: int


class _Fault(NamedTuple):
    """Something wrong: where, the code, what it is, and how to fix it."""

    offset: int
    code: str
    message: str
    remedy: str = ""


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

    token: _Token
    path: Path
    step: str | int = -1
    start: int = 0
    comma: int | None = None
    keys: dict[str, int] = attrs.field(factory=dict)


class Scan:
    """One walk through a text, without recursion.

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
        # The grammar: what handles the next token.
        self._next: Callable[[_Token], None] = self._top

    def run(self) -> list[Problem]:
        """Walk through the text, or up to where it leaves the grammar; return what is wrong."""
        try:
            for match in _TOKEN.finditer(self._source.text):
                kind = str(match.lastgroup)
                self._take(_Token(kind, match[kind], match.start(kind)))
            self._finish()
        except _GrammarError:
            pass
        return self._problems

    def blanked(self) -> str:
        """Return the text with spaces in place of comments and trailing commas."""
        text = self._source.text
        parts, position = [], 0
        for start, end in sorted(self._blanks):
            parts += [text[position:start], " " * (end - start)]
            position = end
        return "".join([*parts, text[position:]])

    def _take(self, token: _Token) -> None:
        match token.kind:
            case "comment":
                self._blanks.append((token.start, token.start + len(token.text)))
            case "open" if token.text == '"':
                message = "this text is not closed on its line"
                remedy = 'add `"`, and write line breaks in it as `\\n`'
                self._stop(token.start, "E006", message, remedy)
            case "open":
                self._stop(token.start, "E006", "this comment is not closed", "add `*/`")
            case "strange":
                self._report(_lookalike(token, token.text))
                # So that the next one is found in the same run.
                if (meant := _LOOKALIKES[token.text]) != " ":
                    self._next(_Token("mark", meant, token.start))
            case "text" | "mark" | "misquoted" | "word":
                self._next(token)

    def _finish(self) -> None:
        if self._open:
            line, column = self._source.place(self._open[-1].token.start)
            opener = self._open[-1].token.text
            message = f"`{opener}` at line {line}, column {column} is not closed"
            self._stop(len(self._source.text), "E005", message, f"add `{_CLOSERS[opener]}`")
        if not self.index:
            self._stop(0, "E004", "the settings are empty", "write an object: `{ … }`")

    def _top(self, token: _Token) -> None:
        if token.text != "{":
            begin = "begin with `{`: this is JSON, in which comments begin with `//`"
            self._stop(token.start, "E003", "the settings must be an object", begin)
        self._enter(token, (), token.start)

    def _end(self, token: _Token) -> None:
        message = "unexpected text after the closing `}`"
        self._stop(token.start, "E007", message, "remove it, or the `}` before it")

    def _key(self, token: _Token) -> None:
        if token.text == "}":
            self._close()
        elif token.kind == "mark":
            self._stop(token.start, "E008", "expected a key in double quotes", "add a key, or `}`")
        else:
            self._note_key(token, self._key_text(token))
            self._next = self._colon

    def _colon(self, token: _Token) -> None:
        if token.text != ":":
            self._stop(token.start, "E009", "expected `:` after the key", "add `:`")
        self._next = self._value

    def _item(self, token: _Token) -> None:
        if token.text == "]":
            self._close()
            return
        parent = self._open[-1]
        parent.step = int(parent.step) + 1
        parent.start = token.start
        self._value(token)

    def _value(self, token: _Token) -> None:
        parent = self._open[-1]
        parent.comma = None
        path = (*parent.path, parent.step)
        if token.text in _CLOSERS:
            self._enter(token, path, parent.start)
            return
        if token.kind == "mark":
            remedy = "add a value, or remove the comma"
            self._stop(token.start, "E011", "expected a value", remedy)
        self._note(path, parent.start, token)
        for fault in _text_faults(token) if token.kind == "text" else _word_faults(token):
            self._report(fault, path)
        self._next = self._comma

    def _comma(self, token: _Token) -> None:
        parent = self._open[-1]
        closer = _CLOSERS[parent.token.text]
        if token.text == closer:
            self._close()
        elif token.text == ",":
            parent.comma = token.start
            self._next = self._inside(parent)
        else:
            message = f"expected `,` or `{closer}` before this"
            self._stop(token.start, "E010", message, f"add `,` or `{closer}`")

    def _enter(self, token: _Token, path: Path, start: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(token.start, "E017", TOO_DEEP)
        self._note(path, start, token)
        self._open.append(_Open(token, path))
        self._next = self._inside(self._open[-1])

    def _note(self, path: Path, start: int, token: _Token) -> None:
        if len(self.index) >= MAX_VALUES:
            self._stop(token.start, "E018", f"more than {MAX_VALUES} values")
        self.index[path] = (start, token.start)

    def _inside(self, parent: _Open) -> Callable[[_Token], None]:
        return self._key if parent.token.text == "{" else self._item

    def _close(self) -> None:
        closed = self._open.pop()
        if closed.comma is not None:
            self._blanks.append((closed.comma, closed.comma + 1))
        self._next = self._comma if self._open else self._end

    def _key_text(self, token: _Token) -> str:
        if token.kind != "text":
            bare = "this key is not in double quotes", "put the key in double quotes"
            self._report(_bare(token, "E008", *bare))
            return token.text
        faults = list(_text_faults(token))
        for fault in faults:
            self._report(fault)
        plain = faults or "\\" not in token.text
        return token.text[1:-1] if plain else str(_json(token.text))

    def _note_key(self, token: _Token, key: str) -> None:
        parent = self._open[-1]
        parent.comma, parent.step, parent.start = None, key, token.start
        first = parent.keys.setdefault(key, token.start)
        if first != token.start:
            line, column = self._source.place(first)
            message = f"duplicate key: first written at line {line}, column {column}"
            fault = _Fault(token.start, "E012", message, "remove one of the two")
            self._report(fault, (*parent.path, key))

    def _stop(self, offset: int, code: str, message: str, remedy: str = "") -> None:
        self._report(_Fault(offset, code, message, remedy))
        raise _GrammarError

    def _report(self, fault: _Fault, path: Path = ()) -> None:
        line, column = self._source.place(fault.offset)
        says = Problem(path_text(path), fault.message, fault.remedy, code=fault.code)
        self._problems.append(attrs.evolve(says, file=self._file, line=line, column=column))
        if len(self._problems) >= MAX_PROBLEMS:
            raise _GrammarError


def _text_faults(token: _Token) -> Iterator[_Fault]:
    """Return what is wrong inside a text in quotes."""
    for match in _IN_TEXT.finditer(token.text):
        if match.lastgroup is not None:
            yield _Fault(token.start + match.start(), "E014", *_IN_TEXT_SAYS[match.lastgroup])


def _word_faults(token: _Token) -> Iterator[_Fault]:
    """Return what is wrong with a word that stands for a value."""
    if number := _NUMBER.fullmatch(token.text):
        rest = bool(number["rest"])
        if len(number["digits"]) > MAX_DIGITS or (rest and math.isinf(float(token.text))):
            yield _Fault(token.start, "E016", "the number is too large", "use at most 308 digits")
    elif token.text not in ("true", "false", "null"):
        yield _bare(token, "E015", *_word_says(token.text))


def _bare(token: _Token, code: str, message: str, remedy: str) -> _Fault:
    """Return what is wrong with a word; first of all a character that only looks like JSON's."""
    if match := _LOOKALIKE.search(token.text):
        return _lookalike(token, match.group())
    return _Fault(token.start, code, message, remedy)


def _lookalike(token: _Token, char: str) -> _Fault:
    meant = "a space" if _LOOKALIKES[char] == " " else f"`{_LOOKALIKES[char]}`"
    code_point = f"U+{ord(char):04X}"
    message = (
        f"invalid character {f'`{char}` ({code_point})' if char.isprintable() else code_point}"
    )
    return _Fault(token.start + token.text.index(char), "E013", message, f"use {meant}")


def _word_says(word: str) -> tuple[str, str]:
    if word.lower() in ("true", "false", "null", "none"):
        return "`true`, `false` and `null` must be lowercase", "write it in lowercase"
    if word.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return "NaN and Infinity are not valid JSON numbers", "write a number"
    if word[0] in "+-.0123456789":
        return "not a valid JSON number", "write digits, or put it in double quotes"
    return "unquoted value", "put text in double quotes"
