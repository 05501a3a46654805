"""Brings the generated parts of a connector's guides up to date."""

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

from passpost.hookspecs import CONNECTOR_GROUP
from passpost_cli.scaffold.guide import FILES, updated

if TYPE_CHECKING:
    from collections.abc import Iterator


def update(folder: Path) -> Iterator[Path]:
    """Rewrite the guides of the package in a folder. Yield those that changed.

    Raises:
        OSError: The folder contains no package, or a guide cannot be written.
        ValueError: A guide lacks its markers.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    # A package without connectors has nothing that is generated.
    points = project.get("entry-points", {}).get(CONNECTOR_GROUP, {})
    for connector, module in points.items():
        info = EntryPoint(connector, module, CONNECTOR_GROUP).load().connector_info()
        for language, name in FILES.items():
            guide = (folder / name).read_text("utf-8")
            now = updated(guide, connector, info.config_class, language)
            if now != guide:
                (folder / name).write_text(now, "utf-8", newline="\n")
                yield folder / name


def main() -> None:
    """Rewrite the guides of the packages in the folders that the command line names."""
    parser = argparse.ArgumentParser("python -m passpost_cli.scaffold", description=__doc__)
    parser.add_argument(
        "folders", nargs="*", default=[Path()], type=Path, help="packages; they must be installed"
    )
    for folder in parser.parse_args().folders:
        for path in update(folder):
            sys.stdout.write(f"{path}: rewritten\n")


main()
