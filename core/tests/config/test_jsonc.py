# ruff: noqa: RUF001 - what other keyboards put in place of JSON's own characters is meant here

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from passpost import ConfigError, Problem
from passpost.config import read

if TYPE_CHECKING:
    from collections.abc import Callable

    Refused = Callable[..., tuple[Problem, ...]]


def places(problems: tuple[Problem, ...]) -> list[tuple[str, int | None, int | None]]:
    return [(problem.path, problem.line, problem.column) for problem in problems]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("{}", {}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2,], "b": {"c": null,},}', {"a": [1, 2], "b": {"c": None}}),
        ('// first\n{ /* in */ "a" /**/ : // after\n true }// last', {"a": True}),
        ('{"a": "// no /* comment */ , }"}', {"a": "// no /* comment */ , }"}),
        ('{"a": "\\"//"}', {"a": '"//'}),
        ('{"a": "\\\\"} // x', {"a": "\\"}),
        ('{"a": [1, /* , */ ] }', {"a": [1]}),
        ("{/* one *//* two */}", {}),
        ('{"a": 1/**/}', {"a": 1}),
        ('{"a": -1.5e3, "b": 0}', {"a": -1500.0, "b": 0}),
        ("\ufeff{}", {}),
        ('{"a": "\\ud83d\\ude00\u00e9\u6d4b"}', {"a": "😀é测"}),
        ('{"": {"": 1}}', {"": {"": 1}}),
        ('{"a": ' + "9" * 308 + "}", {"a": int("9" * 308)}),
    ],
)
def test_reads(text: str, data: dict[str, Any]) -> None:
    assert read(text).data == data
    assert read(text.encode()).data == data


def test_keeps_the_order_written() -> None:
    assert list(read('{"b": 1, "a": 2, "c": 3}')) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "settings are empty"),
        (" \n // only\n", 1, 1, "settings are empty"),
        ("[1]", 1, 1, "settings must be an object"),
        ("\n  7", 2, 3, "settings must be an object"),
        ('"a"', 1, 1, "settings must be an object"),
        ("}", 1, 1, "settings must be an object"),
        ("{", 1, 2, "`{` at line 1, column 1 is not closed"),
        ('{"a": [\n1', 2, 2, "`[` at line 1, column 7 is not closed"),
        ('{"a": 1} x', 1, 10, "unexpected text after"),
        ('{"a" 1}', 1, 6, "expected `:`"),
        ('{"a": 1 "b": 2}', 1, 9, "expected `,` or `}` before"),
        ('{"a": [1 2]}', 1, 10, "expected `,` or `]` before"),
        ('{"a": [1}', 1, 9, "expected `,` or `]` before"),
        ('{"a": 1]', 1, 8, "expected `,` or `}` before"),
        ('{"a":}', 1, 2, "expected a value"),
        ('{"a":\n}', 1, 2, "expected a value"),
        ('{"a": [1,,2]}', 1, 10, "expected a value"),
        ('{"a": [,]}', 1, 8, "expected a value"),
        ("{,}", 1, 2, "a key in double quotes"),
        ('{"a": 1,,}', 1, 9, "a key in double quotes"),
        ('{"a": "b\n"}', 1, 7, "not closed on its line"),
        ('{"a": "b', 1, 7, "not closed on its line"),
        ('{"a": "b\\', 1, 7, "not closed on its line"),
        ("{/* \n }", 1, 2, "comment is not closed"),
        ("{} /*/", 1, 4, "comment is not closed"),
        ('{"a": ' + "[" * 64, 1, 70, "nested deeper than 64"),
    ],
)
def test_leaves_the_grammar_at_a_place(
    refused: Refused, text: str, line: int, column: int, message: str
) -> None:
    problem = refused(read, text, "f.jsonc")[-1]
    assert (problem.file, problem.line, problem.column) == ("f.jsonc", line, column)
    assert message in problem.message
    assert problem.remedy or problem.code == "E017"


