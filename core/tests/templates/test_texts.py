from __future__ import annotations

import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import MessageError, MissingVariable
from passpost._templates import rendering
from passpost._templates.rendering import CONTENT_HTML, CONTENT_TEXT, SUBJECT, TEXT, Missing, Place
from passpost._templates.texts import TemplateLine, TemplateText
from passpost.config import Invalid


def render(
    source: str, payload: dict[str, Any], missing: Missing = "error", place: Place = CONTENT_TEXT
) -> str:
    return TemplateText(source).render(payload, place, missing)


USER = {"user": {"name": "Ada", "customData": {"list": ["a", "b"]}, "age": 0, "none": None}}


@pytest.mark.parametrize(
    ("source", "payload", "expected"),
    [
        ("no variables", {}, "no variables"),
        ("{{code}}", {"code": "123456"}, "123456"),
        ("{{code}}{{ code }}", {"code": "é"}, "éé"),
        ("{{code}}", {"code": ""}, ""),
        ("{{code}}", {"code": 123456}, "123456"),
        ("{{n}} {{f}} {{big}}", {"n": 0, "f": 1.5, "big": 1e21}, "0 1.5 1e+21"),
        ("{{yes}} {{no}}", {"yes": True, "no": False}, "true false"),
        ("{{user.name}}", USER, "Ada"),
        ("{{user.age}}", USER, "0"),
        ("{{user.customData.list.1}}", USER, "b"),
        ("{{list.0}}{{list.10}}", {"list": tuple("abcdefghijk")}, "ak"),
        ("{{a}}", {"a": "{{b}}", "b": "x"}, "{{b}}"),
        # Sections.
        ("{{#user}}{{name}} {{code}}{{/user}}", {**USER, "code": 1}, "Ada 1"),
        ("{{#l}}{{.}},{{/l}}", {"l": [1, "b", True]}, "1,b,true,"),
        ("{{#l}}x{{/l}}", {"l": [0, None, ""]}, "xxx"),
        ("{{#l}}{{#.}}{{.}}{{/.}};{{/l}}", {"l": [[1, 2], [3]]}, "12;3;"),
        ("{{#l}}{{1}}{{/l}}", {"l": [["a", "b"]]}, "b"),
        ("{{#l}}{{a}}{{b}}{{/l}}", {"l": [{"a": 1}, {"a": 2, "b": 3}], "b": 0}, "1023"),
        ("{{#a.b}}{{c}}{{/a.b}}", {"a": {"b": {"c": "x"}}}, "x"),
        ("{{#name}}<{{.}}>{{/name}}", {"name": "Ada"}, "<Ada>"),
        ("{{#flag}}on{{/flag}}{{^flag}}off{{/flag}}", {"flag": True}, "on"),
        # The innermost scope that knows the root decides.
        ("{{#a}}{{b.c}}{{/a}}", {"a": {"b": {"c": "in"}}, "b": {"c": "out"}}, "in"),
    ],
)
def test_values_are_filled_in(source: str, payload: dict[str, Any], expected: str) -> None:
    assert render(source, payload) == expected


@pytest.mark.parametrize("value", [False, None, 0, "", [], {}, 0.0])
def test_false_and_empty_values_show_the_inverted_section(value: object) -> None:
    assert render("{{#v}}yes{{/v}}{{^v}}no{{/v}}", {"v": value}) == "no"


def test_absent_section_is_false_and_no_error() -> None:
    assert render("{{#a}}{{b}}{{/a}}{{^a.b}}no{{/a.b}}", {}) == "no"
    assert render("{{#a.b}}x{{/a.b}}{{^a.b}}no{{/a.b}}", {"a": {}}) == "no"


