from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import MessageError, Template
from passpost._templates.texts import TemplateText
from passpost.config import parse, warnings

UNPROTECTED = [
    ("<a href={{v}}>x</a>", "in an attribute without quotes"),
    ("<a href = https://example.org/{{v}}>x</a>", "in an attribute without quotes"),
    ("<a\nclass=x\nhref={{{v}}}\n>x</a>", "in an attribute without quotes"),
    ("<{{v}}>", "in a tag"),
    ("<p {{v}}>", "in a tag"),
    ("<p data-{{v}}='x'>", "in a tag"),
    ("<style>p { color: {{v}} }</style>", "in a style"),
    ("<STYLE type='x'>{{#v}}{{.}}{{/v}}</STYLE>", "in a style"),
    ("<p style='color: {{v}}'>", "in a style"),
    ("<script>var code = '{{v}}'</script>", "in a script"),
    ("<script>{{v}}", "in a script"),
    ('<p onclick="f({{v}})">', "in a script"),
    ('<iframe srcdoc="{{v}}">', "in a script"),
]


def problems_of(content: str) -> list[str]:
    settings = {"usageType": "SignIn", "subject": "s", "contentType": "text/html"}
    made = parse(Template, {**settings, "content": content})
    return [f"{problem.path}: {problem.message}; {problem.remedy}" for problem in warnings(made)]


@pytest.mark.parametrize(("content", "where"), UNPROTECTED)
def test_places_that_escaping_does_not_protect_are_warned_of(content: str, where: str) -> None:
    found = [problem for problem in problems_of(content) if "does not protect" in problem]
    assert len(found) == 1
    name = "." if "{{.}}" in content else "v"
    assert found[0].startswith(f"content: `{name}` is {where}")


@pytest.mark.parametrize(
    "content",
    [
        "<p>{{v}}</p>",
        "<a href=\"{{v}}\" title='{{v}}'>{{v}}</a>",
        "<img src='https://example.org/{{v}}' alt=\"{{v}}\">",
        "<!-- <a href={{v}}> --><p>{{v}}</p>",
        "<script>x</script><style>p { a: b }</style>{{v}}",
        "1 < 2 {{v}} and {v}",
        "<p class=x>{{v}}</p><br/>{{v}}",
        '<p title="a > b">{{v}}</p>',
    ],
)
def test_places_that_escaping_protects_are_no_warning(content: str) -> None:
    assert not [problem for problem in problems_of(content) if "does not protect" in problem]


def test_plain_text_has_no_such_places() -> None:
    settings = {"usageType": "SignIn", "subject": "s", "contentType": "text/plain"}
    made = parse(Template, {**settings, "content": "<style {{v}}>"})
    assert not [p for p in warnings(made) if "does not protect" in p.message]


def html_of(content: str, payload: dict[str, Any]) -> str | None:
    template = Template(usage_type="SignIn", subject="s", content=content)
    return template.render(payload, content_type="text/html").html


LINKS = [
    '<a href="{{v}}">x</a>',
    "<a class=x href=' {{v}}/path'>x</a>",
    '<img src="{{{v}}}">',
    '<form action="{{#v}}{{.}}{{/v}}">',
    "{{w}}<A HREF='{{v}}'>{{w}}</A>",
]


@pytest.mark.parametrize("content", LINKS)
@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        " JavaScript:x",
        "java\tscript:x",
        "vbscript:x",
        "data:text/html,x",
        "data:image/svg+xml,x",
    ],
)
def test_a_link_does_not_begin_with_a_scheme_that_runs_code(content: str, link: str) -> None:
    with pytest.raises(MessageError, match="begins a link with a scheme") as caught:
        html_of(content, {"v": link, "w": "x"})
    assert caught.value.field == "content"
    assert "alert" not in str(caught.value)


@pytest.mark.parametrize("content", LINKS)
@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/?a=1",
        "mailto:a@b.org",
        "tel:+1",
        "/path",
        "example.org",
        "data:image/png;base64,AAAA",
        "app://x",
    ],
)
def test_other_links_may_begin_with_a_value(content: str, link: str) -> None:
    assert link.partition("?")[0] in (html_of(content, {"v": link, "w": "javascript:x"}) or "")


def test_a_value_within_a_link_may_be_anything() -> None:
    html = html_of('<a href="https://example.org/{{v}}">{{v}}</a>', {"v": "javascript:x"})
    assert html == '<a href="https://example.org/javascript:x">javascript:x</a>'


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "a",
        " ",
        "=",
        '"',
        "'",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<a href=",
        "<script",
        "{{v}}",
        "{{#v}}",
        "{{/v}}",
        "/",
        "\n",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_looked_through(source: str) -> None:
    try:
        text = TemplateText(source)
    except ValueError:
        return
    assert {name for _, name in text.contexts} == set(text.variables)


@pytest.mark.parametrize(
    "piece", ["<a ", '<a "', "<a '", "<!--", "<style>", "<script", "<a b=", "<", "a=", "\n \t"]
)
def test_looking_takes_no_time_of_its_own(piece: str) -> None:
    assert TemplateText(piece * (500_000 // len(piece)) + "{{v}}").variables == ("v",)
