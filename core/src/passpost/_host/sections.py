"""Reads the sections of an application's settings that packages of their own read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from passpost._config.jsonc import read
from passpost._config.reading import Reading
from passpost._config.secrecy import cleared
from passpost._config.settings import Settings
from passpost._config.structure import structured
from passpost._connector_info import Finding
from passpost._frames import without_arguments
from passpost._host.files import folder_of, read_file
from passpost._host.host import Host
from passpost._phrases import _
from passpost._plugins.kinds import find_kind
from passpost._problems import Invalid, Problem
from passpost._wording import kind_of
from passpost.errors import ConfigError
from passpost.hookspecs import SECTION_GROUP

T = TypeVar("T")

SECTIONS: Final[Mapping[str, str]] = {
    "outbox": _("install it with `pip install 'passpost[outbox]'`")
}
"""How to install the packages that read a section, by its key."""


@without_arguments
def load_section(
    path: str | os.PathLike[str], key: str, cls: type[T], host: Host | None = None
) -> T:
    """Read one section of an application's settings file, and nothing else of it.

    References elsewhere in the file are not followed: a process that uses one section alone needs
    no secret of the others.

    Args:
        path: The file: JSON with comments.
        key: The section's key.
        cls: The class of its settings.
        host: Follows references; a new `Host` by default.

    Raises:
        ConfigError: The file cannot be read, it lacks the section, or something in the section is
            wrong; `problems` lists everything that is.
    """
    settings = read(read_file(path), os.fspath(path))
    if key not in settings:
        problem = settings.problem((), _("`{key}` is missing", key=key), code="E102")
        raise ConfigError([problem])
    resolved, unresolved = (host or Host()).resolve(settings.having({key: settings[key]}))
    section, problems = read_section(resolved, key, cls)
    wrong = [each for each in (*unresolved, *problems) if each.severity == "error"]
    if wrong:
        raise ConfigError(dict.fromkeys(wrong))
    config: T = section
    return config


@attrs.frozen
class Section:
    """A section that a package of its own reads.

    Attributes:
        config: An instance of the package's class.
        folder: Where relative paths begin: that of the settings file.
    """

    config: Any
    folder: Path

    async def check(self) -> list[Finding]:
        """Return what its store finds; the class may have a method ``check(folder)`` for that."""
        ask = getattr(self.config, "check", None)
        return [] if ask is None else list(await ask(self.folder))


def read_sections(settings: Settings) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
    """Read the sections of packages.

    Args:
        settings: An application's settings, with references replaced.

    Returns:
        Those that can be used; and what is wrong with the others, or probably is.
    """
    valid: list[Section] = []
    found: list[Problem] = []
    for key, remedy in SECTIONS.items():
        # Another type is a problem already.
        if not isinstance(settings.get(key), Mapping):
            continue
        try:
            cls = find_kind(SECTION_GROUP, key, first_party={key: remedy})
        except Invalid as error:
            found.append(settings.problem((key,), error.message, error.remedy, code="E440"))
        else:
            config, problems = read_section(settings, key, cls)
            found += problems
            if config is not None:
                valid.append(Section(config, folder_of(settings)))
    return tuple(valid), tuple(found)


def read_section(settings: Settings, key: str, cls: type[Any]) -> tuple[Any, tuple[Problem, ...]]:
    """Return the config of a section, and what is wrong with it or probably is.

    Raises:
        ConfigError: The section is not an object.
    """
    if not isinstance(settings[key], Mapping):
        message = _("must be an object, not {kind}", kind=kind_of(settings[key]))
        raise ConfigError([settings.problem((key,), message, code="E103")])
    own = settings.sub(key)
    reading: Reading = structured(cls, own)
    # Nothing can be stored with a placeholder.
    return reading.config, cleared(reading.errors or reading.warnings, cls, own)
