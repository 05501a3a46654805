"""Each type on its own; no postponed annotations, since `parse` looks the types up."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

import attrs
import pytest

from passpost import Address, ConfigError, Problem, Secret
from passpost.config import (
    HostName,
    Invalid,
    Referenced,
    Settings,
    Unresolved,
    field,
    parse,
    read,
    resolve,
)

Refused = Callable[..., tuple[Problem, ...]]


class Colour(str):
    """Text of its own form; its errors are those of a careless author."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: Any) -> Self:
        if value == "mauve":
            raise Invalid("is out of fashion", "write red", offset=2)
        if value == "silent":
            raise ValueError
        if value == "loud-secret":
            raise ValueError(f"no colour: {value!r}")
        if value == "multi\nline":
            raise ValueError(f"no colour: {value!r}")
        if value == "no":
            raise ValueError("no colour")
        return cls(value)


@attrs.frozen(kw_only=True)
class Inner:
    size: int = field()
    note: str | None = field(default=None)


@attrs.frozen(kw_only=True)
class Other:
    kind: Literal["other"] = field()
    weight: float = field(default=1.5)


def choose(value: Any) -> Any:
    if value.get("kind") == "broken":
        return str
    if value.get("kind") == "neither":
        raise Invalid("is neither inner nor other", "write one of the two")
    return Other if "kind" in value else Inner


@attrs.frozen(kw_only=True)
class Everything:
    text: str = field(default="")
    long_text: str = field(default="", multiline=True)
    short: str = field(default="ab", minimum=2, maximum=3)
    tag: str = field(default="a", pattern="[a-z]+", example="news")
    plain_tag: str = field(default="a", pattern="[a-z]+")
    whole: int = field(default=1)
    port: int = field(default=587, minimum=1, maximum=65535)
    positive: int = field(default=1, minimum=1, unit="ms")
    ratio: float = field(default=0.5, above=0, maximum=1)
    few: int = field(default=1, choices=(1, 2, 3))
    flag: bool = field(default=False)
    choice: Literal["text/plain", "text/html"] = field(default="text/plain")
    numbered: Literal[1, 2] = field(default=1)
    one_of: str = field(default="red", choices=("red", "green"))
    secret: Secret | None = field(default=None)
    key_text: Secret | None = field(default=None, multiline=True)
    address: Address | None = field(default=None)
    host: HostName | None = field(default=None)
    colour: Colour | None = field(default=None)
    names: tuple[str, ...] = field(default=(), minimum=1, maximum=2)
    lists: tuple[tuple[int, ...], ...] = field(default=())
    table: Mapping[str, int] = field(factory=dict, maximum=2)
    maybe: tuple[int | None, ...] = field(default=())
    inner: Inner | None = field(default=None)
    inners: tuple[Inner, ...] = field(default=())
    either: Inner | Other | None = field(default=None, choose=choose)
    mixed: str | tuple[str, ...] | bool = field(default="")
    key_of_another_name: str = field(default="", key="X-Key")
    _private: int = field(default=3)
    later: Settings | None = field(default=None)
    computed: int = attrs.field(init=False, default=9)


def parsed(key: str, value: Any) -> Any:
    name = next(f.name for f in attrs.fields(Everything) if key in (f.name, _key(f.name)))
    return getattr(parse(Everything, {key: value}), name)


