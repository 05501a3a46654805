"""Encoded words: how a header holds text outside of ASCII (RFC 2047)."""

from __future__ import annotations

import string
from binascii import b2a_base64
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LINE: Final = 76
"""Octets in a header line that holds an encoded word (RFC 2047 section 2)."""

_MAX_WORD: Final = 75
_FRAME: Final = len("=?utf-8?q??=")


class _Quoting:
    """The ``Q`` encoding with the characters that it leaves as they are (RFC 2047 section 4.2)."""

    def __init__(self, literal: str) -> None:
        # A space becomes an underscore, one octet for one, so it counts as literal.
        self._one_octet = (literal + " ").encode()
        kept = frozenset(literal.encode())
        self._octets = [chr(octet) if octet in kept else f"={octet:02X}" for octet in range(256)]
        self._octets[ord(" ")] = "_"

    def size(self, data: bytes) -> int:
        return len(data) + 2 * len(data.translate(None, self._one_octet))

    def width(self, text: str) -> int:
        return self.size(text.encode())

    def word(self, text: str) -> str:
        octets = self._octets
        return f"=?utf-8?q?{''.join([octets[octet] for octet in text.encode()])}?="


# In a phrase (a display name) fewer characters may stay as they are: section 5, rule 3.
_IN_PHRASE: Final = _Quoting(string.ascii_letters + string.digits + "!*+-/")
_IN_TEXT: Final = _Quoting("".join(set(map(chr, range(0x21, 0x7F))) - set("=?_")))


def encode_words(text: str, *, used: int, phrase: bool = False) -> str:
    """Encode a text in UTF-8, by ``B`` or ``Q``, whichever is shorter.

    Each word has at most 75 characters, holds whole characters, and is on a line of its own of
    at most 76 (more only where `used` leaves no room for a single character on the first).

    Args:
        text: Any text without surrogates, at least one character.
        used: Columns of the first line that are taken already: the header's name, colon and space.
        phrase: Whether the words are in a display name rather than in free text.

    Returns:
        The words, with CRLF and a space between them.
    """
    quoting = _IN_PHRASE if phrase else _IN_TEXT
    data = text.encode()
    first, rest = MAX_LINE - used - _FRAME, _MAX_WORD - _FRAME
    if quoting.size(data) <= _base64_size(data):
        pieces = _pieces(text, quoting.width, first, rest)
        return "\r\n ".join(map(quoting.word, pieces))
    # Four characters of base64 carry three octets.
    pieces = _pieces(text, _octets, first // 4 * 3, rest // 4 * 3)
    return "\r\n ".join(map(_base64_word, pieces))


def _pieces(
    text: str, width: Callable[[str], int], first: int, rest: int
) -> Iterator[str] | tuple[str]:
    if width(text) <= first:
        return (text,)
    return _split(text, width, first, rest)


def _split(text: str, width: Callable[[str], int], room: int, rest: int) -> Iterator[str]:
    start = taken = 0
    for index, character in enumerate(text):
        size = width(character)
        if taken + size > room and index > start:
            yield text[start:index]
            start, taken, room = index, 0, rest
        taken += size
    yield text[start:]


def _octets(text: str) -> int:
    return len(text.encode())


def _base64_size(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4


def _base64_word(text: str) -> str:
    return f"=?utf-8?b?{b2a_base64(text.encode(), newline=False).decode('ascii')}?="
