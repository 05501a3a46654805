"""The packages of this repository, their versions, and what they require of each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[1]
TOGETHER: Final = ("passpost", "passpost-tools", "passpost-cli", "passpost-http", "pytest-passpost")
"""Released together, with one version: the others import private modules of the first."""

_VERSION: Final = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def projects(root: Path = ROOT) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Return the folder and the ``[project]`` table of each package, by its name."""
    found = {}
    for path in sorted([*root.glob("*/pyproject.toml"), *root.glob("plugins/**/pyproject.toml")]):
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        found[str(project["name"])] = (path.parent, project)
    return found


def disagreements(packages: Mapping[str, tuple[Path, dict[str, Any]]]) -> Iterator[str]:
    """Yield what does not fit together: versions, and requirements that no package here meets."""
    versions = {name: str(project["version"]) for name, (_, project) in packages.items()}
    if len({versions[name] for name in TOGETHER}) > 1:
        yield f"{', '.join(TOGETHER)} must have one version"
    for name, (folder, project) in packages.items():
        base = name.removesuffix("-stand-in")
        if versions[base] != versions[name]:
            yield f"{name} is {versions[name]}, but {base} is {versions[base]}"
        for init in folder.glob("src/*/__init__.py"):
            for written in _VERSION.findall(init.read_text("utf-8")):
                if written != versions[name]:
                    yield f"{name} is {versions[name]}, but {init.name} says {written}"
        for requirement in _requirements(project):
            has = versions.get(requirement.name)
            if has is not None and not requirement.specifier.contains(has, prereleases=True):
                yield f"{name} requires {requirement}, but {requirement.name} is {has}"


def _requirements(project: Mapping[str, Any]) -> Iterator[Requirement]:
    extras = project.get("optional-dependencies", {})
    for texts in (project.get("dependencies", []), *extras.values()):
        yield from map(Requirement, texts)
