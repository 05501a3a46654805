"""Builds the documentation as a site, in each language: ``make docs``.

The pages are those of ``docs/en`` and ``docs/zh-CN``, the guides of the connectors, and the
explanations that ``passpost explain`` shows. A warning is an error, and so is a link within the
site that leads nowhere. The site is in ``build/site``. The second time, only what has changed is
built.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
BUILD: Final = ROOT / "build"
SITE: Final = BUILD / "site"

LANGUAGES: Final = {"en": "README.md", "zh-CN": "README.zh-CN.md"}
"""The languages by folder, and how a connector's guide in each is called."""

# Pages link to what is elsewhere in the repository; on the site it is beside them.
GUIDE: Final = re.compile(r"\]\((?:\.\./)+plugins/(\w+)/README(?:\.zh-CN)?\.md")
EXPLAINED: Final = re.compile(r"\]\((?:\.\./)+cli/src/passpost_cli/explanations/[\w-]+/")

PICTURE: Final = re.compile(r"\]\((?:\.\./)+pictures/")
OTHER_SITE: Final = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+en/[\w/-]+)\.md\)")

FIRST: Final = '<!doctype html><meta charset="utf-8"><title>passpost</title>\
<meta http-equiv="refresh" content="0; url=en/index.html"><a href="en/index.html">passpost</a>\n'


def sources(language: str) -> Iterator[tuple[Path, bytes]]:
    """Return the pages and pictures of one language: where each is in the site, and its content."""
    for page in sorted((DOCS / language).glob("**/*.md")):
        path = page.relative_to(DOCS / language)
        yield path, _within_site(page.read_text("utf-8"), path).encode()
    for guide in sorted(ROOT.glob(f"plugins/*/{LANGUAGES[language]}")):
        yield Path("guides", f"{guide.parent.name.replace('_', '-')}.md"), guide.read_bytes()
    explained = ROOT / "cli/src/passpost_cli/explanations" / language
    for page in sorted(explained.glob("*.md")):
        yield Path("reference/problems", page.name), page.read_bytes()
    for picture in sorted(DOCS.glob("pictures/*.*g")):
        yield Path("pictures", picture.name), picture.read_bytes()


def _within_site(text: str, path: Path) -> str:
    up = "../" * (len(path.parts) - 1)
    text = GUIDE.sub(lambda link: f"]({up}guides/{link[1].replace('_', '-')}.md", text)
    text = EXPLAINED.sub(f"]({up}reference/problems/", text)
    text = PICTURE.sub(f"]({up}pictures/", text)
    return OTHER_SITE.sub(r'<a href="\2.html">\1</a>', text)


def stage(language: str) -> Path:
    """Copy what has changed into the folder from which Sphinx builds, and return the folder."""
    folder = BUILD / "pages" / language
    wanted = {folder / path: content for path, content in sources(language)}
    for path in folder.glob("**/*.*"):
        if path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def build(language: str) -> subprocess.Popen[bytes]:
    """Start to build the site in one language."""
    arguments = [
        *("--builder", "html", "--quiet", "--fail-on-warning"),
        *("--conf-dir", str(DOCS), "--define", f"language={language.replace('-', '_')}"),
        *("--doctree-dir", str(BUILD / "doctrees" / language)),
        *(str(BUILD / "pages" / language), str(SITE / language)),
    ]
    return subprocess.Popen([sys.executable, "-m", "sphinx", *arguments])  # noqa: S603 - our own


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag links to, and the anchor that it is."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value and tag != "link":
                self.links.append(value)


def broken_links(site: Path = SITE) -> Iterator[str]:
    """Return the links within the site that lead nowhere."""
    found = {path: Page(path) for path in sorted(site.resolve().glob("**/*.html"))}
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = found[target].anchors if target in found else {""}
            if not target.is_file() or unquote(parts.fragment) not in known:
                yield f"{path.name}: error: `{link}` leads nowhere"


def main() -> int:
    """Build the site, and return the exit status."""
    for language in LANGUAGES:
        stage(language)
    builds = [build(language) for language in LANGUAGES]
    if any(process.wait() for process in builds):
        return 1
    (SITE / "index.html").write_text(FIRST, "utf-8")
    broken = list(broken_links())
    for line in broken:
        sys.stderr.write(f"{line}\n")
    if not broken:
        sys.stdout.write(f"the site is in {SITE.relative_to(ROOT)}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
