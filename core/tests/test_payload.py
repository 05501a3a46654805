from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import MessageError
from passpost._messages.payload import (
    MAX_BITS,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_VALUES,
    frozen_payload,
    texts_in,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


class Purpose(enum.StrEnum):
    SIGN_IN = "sign-in"


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not the text"


class Fraction(float):
    __slots__ = ()


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_json_is_kept_as_it_is(payload: dict[str, Any]) -> None:
    assert frozen_payload(payload) == payload


def test_payload_is_a_copy_that_cannot_be_changed() -> None:
    payload: dict[str, Any] = {"code": "1", "user": {"tags": ["a"]}}
    frozen = frozen_payload(payload)
    payload["code"] = "2"
    payload["user"]["tags"].append("b")
    assert frozen == {"code": "1", "user": {"tags": ["a"]}}
    with pytest.raises(TypeError):
        frozen["code"] = "3"  # type: ignore[index]  # that it cannot be set is the point


def test_empty_payload() -> None:
    assert frozen_payload({}) == {}


def test_any_mapping_and_tuple_will_do() -> None:
    payload = MappingProxyType({"user": MappingProxyType({"tags": ("a", 1)})})
    assert frozen_payload(payload) == {"user": {"tags": ["a", 1]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Purpose.SIGN_IN, "sign-in"),
        (Level.HIGH, 3),
        (Text("the text"), "the text"),
        (Text("t\xe9xt"), "téxt"),
        (Fraction(1.5), 1.5),
        (True, True),
    ],
)
def test_subclasses_become_what_they_are(value: object, expected: object) -> None:
    (found,) = frozen_payload({"v": value}).values()
    assert found == expected
    assert type(found) is type(expected)


def test_keys_become_plain_text() -> None:
    keys = list(frozen_payload({Purpose.SIGN_IN: 1, Text("x"): "y"}))
    assert keys == ["sign-in", "x"]
    assert {type(key) for key in keys} == {str}


class Opaque:
    def __repr__(self) -> str:
        return "hidden"


@pytest.mark.parametrize(
    ("payload", "field", "message"),
    [
        ({"a": Opaque()}, "payload.a", "payload.a is of type Opaque"),
        ({"a": b"hidden"}, "payload.a", "of type bytes"),
        ({"a": {"hidden"}}, "payload.a", "of type set"),
        ({"a": [1, {"b": Opaque()}]}, "payload.a[1].b", "payload.a[1].b is of type Opaque"),
        ({"a": math.nan}, "payload.a", "not a finite number"),
        ({"a": [-math.inf]}, "payload.a[0]", "not a finite number"),
        ({"a": 1 << MAX_BITS}, "payload.a", "not a finite number of ordinary size"),
        ({"a": "hidden\ud800"}, "payload.a", "lone surrogate"),
        ({"a": [Text("hidden\udfff")]}, "payload.a[0]", "lone surrogate"),
        ({"hidden\ud800": 1}, "payload", "lone surrogate"),
        ({1: "hidden"}, "payload", "a key that is not text"),
        ({"a": {None: "hidden"}}, "payload.a", "payload.a has a key that is not text"),
        # A key may be a value by mistake, so only plain ones are repeated.
        ({"hidden\x1b[2J": Opaque()}, "payload.…", "payload.… is of type Opaque"),
        ({"123456": Opaque()}, "payload.…", "payload.… is of type Opaque"),
        ({"first_name-2": Opaque()}, "payload.first_name-2", "of type Opaque"),
        ("hidden", "payload", "a mapping with text keys"),
        ([("code", "hidden")], "payload", "a mapping with text keys"),
        (None, "payload", "a mapping with text keys"),
    ],
)
def test_what_is_no_json_is_refused_by_its_place(payload: Any, field: str, message: str) -> None:
    with pytest.raises(MessageError) as caught:
        frozen_payload(payload)
    assert caught.value.field == field
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "123456" not in str(caught.value)
    assert caught.value.__context__ is None


def nested(levels: int) -> dict[str, Any]:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return {"a": value}


def test_depth_has_an_end() -> None:
    assert frozen_payload(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(MessageError, match="deeper than 32 levels"):
        frozen_payload(nested(MAX_DEPTH + 1))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MessageError, match="deeper than 32 levels"):
        frozen_payload({"a": endless})


class Endless(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 1

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return (str(number) for number in itertools.count())


def shared() -> list[Any]:
    value: list[Any] = [1, 1]
    for _ in range(MAX_DEPTH - 2):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "payload",
    [
        {"a": [0] * (MAX_VALUES + 50)},
        {str(number): 0 for number in range(MAX_VALUES + 50)},
        {str(number): "" for number in range(MAX_VALUES + 50)},
        {"a": "x" * MAX_CHARACTERS},
        {"a": ["é" * 2_000_000] * 5},
        {"k" * MAX_CHARACTERS: 1},
        {"a": shared()},
        {"a": Endless()},
        Endless(),
    ],
    ids=lambda payload: None,
)
def test_size_has_an_end(payload: Any) -> None:
    with pytest.raises(
        MessageError, match="more than 20000 values or 8388608 characters"
    ) as caught:
        frozen_payload(payload)
    assert caught.value.field == "payload"


def test_large_payloads() -> None:
    for payload in ({"a": [0] * (MAX_VALUES - 10)}, {"a": "x" * (MAX_CHARACTERS - 1000)}):
        assert frozen_payload(payload) == payload


def test_numbers_of_ordinary_size() -> None:
    largest = (1 << MAX_BITS) - 1
    assert frozen_payload({"a": largest, "b": -largest}) == {"a": largest, "b": -largest}
    assert str(largest)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"a": "x", "b": {"c": ["y", ("z",)]}}, ["x", "y", "z"]),
        ({"n": 123456, "f": 1.5, "t": True, "none": None}, ["123456", "1.5"]),
        ("x", ["x"]),
        (None, []),
        ({}, []),
    ],
)
def test_texts_and_numbers_are_given(value: Any, texts: list[str]) -> None:
    assert list(texts_in(value)) == texts


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_every_text_is_given(payload: Mapping[str, Any]) -> None:
    def count(value: Any) -> int:
        if isinstance(value, dict):
            return sum(map(count, value.values()))
        if isinstance(value, list):
            return sum(map(count, value))
        return int(value is not None and not isinstance(value, bool))

    assert len(list(texts_in(frozen_payload(payload)))) == count(payload)
