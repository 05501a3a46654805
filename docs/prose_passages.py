"""Reads the prose of files, for ``check_prose.py``: pages, source, settings and catalogs."""  # noqa: INP001 - a script's other half

from __future__ import annotations

import ast
import io
import itertools
import re
import textwrap
import tokenize
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).parent.parent
HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_LETTER: Final = re.compile(r"[A-Za-z]")
_CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_FENCE: Final = re.compile(
    r"^( *)(?P<mark>```|~~~)(?P<tag>\w*)[^\n]*\n(?P<code>.*?)^\1(?P=mark)[^\S\n]*$",
    re.MULTILINE | re.DOTALL,
)
_TOKEN: Final = re.compile(
    r'"(?P<text>(?:[^"\\\n]|\\.)*)"|(?://|#)(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/', re.DOTALL
)
"""What of settings can have prose, in JSON with comments or TOML."""
_PHRASE: Final = re.compile(
    r'^(?P<key>msgid|msgstr) (?P<texts>"[^\n]*"(?:\n"[^\n]*")*)$', re.MULTILINE
)
_NOT_READ: Final = re.compile(
    r"<!--.*?-->|(?<=\])\([^)\s]*\)|https?://[^\s)>\"]+|<[\w.@+-]+>", re.DOTALL
)
WORD: Final = re.compile(r"[A-Za-z][\w'-]*")
_BLOCK: Final = re.compile(r"^\s*(?:[-*+]|\d+\.|#+|>)\s+|^\s*\|", re.MULTILINE)
_GENERATED: Final = re.compile(r"<!-- ([a-z-]+): start -->\n.*?<!-- \1: end -->", re.DOTALL)
_FILLED: Final = re.compile(r"\{[^{}]*\}")
"""A placeholder of a phrase."""
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
    said_in: str = ""
    """Its language, where the file says so."""

    @property
    def language(self) -> str:
        """Its language, or else the one that most of it is written in."""
        if self.said_in:
            return self.said_in
        # An English sentence may name a button of a Chinese console, a Chinese one a product.
        chinese, latin = len(HAN.findall(self.text)), len(_LETTER.findall(self.text))
        return "zh" if chinese * 5 > latin else "en"


def passages(path: Path, root: Path = ROOT) -> Iterator[Passage]:
    """Read the prose of one file."""
    name = path.relative_to(root).as_posix()
    text = path.read_text("utf-8")
    kind = path.name.removesuffix(".in").rpartition(".")[2]
    if path.suffix == ".in":
        text = re.sub(r"@(\w+)@", r"\1", text)
    for passage in _READERS.get(kind, _comments)(name, text):
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
    yield from _examples(name, text)
    text = _plain(_FENCE.sub(_blank, text))
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        if paragraph.strip():
            yield from _blocks(name, line, paragraph)
        line += paragraph.count("\n")


def _examples(name: str, text: str) -> Iterator[Passage]:
    """Read the code of a page. What a command prints is read in the command's source."""
    for fence in _FENCE.finditer(text):
        if read := _EXAMPLES.get(fence["tag"]):
            before = text.count("\n", 0, fence.start("code"))
            for passage in read(name, textwrap.dedent(fence["code"])):
                yield replace(passage, line=before + passage.line)


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
    yield from _joined(name, _python_comments(text))
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
            yield from _text(name, node.lineno, _written(node))
    yield from _said(name, nodes)


def _text(name: str, line: int, text: str) -> Iterator[Passage]:
    """Read a text of code, if it is prose."""
    words = _plain(text)
    if HAN.search(words) or len(WORD.findall(words)) >= _WORDS_OF_A_STRING:
        yield Passage(name, line, "string", words)


def _said(name: str, nodes: list[ast.AST]) -> Iterator[Passage]:
    """Read what calls say about a problem in settings, or as the hint of a failed send."""
    phrases = _phrases(nodes)
    found = [
        (kind, text)
        for call in nodes
        if isinstance(call, ast.Call)
        for kind, argument in _arguments(call)
        for text in _choices(argument, phrases)
    ]
    # A phrase with a name may be said in many places.
    for kind, text in dict.fromkeys(found):
        yield Passage(name, text.lineno, kind, _plain(_FILLED.sub("X", _written(text))))