def _key(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("text", "é 测 😀", "é 测 😀"),
        ("text", "", ""),
        ("longText", "a\r\n\tb", "a\r\n\tb"),
        ("short", "ab", "ab"),
        ("short", "abc", "abc"),
        ("tag", "news", "news"),
        ("tag", "<your-tag>", "<your-tag>"),
        ("whole", -5, -5),
        ("whole", 5.0, 5),
        ("whole", "587", 587),
        ("whole", " 587\n", 587),
        ("whole", "-0587", -587),
        ("port", 1, 1),
        ("port", 65535, 65535),
        ("ratio", 1, 1.0),
        ("ratio", "0.25", 0.25),
        ("ratio", " 2.5e-1 ", 0.25),
        ("few", "2", 2),
        ("flag", True, True),
        ("flag", False, False),
        ("choice", "text/html", "text/html"),
        ("numbered", 2, 2),
        ("oneOf", "green", "green"),
        ("secret", "hunter2", Secret("hunter2")),
        ("keyText", "a\nb", Secret("a\nb")),
        ("address", "Ada <ada@example.com>", Address("ada@example.com", "Ada")),
        ("host", "localhost", "localhost"),
        ("colour", "red", Colour("red")),
        ("names", ["a", "b"], ("a", "b")),
        ("names", ("a",), ("a",)),
        ("lists", [[1, "2"], []], ((1, 2), ())),
        ("table", {"a": 1, "b": "2"}, {"a": 1, "b": 2}),
        ("maybe", [None, 1], (None, 1)),
        ("inner", {"size": 1}, Inner(size=1)),
        ("inners", [{"size": 1, "note": "x"}], (Inner(size=1, note="x"),)),
        ("either", {"size": 2}, Inner(size=2)),
        ("either", {"kind": "other"}, Other(kind="other")),
        ("mixed", "a", "a"),
        ("mixed", ["a"], ("a",)),
        ("mixed", True, True),
        ("private", 4, 4),
        ("later", {"x": [1]}, {"x": [1]}),
    ],
)
def test_takes(key: str, value: Any, expected: Any) -> None:
    name = {"private": "_private"}.get(key, key)
    config = parse(Everything, {key: value})
    made = next(
        getattr(config, f.name)
        for f in attrs.fields(Everything)
        if f.name == name or _key(f.name) == key
    )
    assert made == expected
    assert type(made) is type(expected) or isinstance(made, Mapping | HostName)


TOO_LONG = 10**400


