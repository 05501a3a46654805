"""Writes the files of ``passpost init``: all of them, or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from passpost_cli.init.secrets import content_of, write_private
from passpost_tools import saving


def write(
    before: saving.Loaded,
    text: str,
    private: Mapping[Path, str],
    schema: Path | None,
    describe: Callable[[], Any],
) -> None:
    """Write the settings, after the files that they name.

    Args:
        before: The settings as they were read.
        text: What they become.
        private: Files with secrets.
        schema: Where to write the schema, unless it is there; None for nowhere.
        describe: Returns the schema.

    Raises:
        ChangedMeanwhile: The settings changed since they were read; nothing was written.
        OSError: A file cannot be written; what was there is unchanged.
    """
    there = {path: content_of(path) for path in private}
    made: list[Path] = []
    try:
        for path, content in private.items():
            made.append(path)
            write_private(path, content)
        if schema is not None and not schema.exists():
            made.append(schema)
            schema_text = json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"
            saving.save(saving.load(schema), schema_text)
        if not before.exists or text != before.text:
            saving.save(before, text)
    except BaseException:
        for path in made:
            _restore(path, there.get(path))
        raise


def _restore(path: Path, content: str | None) -> None:
    with suppress(OSError):
        if content is None:
            path.unlink(missing_ok=True)
        else:
            write_private(path, content)
