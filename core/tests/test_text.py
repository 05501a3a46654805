from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost._text import refused_in_body, refused_in_line, visible

LINE_ONLY = ["\t", "\n", "\r", "\u2028", "\u2029", "\u760a", "\u760d"]
EVERYWHERE = [
    "\0",
    "\x01",
    "\x08",
    "\x0b",
    "\x0c",
    "\x0e",
    "\x1b",
    "\x1f",
    "\x7f",
    "\x80",
    "\x85",
    "\x9f",
    "\ud800",
    "\udfff",
]
ALLOWED = [
    " ",
    "a",
    "~",
    "\xa0",
    "é",
    "\u2027",
    "\u202a",
    "\u7609",
    "\u760b",
    "\u760c",
    "\u760e",
    "\ud7ff",
    "\ue000",
    "😀",
]


@pytest.mark.parametrize("character", LINE_ONLY + EVERYWHERE)
def test_characters_refused_in_a_line(character: str) -> None:
    assert refused_in_line(f"ab{character}{character}") == f"U+{ord(character):04X} at character 3"


@pytest.mark.parametrize("character", EVERYWHERE)
def test_characters_refused_in_a_body(character: str) -> None:
    assert refused_in_body(f"{character}a") == f"U+{ord(character):04X} at character 1"


@pytest.mark.parametrize("character", ALLOWED)
def test_characters_allowed_in_a_line(character: str) -> None:
    assert refused_in_line(character) is None


@pytest.mark.parametrize("character", ALLOWED + LINE_ONLY)
def test_characters_allowed_in_a_body(character: str) -> None:
    assert refused_in_body(character) is None


def test_empty_text_is_allowed() -> None:
    assert refused_in_line("") is None
    assert refused_in_body("") is None


@given(st.characters(categories=["Cc", "Cs"]))
def test_no_control_character_or_surrogate_stands_in_a_line(character: str) -> None:
    assert refused_in_line(character) is not None
    assert (refused_in_body(character) is None) == (character in "\t\n\r")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250 Ok\r\n", r"250 Ok\r\n"),
        ("\ta", r"\ta"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x7f\x9b2J", r"\x7f\x9b2J"),
        ("abc\u202egpj.exe\u2069\u200f\u061c", r"abc\u202egpj.exe\u2069\u200f\u061c"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud83d", r"\ud83d"),
        ("é 邮件 😀 \\n", "é 邮件 😀 \\n"),
    ],
)
def test_foreign_text_becomes_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(st.text(st.characters()))
def test_visible_text_steers_nothing(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in shown)
    assert not any(
        unicodedata.bidirectional(each)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        for each in shown
    )
