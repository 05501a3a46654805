"""What how-to/templates.md promises: its examples run, its limits are those of the source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import config
from passpost._messages import locales, payload
from passpost._templates import rendering, syntax

PAGE = (Path(__file__).parents[1] / "docs/en/how-to/templates.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_examples_run() -> None:
    names: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(compile(example, "templates.md", "exec"), names)  # noqa: S102 - the page's own code
    greeting = names["greeting"]
    for name in ("Ada Lovelace", "J. R. R. Tolkien", "艾达", "O'Brien"):
        assert greeting(name) == name
    for name in ("Ada https://evil.example", "evil.example", "WWW.x", "a@b", "x" * 41):
        assert greeting(name) == ""
    assert names["message"].locale == ("de-CH", "de", "en")


@pytest.mark.parametrize(
    "limit",
    [
        f"{syntax.MAX_SOURCE:,} characters, {syntax.MAX_TAGS:,} tags, {syntax.MAX_SECTIONS} levels",
        f"| {rendering.MAX_LINE} characters |",
        f"a rendered body | {rendering.MAX_BODY:,} characters",
        f"{rendering.MAX_STEPS:,} steps",
        f"{payload.MAX_DEPTH} levels, {payload.MAX_VALUES:,} values, {payload.MAX_CHARACTERS:,} c",
        f"{locales.MAX_LOCALES} languages of at most {locales.MAX_SUBTAGS} subtags",
        f"at most {2 * locales.MAX_LOCALES + 1} tags of a usage",
    ],
)
def test_limits_are_those_of_the_source(limit: str) -> None:
    assert limit in " ".join(PAGE.split())


def rendered(content: str, payload: dict[str, Any]) -> str | None:
    template = passpost.Template(usage_type="SignIn", subject="s", content=content)
    return template.render(payload).text


def test_what_differs_from_mustache() -> None:
    with pytest.raises(passpost.ConfigError, match="partials are not supported"):
        rendered("{{> footer}}", {})
    assert rendered("a\r\nb\rc", {}) == "a\nb\nc"
    with pytest.raises(passpost.MessageError, match="is an object"):
        rendered("{{.}}", {"a": 1})
    with pytest.raises(passpost.ConfigError, match="write `<%& name %>`"):
        rendered("{{=<% %>=}}<%{name}%>", {})
    assert rendered("{{=<% %>=}}<%& name %>", {"name": "<"}) == "<"
    assert rendered("{{^a}}0{{/a}}{{^b}}1{{/b}}", {"a": 0, "b": ""}) == "01"
    with pytest.raises(passpost.MissingVariable):
        rendered("{{a}}", {})


def test_check_warns_of_unescaped_values_in_html() -> None:
    settings = {"usageType": "SignIn", "subject": "s", "contentType": "text/html"}
    made = config.parse(passpost.Template, {**settings, "content": "<p>{{& a}}</p>"})
    assert ["not escaped" in problem.message for problem in config.warnings(made)] == [True]
