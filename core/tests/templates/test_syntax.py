from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost._templates.rendering import CONTENT_TEXT
from passpost._templates.syntax import (
    MAX_SECTIONS,
    MAX_SOURCE,
    MAX_TAGS,
    Node,
    Section,
    Variable,
    parse,
)
from passpost._templates.texts import TemplateText
from passpost.config import Invalid


def shape(nodes: tuple[Node, ...]) -> list[object]:
    """Write a tree as plain lists: text, ``("name",)``, ``("#name", [...])``."""
    plain: list[object] = []
    for node in nodes:
        if isinstance(node, str):
            plain.append(node)
        elif isinstance(node, Variable):
            plain.append(("&" + node.name if node.raw else node.name,))
        else:
            plain.append(("^#"[not node.inverted] + node.test.name, shape(node.nodes)))
    return plain


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("plain", ["plain"]),
        ("a } b }} c", ["a } b }} c"]),
        ("{{code}}", [("code",)]),
        ("a {{ user.name }} b", ["a ", ("user.name",), " b"]),
        ("{{user.customData.list.1}}", [("user.customData.list.1",)]),
        ("{{first-name}} {{名}}", [("first-name",), " ", ("名",)]),
        ("{{{ a }}}{{& b }}{{c}}", [("&a",), ("&b",), ("c",)]),
        ("x{{! a comment with {braces} }}y", ["x", "y"]),
        ("x{{!}}y", ["x", "y"]),
        ("{{#a}}b{{c}}{{/a}}{{^a}}d{{/ a }}", [("#a", ["b", ("c",)]), ("^a", ["d"])]),
        ("{{#a}}{{#a}}x{{/a}}{{/a}}", [("#a", [("#a", ["x"])])]),
        ("{{#a}}{{.}}{{/a}}", [("#a", [(".",)])]),
        ("{{=<% %>=}}<%a%>{{b}}<%={{ }}=%>{{c}}", [("a",), "{{b}}", ("c",)]),
        ("{{=| |=}}|a|", [("a",)]),
        ("{{= <%   %> =}}<%a%>", [("a",)]),
        # A line that holds nothing but a section's tag, a comment or delimiters goes away.
        ("a\n{{#b}}\nc\n{{/b}}\nd\n", ["a\n", ("#b", ["c\n"]), "d\n"]),
        ("a\n  {{! note }}\nb", ["a\n", "b"]),
        ("a\n{{=<% %>=}}\nb", ["a\n", "b"]),
        ("a\n{{b}}\nc", ["a\n", ("b",), "\nc"]),
    ],
)
def test_text_becomes_a_tree(source: str, expected: list[object]) -> None:
    assert shape(parse(source)) == expected


def test_variable_knows_its_path_and_its_spelling() -> None:
    (node,) = parse("{{  user.name }}")
    assert isinstance(node, Variable)
    assert (node.name, node.root, node.rest) == ("user.name", "user", ("name",))
    assert (node.raw, node.source) == (False, "{{  user.name }}")


@pytest.mark.parametrize("source", ["{{{ code }}}", "{{& code }}"])
def test_raw_variable_keeps_the_whole_tag_as_its_spelling(source: str) -> None:
    (node,) = parse(source)
    assert isinstance(node, Variable)
    assert node.raw
    assert node.source == source


def test_section_is_a_test_and_what_it_shows() -> None:
    (node,) = parse("{{^user.name}}x{{/user.name}}")
    assert isinstance(node, Section)
    assert (node.test.rest, node.inverted, node.nodes) == (("name",), True, ("x",))