@pytest.mark.parametrize(
    ("key", "value", "message", "remedy"),
    [
        ("text", ["a"], "must be text, not a list", "write text in double quotes"),
        ("text", 5, "must be text, not a number", "put it in double quotes"),
        ("text", True, "must be text, not true or false", "write text"),
        ("text", {}, "must be text, not an object", "write text"),
        ("text", b"a", "must be text, not a value of type bytes", "write text"),
        ("text", "a\nb", "U+000A at character 2 is not allowed here", "remove it"),
        ("longText", "a\0", "U+0000 at character 2 is not allowed here", "remove it"),
        ("short", "a", "too short", "use 2 to 3 characters"),
        ("short", "", "must not be empty", "use 2 to 3 characters"),
        ("short", "abcd", "too long", "use 2 to 3 characters"),
        ("tag", "News", "not in the expected format", "write it like `news`"),
        ("plainTag", "a1", "not in the expected format", ""),
        ("whole", True, "must be a whole number, not true or false", "write digits"),
        ("whole", [1], "must be a whole number, not a list", "write digits"),
        ("whole", 5.5, "must be a whole number, not 5.5", "write digits"),
        ("whole", "five", "must be a whole number", "write digits"),
        ("whole", "5_8_7", "must be a whole number", "write digits"),
        ("whole", "\u0665", "must be a whole number", "write digits"),
        ("whole", "5.0", "must be a whole number", "write digits"),
        ("whole", "", "must be a whole number", "write digits"),
        ("whole", "9" * 309, "must be a whole number", "write digits"),
        ("whole", float("inf"), "must be a whole number", "write digits"),
        ("port", 0, "out of range", "use 1 to 65535"),
        ("port", "65536", "out of range", "use 1 to 65535"),
        ("positive", 0, "out of range", "use at least 1 ms"),
        ("ratio", 0, "out of range", "use more than 0 and at most 1"),
        ("ratio", 1.5, "out of range", "use more than 0 and at most 1"),
        ("ratio", "nan", "must be a number", "write digits"),
        ("ratio", float("nan"), "must be a number", "write digits"),
        ("ratio", "1e999", "must be a number", "write digits"),
        ("ratio", TOO_LONG, "must be a number", "write digits"),
        ("ratio", False, "must be a number, not true or false", "write digits"),
        ("few", 4, "must be `1`, `2` or `3`", ""),
        ("flag", "true", "must be true or false, not text", "without quotes"),
        ("flag", 1, "must be true or false, not a number", "write `true` or `false`"),
        ("choice", "text/htm", "must be `text/plain` or `text/html`", "mean `text/html`?"),
        ("choice", "TEXT_HTML", "must be `text/plain` or `text/html`", "mean `text/html`?"),
        ("choice", "zzz", "must be `text/plain` or `text/html`", ""),
        ("choice", "t" * 10_000, "must be `text/plain` or `text/html`", ""),
        ("choice", 1, "must be `text/plain` or `text/html`, not a number", ""),
        ("numbered", 3, "must be `1` or `2`, not a number", ""),
        ("numbered", True, "must be `1` or `2`, not true or false", ""),
        ("numbered", "1", "must be `1` or `2`", ""),
        ("oneOf", "gren", "must be `red` or `green`", "did you mean `green`?"),
        ("secret", 12345, "must be text, not a number", "put it in double quotes"),
        ("secret", "", "must not be empty", "${NAME}"),
        ("secret", "a\n", "contains a control character or a line break", "stray line break"),
        ("keyText", "a\0", "contains a control character or a line break", "stray line break"),
        ("address", "nobody", "not a valid email address: it has no @", "name@example.com"),
        ("address", "a@b,c@d", "not a valid email address", "name@example.com"),
        ("address", "<a\nb>", "not a valid email address: U+000A", "name@example.com"),
        ("address", 1, "must be text, not a number", "double quotes"),
        ("host", "a b", "not a valid hostname", "write a name"),
        ("colour", "mauve", "is out of fashion", "write red"),
        ("colour", "silent", "not valid", ""),
        ("colour", "loud-secret", "not valid", ""),
        ("colour", "multi\nline", "not valid", ""),
        ("colour", "no", "no colour", ""),
        ("colour", 7, "must be text, not a number", "put it in double quotes"),
        ("names", "a", "must be a list, not text", "write `[ … ]`"),
        ("names", {}, "must be a list, not an object", "write `[ … ]`"),
        ("names", [], "must not be empty", "use 1 to 2 items"),
        ("names", ["a", "b", "c"], "too long", "use 1 to 2 items"),
        ("table", [], "must be an object, not a list", "write `{ … }`"),
        ("table", {"a": 1, "b": 2, "c": 3}, "too long", "use at most 2 entries"),
        ("inner", "x", "must be an object, not text", "write `{ … }`"),
        ("either", "x", "must be an object, not text", ""),
        ("either", {"kind": "neither"}, "is neither inner nor other", "write one of the two"),
        ("mixed", 1, "must be text or a list or true or false, not a number", ""),
        ("mixed", None, "", ""),
        ("later", [], "must be an object, not a list", "write `{ … }`"),
    ],
)
def test_refuses(refused: Refused, key: str, value: Any, message: str, remedy: str) -> None:
    if value is None:
        assert parse(Everything, {key: value}) == Everything()
        return
    (problem,) = refused(parse, Everything, {key: value})
    assert problem.path == key
    assert message in problem.message
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"names": ["a", 1]}, "names[1]", "must be text"),
        ({"lists": [[1], [2, "x"]]}, "lists[1][1]", "must be a whole number"),
        ({"table": {"a": "x"}}, "table.a", "must be a whole number"),
        ({"table": {"a\n": 1}}, 'table["a\\u{a}"]', "U+000A at character 2"),
        ({"table": {1: 1}}, "table[1]", "a key must be text, not a number"),
        ({"table": {None: 1}}, "table.None", "a key must be text, not null"),
        ({"inner": {}}, "inner.size", "required"),
        ({"inner": {"size": None}}, "inner.size", "must be a whole number, not null"),
        ({"inners": [{"size": 1}, {"size": []}]}, "inners[1].size", "must be a whole number"),
        ({"either": {"kind": "othr"}}, "either.kind", "must be `other`"),
        ({"mixed": ["a", 1]}, "mixed[1]", "must be text"),
        ({"inner": {"size": 1, 5: 1}}, "inner[5]", "unknown setting"),
    ],
)
def test_names_the_path(refused: Refused, value: Any, path: str, message: str) -> None:
    (problem,) = refused(parse, Everything, value)
    assert problem.path == path
    assert message in problem.message


