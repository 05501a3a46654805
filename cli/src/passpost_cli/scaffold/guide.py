"""The generated parts of a connector's guide, each between two markers.

``reference`` is made from the config class. The other parts are texts that are the same in every
guide; the folder ``parts`` has them once in each language.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, Final

from passpost import config

FILES: Final = {"en": "README.md", "zh-CN": "README.zh-CN.md"}
"""The guide of each language, in the folder of a connector's package."""

PARTS: Final = ("draft", "secrets", "application", "templates", "check", "errors")
"""The parts that are the same in every guide, but for the connector's ID."""

REFERENCE: Final = "reference"
"""The table of the settings, which every guide has."""

_MARKER: Final = re.compile(r"<!-- ([a-z-]+): (start|end) -->\n")


def updated(guide: str, connector: str, config_class: type[Any], language: str) -> str:
    """Return a guide with its generated parts as they are now.

    Args:
        guide: The guide.
        connector: The connector's ID.
        config_class: The class of its settings.
        language: The guide's language, as a BCP 47 tag.

    Raises:
        ValueError: The reference is missing, or a marker is unknown, doubled or alone.
    """
    markers = list(_MARKER.finditer(guide))
    found = [(marker[1], marker[2]) for marker in markers]
    names = [name for name, _ in found[::2]]
    paired = [(name, end) for name in names for end in ("start", "end")]
    if found != paired or REFERENCE not in names or len(set(names)) < len(names):
        raise ValueError(
            f"a guide has <!-- {REFERENCE}: start --> and then <!-- {REFERENCE}: end -->, once each"
        )
    if unknown := set(names) - {REFERENCE, *PARTS}:
        raise ValueError(f"unknown part {min(unknown)!r}: known are {', '.join(PARTS)}")
    for start, end in reversed(list(zip(markers[::2], markers[1::2], strict=True))):
        text = _part(start[1], connector, config_class, language).strip()
        guide = f"{guide[: start.end()]}\n{text}\n\n{guide[end.start() :]}"
    return guide


def _part(name: str, connector: str, config_class: type[Any], language: str) -> str:
    if name == REFERENCE:
        return config.reference_table(config_class, language)
    folder = resources.files(__package__ or "") / "parts" / language
    return (folder / f"{name}.md").read_text("utf-8").replace("@id@", connector)
