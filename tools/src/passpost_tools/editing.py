r"""Changes settings in their text, so that comments, order and formatting stay.

::

    text = '{"port": 25, // the default\n "host": "mail.example.com"}'
    rewrite(text, {"port": 587, "host": "mail.example.com"})

Whatever is equal before and after keeps its bytes: one value at a time is replaced, added or
removed, and no comment is ever lost. `rename` and `respell` change one key or one text, and
`reorder` the order of members.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

from passpost_tools.spans import Member, Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from passpost._paths import Path

_BLANK: Final = re.compile(r"[ \t]*+")
_REST_OF_LINE: Final = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_LINE_END: Final = re.compile(r"[ \t]*+\r?\n")
_COMMENTS: Final = re.compile(r"(?:[ \t]*+(?:/\*[^\r\n]*?\*/|//[^\r\n]*))*+(?=[ \t]*+[\r\n])")
_COMMENT: Final = re.compile(r"//|/\*")
_KEY: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')
_UNIT: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)


def rewrite(text: str, wanted: Mapping[str, Any]) -> str:
    """Return the text of settings, changed so that it reads as another value.

    Args:
        text: JSON, which may contain comments and trailing commas.
        wanted: What it is to contain: JSON data. The order of keys means nothing in settings, so a
            key keeps its place, and a new one follows the key that it follows here.

    Raises:
        ConfigError: The text cannot be read.
        ValueError: The value is not JSON data.
    """
    editor = _Editor(Spans(text))
    editor.change((), editor.spans.value, json.loads(json.dumps(wanted, allow_nan=False)))
    return editor.spans.text


def rename(text: str, path: Path, name: str) -> str:
    """Return the text of settings with another key in the place of one; its value keeps its bytes.

    Args:
        text: The settings.
        path: Where the key is.
        name: The other key.

    Raises:
        ConfigError: The text cannot be read.
        KeyError: There is nothing at the path.
    """
    spans = Spans(text)
    member = spans.members[path]
    key = _KEY.match(spans.text, member.start)
    if key is None:
        raise KeyError(path)
    written = json.dumps(name, ensure_ascii=False)
    return spans.text[: member.start] + written + spans.text[key.end() :]


def respell(text: str, path: Path, change: Callable[[str], str]) -> str:
    """Return the text of settings with one of its texts changed.

    Args:
        text: The settings.
        path: Where the text is.
        change: Returns the new text for the old one.

    Raises:
        ConfigError: The settings cannot be read.
        KeyError: There is no text at the path.
    """
    spans = Spans(text)
    member = spans.members[path]
    before = spans.text[member.value : member.end]
    old = json.loads(before)
    if not isinstance(old, str):
        raise KeyError(path)
    # As it is written, so that what does not change keeps its escapes.
    written = change(before)
    if _decoded(written) != change(old):
        written = json.dumps(change(old), ensure_ascii=False)
    return spans.text[: member.value] + written + spans.text[member.end :]


def reorder(text: str, path: Path, order: Sequence[str | int]) -> str:
    """Return the text of settings with the members of an object or a list in another order.

    A member takes the comments along that are before it or behind it on its line. A comment with a
    blank line behind it stays, and so do white space and the comma at the end.

    Args:
        text: The settings.
        path: Where the object or the list is.
        order: Its keys or indexes in the new order.

    Raises:
        ConfigError: The settings cannot be read.
        KeyError: There is nothing at the path.
        ValueError: These are not its keys or indexes.
    """
    spans = Spans(text)
    outer, inside = spans.members[path], spans.inside(path)
    keys = [one[-1] for one in spans.members if one[:-1] == path and one != path]
    if Counter(keys) != Counter(order):
        raise ValueError("these are not the keys or indexes")
    at = first = _end(_COMMENTS, text, outer.value + 1)
    heads, pieces = [], {}
    for key, member in zip(keys, inside, strict=True):
        start = _led(spans, at, member.start)
        heads.append(text[at:start])
        behind = member.end if member.comma is None else member.comma + 1
        at = _end(_COMMENTS, text, behind)
        pieces[key] = (text[start : member.end], text[member.end : behind], text[behind:at])
    has_comma = bool(inside) and inside[-1].comma is not None
    made = _in_order([*heads, text[at:]], [pieces[key] for key in order], has_comma=has_comma)
    return text[:first] + made


def _led(spans: Spans, at: int, start: int) -> int:
    """Return where a member begins with the comments that are before it."""
    comments = [one for one in spans.comments if at <= one[0] < start]
    begin = start
    for offset, comment in reversed(comments):
        if spans.text.count("\n", offset + len(comment), begin) > 1:
            break
        begin = offset
    return begin


def _in_order(
    stays: Sequence[str], pieces: Sequence[tuple[str, str, str]], *, has_comma: bool
) -> str:
    """Return members between what stays: what is around each of them, and the commas."""
    made, newline = "", "\r\n" if any("\r\n" in one for one in stays) else "\n"
    for index, (before, (own, gap, behind)) in enumerate(zip(stays, pieces, strict=False)):
        is_last = index + 1 == len(pieces)
        between = _with_comments(gap[:-1]) if is_last and not has_comma else gap or ","
        made += before + own + between + behind
        # A comment to the end of the line must not hide what follows.
        if "//" in behind and not _LINE_END.match(stays[index + 1]):
            made += newline
    return made + stays[-1]


def _decoded(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return None


def _same(old: Any, new: Any) -> bool:
    # Python calls 1, 1.0 and True equal; JSON does not.
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


class _Editor:
    """Changes a text step by step; each step leaves one that can be read."""

    def __init__(self, spans: Spans) -> None:
        self.spans, text = spans, spans.text
        unit = _UNIT.search(text)
        self._unit = unit[1] if unit else "  "
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def change(self, path: Path, old: Any, new: Any) -> None:
        """Make a value that reads as the first one read as the second."""
        if _same(old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            self._change_object(path, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            self._change_list(path, old, new)
        else:
            member = self.spans.members[path]
            lines = self._is_on_lines(path[:-1])
            written = self._written(new, self._indent_at(member.start), lines=lines)
            self._replace(member.value, member.end, written)

    def _change_object(self, path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
        for key in old:
            if key not in new:
                self._remove((*path, key))
        before: str | None = None
        for key, value in new.items():
            if key in old:
                self.change((*path, key), old[key], value)
            else:
                name = json.dumps(key, ensure_ascii=False) + ": "
                self._insert(path, before, name, value)
            before = key

    def _change_list(self, path: Path, old: list[Any], new: list[Any]) -> None:
        before, after = (
            [json.dumps(item, sort_keys=True) for item in items] for items in (old, new)
        )
        steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        # From the end, so that the indexes of what is still to do stay true.
        for kind, first, last, start, stop in reversed(steps):
            if kind == "equal":
                continue
            both = min(last - first, stop - start)
            for index in reversed(range(first + both, last)):
                self._remove((*path, index))
            for value in reversed(new[start + both : stop]):
                self._insert(path, first + both - 1 if first + both else None, "", value)
            for index in reversed(range(both)):
                self.change((*path, first + index), old[first + index], new[start + index])

    def _remove(self, path: Path) -> None:
        """Remove a member with its comma: the one behind it, else the one before it."""
        text, member = self.spans.text, self.spans.members[path]
        before = [one for one in self.spans.inside(path[:-1]) if one.start < member.start]
        if member.comma is not None:
            kept = _with_comments(text[member.end : member.comma])
            self._cut(member.start, member.comma + 1, kept)
        elif before and before[-1].comma is not None:
            comma = before[-1].comma
            kept = _with_comments(text[comma + 1 : member.start]).rstrip(" \t")
            self._replace(comma, member.end, kept)
        else:
            self._cut(member.start, member.end, "")

    def _cut(self, start: int, end: int, kept: str) -> None:
        """Remove a part, and its line if nothing else is on it."""
        text = self.spans.text
        line = len(text[:start].rstrip(" \t"))
        rest = _REST_OF_LINE.match(text, end)
        if rest and not kept and line and text[line - 1] == "\n":
            self._replace(line, rest.end(), "")
        elif rest or kept:
            self._replace(start, end, kept)
        else:
            self._replace(start, _end(_BLANK, text, end), "")

    def _insert(self, parent: Path, before: str | int | None, name: str, value: Any) -> None:
        """Add a member behind another one, or as the first one."""
        outer, inside = self.spans.members[parent], self.spans.inside(parent)
        lines = self._is_on_lines(parent)
        indent = self._indent_at(outer.start) + self._unit
        if inside and lines:
            indent = self._indent_at(inside[0].start)
        lead = self._newline + indent if lines else ""
        member = lead + name + self._written(value, indent, lines=lines)
        if before is not None:
            self._insert_behind(self.spans.members[(*parent, before)], member, lines=lines)
        else:
            self._insert_first(outer, member, lines=lines, alone=not inside)

    def _insert_behind(self, previous: Member, member: str, *, lines: bool) -> None:
        text = self.spans.text
        behind = previous.end if previous.comma is None else previous.comma + 1
        # A comment at the end of the line belongs to what comes before it.
        at = _end(_COMMENTS, text, behind) if lines else behind
        comment, member = text[behind:at], member if lines else f" {member}"
        if previous.comma is None:
            self._replace(behind, at, f",{comment}{member}")
        else:
            self._replace(behind, at, f"{comment}{member},")

    def _insert_first(self, outer: Member, member: str, *, lines: bool, alone: bool) -> None:
        text = self.spans.text
        at = _end(_COMMENTS, text, outer.value + 1) if lines else outer.value + 1
        comma = "" if alone else ","
        ends_line = lines and alone and not _REST_OF_LINE.match(text, at)
        close = self._newline + self._indent_at(outer.start) if ends_line else ""
        self._replace(at, _end(_BLANK, text, at) if close else at, member + comma + close)

    def _is_on_lines(self, parent: Path) -> bool:
        """Return whether members begin lines of their own."""
        text, outer, inside = self.spans.text, self.spans.members[parent], self.spans.inside(parent)
        if inside:
            return any("\n" in _gap(text, one.start) for one in inside)
        return not parent or "\n" in text[outer.value : outer.end]

    def _indent_at(self, offset: int) -> str:
        """Return the white space at the beginning of a line."""
        start = self.spans.text.rfind("\n", 0, offset) + 1
        return self.spans.text[start : _end(_BLANK, self.spans.text, start)]

    def _written(self, value: Any, indent: str, *, lines: bool) -> str:
        unit = self._unit if lines else None
        written = json.dumps(value, ensure_ascii=False, indent=unit)
        return written.replace("\n", self._newline + indent)

    def _replace(self, start: int, end: int, new: str) -> None:
        text = self.spans.text
        self.spans = Spans(text[:start] + new + text[end:])


def _end(pattern: re.Pattern[str], text: str, offset: int) -> int:
    """Return where a match at an offset ends; the offset where there is none."""
    match = pattern.match(text, offset)
    return match.end() if match else offset


def _with_comments(text: str) -> str:
    """Return what is between two parts if it contains a comment."""
    return text if _COMMENT.search(text) else ""


def _gap(text: str, start: int) -> str:
    """Return the white space before a member."""
    return text[len(text[:start].rstrip()) : start]
