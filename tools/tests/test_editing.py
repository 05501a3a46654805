"""A change of settings in their text changes what was asked for, and nothing beside it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passpost.config import read
from passpost.errors import ConfigError
from passpost_tools.editing import reorder, rewrite
from passpost_tools.spans import Spans

WRITTEN = """\
{
  // Tried first.
  "connectors": {
    "primary": {"use": "smtp", "settings": {"host": "a.example", "port": 25}}, // office
    "backup": {"use": "ses"} /* last */
  },
  "list": [1, 2, 3],
}
"""


def wanted(**changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(Spans(WRITTEN).value)), **changes}


def test_a_value_is_replaced_in_its_place() -> None:
    value = wanted()
    value["connectors"]["primary"]["settings"]["port"] = 587
    assert rewrite(WRITTEN, value) == WRITTEN.replace("25", "587")


def test_a_new_member_follows_the_one_that_it_follows_in_what_is_wanted() -> None:
    value = wanted(delivery={"timeout": 5})
    value["connectors"] = {
        "primary": value["connectors"]["primary"],
        "second": {"use": "webhook"},
        "backup": value["connectors"]["backup"],
    }
    assert rewrite(WRITTEN, value) == WRITTEN.replace(
        "// office\n", '// office\n    "second": {\n      "use": "webhook"\n    },\n'
    ).replace("[1, 2, 3],", '[1, 2, 3],\n  "delivery": {\n    "timeout": 5\n  },')


def test_the_last_member_gets_its_comma_before_a_comment() -> None:
    assert rewrite('{\n  "a": 1 // one\n}', {"a": 1, "b": 2}) == '{\n  "a": 1, // one\n  "b": 2\n}'


def test_what_is_removed_takes_its_line_and_its_comma_along() -> None:
    value = wanted(list=[1, 3])
    del value["connectors"]["backup"]
    assert rewrite(WRITTEN, value) == (
        WRITTEN.replace(', // office\n    "backup": {"use": "ses"}', " // office\n").replace(
            "1, 2, 3", "1, 3"
        )
    )
    assert rewrite('{\n  "a": 1,\n  "b": 2\n}', {"b": 2}) == '{\n  "b": 2\n}'
    assert rewrite('{\n  "a": 1,\n  "b": 2\n}', {"a": 1}) == '{\n  "a": 1\n}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{\n  "a": {\n    "b": []\n  }\n}'),
        ("{ } // end", '{\n  "a": {\n    "b": []\n  }\n} // end'),
        ("{ // why\n}\n", '{ // why\n  "a": {\n    "b": []\n  }\n}\n'),
        ('{"c": {}}', '{"c": {"d": 1}}'),
    ],
)
def test_settings_that_were_empty_get_members(text: str, expected: str) -> None:
    assert rewrite(text, Spans(expected).value) == expected


def test_line_ends_indentation_and_a_byte_order_mark_stay() -> None:
    text = '\ufeff{\r\n\t"a": {\r\n\t\t"b": 1\r\n\t}\r\n}\r\n'
    expected = text.replace('"b": 1', '"b": 1,\r\n\t\t"c": [\r\n\t\t\t1\r\n\t\t]')
    assert rewrite(text, {"a": {"b": 1, "c": [1]}}) == expected


def test_a_number_is_not_the_same_as_another_kind_of_value() -> None:
    assert rewrite('{"a": 1}', {"a": True}) == '{"a": true}'
    assert rewrite('{"a": 1e2}', {"a": 100.0}) == '{"a": 1e2}'


def test_a_text_that_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(ConfigError):
        rewrite('{"a": }', {})
    with pytest.raises(ValueError, match="not JSON compliant"):
        rewrite("{}", {"a": float("nan")})


# Any settings, in any formatting.

KEYS = st.sampled_from(["a", "b", "host", "ключ", 'q"'])
SCALARS = st.none() | st.booleans() | st.integers(-9, 99) | st.text('ab/*"\\\n号', max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
GAPS = st.sampled_from(
    ["", " ", "\n", "\n  ", "\r\n\t", " // {note},\n", "/* [n] */", " /* a\n b */ "]
)


def formatted(value: Any, draw: Any) -> str:
    """Write a value with white space and comments wherever the grammar has room for them."""

    def gap() -> str:
        return str(draw(GAPS))

    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, dict):
        keys = [json.dumps(key) + gap() + ":" + gap() for key in value]
        items, brackets = list(value.values()), "{}"
    else:
        keys, items, brackets = [""] * len(value), value, "[]"
    members = [
        gap() + k + formatted(item, draw) + gap() for k, item in zip(keys, items, strict=True)
    ]
    tail = "," + gap() if members and draw(st.booleans()) else ""
    return brackets[0] + ",".join(members) + tail + (gap() if not members else "") + brackets[1]


@st.composite
def texts(draw: Any) -> str:
    return str(draw(GAPS) + formatted(draw(OBJECTS), draw) + draw(GAPS))


COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)


def comments(text: str) -> list[str]:
    return [match[1] for match in COMMENT.finditer(text) if match[1]]


def bytes_that_stay(before: Spans, after: Spans, old: Any, new: Any, path: Any = ()) -> None:
    """Check that each value that is equal at the same keys is written as it was."""
    if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
        was, now = before.members[path], after.members[path]
        assert before.text[was.value : was.end] == after.text[now.value : now.end]
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() & new.keys():
            bytes_that_stay(before, after, old[key], new[key], (*path, key))


@given(texts(), OBJECTS)
@example('{"a": 1, // c\n "b": 2 }', {"a": 1})
@example('{"a": 1 // c\n , "b": 2 }', {"b": 2})
@example("{}", {"a": {}})
def test_only_what_is_asked_for_changes(text: str, new: dict[str, Any]) -> None:
    before = Spans(text)
    edited = rewrite(text, new)
    after = Spans(edited)
    assert json.dumps(after.value, sort_keys=True) == json.dumps(new, sort_keys=True)
    bytes_that_stay(before, after, before.value, new)
    assert rewrite(text, before.value) == text
    assert rewrite(edited, new) == edited


@given(texts(), st.data())
def test_no_comment_outside_of_a_removed_value_is_lost(text: str, data: Any) -> None:
    before = Spans(text)
    if not before.value:
        return
    key = data.draw(st.sampled_from(sorted(before.value)))
    member = before.members[(key,)]
    inside = comments(text[member.start : member.end])
    left = {name: value for name, value in before.value.items() if name != key}
    found = comments(rewrite(text, left))
    assert len(found) == len(comments(text)) - len(inside)
    assert read(rewrite(text, left)) == left


def test_members_take_their_comments_along() -> None:
    text = """{
  "connectors": { // tried in this order
    // All of them are ours.

    // The first one.
    "primary": {"use": "smtp"}, // office
    "backup": {"use": "ses"} /* last */
  }, // done
}
"""
    assert (
        reorder(text, ("connectors",), ["backup", "primary"])
        == """{
  "connectors": { // tried in this order
    // All of them are ours.

    "backup": {"use": "ses"}, /* last */
    // The first one.
    "primary": {"use": "smtp"} // office
  }, // done
}
"""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
        ('{ "a":1,"b":2 , }', '{ "b":2 ,"a":1, }'),
        ('{"a": 1, "b": 2 // c\n}', '{"b": 2, // c\n "a": 1\n}'),
        ('{\n"a": 1 // c\n, "b": 2}', '{\n"b": 2, "a": 1 // c\n}'),
        ('\ufeff{"a": {"b": 3}, // c\r\n"b": 2}', '\ufeff{"b": 2,\r\n"a": {"b": 3} // c\r\n}'),
    ],
)  # fmt: skip
def test_the_order_changes_in_any_formatting(text: str, expected: str) -> None:
    assert reorder(text, (), ["b", "a"]) == expected


@given(texts(), st.data())
@example('{"a": 1 // c\n , "b": 2 }', None)
def test_another_order_loses_nothing(text: str, data: Any) -> None:
    before = Spans(text)
    keys = list(before.value)
    order = data.draw(st.permutations(keys)) if data else keys[::-1]
    edited = reorder(text, (), order)
    after = Spans(edited)
    assert list(after.value) == order
    assert after.value == before.value
    assert sorted(one for _, one in after.comments) == sorted(one for _, one in before.comments)
    for key in keys:
        was, now = before.members[key,], after.members[key,]
        assert before.text[was.start : was.end] == after.text[now.start : now.end]
    assert reorder(text, (), keys) == text


def test_the_order_has_each_member_once() -> None:
    for order in ([], ["a"], ["a", "a"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match="not the keys"):
            reorder('{"a": 1, "b": 2}', (), order)
    assert reorder('{"a": [1, 2, 3]}', ("a",), [2, 0, 1]) == '{"a": [3, 1, 2]}'
    with pytest.raises(KeyError):
        reorder("{}", ("connectors",), [])


def test_a_member_is_found_with_its_comments() -> None:
    spans = Spans(
        '\ufeff{"a": [ // of the list\n  // before\n  1, // behind\n 2 /* own */ ]} // end'
    )
    assert spans.with_comments(("a", 0)) == ("// before\n", "1", " // behind")
    assert spans.with_comments(("a", 1)) == ("", "2", " /* own */ // end")
