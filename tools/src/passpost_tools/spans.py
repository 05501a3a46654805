"""Where each part of a settings file begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from passpost._config.jsonc import MARK, Scan
from passpost.config import read

if TYPE_CHECKING:
    from passpost._paths import Path


@attrs.define
class Member:
    """One member of an object or a list, or the settings as a whole.

    Attributes:
        start: Offset of its key, or of its value in a list.
        value: Offset of its value.
        end: Offset behind its value.
        comma: Offset of the comma behind it.
    """

    start: int
    value: int
    end: int
    comma: int | None = None


class Spans:
    """A text of settings, what it says, and where each member is.

    A byte order mark is a part of the text, and counts in each offset.

    Attributes:
        text: The text.
        value: The settings as plain data.
        members: All members by path, in the order of the text.
        comments: All comments, each with its offset.
    """

    def __init__(self, text: str) -> None:
        # First, since it says in words what cannot be read.
        self.value: dict[str, Any] = _plain(read(text))
        self.text = text
        scan = _Members(text)
        self.members = scan.found()
        self.comments: tuple[tuple[int, str], ...] = tuple(scan.comments)

    def inside(self, parent: Path) -> list[Member]:
        """Return the members of an object or a list, in the order of the text."""
        depth = len(parent) + 1
        return [m for path, m in self.members.items() if path[:-1] == parent and len(path) == depth]

    def with_comments(self, path: Path) -> tuple[str, str, str]:
        """Return a member's value, and the comments on the lines before and the line behind it."""
        member, inside = self.members[path], self.inside(path[:-1])
        place = inside.index(member)
        begin = self.members[path[:-1]].value + 1
        if place:
            begin = inside[place - 1].comma or inside[place - 1].end
        # What is on the line on which the one before ends belongs to that one.
        line = self.text.find("\n", begin, member.start) + 1
        end = self.text.find("\n", member.end)
        close = inside[place + 1].start if place + 1 < len(inside) else len(self.text)
        line, end = line or member.start, len(self.text) if end < 0 else end
        before = (text for at, text in self.comments if line <= at < member.start)
        behind = (text for at, text in self.comments if member.end <= at < min(end, close))
        own = self.text[member.value : member.end]
        return "".join(f"{one}\n" for one in before), own, "".join(f" {one}" for one in behind)


class _Members(Scan):
    """The scan that finds problems, which also notes where values end."""

    def __init__(self, text: str) -> None:
        self.comments: list[tuple[int, str]] = []
        self._ends: dict[Path, int] = {}
        self._commas: dict[Path, int] = {}
        plain = text.removeprefix(MARK)
        self._mark = len(text) - len(plain)
        super().__init__(plain, None)

    def found(self) -> dict[Path, Member]:
        self.run()
        mark = self._mark
        return {
            path: Member(start + mark, value + mark, self._ends[path], self._commas.get(path))
            for path, (start, value) in self.places.index.items()
        }

    def _take(self, token: Any) -> None:
        before = [*self._open]
        super()._take(token)
        start = token.start + self._mark
        end = start + len(token.text)
        if token.kind == "comment":
            self.comments.append((start, token.text))
        if token.kind == "comment" or not before:
            return
        parent = before[-1]
        if len(self._open) < len(before):
            self._ends[parent.path] = end
        elif token.text == "," and token.kind == "mark":
            self._commas[(*parent.path, parent.step)] = start
        else:
            # A value overwrites what its key has noted.
            self._ends[(*parent.path, parent.step)] = end


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()}
