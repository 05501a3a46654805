"""The reference of settings within a guide: made from the config class, between two markers."""

from __future__ import annotations

from typing import Any, Final

from passpost import config

START: Final = "<!-- reference: start -->\n"
END: Final = "<!-- reference: end -->\n"

FILES: Final = {"en": "README.md", "zh-CN": "README.zh-CN.md"}
"""The guide of each language, in the folder of a connector's package."""


def with_reference(guide: str, config_class: type[Any], language: str) -> str:
    """Give a guide with the reference as the config class has it now.

    Raises:
        ValueError: The guide does not have each marker once, in order.
    """
    before, started, rest = guide.partition(START)
    _, ended, after = rest.partition(END)
    if not (started and ended) or START in rest or END in before + after:
        raise ValueError(f"a guide has {START.strip()} and then {END.strip()}, once each")
    table = config.reference_table(config_class, language).strip()
    return f"{before}{START}\n{table}\n\n{END}{after}"