MISSING: list[tuple[str, dict[str, Any], str]] = [
    # What stands for the placeholder in mode "keep": facts of the reference.
    ("{{code}}", {}, "{{code}}"),
    ("{{ code }}", {}, "{{ code }}"),
    ("{{code}}", {"code": None}, ""),
    ("{{user.name}}", {}, "{{user.name}}"),
    ("{{ user.name }}", {"user": {}}, ""),
    ("{{user.name}}", {"user": {"name": None}}, ""),
    ("{{user.name}}", {"user": None}, ""),
    ("{{user.name.first}}", {"user": {"name": "Ada"}}, ""),
    ("{{user.age.x}}", {"user": {"age": 0}}, ""),
    ("{{list.2}}", {"list": ["a", "b"]}, ""),
    ("{{list.01}}", {"list": ["a", "b"]}, ""),
    ("{{list.-1}}", {"list": ["a", "b"]}, ""),
    ("{{list.1x}}", {"list": ["a", "b"]}, ""),
    ("{{list.x}}", {"list": ["a", "b"]}, ""),
    ("{{list.length}}", {"list": ["a", "b"]}, ""),
    ("{{name.0}}", {"name": "Ada"}, ""),
    # Within sections.
    ("{{#a}}{{ b }}{{/a}}", {"a": True}, "{{ b }}"),
    ("{{#a}}{{b.c}}{{/a}}", {"a": {"b": {}}, "b": {"c": "x"}}, ""),
    ("{{#l}}{{.}}{{/l}}", {"l": [None]}, ""),
    ("{{{ code }}}{{& code }}", {}, "{{{ code }}}{{& code }}"),
]


@pytest.mark.parametrize(("source", "payload", "kept"), MISSING)
def test_missing_variable_is_refused_kept_or_left_blank(
    source: str, payload: dict[str, Any], kept: str
) -> None:
    assert render(source, payload, "keep") == kept
    assert render(source, payload, "blank") == ""
    with pytest.raises(MissingVariable) as caught:
        render(source, payload)
    assert caught.value.variable == TemplateText(source).variables[0]
    assert caught.value.place == "content"


def test_kept_placeholder_keeps_what_surrounds_it() -> None:
    assert render("a {{x}} <b> {{code}}", {"code": 1}, "keep") == "a {{x}} <b> 1"


@pytest.mark.parametrize(
    "name", ["__class__", "real", "upper", "user.__class__", "keys", "l.append"]
)
def test_attributes_are_out_of_reach(name: str) -> None:
    payload = {"user": {"a": 1}, "l": [1]}
    assert render(f"{{{{{name}}}}}", payload, "blank") == ""
    assert render(f"{{{{#{name}}}}}x{{{{/{name}}}}}", payload) == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": "hidden"}, "an object"),
        (["hidden"], "a list"),
        (("hidden",), "a list"),
        (b"hidden", "of type bytes"),
    ],
)
@pytest.mark.parametrize("missing", ["error", "keep", "blank"])
def test_what_is_no_text_is_refused_and_not_shown(
    value: object, kind: str, missing: Missing
) -> None:
    with pytest.raises(MessageError, match=f"`{{{{a.b}}}}` in the content is {kind}") as caught:
        render("{{a.b}}", {"a": {"b": value}}, missing)
    assert caught.value.field == "payload.a.b"
    assert "hidden" not in str(caught.value)


def test_whole_payload_is_no_text() -> None:
    with pytest.raises(MessageError, match="is an object"):
        render("{{.}}", {"a": 1})


def test_html_escapes_what_is_not_raw() -> None:
    value = {"v": "<a href=\"x\" b='y'>&amp;"}
    expected = "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;"
    assert render("<p>{{v}}</p>", value, place=CONTENT_HTML) == f"<p>{expected}</p>"
    assert render("{{#v}}{{.}}{{/v}}", value, place=CONTENT_HTML) == expected
    assert render("{{{v}}}{{&v}}", value, place=CONTENT_HTML) == value["v"] * 2
    assert render("{{v}}", value, place=CONTENT_TEXT) == value["v"]
    assert TemplateLine("{{v}}").render(value, SUBJECT, "error") == value["v"]