def test_null_is_absent_where_there_is_a_default() -> None:
    assert parse(Everything, {"port": None, "inner": None, "choice": None}) == Everything()


@pytest.mark.parametrize("settings", ["[1]", "", '{"port": }'])
def test_takes_the_text_of_a_file(refused: Refused, settings: str) -> None:
    assert parse(Everything, '{"port": 25, // comment\n}').port == 25
    assert refused(parse, Everything, settings)[0].line == 1


def test_refuses_settings_that_are_no_mapping(refused: Refused) -> None:
    (problem,) = refused(parse, Everything, ["port"])
    assert problem.message == "the settings must be an object, not a list"


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("prot", "port"),
        ("Port", "port"),
        ("long_text", "longText"),
        ("LONGTEXT", "longText"),
        ("x-key", "X-Key"),
        ("longtxt", "longText"),
    ],
)
def test_suggests_the_nearest_key(refused: Refused, key: str, suggestion: str) -> None:
    (problem,) = refused(parse, Everything, read(f'{{\n  "{key}": 1}}'))
    assert (problem.path, problem.line, problem.column) == (key, 2, 3)
    assert problem.message == "unknown setting"
    assert problem.remedy == f"did you mean `{suggestion}`?"


def test_suggests_nothing_for_a_strange_key(refused: Refused) -> None:
    (problem,) = refused(parse, Everything, {"zzzzzz": 1})
    assert problem.remedy == "remove it"
    (problem,) = refused(parse, Inner, {"size": 1, "zzz": 1})
    assert problem.remedy == "remove it; known settings: `size`, `note`"


def test_says_a_misspelt_required_key_once(refused: Refused) -> None:
    (problem,) = refused(parse, Inner, {"sise": 1})
    assert (problem.path, problem.remedy) == ("sise", "did you mean `size`?")
    unknown, missing = refused(parse, Other, {"wheight": 1})
    assert unknown.path == "wheight"
    assert missing.path == "kind"


def test_seeks_suggestions_for_few_keys_only(refused: Refused) -> None:
    problems = refused(parse, Inner, {"size": 1, **{f"note{n}": 1 for n in range(30)}})
    assert len(problems) == 30
    assert sum("did you mean" in problem.remedy for problem in problems) == 20


def test_a_schema_key_is_for_editors_and_for_the_top_only(refused: Refused) -> None:
    assert parse(Everything, {"$schema": "./passpost.json"}) == Everything()
    (problem,) = refused(parse, Everything, {"inner": {"size": 1, "$schema": ""}})
    assert problem.path == "inner.$schema"
    part = read('{"a": {"$schema": ""}}').sub("a")
    (problem,) = refused(parse, Everything, part)
    assert problem.path == "a.$schema"


def test_points_at_the_character_that_a_type_names(refused: Refused) -> None:
    (problem,) = refused(parse, Everything, read('{"colour": "m\\u0061uve"}', "f"))
    assert (problem.file, problem.line, problem.column) == ("f", 1, 20)


