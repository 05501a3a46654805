"""One mailer for each settings file of a process, made when it is first needed."""

from __future__ import annotations

import os
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

import passpost
from passpost_django.languages import _

DEFAULT: Final = "default"
"""The alias that Django uses where none is named."""

# Without a lock: a process that is forked while another thread holds one would wait forever.
_mailers: Final[dict[str, passpost.Mailer]] = {}


def mailer(using: str = DEFAULT) -> passpost.Mailer:
    """Return this process's mailer; threads and forked processes may share it.

    Args:
        using: The alias in ``MAILERS`` whose settings file counts.

    Raises:
        ImproperlyConfigured: No settings file is set.
        passpost.ConfigError: The file cannot be read, or its settings are wrong.
    """
    return mailer_of(settings_file(using))


def mailer_of(file: str | os.PathLike[str]) -> passpost.Mailer:
    """Return this process's mailer for a settings file; the first call makes it.

    Raises:
        passpost.ConfigError: The file cannot be read, or its settings are wrong.
    """
    path = os.path.abspath(file)  # noqa: PTH100 - links stay as they are, so that errors name what was written
    if (made := _mailers.get(path)) is not None:
        return made
    from passpost_django import passthrough  # noqa: PLC0415 - loads what plugins need

    new = passpost.Mailer.from_file(path, passpost.Host(extensions=(passthrough,)))
    # Of two threads that make one, both get the first. The other has opened nothing.
    return _mailers.setdefault(path, new)


def settings_file(using: str = DEFAULT) -> str | os.PathLike[str]:
    """Return the settings file of an alias: its own, or ``PASSPOST_FILE``.

    Raises:
        ImproperlyConfigured: There is no such alias, or no file is set.
    """
    aliases = getattr(settings, "MAILERS", {})
    if using not in {DEFAULT, *aliases}:
        raise ImproperlyConfigured(_("MAILERS has no alias {alias}", alias=repr(using)))
    own = aliases.get(using, {}).get("OPTIONS", {}).get("file")
    return named_file(own)


def named_file(own: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """Return a settings file of its own, or ``PASSPOST_FILE`` where there is none.

    Raises:
        ImproperlyConfigured: Neither is set.
    """
    file = own or getattr(settings, "PASSPOST_FILE", None)
    if not file:
        raise ImproperlyConfigured(
            _(
                "passpost has no settings file: set PASSPOST_FILE, or `file` in the OPTIONS of "
                "MAILERS"
            )
        )
    found: str | os.PathLike[str] = file
    return found
