"""Where chevron's renderer and templates mean the same, they render the same to the letter."""

from __future__ import annotations

from typing import Any

import chevron
from hypothesis import assume, example, given
from hypothesis import strategies as st

from passpost import MessageError
from passpost._templates.rendering import CONTENT_HTML
from passpost._templates.syntax import Node, Section, parse
from passpost._templates.texts import TemplateText

# Not among them: "'", which chevron does not escape.
LITERALS = st.text(alphabet='xyz <>"&\n}', max_size=5)
NAMES = st.sampled_from("abc")
PATHS = st.sampled_from(["a", "a.b", "b.c", "a.b.c", "c.0", "c.1.a"])
TAGS = ("{{%s}}", "{{ %s }}", "{{{%s}}}", "{{& %s}}")
ASIDES = st.sampled_from(["{{! note }}", "\n  {{! note }}\n", "{{=<% %>=}}<%a%><%={{ }}=%>", "\n"])


def variables(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(str.__mod__, st.sampled_from(TAGS), names)


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(parts, max_size=5).map("".join)


def sections(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaces = st.sampled_from(["", "\n", " "])
    section = st.builds(
        "{2}{{{{{0}{1}}}}}{2}{3}{{{{/{1}}}}}{2}".format, st.sampled_from("#^"), NAMES, spaces, inner
    )
    return joined(section | inner)


TEMPLATES = st.recursive(joined(LITERALS | variables(NAMES) | ASIDES), sections, max_leaves=8)

SCALARS = st.text(alphabet='xyz<>&" \n', max_size=5) | st.integers(0, 99) | st.floats(0.5, 1e20)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # chevron shows a list's items that count as false not even once.
    return mappings(inner) | st.lists(inner.filter(bool), max_size=3)


def mappings(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, inner, max_size=3)


PAYLOADS = mappings(st.recursive(SCALARS, nested, max_leaves=8))


def closes_early(nodes: tuple[Node, ...], around: frozenset[str] = frozenset()) -> bool:
    """Find ``{{#a}}{{^a}}{{/a}}{{/a}}``, where chevron takes the first end for that of a list."""
    return any(
        (node.inverted and node.test.name in around)
        or closes_early(node.nodes, around | {node.test.name})
        for node in nodes
        if isinstance(node, Section)
    )


def ours(source: str, payload: dict[str, Any]) -> str | None:
    try:
        return TemplateText(source).render(payload, CONTENT_HTML, "blank")
    except MessageError:
        # A list or an object, which chevron shows as Python writes it.
        return None


@given(TEMPLATES, PAYLOADS)
@example("{{#a}}{{b}}{{/a}}", {"a": [{"b": 1}, {"b": 2}]})
@example("{{#a}}\n  {{#b}}\n{{c}}\n  {{/b}}\n{{/a}}\n", {"a": [1, 2], "b": {"c": "<"}})
def test_sections_and_names(source: str, payload: dict[str, Any]) -> None:
    assume(not closes_early(parse(source)))
    # Where a tag alone on the last line has blanks after it, chevron shows them.
    assume(not source.endswith(" "))
    rendered = ours(source, payload)
    assume(rendered is not None)
    assert rendered == chevron.render(source, payload, partials_path=None)


@given(joined(LITERALS | variables(PATHS)), PAYLOADS)
@example("{{c.1.a}}", {"c": [1, {"a": "x"}]})
def test_dotted_paths(source: str, payload: dict[str, Any]) -> None:
    rendered = ours(source, payload)
    assume(rendered is not None)
    # chevron takes a character of a text for an item of a list, and fails on numbers.
    assume(isinstance(payload.get("c", {}), list | dict))
    assert rendered == chevron.render(source, payload, partials_path=None)
