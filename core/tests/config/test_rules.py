"""Rules between fields; no postponed annotations, since `parse` looks the types up."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from passpost import Problem
from passpost._config.fields import config_fields, rules
from passpost.config import Invalid, field, parse, read, rule, warnings

Refused = Callable[..., tuple[Problem, ...]]


@attrs.frozen(kw_only=True)
class Base:
    name: str = field(default="")

    @rule("name")
    def _named(self) -> Iterator[Problem]:
        if self.name == "bad":
            yield Problem("name", "is a bad name")


@attrs.frozen(kw_only=True)
class Pair(Base):
    low: int = field(default=1)
    high: int = field(default=9)
    tags: tuple[str, ...] = field(factory=tuple)
    doubled: int = field(default=attrs.Factory(lambda self: self.low * 2, takes_self=True))

    @rule("low", "high")
    def _ordered(self) -> Iterator[Problem]:
        if self.low > self.high:
            yield Problem("low", "must not exceed high", "swap them")
        if self.low == self.high:
            yield Problem("", "leaves no room", severity="warning")

    @rule("tags")
    def _tags(self) -> Iterator[Problem]:
        for index, tag in enumerate(self.tags):
            if tag == "odd":
                yield Problem(f"tags[{index}]", "is odd", severity="warning")

    @rule("low")
    def _raises(self) -> Iterator[Problem]:
        if self.low == 13:
            raise Invalid("is unlucky", "write 12")
        yield from ()

    @rule("low", "high")
    def _raises_too(self) -> Iterator[Problem]:
        if self.low + self.high == 100:
            raise Invalid("add up to 100")
        yield from ()


@attrs.frozen(kw_only=True)
class Outer:
    pair: Pair = field(factory=Pair)
    pairs: tuple[Pair, ...] = field(default=())
    sum: int = field(default=0, minimum=0)

    @rule("sum")
    def _peeks(self) -> Iterator[Problem]:
        if self.pair.low == 7:
            yield Problem("sum", "does not like seven", severity="warning")

    @rule("sum")
    def _broken(self) -> Iterator[Problem]:
        if self.sum == 99:
            yield self.nothing_of_the_kind  # type: ignore[attr-defined]  # the mistake under test


def seen(problems: tuple[Problem, ...]) -> set[tuple[str, str, str]]:
    return {(problem.path, problem.message, problem.severity) for problem in problems}


def test_a_valid_config_may_have_warnings() -> None:
    config = parse(Outer, {"pair": {"low": 3, "high": 3}, "pairs": [{"tags": ["a", "odd"]}]})
    assert seen(warnings(config)) == {
        ("pair", "leaves no room", "warning"),
        ("pairs[0].tags[1]", "is odd", "warning"),
    }


def test_warnings_come_along_with_errors(refused: Refused) -> None:
    text = '{"pair": {"low": 3,\n "high": 3}, "pairs": [{"low": 9, "high": 8}],\n "sum": -1}'
    problems = refused(parse, Outer, read(text, "f"))
    assert [(p.path, p.line, p.column, p.severity) for p in problems] == [
        ("pair", 1, 10, "warning"),
        ("pairs[0].low", 2, 32, "error"),
        ("sum", 3, 9, "error"),
    ]


def test_a_rule_runs_where_its_own_fields_are_valid(refused: Refused) -> None:
    problems = refused(parse, Pair, {"low": 5, "high": 4, "tags": 7, "name": "bad", "zzz": 1})
    assert seen(problems) == {
        ("low", "must not exceed high", "error"),
        ("tags", "must be a list, not a number", "error"),
        ("name", "is a bad name", "error"),
        ("zzz", "unknown setting", "error"),
    }


def test_a_rule_does_not_run_on_invalid_or_misspelt_fields(refused: Refused) -> None:
    assert seen(refused(parse, Pair, {"low": 50, "high": "x"})) == {
        ("high", "must be a whole number", "error")
    }
    assert seen(refused(parse, Pair, {"low": 50, "hihg": 60})) == {
        ("hihg", "unknown setting", "error")
    }


def test_a_rule_sees_defaults_of_what_is_absent(refused: Refused) -> None:
    assert seen(refused(parse, Pair, {"low": 10, "name": 1})) == {
        ("low", "must not exceed high", "error"),
        ("name", "must be text, not a number", "error"),
    }


def test_an_invalid_that_a_rule_raises_is_a_problem(refused: Refused) -> None:
    (problem,) = refused(parse, Outer, {"pair": {"low": 13, "high": 14}})
    assert (problem.path, problem.message, problem.remedy) == (
        "pair.low",
        "is unlucky",
        "write 12",
    )
    (problem,) = refused(parse, Outer, {"pair": {"low": 40, "high": 60}})
    assert (problem.path, problem.message) == ("pair", "add up to 100")


def test_a_rule_that_looks_further_is_left_out_where_it_cannot(refused: Refused) -> None:
    assert seen(refused(parse, Outer, {"pair": 7, "sum": 1})) == {
        ("pair", "must be an object, not a number", "error")
    }
    assert seen(warnings(parse(Outer, {"pair": {"low": 7}}))) == {
        ("sum", "does not like seven", "warning")
    }


def test_a_default_that_needs_an_invalid_field_is_left_out(refused: Refused) -> None:
    assert parse(Pair, {"low": 4}).doubled == 8
    assert seen(refused(parse, Pair, {"low": "x"})) == {("low", "must be a whole number", "error")}


def test_a_broken_rule_shows_itself() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        parse(Outer, {"sum": 99})
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        parse(Outer, {"sum": 99, "pairs": 1})


@attrs.frozen
class Misnamed:
    low: int = field(default=1)

    @rule("lwo")
    def _never(self) -> Iterator[Problem]:
        yield from ()


def test_a_rule_on_no_field_is_a_mistake() -> None:
    with pytest.raises(TypeError, match=r"Misnamed._never is a rule on .*lwo"):
        parse(Misnamed, {})


@attrs.frozen
class Overriding(Base):
    @rule("name")
    def _named(self) -> Iterator[Problem]:
        yield Problem("name", "is as good as any", severity="warning")


def test_a_rule_may_be_overridden() -> None:
    assert seen(warnings(parse(Overriding, {"name": "bad"}))) == {
        ("name", "is as good as any", "warning")
    }


@attrs.frozen
class Unfillable:
    data: bytes = field()


@attrs.frozen
class UnfillableWithin:
    data: tuple[int, ...] = field(default=())
    table: "dict[str, int]" = field(factory=dict)


@attrs.frozen
class Absent:
    data: "NotThere" = field()  # type: ignore[name-defined]  # noqa: F821 - the mistake under test


class Plain:
    pass


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Unfillable, "Unfillable.data: <class 'bytes'> is not a type"),
        (UnfillableWithin, r"UnfillableWithin.table: dict\[str, int\] is not a type"),
        (Absent, "a type of Absent is missing at run time: name 'NotThere'"),
    ],
)
def test_a_type_that_no_setting_can_have_is_a_mistake(cls: type, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        parse(cls, {})


@pytest.mark.parametrize(
    "type_", [tuple[int], tuple[int, str], list[int], set, "dict", bytes | int, tuple[bytes, ...]]
)
def test_few_types_can_be_settings(type_: Any) -> None:
    cls = attrs.make_class("Made", {"data": attrs.field(type=type_)})
    with pytest.raises(TypeError, match="is not a type that a setting can have"):
        config_fields(cls)


def test_a_config_class_is_an_attrs_class() -> None:
    with pytest.raises(attrs.exceptions.NotAnAttrsClassError):
        config_fields(Plain)


def test_own_fields_come_before_inherited_ones() -> None:
    assert [made.key for made in config_fields(Pair)] == [
        "low",
        "high",
        "tags",
        "doubled",
        "name",
    ]
    assert len(rules(Pair)) == 5