@pytest.mark.parametrize(
    ("source", "message", "remedy", "line", "column"),
    [
        ("{{", "`{{` is not closed", "add `}}`", 1, 1),
        ("text {{", "`{{` is not closed", "add `}}`", 1, 6),
        ("\n{{", "`{{` is not closed", "add `}}`", 2, 1),
        ("a\nbc {{ code }", "`{{` is not closed", "add `}}`", 2, 4),
        ("{{}}", "`{{}}` is not a valid variable", "write a name: `{{code}}`", 1, 1),
        ("a\n\n {{  }}", "`{{  }}` is not a valid variable", "write a name: `{{code}}`", 3, 2),
        ("{{#}}{{/}}", "`{{#}}` is not a valid variable", "write a name: `{{code}}`", 1, 1),
        ("{{a b}}", "`{{a b}}` is not a valid variable", "use letters", 1, 1),
        ("{{a..b}}", "`{{a..b}}` is not a valid variable", "use letters", 1, 1),
        ("{{.a}}", "`{{.a}}` is not a valid variable", "use letters", 1, 1),
        ("{{a.}}", "`{{a.}}` is not a valid variable", "use letters", 1, 1),
        ("{{ #a }}", "`{{ #a }}` is not a valid variable", "use letters", 1, 1),
        ("{{code|upper}}", "`{{code|upper}}` is not a valid variable", "use letters", 1, 1),
        ("{{f(x)}}", "`{{f(x)}}` is not a valid variable", "use letters", 1, 1),
        ("{{ {code }}", "`{{ {code }}` is not a valid variable", "use letters", 1, 1),
        (
            "{{ code } and {{link}}",
            "`{{ code } and {{link}}` is not a valid variable",
            "use letters",
            1,
            1,
        ),
        ("{{#if code}}x{{/if}}", "is a helper", "write `{{#code}}…{{/code}}`", 1, 1),
        ("{{#each users}}", "is a helper", "write `{{#users}}…{{/users}}`", 1, 1),
        ("ok {{> header }}", "partials are not supported", "replace the tag", 1, 4),
        ("{{{code}} x", "`{{{` is not closed by `}}}`", "write `{{name}}` or `{{{name}}}`", 1, 1),
        ("{{=<% %>=}}<%{a%>", "`<%{` is not supported", "write `<%& name %>`", 1, 12),
        ("{{#a}}x", "section `a` is not closed", "add `{{/a}}`", 1, 1),
        ("{{#a}}\n{{#b}}\n{{/b}}", "section `a` is not closed", "add `{{/a}}`", 1, 1),
        ("x{{/a}}", "section `a` is closed but not open", "remove the tag", 1, 2),
        (
            "{{#a}}{{#b}}{{/a}}{{/b}}",
            "section `a` is closed while `b` is open",
            "add `{{/b}}`",
            1,
            13,
        ),
        ("{{=}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{==}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{= =}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<%=}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<% %> }}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<% %>= }}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<% % %>=}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<%\t%>=}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
        ("{{=<= =>=}}", "that sets delimiters is not valid", "write `{{=<% %>=}}`", 1, 1),
    ],
)
def test_faults_are_named_with_their_place(
    source: str, message: str, remedy: str, line: int, column: int
) -> None:
    with pytest.raises(Invalid) as caught:
        parse(source)
    error = caught.value
    assert message in error.message
    assert error.message.endswith(f" (line {line}, column {column} of the text)")
    assert error.remedy.startswith(remedy)
    assert error.offset is not None
    assert source[error.offset] == source.split("\n")[line - 1][column - 1]


def test_long_tag_is_shortened_in_the_message() -> None:
    with pytest.raises(Invalid, match=r"^`\{\{a{38}…` is not"):
        parse("{{" + "a" * 100 + " b}}")


@pytest.mark.parametrize("source", ["{{#%s}}", "{{/%s}}", "{{#%s}}{{/a}}", "{{#a}}{{/%s}}"])
def test_long_name_of_a_section_is_shortened_in_the_message(source: str) -> None:
    with pytest.raises(Invalid, match="section `") as caught:
        parse(source % ("b" * 10_000))
    assert len(caught.value.message) + len(caught.value.remedy) < 300


def test_error_survives_pickling() -> None:
    with pytest.raises(Invalid) as caught:
        parse("\n {{")
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made one line above
    assert str(copy) == str(caught.value)
    assert vars(copy) == vars(caught.value)


def test_as_many_tags_and_levels_as_allowed_and_no_more() -> None:
    assert len(parse("{{a}}" * MAX_TAGS)) == MAX_TAGS
    with pytest.raises(Invalid, match="more than 1,000 tags") as caught:
        parse("{{a}}" * (MAX_TAGS + 1))
    assert caught.value.offset == len("{{a}}") * MAX_TAGS
    assert parse("{{#a}}" * MAX_SECTIONS + "{{/a}}" * MAX_SECTIONS)
    with pytest.raises(Invalid, match="more than 16 levels") as caught:
        parse("{{#a}}" * (MAX_SECTIONS + 1) + "{{/a}}" * (MAX_SECTIONS + 1))
    assert caught.value.offset == len("{{#a}}") * MAX_SECTIONS


def test_text_without_end_is_refused() -> None:
    assert parse("a" * MAX_SOURCE) == ("a" * MAX_SOURCE,)
    with pytest.raises(Invalid, match="more than 2,000,000 characters") as caught:
        parse("a" * (MAX_SOURCE + 1))
    assert caught.value.offset == 0


PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from("{{ }} {{{ }}} {{# {{/ {{^ {{! {{= =}} {{> {{& a a.b . \n < %".split(" ")),
    st.sampled_from(["{{#a}}", "{{/a}}", "{{^b}}", "{{/b}}", "{{a}}", "{{=<% %>=}}", "<%a%>", " "]),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_read_or_refused_with_its_own_error(source: str) -> None:
    try:
        nodes = parse(source)
    except Invalid as error:
        assert error.offset in range(len(source) + 1)  # noqa: PT017 - one of two outcomes
    else:
        # Nothing is lost but tags, comments and the white space of lines that hold only a tag.
        if "{{" not in source:
            assert nodes == ((source,) if source else ())


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("a\n\t{{! note }}\nb", "a\nb"),
        ("a\n \t{{#x}}\nb\n\t{{/x}}\nc", "a\nb\nc"),
        ("a\n{{! note }}  ", "a\n"),
        ("a\n{{#x}}\nb\n{{/x}} \t", "a\nb\n"),
        ("a\n\t{{=<% %>=}}\t\nb", "a\nb"),
        ("\t{{#x}}{{/x}}\t", "\t\t"),
        ("a\n\t{{! note }} b", "a\n\t b"),
        ("a\n\t{{x}}\t", "a\n\ty\t"),
    ],
)
def test_tags_alone_on_their_line_leave_nothing_of_it(source: str, rendered: str) -> None:
    assert TemplateText(source).render({"x": "y"}, CONTENT_TEXT, "error") == rendered


def test_an_error_repeats_nothing_that_steers_the_text_around_it() -> None:
    with pytest.raises(Invalid) as caught:
        parse("{{a\u202eb c}}")
    assert "`{{a\\u202eb c}}` is not a valid variable" in str(caught.value)