def _arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Yield the arguments that have a form of their own, with its kind."""
    yield from (("hint", word.value) for word in call.keywords if word.arg == "hint")
    called = ast.unparse(call.func).rpartition(".")[2]
    # A fault of a provider's API is a scope and a hint; other faults have details.
    if called == "Fault" and _SCOPES & {ast.unparse(argument) for argument in call.args[:1]}:
        yield from (("hint", argument) for argument in call.args[1:2])
    if called in _SAYS:
        kind, place = _SAYS[called]
        yield from ((kind, argument) for argument in call.args[place : place + 1])


def _phrases(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what the names of a file stand for, as far as it may be a text for people."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        for target, value in _assigned(node):
            # A text that is not in `_()` is for programs: code to paste, for example.
            if isinstance(target, ast.Name) and isinstance(value, ast.Call | ast.IfExp):
                found.setdefault(target.id, []).append(value)
    return found


def _assigned(node: ast.AST) -> Iterable[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            return zip(names, values, strict=False)
        case ast.Assign(targets=[name], value=value):
            return [(name, value)]
        case ast.AnnAssign(target=name, value=ast.expr() as value):
            return [(name, value)]
    return []


def _choices(
    node: ast.expr, phrases: dict[str, list[ast.expr]]
) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield each text that an expression may be."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            yield node
        case ast.Call(func=ast.Name(id="_"), args=[template, *_]):
            yield from _choices(template, phrases)
        case ast.IfExp(body=one, orelse=other):
            yield from _choices(one, phrases)
            yield from _choices(other, phrases)
        case ast.Name(id=name):
            # Without names from here on: one may be assigned to itself.
            yield from (text for value in phrases.get(name, []) for text in _choices(value, {}))


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
    lines = enumerate(text.splitlines(), 1)
    comments = ((n, line.strip()) for n, line in lines if line.lstrip().startswith("#"))
    yield from _joined(name, comments)


def _python_comments(text: str) -> Iterator[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    yield from ((t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT)


def _joined(name: str, comments: Iterable[tuple[int, str]]) -> Iterator[Passage]:
    """Read comments, those on lines that follow each other as one passage."""
    start, last, lines = 0, -1, list[str]()
    for number, comment in comments:
        if number != last + 1 and lines:
            yield Passage(name, start, "comment", _plain("\n".join(lines)))
            lines = []
        if not lines:
            start = number
        last = number
        lines.append(_reason(comment))
    if lines:
        yield Passage(name, start, "comment", _plain("\n".join(lines)))


def _reason(comment: str) -> str:
    """Return a comment without what it says to tools."""
    tools = r"#\s*(?:noqa|type: ignore|pragma|fmt|ruff|mypy)\S*(?:[ ,]*[A-Z]+\d+)*\s*-?"
    return re.sub(tools, "", comment).lstrip("#").strip()


def _settings(name: str, text: str) -> Iterator[Passage]:
    """Read the texts and comments of JSON and TOML."""
    comments = []
    for token in _TOKEN.finditer(text):
        line = 1 + text.count("\n", 0, token.start())
        if token["text"] is None:
            comments.append((line, token["line"] or token["block"] or ""))
        else:
            yield from _text(name, line, re.sub(r"\\.", " ", token["text"]))
    yield from _joined(name, comments)


def _catalog(name: str, text: str) -> Iterator[Passage]:
    """Read the texts of a catalog and their translations."""
    language = "zh" if "/zh_CN/" in name else "en"
    for phrase in _PHRASE.finditer(text):
        line = 1 + text.count("\n", 0, phrase.start())
        # It is escaped as in Python. What a placeholder stands for may be of any language.
        said = _FILLED.sub("…", ast.literal_eval(f"({phrase['texts']})"))
        said_in = language if phrase["key"] == "msgstr" else "en"
        yield Passage(name, line, "string", _plain(said), said_in)


_READERS: Final[Mapping[str, Callable[[str, str], Iterator[Passage]]]] = {
    "md": _page, "po": _catalog, "py": _source, "toml": _settings,
}  # fmt: skip
"""How to read a file, by how its name ends; others have comments."""
_EXAMPLES: Final = {
    "json": _settings, "jsonc": _settings, "python": _source,
    "sh": _comments, "toml": _settings, "yaml": _comments,
}  # fmt: skip
"""How to read the code of pages."""
