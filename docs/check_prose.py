"""Checks the words of everything that a person reads against the rules in ``prose.toml``.

Run it from anywhere in a checkout::

    python docs/check_prose.py           # all files but those that are not clean yet
    python docs/check_prose.py --all     # all files
    python docs/check_prose.py PATH …    # these files
    python docs/check_prose.py --count   # how many findings each file and each rule has

It needs nothing but Python. ``tests/test_prose.py`` fails while such a file has a finding.
"""  # noqa: INP001 - a script

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prose_passages import HAN, ROOT, WORD, Passage, passages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RULES: Final = ROOT / "docs/prose.toml"

_SENTENCE: Final = re.compile(r"(?<=[.!?:;])[\"”)*_]*\s+|\s*\n\s*\n\s*")
_CLAUSE: Final = re.compile(r"[。！？；：]|\n\s*\n")


@dataclass(frozen=True)
class Finding:
    """A place that breaks a rule."""

    passage: Passage
    rule: Rule
    line: int
    found: str

    def __str__(self) -> str:
        where = f"{self.passage.path}:{self.line}"
        return f"{where}: {self.rule.id}: {self.found!r}\n  help: write {self.rule.instead}"


@dataclass(frozen=True)
class Rule:
    """One rule of ``prose.toml``, with the texts that show what it finds."""

    id: str
    instead: str
    reason: str
    wrong: list[str]
    right: list[str]
    pattern: str = ""
    words: int = 0
    characters: int = 0
    language: str = "en"
    kinds: tuple[str, ...] = ("page", "docstring", "comment", "string")

    def findings(self, passage: Passage) -> Iterator[Finding]:
        """Find what breaks this rule in a passage."""
        if passage.kind not in self.kinds or passage.language != self.language:
            return
        for start, found in self._found(passage.text):
            line = passage.line + passage.text.count("\n", 0, start)
            yield Finding(passage, self, line, " ".join(found.split()))

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        if self.words:
            yield from _long(text, _SENTENCE, WORD, self.words)
        elif self.characters:
            yield from _long(text, _CLAUSE, HAN, self.characters)
        else:
            matches = re.finditer(self.pattern, text)
            yield from ((match.start(), _around(text, match)) for match in matches)


@dataclass(frozen=True)
class Rules:
    """The file of rules."""

    rules: list[Rule]
    patterns: list[str]
    not_yet: list[str] = field(default_factory=list)
    allowed: list[dict[str, str]] = field(default_factory=list)

    def findings(self, passages: Iterable[Passage]) -> Iterator[Finding]:
        """Find what breaks a rule and is not allowed."""
        for passage in passages:
            for rule in self.rules:
                yield from (found for found in rule.findings(passage) if not self._allows(found))

    def _allows(self, finding: Finding) -> bool:
        return any(allows(exception, finding) for exception in self.allowed)


def allows(exception: dict[str, str], finding: Finding) -> bool:
    """Return whether an exception is made for a finding."""
    return (
        exception["rule"] == finding.rule.id
        and fnmatch(finding.passage.path, exception["path"])
        and exception["text"] in " ".join(finding.passage.text.split())
    )


def read_rules(path: Path = RULES) -> Rules:
    """Read the file of rules."""
    data = tomllib.loads(path.read_text("utf-8"))
    rules = [_rule(entry) for entry in data["rule"]]
    return Rules(rules, data["files"], data["not_yet"], data.get("allow", []))


def _rule(entry: dict[str, Any]) -> Rule:
    kinds = tuple(entry.pop("in", Rule.kinds))
    return Rule(kinds=kinds, **entry)


def _long(
    text: str, ends: re.Pattern[str], counted: re.Pattern[str], most: int
) -> Iterator[tuple[int, str]]:
    start = 0
    for end in [*ends.finditer(text), None]:
        sentence = text[start : end.start() if end else len(text)]
        count = len(counted.findall(sentence))
        if count > most:
            yield start, f"{count}: {sentence}"
        start = end.end() if end else 0


def _around(text: str, match: re.Match[str]) -> str:
    start, end = max(0, match.start() - 25), match.end() + 25
    return text[start:end]


def files(patterns: Iterable[str], but: Iterable[str] = (), root: Path = ROOT) -> list[Path]:
    """Return the files that patterns name, each once, but those that other patterns name."""
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    found -= {path for pattern in but for path in root.glob(pattern)}
    made = {".venv", "build", "__pycache__"}
    return sorted(path for path in found if not made & set(path.relative_to(root).parts))


def main() -> int:
    """Print what breaks a rule. Return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="files [default: all that are clean]")
    parser.add_argument("--all", action="store_true", help="check all files")
    parser.add_argument(
        "--count", action="store_true", help="print the number of findings per file"
    )
    arguments = parser.parse_args()
    rules = read_rules()
    chosen = [path.resolve() for path in arguments.paths]
    chosen = chosen or files(rules.patterns, [] if arguments.all else rules.not_yet)
    found = [f for path in chosen for f in rules.findings(passages(path))]
    if arguments.count:
        for what in ("path", "rule"):
            names = Counter(f.passage.path if what == "path" else f.rule.id for f in found)
            sys.stdout.writelines(f"{n:6} {name}\n" for name, n in names.most_common())
    else:
        sys.stdout.writelines(f"{finding}\n" for finding in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
