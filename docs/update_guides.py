"""Writes the settings reference of every connector's guides from its config class.

Run it from anywhere in a checkout, in an environment that has the connectors::

    python docs/update_guides.py           # rewrite what is out of date
    python docs/update_guides.py --check   # only say what is, and exit with status 1

A guide carries the two markers below; what stands between them is generated, the rest is prose.
``tests/test_guides.py`` fails while a guide is out of date.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from passpost import config
from passpost_cli.scaffold.reference import END, FILES, START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT: Final = Path(__file__).parent.parent


@attrs.frozen
class Guide:
    """One guide of one connector.

    Attributes:
        connector: The connector's id.
        language: The guide's language, as a BCP 47 tag.
        path: Where it stands.
        module: The connector's hooks.
    """

    connector: str
    language: str
    path: Path
    module: ModuleType = attrs.field(repr=False)

    @property
    def text(self) -> str:
        """The guide as it stands."""
        return self.path.read_text("utf-8")

    @property
    def table(self) -> str:
        """The settings reference as the config class has it now."""
        return config.reference_table(self.module.connector_info().config_class, self.language)


def modules(root: Path = ROOT) -> Iterator[tuple[str, ModuleType, Path]]:
    """Give id, hooks and folder of each connector, as the packages of the workspace declare."""
    for project in sorted(root.glob("plugins/*/pyproject.toml")):
        declared = tomllib.loads(project.read_text("utf-8"))["project"]["entry-points"]
        for connector, module in declared["passpost.connectors"].items():
            yield connector, import_module(module), project.parent


def guides(root: Path = ROOT) -> Iterator[Guide]:
    """Give the guides of all connectors of the workspace."""
    for connector, module, folder in modules(root):
        for language, file in FILES.items():
            yield Guide(connector, language, folder / file, module)


def reference(text: str) -> str:
    """Give what stands between the markers of a guide.

    Raises:
        ValueError: The guide does not have each marker once, in order.
    """
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"a guide has {START.strip()} and {END.strip()} once each")
    before, _, rest = text.partition(START)
    inside, found, _ = rest.partition(END)
    if not found:
        raise ValueError(
            f"{END.strip()} stands before {START.strip()}: {len(before)} characters in"
        )
    return inside


def rewritten(text: str, table: str) -> str:
    """Give a guide with another table between its markers."""
    old = f"{START}{reference(text)}{END}"
    return text.replace(old, f"{START}{framed(table)}{END}")


def framed(table: str) -> str:
    """Give a table as it stands between the markers, with the empty lines that Markdown wants."""
    return f"\n{table.strip()}\n\n"


def main() -> int:
    """Rewrite the guides, or check them; gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="only say which guides are out of date"
    )
    check = parser.parse_args().check
    stale = [guide for guide in guides() if rewritten(guide.text, guide.table) != guide.text]
    for guide in stale:
        if not check:
            guide.path.write_text(rewritten(guide.text, guide.table), "utf-8")
        verb = "is out of date" if check else "rewritten"
        sys.stdout.write(f"{guide.path.relative_to(ROOT)}: {verb}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