@pytest.mark.parametrize(
    ("text", "path", "column", "message"),
    [
        ('{"a": NaN}', "a", 7, "NaN and Infinity"),
        ('{"a": Infinity}', "a", 7, "NaN and Infinity"),
        ('{"a": [-Infinity]}', "a[0]", 8, "NaN and Infinity"),
        ('{"a": True}', "a", 7, "lowercase"),
        ('{"a": None}', "a", 7, "lowercase"),
        ('{"a": 0587}', "a", 7, "not a valid JSON number"),
        ('{"a": +1}', "a", 7, "not a valid JSON number"),
        ('{"a": .5}', "a", 7, "not a valid JSON number"),
        ('{"a": 5.}', "a", 7, "not a valid JSON number"),
        ('{"a": 5_8}', "a", 7, "not a valid JSON number"),
        ('{"a": 1e999}', "a", 7, "too large"),
        ('{"a": ' + "9" * 309 + "}", "a", 7, "too large"),
        ('{"a": hunter2}', "a", 7, "unquoted value"),
        ('{"a": \u0665}', "a", 7, "unquoted value"),
        ("{\"a\": 'hunter2'}", "a", 7, "U+0027"),
        ('{"a": “hunter2”}', "a", 7, "U+201C"),
        ("{a: 1}", "a", 2, "key is not in double quotes"),
        ("{'a': 1}", "", 2, "U+0027"),
        ('{"a": "\\ud800"}', "a", 8, "surrogate"),
        ('{"a": "\\ude00\\ud83d"}', "a", 8, "surrogate"),
        ('{"a": "x\ud800"}', "a", 9, "surrogate"),
        ('{"a": "\\x41"}', "a", 8, "not a valid escape"),
        ('{"a": "\\u12"}', "a", 8, "not a valid escape"),
        ('{"a": "\t"}', "a", 8, "control character"),
        ('{"a\\q": 1}', "", 4, "not a valid escape"),
    ],
)
def test_refuses_what_json_does_not_have(
    refused: Refused, text: str, path: str, column: int, message: str
) -> None:
    problem = refused(read, text)[0]
    assert (problem.path, problem.line, problem.column) == (path, 1, column)
    assert message in problem.message
    assert problem.remedy


def test_refuses_a_duplicate_key_and_says_where_the_first_is(refused: Refused) -> None:
    text = '{\n  "host": "a",\n  "auth": {"user": 1, "\\u0075ser": 2},\n  "host": "b"\n}'
    inner, outer = refused(read, text)
    assert (inner.path, inner.line, inner.column) == ("auth.user", 3, 23)
    assert "first written at line 3, column 12" in inner.message
    assert (outer.path, outer.line, outer.column) == ("host", 4, 3)
    assert "first written at line 2, column 3" in outer.message


def test_finds_what_it_can_at_once(refused: Refused) -> None:
    text = '{\n "a": NaN, "b": True,\n "a": "\\ud800\\q",\n c: 1e400\n'
    assert places(refused(read, text)) == [
        ("a", 2, 7),
        ("b", 2, 17),
        ("a", 3, 2),
        ("a", 3, 8),
        ("a", 3, 14),
        ("c", 4, 2),
        ("c", 4, 5),
        ("", 5, 1),
    ]


def test_a_key_with_a_fault_names_its_value_as_written(refused: Refused) -> None:
    assert [problem.path for problem in refused(read, '{"a\\q": NaN, b: NaN}')] == [
        "",
        '["a\\\\q"]',
        "b",
        "b",
    ]


def test_gives_up_after_a_hundred_problems(refused: Refused) -> None:
    assert len(refused(read, '{"a": [' + "NaN," * 500 + "]}")) == 100


def test_reads_on_past_what_another_keyboard_wrote(refused: Refused) -> None:
    text = "｛\"a\"：1，\u00a0“b c”: ‘hunter2 canary’、\u3000'd': ［1］\n｝"
    problems = refused(read, text)
    points = [re.findall(r"U\+[0-9A-F]{4}", problem.message) for problem in problems]
    assert [(problem.column, *found) for problem, found in zip(problems, points, strict=True)] == [
        (1, "U+FF5B"),
        (5, "U+FF1A"),
        (7, "U+FF0C"),
        (8, "U+00A0"),
        (9, "U+201C"),
        (16, "U+2018"),
        (32, "U+3001"),
        (33, "U+3000"),
        (34, "U+0027"),
        (39, "U+FF3B"),
        (41, "U+FF3D"),
        (1, "U+FF5D"),
    ]
    assert [problem.remedy for problem in problems[:5]] == [
        "use `{`",
        "use `:`",
        "use `,`",
        "use a space",
        'use `"`',
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_counts_lines_by_every_line_end(refused: Refused, end: str) -> None:
    text = end.join(["{", '  "中文": 1,', '  "中文": /* 注释 */ NaN', "}"])
    assert places(refused(read, text)) == [("中文", 3, 3), ("中文", 3, 18)]


def test_does_not_count_a_byte_order_mark(refused: Refused) -> None:
    assert places(refused(read, '\ufeff{"a": NaN}')) == [("a", 1, 7)]
    assert places(refused(read, b'\xef\xbb\xbf{"a": NaN}')) == [("a", 1, 7)]


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b'{"a":\n "x\xff"}', 2, 4, "not valid UTF-8"),
        ('{"é": "'.encode() + b"\xe4\xb8", 1, 8, "not valid UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', 1, 8, "not valid UTF-8"),
        ("{}".encode("utf-16"), 1, 1, "UTF-16"),
        (b"\xfe\xff" + "{}".encode("utf-16-be"), 1, 1, "UTF-16"),
        ("{}".encode("utf-16-le"), 1, 1, "UTF-16"),
        ("{}".encode("utf-32"), 1, 1, "UTF-16 or UTF-32"),
    ],
)
def test_names_the_byte_that_is_not_utf8(
    refused: Refused, data: bytes, line: int, column: int, message: str
) -> None:
    (problem,) = refused(read, data, "f")
    assert (problem.file, problem.line, problem.column) == ("f", line, column)
    assert message in problem.message


