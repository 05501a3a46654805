"""Clearing secrets and payload out of texts that come from elsewhere.

A provider's answer or an exception's text may repeat what it was sent: the password, the code, the
whole request in its own encoding. Whatever of that kind is kept in an error, a receipt or a log
goes through a `Redactor` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, NoReturn

from passpost._messages.addresses import Address, shortened
from passpost._messages.payload import texts_in
from passpost._phrases import Phrase
from passpost._redaction.encodings import (
    Budget,
    Span,
    TooMuchWork,
    has_no_encoding,
    is_plain,
    octets_in,
    views,
)
from passpost._secret import MASK, Secret
from passpost._text import visible

MIN_LENGTH: Final = 4
"""Characters that a text must have to be masked; shorter ones are in every other word."""

MAX_CLEANED: Final = 2000
"""Characters that are kept of a cleaned text."""

WITHHELD: Final = f"{MASK} (withheld: clearing this text of secrets takes too much work)"
"""Stands for a text that cannot be looked through within bounds."""

_SCANNED: Final = 6144
# Characters that one character of a secret takes at most: four octets, percent-encoded thrice.
_WIDEST: Final = 28
_MIN_LINE: Final = 8
# No text that is looked for is longer than twice this: a fraction of what is scanned.
_CHUNK: Final = 64
# Texts of one payload that are looked for, in 1 µs each; most payloads have five.
_MAX_KNOWN: Final = 5_000
# Characters searched, each once for every text that is looked for: 10 to 20 ms.
_WORK: Final = 6_000_000

# Longer than any text: nothing is looked for.
_NO_LENGTH: Final = 1 << 30
_UPPER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

_Word = tuple[int, int, str]


class _Known:
    """What to look for: texts, and the octets that each has where it is encoded."""

    __slots__ = ("_octets", "shortest", "texts", "too_many")

    def __init__(self, texts: Iterable[str]) -> None:
        known: dict[str, None] = {}
        self.too_many = False
        for text in texts:
            if len(text) > 2 * _CHUNK or "\n" in text:
                known.update(dict.fromkeys(islice(_parts(text), _MAX_KNOWN + 1)))
            elif len(text) >= MIN_LENGTH:
                known[text] = None
            if len(known) > _MAX_KNOWN:
                self.too_many = True
                break
        self.texts = tuple(known)
        # In characters, of which each takes an octet at least.
        self.shortest = min(map(len, known), default=_NO_LENGTH)
        self._octets: list[bytes] | None = None

    @property
    def octets(self) -> list[bytes]:
        """The octets of each text; few texts have what they would be looked for in."""
        if self._octets is None:
            self._octets = [text.encode("utf-8", "surrogatepass") for text in self.texts]
        return self._octets

    def spans(self, text: str, runs: list[tuple[Span, bytes]]) -> Iterator[Span]:
        """Yield where it is in a text, forwards and backwards, and in octets that are encoded."""
        backwards, size = text[::-1], len(text)
        for needle in self.texts:
            yield from _occurrences(needle, text)
            for start, end in _occurrences(needle, backwards):
                yield size - end, size - start
        # The whole run goes: its other characters hold the rest of the same request.
        for span, octets in runs:
            if any(map(octets.__contains__, self.octets)):
                yield span


class Redactor:
    """Masks secrets and payload in a text, also where they are encoded, and shortens a recipient.

    Found are the texts as they are, backwards, percent-encoded, in quoted-printable, with escapes
    of JSON or entities of HTML, broken over lines, up to three of these over one another, and
    within base64 of either alphabet and hexadecimal. Texts shorter than `MIN_LENGTH` are left. A
    text that would take too much work is withheld as a whole.

    Args:
        secrets: Passwords, keys and tokens.
        payload: JSON data whose texts and numbers are masked too.
    """

    __slots__ = ("_known", "_recipient", "_shortest", "_too_many")

    def __init__(
        self, secrets: Iterable[str | Secret] = (), payload: Mapping[str, Any] | None = None
    ) -> None:
        revealed = (item.reveal() if isinstance(item, Secret) else item for item in secrets)
        known = _Known(chain(revealed, texts_in(payload)))
        self._known: tuple[_Known, ...] = (known,)
        self._shortest = known.shortest
        self._too_many = known.too_many
        self._recipient: Address | None = None

    def with_secrets(self, secrets: Iterable[str | Secret]) -> Redactor:
        """Return a redactor that masks more secrets; those known already are not prepared again."""
        return self._with(Redactor(secrets)._known[0])  # noqa: SLF001 - its own class

    def with_payload(self, payload: Mapping[str, Any]) -> Redactor:
        """Return a redactor that masks a payload as well."""
        return self._with(_Known(texts_in(payload)))

    def for_email(self, payload: Mapping[str, Any], recipient: Address) -> Redactor:
        """Return a redactor for what is said of one email.

        Args:
            payload: Masked as well.
            recipient: Shortened wherever it is repeated: ``a…@example.com``.
        """
        return self._with(_Known(texts_in(payload)), recipient)

    def _with(self, known: _Known, recipient: Address | None = None) -> Redactor:
        redactor = Redactor.__new__(Redactor)
        redactor._known = (*self._known, known)  # noqa: SLF001 - its own class
        redactor._shortest = min(self._shortest, known.shortest)  # noqa: SLF001 - likewise
        redactor._too_many = self._too_many or known.too_many  # noqa: SLF001 - likewise
        redactor._recipient = recipient or self._recipient  # noqa: SLF001 - likewise
        return redactor

    def clean(self, text: str) -> str:
        """Return a text as one line with secrets and payload masked, fit for a log and a terminal.

        Control characters become visible escapes. More than `MAX_CLEANED` characters are cut off
        after the masking, and the text says so.
        """
        if type(text) is Phrase:
            return text.map(self.clean)
        # Of a subclass each method may lie.
        text = str.__str__(text)
        if self._too_many:
            return WITHHELD
        if len(text) <= MAX_CLEANED and self._is_clean(text):
            return text
        try:
            return self._cleaned(text, Budget(_WORK))
        except TooMuchWork:
            return WITHHELD

    def is_clear(self, line: str, payload: Mapping[str, Any]) -> bool:
        """Return whether a line shows no secret and nothing of a payload, as most receipts do.

        It prepares nothing and looks at flat payloads alone, so it may say no of a line that
        `clean` would leave as it is.
        """
        if self._too_many or len(self._known) > 1 or len(line) > MAX_CLEANED or "@" in line:
            return False
        secrets = self._known[0].texts
        texts = []
        shortest = self._shortest
        for value in payload.values():
            if type(value) is not str or len(value) > 2 * _CHUNK or "\n" in value:
                return False
            if len(value) >= MIN_LENGTH:
                texts.append(value)
                shortest = min(shortest, len(value))
        words = (*secrets, *texts) if secrets else texts
        return _is_clear(line, words, shortest)

    def _is_clean(self, text: str) -> bool:
        if "@" in text and any(self._recipient_in(text)):
            return False
        words = [word for known in self._known for word in known.texts]
        return _is_clear(text, words, self._shortest)

    def _cleaned(self, text: str, budget: Budget) -> str:
        cleaned = self._mask(text[:_SCANNED], budget, cut=len(text) > _SCANNED)
        shown = visible(cleaned)
        if shown != cleaned:
            # An escape may spell what was not there before.
            shown = self._mask(shown, budget, cut=False)
        if len(shown) <= MAX_CLEANED and len(text) <= _SCANNED:
            return shown
        return f"{shown[:MAX_CLEANED]}… (cut after {MAX_CLEANED} characters)"

    def _mask(self, text: str, budget: Budget, *, cut: bool) -> str:
        words = list(self._words(text, budget))
        if cut:
            # The last text may have lost its end, by which it would be known.
            words.append((len(text) - _WIDEST * self._longest(), len(text), MASK))
        return _replaced(text, sorted(words)) if words else text

    def _longest(self) -> int:
        texts = chain(*(known.texts for known in self._known), _forms(self._recipient))
        return max(map(len, texts), default=0)

    def _words(self, text: str, budget: Budget) -> Iterator[_Word]:
        """Yield what is to be replaced: from where, to where, and by what."""
        count = sum(len(known.texts) for known in self._known) + 1
        for view in views(text, budget):
            budget.spend(len(view.text) * count)
            for start, end, word in self._words_in(view.text):
                yield *view.origin(start, end), word

    def _words_in(self, text: str) -> Iterator[_Word]:
        runs = octets_in(text, self._shortest) if self._shortest <= len(text) else []
        for known in self._known:
            yield from ((start, end, MASK) for start, end in known.spans(text, runs))
        if self._recipient is not None:
            yield from self._recipient_in(text)
            octets = self._recipient.address.encode()
            yield from ((*span, MASK) for span, run in runs if octets in run)

    def _recipient_in(self, text: str) -> Iterator[_Word]:
        if self._recipient is None or "@" not in text:
            return
        folded = _folded(text)
        for address in _forms(self._recipient):
            for start, end in _occurrences(address, folded):
                yield start, end, shortened(self._recipient.address)

    def __repr__(self) -> str:
        return f"Redactor({sum(len(known.texts) for known in self._known)} texts)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor contains secrets and is not pickled")


def _is_clear(line: str, words: Sequence[str], shortest: int) -> bool:
    """Return whether none of some words is in a line, backwards and encoded included.

    Args:
        line: The line.
        words: What to look for.
        shortest: How long the shortest word is.
    """
    if not (line.isascii() and line.isprintable()):
        return False
    # No line contains what is between the two.
    both_ways = f"{line}\n{line[::-1]}"
    # A loop: on the way of each receipt, where `any` and `map` take three times as long.
    for word in words:
        if word in both_ways:
            return False
    if shortest > len(line):
        return is_plain(line)
    if has_no_encoding(line, shortest):
        return True
    return is_plain(line) and not any(
        word.encode("utf-8", "surrogatepass") in octets
        for _, octets in octets_in(line, shortest)
        for word in words
    )


def _forms(recipient: Address | None) -> tuple[str, ...]:
    """Return an address as it may be repeated: as written, and with its domain in ASCII."""
    if recipient is None:
        return ()
    if recipient.address.isascii():
        return (recipient.address.lower(),)
    return (_folded(recipient.address), _folded(recipient.wire))


def _folded(text: str) -> str:
    """Return a text in lower case, as long as it was: of some letters the lower case is two."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def _parts(text: str) -> Iterable[str]:
    """Return a text, or the parts by which a long one is known where not all of it is repeated."""
    if len(text) <= 2 * _CHUNK and "\n" not in text:
        return (text,) if len(text) >= MIN_LENGTH else ()
    return _parts_of_long(text)


def _parts_of_long(text: str) -> Iterator[str]:
    if len(text) > 2 * _CHUNK:
        yield from (text[start : start + _CHUNK] for start in range(0, len(text) - _CHUNK, _CHUNK))
        yield text[-_CHUNK:]
    elif len(text) >= MIN_LENGTH:
        yield text
    # Of a key in PEM each line; its first and last line are in every such key.
    for line in text.splitlines() if "\n" in text else ():
        if len(line) >= _MIN_LINE and not line.startswith("-----"):
            yield from _parts(line)


def _occurrences(needle: str, text: str) -> Iterator[Span]:
    start = text.find(needle)
    while start >= 0:
        yield start, start + len(needle)
        # From the next character: occurrences may overlap.
        start = text.find(needle, start + 1)


def _replaced(text: str, words: Iterable[_Word]) -> str:
    """Replace spans, given in order; those that overlap or touch become one."""
    parts: list[str] = []
    position = 0
    last = -1
    for start, end, word in words:
        if start > last:
            parts += [text[position:start], word]
        elif parts[-1] != word:
            # Different things that overlap: neither shows.
            parts[-1] = MASK
        last = position = max(last, end)
    parts.append(text[position:])
    return "".join(parts)
