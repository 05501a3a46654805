from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Problem
from passpost._paths import joined, named, path_keys, path_text
from passpost._problems import in_order
from passpost.config import Settings, read

TEXT = """\
{
  "host": "smtp.example.com",
  "templates": [
    {"usageType": "SignIn", "a.b": {"x": 1}},
  ],
  "text": "é\\n\\ud83d\\ude00\\u00e9z{{",
}
"""


@pytest.fixture
def settings() -> Settings:
    return read(TEXT, "f.jsonc")


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("", (1, 1), (1, 1)),
        ("host", (2, 11), (2, 3)),
        ("templates", (3, 16), (3, 3)),
        ("templates[0]", (4, 5), (4, 5)),
        ("templates[0].usageType", (4, 19), (4, 6)),
        ('templates[0]["a.b"].x', (4, 42), (4, 37)),
        ("templates[0].subject", (4, 5), (4, 5)),
        ("templates[7].subject", (3, 16), (3, 16)),
        ("host.deeper", (2, 11), (2, 11)),
        ("nothing", (1, 1), (1, 1)),
    ],
)
def test_locates_what_is_written_and_what_encloses_the_rest(
    settings: Settings, path: str, value: tuple[int, int], key: tuple[int, int]
) -> None:
    assert settings.locate(path) == value
    assert settings.locate(path, key=True) == key
    assert settings.locate(path_keys(path)) == value


def test_locates_a_character_of_a_text(settings: Settings) -> None:
    text = settings["text"]
    columns = [settings.locate_within("text", offset) for offset in range(len(text) + 1)]
    assert text == "é\n😀éz{{"
    assert columns == [(6, column) for column in (12, 13, 15, 27, 33, 34, 35, 36)]


def test_locates_a_whole_value_where_the_character_is_not_its_own(settings: Settings) -> None:
    assert settings.locate_within("text", 100) == (6, 11)
    assert settings.locate_within("templates", 1) == (3, 16)
    assert settings.locate_within("nothing", 1) == (1, 1)


def test_a_plain_mapping_has_no_places() -> None:
    settings = Settings.of({"a": 1})
    assert settings.locate("a") is None
    assert settings.locate_within("a", 1) is None
    assert settings.problem(("a",), "wrong") == Problem("a", "wrong")
    assert Settings.of(settings) is settings


def test_is_a_mapping(settings: Settings) -> None:
    assert list(settings) == ["host", "templates", "text"]
    assert len(settings) == 3
    assert settings == settings.data
    assert settings.get("nothing") is None


def test_repr_shows_no_value() -> None:
    assert repr(read('{"password": "hunter2"}', "f.jsonc")) == (
        "<Settings from 'f.jsonc' with 1 keys>"
    )
    assert repr(Settings({"password": "hunter2"})) == "<Settings with 1 keys>"


def test_a_part_has_relative_paths_and_shows_full_ones(settings: Settings) -> None:
    part = read('{"a": {"b": {\n"c": 1}}}', "f").sub("a", "b")
    assert part == {"c": 1}
    assert part.locate("c") == (2, 6)
    assert part.problem(("c",), "wrong", "right", key=True) == Problem(
        "a.b.c", "wrong", "right", "error", "f", 2, 1
    )
    (placed,) = part.placed([Problem("c", "odd", severity="warning")])
    assert placed == Problem("a.b.c", "odd", "", "warning", "f", 2, 6)
    (whole,) = part.placed([Problem("", "odd")])
    assert (whole.path, whole.line, whole.column) == ("a.b", 1, 13)


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("a", "b", "c"), ("list", "x")])
def test_a_part_that_is_no_object_is_empty(path: tuple[str, ...]) -> None:
    part = read('{"a": {"b": {"c": 1}}, "list": []}').sub(*path)
    assert part == {}
    assert part.problem((), "wrong").path == path_text(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", 0, "b"), "a[0].b"),
        ((0,), "[0]"),
        (("X-A", "中文"), "X-A.中文"),
        (("a.b", "", "c d"), '["a.b"][""]["c d"]'),
        (('q"\\', "\x1b"), '["q\\"\\\\"]["\\u{1b}"]'),
    ],
)
def test_paths_read_as_they_are_written(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text
    assert path_keys(text) == path


@given(st.lists(st.text(max_size=20) | st.integers(0, 99), max_size=5).map(tuple))
def test_any_path_reads_as_it_is_written(path: tuple[str | int, ...]) -> None:
    text = path_text(path)
    assert path_keys(text) == path
    assert text.isprintable()


def test_long_keys_are_cut_in_paths() -> None:
    assert len(path_text(("k" * 5000,))) < 120
    assert named("k" * 101).endswith("k…`")
    assert named("k" * 100).endswith("kk`")
    assert path_keys(path_text(("k" * 100,))) == ("k" * 100,)


def test_reading_a_path_stops_where_it_is_none() -> None:
    assert path_keys("a..b") == ("a",)


@pytest.mark.parametrize(
    ("prefix", "path", "whole"),
    [("a", "b", "a.b"), ("a", "[0]", "a[0]"), ("", "b", "b"), ("a", "", "a"), ("", "", "")],
)
def test_joins_paths(prefix: str, path: str, whole: str) -> None:
    assert joined(prefix, path) == whole


def test_problems_come_in_the_order_of_the_file_and_once() -> None:
    late = Problem("b", "x", line=2, column=1, file="f")
    early = Problem("a", "x", line=1, column=9, file="f")
    nowhere = Problem("c", "x", file="f")
    assert in_order([nowhere, late, early, Problem("a", "x", line=1, column=9, file="f")]) == (
        early,
        late,
        nowhere,
    )


def test_a_problem_reads_like_a_compiler_message() -> None:
    problem = Problem(
        "prot", "unknown setting", "did you mean `port`?", "error", "smtp.jsonc", 3, 3, code="E101"
    )
    assert str(problem) == (
        "smtp.jsonc:3:3: error: prot: unknown setting  [E101]\n  help: did you mean `port`?"
    )
    assert str(Problem("", "wrong")) == "<settings>: error: wrong"
    assert str(Problem("", "wrong", line=7)) == "<settings>:7:1: error: wrong"
    odd = Problem("a", "odd", severity="warning", code="acme-W1")
    assert str(odd) == "<settings>: warning: a: odd  [acme-W1]"


def test_problems_survive_pickling() -> None:
    problem = Problem("port", "wrong", line=1)
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301 - our own bytes


def test_settings_serialise_as_their_data(settings: Settings) -> None:
    assert json.loads(json.dumps(dict(settings))) == settings.data