def test_reads_a_megabyte_and_no_more(refused: Refused) -> None:
    most = '{"a": "' + "x" * ((1 << 20) - 9) + '"}'
    assert len(read(most)["a"]) == (1 << 20) - 9
    for text in (most + " ", (most + " ").encode()):
        (problem,) = refused(read, text)
        assert "larger than 1 MiB" in problem.message


def test_refuses_nesting_without_recursion(refused: Refused) -> None:
    assert read('{"a": ' + "[" * 63 + "]" * 63 + "}")
    (problem,) = refused(read, '{"a":' * 100_000)
    assert "deeper than 64" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        '{"password": hunter2canary}',
        '{"password": "hunter2canary}',
        '{"password": "hunter2canary\\q"}',
        '{"password": "hunter2canary", "password": "hunter2canary"}',
        '{"password": "x" hunter2canary}',
        "{\"password\": 'hunter2canary'}",
        '{"password": "hunter2canary",, }',
        '{"password": /* hunter2canary',
        "{\"password\": 'hunter2 canary'}",
        '{"password": “hunter2canary”}',
        '{"password": 1hunter2canary}',
        '{"password": -hunter2canary}',
        '{"password": "hunter2canary"',
    ],
)
def test_quotes_no_value(refused: Refused, text: str) -> None:
    for problem in refused(read, text):
        assert "hunter2" not in repr(problem)
        assert "canary" not in repr(problem)


@pytest.mark.parametrize("marks", [1, 2])
@pytest.mark.parametrize("form", [str, str.encode])
def test_one_byte_order_mark_is_accepted(marks: int, form: Callable[[str], str | bytes]) -> None:
    text = form("\ufeff" * marks + '{"a": 1}')
    if marks == 1:
        assert read(text) == {"a": 1}
    else:
        with pytest.raises(ConfigError, match=r"1:1: error: invalid character U\+FEFF"):
            read(text)


def test_a_bad_byte_behind_a_byte_order_mark_has_its_place() -> None:
    data = b'\xef\xbb\xbf{"pass": "\xc3\xa9hunter2\xff"}'
    with pytest.raises(ConfigError) as caught:
        read(data, "f")
    (problem,) = caught.value.problems
    assert (problem.message, problem.line, problem.column) == (
        "this byte is not valid UTF-8",
        1,
        19,
    )
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_other_formats_are_told_what_this_is(refused: Refused) -> None:
    for text in ("# settings\nhost: a", "host: a", "---\nhost: a", '[smtp]\nhost = "a"'):
        (problem,) = refused(read, text)
        assert "this is JSON, in which comments begin with `//`" in problem.remedy


def test_a_lookalike_is_shown(refused: Refused) -> None:
    problems = refused(read, '{"a": “b”, \u00a0"c": 1}')
    assert "invalid character `“` (U+201C)" in problems[0].message
    assert "invalid character U+00A0" in problems[-1].message


def test_a_text_of_too_many_values_is_refused_early(refused: Refused) -> None:
    (problem,) = refused(read, '{"a": [' + "1," * 60_000 + "]}")
    assert "more than 50000 values" in problem.message


@pytest.mark.parametrize("text", ["{}@", "@{}", '{"a":@1}', "{}@//", "@"])
def test_much_white_space_takes_no_time(text: str) -> None:
    # The time must not grow faster than the text: this hung.
    text = text.replace("@", " " * (1 << 19) + "\n" * (1 << 18))
    if not text.strip():
        with pytest.raises(ConfigError, match="the settings are empty"):
            read(text)
    else:
        assert list(read(text)) in ([], ["a"])