@given(st.text(), st.sampled_from(["{{v}}", "{{#v}}{{.}}{{/v}}", "a {{v}} b"]))
def test_no_value_brings_markup_into_html(value: str, source: str) -> None:
    try:
        html = TemplateText(source).render({"v": value}, CONTENT_HTML, "blank")
    except MessageError:
        return
    for character in "<>\"'":
        assert character not in html
    for entity in ("&amp;", "&lt;", "&gt;", "&quot;", "&#39;"):
        html = html.replace(entity, "")
    assert "&" not in html


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u760a", "\ud800"]
)
@pytest.mark.parametrize("source", ["{{v}}", "{{{v}}}", "{{#v}}{{.}}{{/v}}"])
def test_line_refuses_control_characters_of_values(character: str, source: str) -> None:
    code = f"U+{ord(character):04X}"
    with pytest.raises(MessageError) as caught:
        TemplateLine(source).render({"v": f"ab{character}hidden"}, SUBJECT, "keep")
    assert caught.value.field == "subject"
    assert f"`: {code} at character 3 is not allowed in the subject" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_body_takes_line_ends_of_values_as_line_feeds() -> None:
    value = {"v": "a\r\nb\rc\nd\te"}
    assert render("|{{v}}", value, place=CONTENT_HTML) == "|a\nb\nc\nd\te"
    assert render("|\n{{v}}", value, place=CONTENT_TEXT) == "|\na\nb\nc\nd\te"


@pytest.mark.parametrize(
    "source",
    [
        "{{v}}",
        "a\n \t{{v}} \nb",
        "{{#v}}{{.}}{{/v}}",
        "a\n{{! note }}{{#v}}{{{v}}}{{/v}}\n",
        "{{v}}\n{{v}}",
    ],
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_value_of_several_lines_may_stand_alone_on_its_line(source: str, line_break: str) -> None:
    assert "one" in render(source, {"v": f"one{line_break}two"}, place=TEXT)


@pytest.mark.parametrize(
    "source", ["Hello {{v}},", "{{v}}{{v}}", "{{v}}!", "{{#v}}Hello {{v}}{{/v}}"]
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_value_of_several_lines_does_not_break_a_line_of_text(source: str, line_break: str) -> None:
    code = f"U+{ord(line_break.replace(chr(13), chr(10))[0]):04X}"
    for place in (CONTENT_TEXT, TEXT):
        with pytest.raises(
            MessageError, match=f"{re.escape(code)} at character 4 is not allowed"
        ) as caught:
            render(source, {"v": f"Ada{line_break}hidden"}, place=place)
        assert caught.value.field == place.name
        assert "hidden" not in str(caught.value)


LEGITIMATE = [
    "Ada Lovelace",
    "محمد \u200fعلي\u200f",
    "דוד \u200eDavid",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc",
    "क्\u200dष",
    "👩\u200d👩\u200d👧 ❤\ufe0f",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "\u2068Ada\u2069 and \u2067محمد\u2069",
    "\u202a+1 555 0100\u202c",
    "\u2067\u202bمحمد\u202c\u2069" * 100,
    "\u2066" * 16 + "x" + "\u2069" * 16,
    "=?",
    "a=?b?c",
]


@pytest.mark.parametrize("value", LEGITIMATE)
def test_what_people_are_called_may_stand_anywhere(value: str) -> None:
    assert TemplateLine("{{v}}").render({"v": value}, SUBJECT, "error") == value
    for place in (CONTENT_TEXT, CONTENT_HTML):
        assert render("Hello {{v}}!", {"v": value}, place=place) == f"Hello {value}!"


MISLEADING = [
    "Ada\u202egro.live",
    "Ada\u202d",
    "Ada\u2066x",
    "Ada\u202ax",
    "Ada\u2069x",
    "Ada\u2066x\u202c",
    "\u2066\u202ax\u2069\u202c",
    "\u2066" * 17 + "x" + "\u2069" * 17,
    "\u202a" * 100_000 + "\u202c" * 100_000,
    "Ada\U000e0041",
    "🏴\U000e0067\U000e0062",
]


@pytest.mark.parametrize("value", MISLEADING)
def test_what_hides_or_turns_the_text_around_it_may_stand_nowhere(value: str) -> None:
    with pytest.raises(MessageError, match=r"`: U\+[0-9A-F]+ at character"):
        TemplateLine("{{v}}").render({"v": value}, SUBJECT, "error")
    for place in (CONTENT_TEXT, CONTENT_HTML):
        with pytest.raises(MessageError, match=r"`: U\+[0-9A-F]+ at character"):
            render("{{v}}", {"v": value}, place=place)


@pytest.mark.parametrize(
    "value", ["a\u200bb", "a\ufeff", "a\u2060b", "=?utf-8?b?DQpCY2M6IHg=?=", "é =?utf-8?Q?x?="]
)
def test_a_subject_shows_all_that_it_holds(value: str) -> None:
    with pytest.raises(MessageError, match="not allowed in the subject"):
        TemplateLine("{{v}}").render({"v": value}, SUBJECT, "error")
    assert value in render("{{v}}", {"v": value})


def test_a_subject_has_an_end() -> None:
    for source, value in [
        ("{{v}}", "x" * 998),
        ("{{#v}}{{v}}{{/v}}", "x" * 998),
        ("a{{v}}", "x y" * 332),
    ]:
        assert TemplateLine(source).render({"v": value}, SUBJECT, "error")
        with pytest.raises(MessageError, match="more than 998 characters") as caught:
            TemplateLine(source).render({"v": value + "abc"}, SUBJECT, "error")
        assert caught.value.field == "subject"
    with pytest.raises(Invalid, match="too long: 999 characters") as wrong:
        TemplateLine("x" * 999)
    assert wrong.value.remedy == "use at most 998 characters"


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("{{v}}" * 10, {"v": "x" * 1_000_000}),
        ("{{v}}" * 10, {"v": "x y" * 333_333}),
        ("{{{v}}}" * 10, {"v": "<" * 1_000_000}),
        ("{{v}}" * 3, {"v": "<" * 1_000_000}),
        ("{{#l}}{{v}}{{/l}}", {"v": "x" * 10_000, "l": [1] * 1000}),
        ("{{#l}}" + "x" * 10_000 + "{{/l}}", {"l": [1] * 1000}),
    ],
    ids=lambda value: None,
)
def test_a_body_has_an_end(source: str, payload: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="content has more than 8,388,608 characters"):
        render(source, payload, place=CONTENT_HTML)


