"""Fills in the templates."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from passpost import __version__
from passpost.config import ConnectorConfig
from passpost_cli.scaffold.guide import FILES, updated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from passpost_cli.scaffold.names import Names

_PLACEHOLDER: Final = re.compile(r"@([a-z]+)@")
INSTALL: Final = {
    "connector": "python -m pip install --editable '.[dev]' --editable ./stand_in",
    "extension": "python -m pip install --editable '.[dev]'",
}
"""The command that makes a new package of each kind ready for its tests."""

_CONNECTOR: Final = ("shared", "connector")
_EXTENSION: Final = ("shared", "extension")
"""The folders that the files of each kind of package are made from."""

_SUFFIX: Final = ".in"
_DOT: Final = re.compile(r"(?:^|(?<=/))dot-")


def files(names: Names) -> dict[str, str]:
    """Return the text of each file of a connector package, by its path with slashes.

    Args:
        names: The names in it.
    """
    made = _made(names, _CONNECTOR)
    config_class = _config_class(made[f"src/{names.package}/config.py"])
    for language, name in FILES.items():
        made[name] = updated(made[name], names.id, config_class, language)
    return made


def extension_files(names: Names) -> dict[str, str]:
    """Return the text of each file of an extension package, by its path with slashes.

    Args:
        names: The names in it.
    """
    return _made(names, _EXTENSION)


def _made(names: Names, folders: Sequence[str]) -> dict[str, str]:
    install = INSTALL[folders[-1]]
    words = {**names.words, "versions": versions(__version__), "install": install}
    made = {
        _path(path, words): _filled(text, words)
        for folder in folders
        for path, text in _within(resources.files(__package__ or "") / "templates" / folder, "")
    }
    return dict(sorted(made.items()))


def versions(current: str) -> str:
    """Return the versions of passpost that a package made with this one works with.

    Before 1.0 a minor version may change hooks, from then on a major one (SemVer).
    """
    major, minor = (int(part) for part in current.split(".")[:2])
    after = f"{major + 1}" if major else f"0.{minor + 1}"
    return f">={major}.{minor},<{after}"


def _within(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _within(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_text("utf-8")


def _path(path: str, words: Mapping[str, str]) -> str:
    return _filled(_DOT.sub(".", path).removesuffix(_SUFFIX), words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text)


def _config_class(source: str) -> type[Any]:
    """Run the module of settings, so that the guide's reference cannot differ from it."""
    module: dict[str, Any] = {"__name__": "passpost_new_connector"}
    # Without this module's own `annotations`: the types of settings must not become texts.
    code = compile(source, "config.py", "exec", dont_inherit=True)
    exec(code, module)  # noqa: S102 - a template of this package, with a checked name in it
    (found,) = (
        value
        for value in module.values()
        if isinstance(value, type) and issubclass(value, ConnectorConfig)
    )
    return found
