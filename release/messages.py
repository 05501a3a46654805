"""Keeps the catalogs of translations: `make messages` extracts, merges and compiles.

Each package whose source makes phrases (``_ = Phrases("package")``) has a catalog per language,
``locale/zh_CN/LC_MESSAGES/package.po``, and its compiled form beside it. What is new is added
without a translation, for a person to write; what is gone is removed.
"""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
LANGUAGES: Final = ("zh_CN",)
"""English is the source; these are its translations, as gettext spells them."""


class _Dateless(Catalog):
    """A catalog that is the same each day."""

    mime_headers: Any = (("Content-Type", "text/plain; charset=utf-8"),)


def packages() -> Iterator[Path]:
    """Yield the folder of each package that makes phrases of its own."""
    for init in sorted(
        [*ROOT.glob("*/src/*/__init__.py"), *ROOT.glob("plugins/*/src/*/__init__.py")]
    ):
        if any(_names(path) == init.parent.name for path in init.parent.rglob("*.py")):
            yield init.parent


def _names(path: Path) -> str | None:
    """Return the package that a file makes phrases of."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="Phrases"), args=[ast.Constant(value=str(name))]):
                return name
    return None


def extracted(package: Path) -> Catalog:
    """Return the phrases in a package's source, in the order of its files."""
    catalog = Catalog(fuzzy=False)
    found = extract_from_dir(
        package,
        method_map=[("**.py", "python"), ("**.html", "jinja2")],
        keywords={"_": None},
        comment_tags=["Translators:"],
        # By default it leaves out private folders.
        directory_filter=lambda folder: "__pycache__" not in str(folder),
    )
    for name, line, template, comments, _ in sorted(found, key=lambda one: one[:2]):
        catalog.add(template, locations=[(name, line)], auto_comments=comments)
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        for paragraph in help_texts(ast.parse(path.read_text("utf-8"))):
            catalog.add(paragraph, locations=[(name, 0)])
    return catalog


def help_texts(tree: ast.AST) -> Iterator[str]:
    """Yield the paragraphs of what ``--help`` says of commands: their docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(_makes_command, node.decorator_list)):
            text = ast.get_docstring(node) or ""
            yield from (" ".join(one.split()) for one in text.split("\n\n") if one.strip())


def _makes_command(decorator: ast.expr) -> bool:
    match decorator:
        # Of click, or of a group.
        case ast.Call(func=ast.Attribute(attr="command" | "group")):
            return True
    return False


def merged(package: Path, language: str) -> Catalog:
    """Return a catalog with what the source contains and what is translated already."""
    known = {}
    if (path := place(package, language)).exists():
        known = {one.id: one.string for one in read_po(io.BytesIO(path.read_bytes()))}
    catalog = Catalog(language, project=package.name, fuzzy=False)
    for one in extracted(package):
        if one.id:
            names = sorted({name for name, _ in one.locations})
            catalog[one.id] = Message(
                one.id,
                known.get(one.id, ""),
                locations=[(name, 0) for name in names],
                auto_comments=one.auto_comments,
            )
    return catalog


def place(package: Path, language: str) -> Path:
    """Return where a package's translations into a language are."""
    return package / "locale" / language / "LC_MESSAGES" / f"{package.name}.po"


def written(catalog: Catalog) -> bytes:
    """Return a catalog as text. It has no header but its encoding: dates would change it daily."""
    body = io.BytesIO()
    write_po(body, catalog, width=100, omit_header=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return header.encode() + body.getvalue()


def compiled(text: bytes) -> bytes:
    """Return the form of a catalog that gettext reads, without what nobody has translated."""
    catalog = read_po(io.BytesIO(text))
    plain = _Dateless(fuzzy=False)
    for one in catalog:
        if one.id and one.string:
            plain.add(one.id, one.string)
    body = io.BytesIO()
    write_mo(body, plain)
    return body.getvalue()


def main() -> None:
    """Write all catalogs, and count what is to be translated."""
    missing = 0
    for package in packages():
        for language in LANGUAGES:
            path = place(package, language)
            catalog = merged(package, language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(catalog))
            path.with_suffix(".mo").write_bytes(compiled(path.read_bytes()))
            missing += sum(not one.string for one in catalog if one.id)
    sys.stdout.write(f"{missing} phrases to translate\n")


if __name__ == "__main__":
    main()
