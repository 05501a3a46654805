"""The templates as data: in the form of settings, without a problem, and complete."""

from __future__ import annotations

import passpost_templates


def test_english_and_chinese_ship() -> None:
    assert set(passpost_templates.languages()) >= {"en", "zh-CN"}
