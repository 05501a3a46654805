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
import ast
import io
import itertools
import re
import sys
import tokenize
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT: Final = Path(__file__).parent.parent
RULES: Final = ROOT / "docs/prose.toml"

HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_LETTER: Final = re.compile(r"[A-Za-z]")
_CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_FENCE: Final = re.compile(r"^( *)(```|~~~).*?^\1\2[^\S\n]*$", re.MULTILINE | re.DOTALL)
_NOT_READ: Final = re.compile(
    r"<!--.*?-->|(?<=\])\([^)\s]*\)|https?://[^\s)>\"]+|<[\w.@+-]+>", re.DOTALL
)
_SENTENCE: Final = re.compile(r"(?<=[.!?:;])[\"”)*_]*\s+|\s*\n\s*\n\s*")
_CLAUSE: Final = re.compile(r"[。！？；：]|\n\s*\n")
_WORD: Final = re.compile(r"[A-Za-z][\w'-]*")
_BLOCK: Final = re.compile(r"^\s*(?:[-*+]|\d+\.|#+|>)\s+|^\s*\|", re.MULTILINE)
_GENERATED: Final = re.compile(r"<!-- ([a-z-]+): start -->\n.*?<!-- \1: end -->", re.DOTALL)
_WORDS_OF_A_STRING: Final = 4
_SAYS: Final = {"Invalid": ("problem", 0), "Problem": ("problem", 1)}
"""Where a call has a text of a form of its own."""
_SCOPES: Final = {"'recipient'", "'message'", "'account'", "'provider'", "'network'"}


@dataclass(frozen=True)
class Passage:
    """A piece of prose: a paragraph, a table's cell, a docstring, a comment, or a text in code."""

    path: str
    line: int
    kind: str
    text: str

    @property
    def language(self) -> str:
        """The language that most of it is written in."""
        # An English sentence may name a button of a Chinese console, a Chinese one a product.
        chinese, latin = len(HAN.findall(self.text)), len(_LETTER.findall(self.text))
        return "zh" if chinese * 5 > latin else "en"


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
            yield from _long(text, _SENTENCE, _WORD, self.words)
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


def passages(path: Path, root: Path = ROOT) -> Iterator[Passage]:
    """Read the prose of one file."""
    name = path.relative_to(root).as_posix()
    text = path.read_text("utf-8")
    kind = path.name.removesuffix(".in").rpartition(".")[2]
    if path.suffix == ".in":
        text = re.sub(r"@(\w+)@", r"\1", text)
    read: Callable[[str, str], Iterator[Passage]] = {"md": _page, "py": _source}.get(
        kind, _comments
    )
    for passage in read(name, text):
        if passage.text.strip():
            yield passage


def _blank(match: re.Match[str]) -> str:
    # Lines stay lines, so that a finding names the right one.
    return "\n" * match[0].count("\n")


def _plain(text: str) -> str:
    """Return prose with its code and its links' targets taken away."""
    text = _NOT_READ.sub(_blank, _CODE.sub(lambda match: "X" + _blank(match), text))
    return re.sub(r"\*\*|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|[\[\]]", "", text)


def _page(name: str, text: str) -> Iterator[Passage]:
    # What is generated is read where it is written.
    text = _GENERATED.sub(_blank, text)
    text = _plain(_FENCE.sub(_blank, text))
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        if paragraph.strip():
            yield from _blocks(name, line, paragraph)
        line += paragraph.count("\n")


def _blocks(name: str, line: int, paragraph: str) -> Iterator[Passage]:
    """Part a paragraph into the items of its list and the cells of its table."""
    starts = [match.start() for match in _BLOCK.finditer(paragraph)]
    bounds = sorted({0, *starts, len(paragraph)})
    for start, end in itertools.pairwise(bounds):
        at = line + paragraph.count("\n", 0, start)
        block = paragraph[start:end]
        if block.lstrip().startswith("|"):
            yield from (Passage(name, at, "page", cell) for cell in re.split(r"(?<!\\)\|", block))
        else:
            marker = _BLOCK.match(block)
            yield Passage(name, at, "page", block[marker.end() :] if marker else block)


def _source(name: str, text: str) -> Iterator[Passage]:
    yield from _comments(name, text)
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return
    yield from _documents(name, nodes)
    # What a test writes is its matter.
    if "/tests/" not in f"/{name}":
        yield from _texts(name, nodes)


def _documents(name: str, nodes: list[ast.AST]) -> Iterator[Passage]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Passage(name, node.lineno, "function", _plain(ast.get_docstring(node) or ""))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield Passage(name, node.lineno, "docstring", _plain(_without_code(text)))


def _texts(name: str, nodes: list[ast.AST]) -> Iterator[Passage]:
    read = {node.value for node in nodes if isinstance(node, ast.Expr)}
    read |= {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and node not in read:
            words = _plain(_written(node))
            if HAN.search(words) or len(_WORD.findall(words)) >= _WORDS_OF_A_STRING:
                yield Passage(name, node.lineno, "string", words)
        elif isinstance(node, ast.Call):
            yield from _said(name, node)


def _said(name: str, call: ast.Call) -> Iterator[Passage]:
    """Read what a call says about a problem in settings, or as the hint of a failed send."""
    called = ast.unparse(call.func).rpartition(".")[2]
    said = [("hint", word.value) for word in call.keywords if word.arg == "hint"]
    # A fault of a provider's API is a scope and a hint.
    if called == "Fault" and _SCOPES & {ast.unparse(argument) for argument in call.args[:1]}:
        said += [("hint", argument) for argument in call.args[1:2]]
    if called in _SAYS:
        kind, place = _SAYS[called]
        said += [(kind, argument) for argument in call.args[place : place + 1]]
    for kind, text in said:
        if isinstance(text, ast.Constant | ast.JoinedStr):
            yield Passage(name, text.lineno, kind, _plain(_written(text)))


def _written(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = (_written(part) if isinstance(part, ast.Constant) else "X" for part in node.values)
        return "".join(parts)
    return node.value if isinstance(node.value, str) and " " in node.value.strip() else ""


def _without_code(text: str) -> str:
    """Return a docstring without its doctests, indented examples and names of arguments."""
    text = re.sub(r"^(\s+)\*{0,2}\w+(?=: )", r"\1X", text, flags=re.MULTILINE)
    text = re.sub(r"::\n(?:\s*\n)*(?: {4,}.*\n?|\s*\n)+", _blank, text)
    return _FENCE.sub(_blank, re.sub(r"^\s*(?:>>>|\.\.\.|\$) .*$", "", text, flags=re.MULTILINE))


def _comments(name: str, text: str) -> Iterator[Passage]:
    """Read comments, those on lines that follow each other as one passage."""
    start, last, lines = 0, -1, list[str]()
    for number, comment in _comment_lines(name, text):
        if number != last + 1 and lines:
            yield Passage(name, start, "comment", _plain("\n".join(lines)))
            lines = []
        if not lines:
            start = number
        last = number
        lines.append(comment)
    if lines:
        yield Passage(name, start, "comment", _plain("\n".join(lines)))


def _comment_lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    if name.endswith((".py", ".py.in")):
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError):
            return
        found = [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]
    else:
        lines = enumerate(text.splitlines(), 1)
        found = [(n, line.strip()) for n, line in lines if line.lstrip().startswith("#")]
    for number, comment in found:
        reason = re.sub(
            r"#\s*(?:noqa|type: ignore|pragma|fmt|ruff|mypy)\S*(?:[ ,]*[A-Z]+\d+)*\s*-?",
            "",
            comment,
        )
        yield number, reason.lstrip("#").strip()


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
