"""Reads JSON with comments and trailing commas, and knows where everything stands.

The scanner blanks comments and trailing commas in place, so that every offset stays true, follows
the grammar to note where keys and values begin and what is wrong with them, and leaves the values
to the standard `json`. No problem quotes a value: any text in a settings file may be a secret.
"""

from __future__ import annotations

import codecs
from typing import Any, Final

from passpost._config.scanner import Scan
from passpost._config.settings import Places, Settings, Source
from passpost._frames import without_arguments
from passpost._problems import Problem
from passpost.errors import ConfigError

MAX_SIZE: Final = 1 << 20
"""Bytes in a settings file, or characters in a text of settings: 1 MiB."""

_MARK: Final = "\ufeff"
_SAVE_AS: Final = "save the file as UTF-8"


@without_arguments
def read(text: str | bytes, file: str | None = None) -> Settings:
    """Read settings: a JSON object, which may hold comments and trailing commas.

    Args:
        text: The text, or the bytes of a file in UTF-8; a byte order mark is accepted.
        file: The file's name, for problems.

    Raises:
        ConfigError: The text cannot be read. All that could be found wrong is in `problems`; after
            a fault of the grammar nothing more can be found.
    """
    if len(text) > MAX_SIZE:
        too_large = f"the settings are larger than {MAX_SIZE >> 20} MiB"
        raise ConfigError([Problem("", too_large, "make them shorter", file=file)])
    decoded = _decoded(text, file) if isinstance(text, bytes) else text
    source = Source(decoded.removeprefix(_MARK))
    scan = Scan(source, file)
    if problems := scan.run():
        raise ConfigError(problems)
    return Settings(_values(scan.blanked()), file=file, places=Places(source, scan.index))


def _values(text: str) -> dict[str, Any]:
    import json  # noqa: PLC0415 - whoever imports the package need not read settings

    values: dict[str, Any] = json.loads(text)
    return values


def _decoded(data: bytes, file: str | None) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]:
        wide = "the file is in UTF-16 or UTF-32"
        raise ConfigError([Problem("", wide, _SAVE_AS, "error", file, 1, 1)])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        valid = data[: error.start]
    # Outside of the except block: the original error holds the whole file.
    before = Source(valid.decode("utf-8").removeprefix(_MARK))
    line, column = before.place(len(before.text))
    raise ConfigError(
        [Problem("", "a byte here is not UTF-8", _SAVE_AS, "error", file, line, column)]
    )
