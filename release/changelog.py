"""Moves the fragments in ``changes/`` into ``CHANGELOG.md``: `make changelog`."""

from __future__ import annotations

import datetime as dt
import re
import sys
from typing import TYPE_CHECKING, Final

from packages import ROOT, projects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNRELEASED: Final = "## Unreleased\n"
_SECTION: Final = re.compile(r"^### (\S+) \S+\n\n", re.MULTILINE)


def collected(
    changelog: str, entries: Sequence[tuple[str, str]], versions: Mapping[str, str], date: str
) -> str:
    """Return the changelog with the entries of a release, each under its package's version.

    Args:
        changelog: The text so far. Entries under `UNRELEASED` are part of this release.
        entries: The package of each entry, and its text.
        versions: The version of each package, in the order in which they appear.
        date: The day of the release.
    """
    head, _, rest = changelog.partition(UNRELEASED)
    if not rest:
        start = changelog.find("\n## ") + 1 or len(changelog)
        head, rest = changelog[:start].rstrip("\n") + "\n\n", "\n" + changelog[start:]
    unreleased, mark, older = rest.partition("\n## ")
    pieces = _SECTION.split(unreleased)
    lines = {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    for package, text in entries:
        entry = "- " + "\n  ".join(text.strip().splitlines())
        lines[package] = f"{lines.get(package, '')}\n{entry}".strip()
    sections = [
        f"### {name} {version}\n\n{lines.pop(name)}\n"
        for name, version in versions.items()
        if name in lines
    ]
    if lines:
        raise ValueError(f"not a package: {', '.join(sorted(lines))}")
    return f"{head}## {date}\n\n" + "\n".join(sections) + mark + older


def main() -> None:
    """Rewrite the changelog, and remove the fragments."""
    fragments = sorted(path for path in (ROOT / "changes").glob("*.*.md"))
    entries = [(path.name.partition(".")[0], path.read_text("utf-8")) for path in fragments]
    versions = {name: project["version"] for name, (_, project) in projects().items()}
    path = ROOT / "CHANGELOG.md"
    date = dt.datetime.now(dt.UTC).date().isoformat()
    path.write_text(collected(path.read_text("utf-8"), entries, versions, date), "utf-8")
    for fragment in fragments:
        fragment.unlink()
    sys.stdout.write(f"{path.name}: {len(fragments)} entries\n")


if __name__ == "__main__":
    main()