def test_references_count_as_what_they_stand_for(refused: Refused) -> None:
    environ = {"PORT": "25", "FLAG": "true", "CHOICE": "text/html", "YES": "yes", "P": "hunter2"}
    text = '{"port": "${PORT}", "flag": "${FLAG}", "choice": "${CHOICE}", "secret": "${P}"}'
    settings, _ = resolve(read(text), environ=environ)
    config = parse(Everything, settings)
    assert (config.port, config.flag, config.choice) == (25, True, "text/html")
    assert config.secret == Secret("hunter2")
    settings, _ = resolve({"flag": "${YES}", "text": "${YES}", "colour": "${YES}"}, environ=environ)
    (problem,) = refused(parse, Everything, settings)
    assert problem.path == "flag"
    config = parse(Everything, {**settings, "flag": False})
    assert type(config.text) is str
    assert not isinstance(config.colour, Referenced)


def test_what_is_unresolved_is_the_same_problem_again(refused: Refused) -> None:
    settings, problems = resolve(
        read('{"port": "${NO}", "inner": {"size": 1, "note": "${NO}"}, "names": ["${NO}"]}'),
        environ={},
    )
    assert len(problems) == 3
    assert isinstance(settings["port"], Unresolved)
    assert refused(parse, Everything, settings) == problems


def test_settings_for_later_know_their_place(refused: Refused) -> None:
    config = parse(Everything, read('{"later": {\n"port": 0}}', "f"))
    assert config.later is not None
    (problem,) = refused(parse, Everything, config.later)
    assert (problem.path, problem.line, problem.column) == ("later.port", 2, 9)


@attrs.frozen
class Checked:
    low: int = field(validator=attrs.validators.instance_of(int))
    word: str = field(default="", validator=attrs.validators.in_(["", "fine"]))

    def __attrs_post_init__(self) -> None:
        if self.low == 13:
            raise Invalid("is unlucky", "write 12")


def test_what_a_class_refuses_is_a_problem_without_the_value(refused: Refused) -> None:
    (problem,) = refused(parse, Checked, {"low": 1, "word": "hunter2"})
    assert problem.message == "rejected by Checked (ValueError)"
    (problem,) = refused(parse, Checked, {"low": 13})
    assert (problem.path, problem.message, problem.remedy) == ("", "is unlucky", "write 12")


@attrs.frozen
class Undecided:
    either: Inner | Other = field()


@attrs.frozen
class Misdecided:
    either: Inner | Other = field(choose=choose)


def test_a_union_of_like_types_needs_a_choice_that_is_one_of_them() -> None:
    with pytest.raises(TypeError, match="either: a union of types that look alike needs"):
        parse(Undecided, {"either": {"size": 1}})
    with pytest.raises(TypeError, match="either: `choose` returned <class 'str'>"):
        parse(Misdecided, {"either": {"kind": "broken"}})


def test_null_is_no_union_without_none(refused: Refused) -> None:
    (problem,) = refused(parse, Undecided, {"either": None})
    assert problem.message == "must be an object, not null"


@pytest.mark.parametrize("key", ["hunter2", "p@ssw0rd!", "Tr0ub4dor&3"])
def test_an_unknown_key_that_may_be_a_password_is_not_shown(refused: Refused, key: str) -> None:
    (problem,) = refused(parse, Inner, read(f'{{"size": 1,\n"{key}": 1}}', "f"))
    assert key[1:] not in str(problem)
    assert (problem.line, problem.column) == (2, 1)


@pytest.mark.parametrize("key", ["colour", "from_email", "apiKey", "x-mailer"])
def test_an_unknown_key_that_reads_as_a_name_is_shown(refused: Refused, key: str) -> None:
    (problem,) = refused(parse, Inner, {"size": 1, key: 1})
    assert problem.path == key


@attrs.frozen(kw_only=True)
class Plain:
    tag: str = field(pattern="[a-z]+", placeholders=False)


def test_a_placeholder_fits_no_pattern_where_it_is_a_text_like_any_other() -> None:
    with pytest.raises(ConfigError, match="not in the expected format"):
        parse(Plain, {"tag": "<tag>"})