@pytest.mark.parametrize("body", ["x", "", "{{v}}", "{{#l}}{{/l}}", "{{^l}}{{/l}}"])
def test_rendering_takes_a_bounded_number_of_steps(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def counted(self: Any) -> None:
        nonlocal steps
        steps += 1
        step(self)

    step = rendering._Rendering._step
    monkeypatch.setattr(rendering._Rendering, "_step", counted)
    levels = 8
    source = "{{#l}}" * levels + body + "{{/l}}" * levels
    with pytest.raises(MessageError, match="more than 100,000 steps"):
        render(source, {"l": [1] * 1000, "v": "y"})
    assert steps == rendering.MAX_STEPS + 1


def test_long_lists_are_shown() -> None:
    assert render("{{#l}}{{.}};{{/l}}", {"l": [1] * 20_000}) == "1;" * 20_000


def test_errors_of_deep_sections_do_not_exhaust_the_stack() -> None:
    levels = 16
    source = "{{#a}}" * levels + "{{v}}" + "{{/a}}" * levels
    assert render(source, {"a": {"b": 1}, "v": "x"}) == "x"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\ud800"])
def test_body_refuses_control_characters_of_values(character: str) -> None:
    with pytest.raises(MessageError, match=f"`{{{{v}}}}`: U\\+{ord(character):04X}") as caught:
        render("{{v}}", {"v": character})
    assert caught.value.field == "content"


def test_text_unifies_its_line_ends() -> None:
    text = TemplateText("a\r\nb\rc\n")
    assert text.source == str(text) == "a\nb\nc\n"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85"])
def test_text_refuses_control_characters(character: str) -> None:
    refused = f"U\\+{ord(character):04X} at character 2"
    with pytest.raises(Invalid, match=refused):
        TemplateText(f"a{character}")
    with pytest.raises(Invalid, match=refused):
        TemplateLine.from_setting(f"a{character}")


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\u2028", "\u760d"])
def test_line_refuses_line_ends(character: str) -> None:
    assert TemplateText(f"a{character}") is not None
    with pytest.raises(Invalid, match=f"U\\+{ord(character):04X} at character 2"):
        TemplateLine(f"a{character}")


def test_text_lists_its_variables() -> None:
    text = TemplateText("{{b}} {{#s}}{{a.c}} {{{r}}}{{/s}} {{b}} {{&b}}{{^t}}{{q}}{{/t}}")
    assert text.variables == ("b", "a.c", "r", "q")
    assert text.raw_variables == ("r", "b")


@pytest.mark.parametrize(
    ("source", "constant"),
    [("", True), ("a", True), ("a{{! x }}b", True), ("{{a}}", False), ("{{#a}}x{{/a}}", False)],
)
def test_text_knows_whether_it_varies(source: str, constant: bool) -> None:
    assert TemplateText(source).constant is constant


@pytest.mark.parametrize("value", [None, 5, ["a"], {}, True, b"a"])
def test_setting_must_be_text(value: object) -> None:
    with pytest.raises(Invalid, match="must be text"):
        TemplateText.from_setting(value)


@pytest.mark.parametrize("value", ["", "  ", "\n\t"])
def test_setting_must_not_be_empty(value: str) -> None:
    with pytest.raises(Invalid, match="is empty"):
        TemplateText.from_setting(value)


@pytest.mark.parametrize(
    ("source", "offset"),
    [
        ("ab{{", 2),
        ("a\r\nb\r\n{{", 6),
        ("{{\r\n", 0),
        ("a\rb{{}}\r\n", 3),
        ("\r\n\r\nx{{ \r\n y z}}", 5),
    ],
)
def test_setting_says_where_in_the_text_as_written_it_goes_wrong(source: str, offset: int) -> None:
    with pytest.raises(Invalid) as caught:
        TemplateText.from_setting(source)
    assert caught.value.offset == offset
    assert source[offset : offset + 2] == "{{"
    assert caught.value.remedy
    # The error for the unified text has other places.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(
    st.text()
    | st.lists(st.sampled_from(["{{", "}}", "a", "#", "/", " ", "\r\n", "\x00"])).map("".join)
)
def test_any_setting_is_read_or_refused_as_invalid(source: str) -> None:
    for kind in (TemplateText, TemplateLine):
        try:
            text = kind.from_setting(source)
        except Invalid as error:
            assert error.offset is None or 0 <= error.offset <= len(source)  # noqa: PT017 - one of two outcomes
        else:
            assert "\r" not in text.source


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Your code is { { code } }.", "{ { code } }"),
        ("Your code is { { code }}.", "{ { code }}"),
        ("{{name}}: { { user.code } }", "{ { user.code } }"),
        ("Your code is {code}.", "{code}"),
        ("Your code is ${ code }.", "{ code }"),
        ("{{name}}: {code}", None),
        ("{{code}}", None),
        ("<style>p { color: red }</style>", None),
        ("function() {}", None),
    ],
)
def test_mangled_placeholders_are_found(source: str, found: str | None) -> None:
    assert TemplateText(source).mangled() == found


def test_texts_are_values() -> None:
    text = TemplateText("a {{b}}")
    assert text == TemplateText("a {{b}}")
    assert hash(text) == hash(TemplateText("a {{b}}"))
    assert text != TemplateText("a {{c}}")
    assert text != TemplateLine("a {{b}}")
    assert text != "a {{b}}"
    assert pickle.loads(pickle.dumps(text)) == text  # noqa: S301 - made on the same line
    assert repr(text) == "TemplateText('a {{b}}')"
    assert repr(TemplateLine("x" * 40)) == f"TemplateLine('{'x' * 40}')"
    assert repr(TemplateLine("x" * 50)) == f"TemplateLine('{'x' * 40}…')"


def test_rendering_leaves_the_template_as_it_was() -> None:
    text = TemplateText("{{a}}{{b}}")
    assert text.render({"a": "1", "b": "2"}, SUBJECT, "error") == "12"
    assert text.render({"a": "3"}, SUBJECT, "blank") == "3"
