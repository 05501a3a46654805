"""Brings the reference of settings in a connector's guides up to date with its config class."""

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

from passpost.hookspecs import CONNECTOR_GROUP
from passpost_cli.scaffold.reference import FILES, with_reference

if TYPE_CHECKING:
    from collections.abc import Iterator


def update(folder: Path) -> Iterator[Path]:
    """Rewrite the guides of the package in a folder, and give those that changed.

    Raises:
        OSError: The folder holds no package, or a guide cannot be written.
        ValueError: A guide lacks its markers.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    for connector, module in project["entry-points"][CONNECTOR_GROUP].items():
        info = EntryPoint(connector, module, CONNECTOR_GROUP).load().connector_info()
        for language, name in FILES.items():
            guide = (folder / name).read_text("utf-8")
            updated = with_reference(guide, info.config_class, language)
            if updated != guide:
                (folder / name).write_text(updated, "utf-8", newline="\n")
                yield folder / name


def main() -> None:
    """Rewrite the guides of the package in the folder that the command line names."""
    parser = argparse.ArgumentParser("python -m passpost_cli.scaffold", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", default=Path(), type=Path, help="the package; it must be installed"
    )
    for path in update(parser.parse_args().folder):
        sys.stdout.write(f"{path}: rewritten\n")


main()
