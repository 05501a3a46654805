"""What a setting is called and what it means, in the two languages of the guides."""

from __future__ import annotations

from typing import TypedDict


class Said(TypedDict):
    """The arguments of `passpost.config.field` that hold words."""

    title: dict[str, str]
    description: dict[str, str]


def said(title: str, title_zh: str, description: str, description_zh: str) -> Said:
    """Give title and description in English and Chinese."""
    return {
        "title": {"en": title, "zh-CN": title_zh},
        "description": {"en": description, "zh-CN": description_zh},
    }
