"""Reads the bytes of a settings file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from passpost._config.settings import Settings
from passpost._phrases import _
from passpost._problems import Problem
from passpost._wording import known
from passpost.errors import ConfigError

MAX_FILE: Final = 1 << 20
"""Bytes in a settings file; more is another file by mistake."""

NO_FILE: Final = _("pass settings that are not a file to `passpost.Mailer.from_settings`")
# Names of files rarely contain these, and settings nearly always do; a URL is the settings of
# other libraries, with a password in it.
_CONTENT: Final = re.compile(r'["\n\r]|^\s*\ufeff?\s*\{|://')
_LONGEST_PATH: Final = 4096


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read a settings file whole.

    Raises:
        ConfigError: It cannot be read, or is too large to be one, or the path is the text of
            settings.
    """
    if is_settings_text(os.fspath(path)):
        # It is not repeated: it may contain a password.
        message = _("expected the path of a file, not the text of settings")
        raise ConfigError([Problem("", message, NO_FILE, code="E020")])
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = known(getattr(error, "strerror", None) or "") or _("not a valid file name")
        message = _("the file cannot be read: {reason}", reason=reason)
        remedy = _("check the path and its permissions")
        problem = Problem("", message, remedy, file=os.fspath(path), code="E019")
        raise ConfigError([problem]) from error
    return content


def is_settings_text(path: str) -> bool:
    """Return whether a path is the text of settings by mistake."""
    looks_so = len(path) > _LONGEST_PATH or _CONTENT.search(path) is not None
    return looks_so and not os.path.lexists(path)


def folder_of(settings: Settings) -> Path:
    """Return where relative paths of settings begin: the folder of their file."""
    return Path(settings.file).parent if settings.file else Path()
