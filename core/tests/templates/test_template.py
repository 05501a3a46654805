from __future__ import annotations

import pickle
import traceback
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from passpost import Address, ConfigError, MessageError, MissingVariable, Problem, Template
from passpost._templates.checks import ContentType
from passpost._templates.picking import template_set_problems
from passpost._templates.template import Rendered
from passpost._templates.texts import TemplateText
from passpost.config import ConnectorConfig, parse, warnings


def template(**parts: Any) -> Template:
    return Template(**{"usage_type": "SignIn", "subject": "Code", "content": "{{code}}", **parts})


PAYLOAD = {"code": "12<34", "user": {"name": "Ada"}, "mail": "ada@example.org"}


def test_template_is_made_of_texts() -> None:
    made = Template(usage_type="SignIn", subject="Your code", content="{{code}}")
    assert made.subject.source == "Your code"
    assert made.content.variables == ("code",)
    assert (made.content_type, made.locale, made.reply_to, made.send_from, made.text) == (None,) * 5


def test_template_takes_texts_that_are_compiled_already() -> None:
    content = TemplateText("{{code}}")
    assert template(content=content).content is content


def test_parts_are_named() -> None:
    with pytest.raises(TypeError):
        Template("SignIn", "Your code", "{{code}}")  # type: ignore[call-arg]  # rejected, as it should be


def test_old_name_of_generic() -> None:
    assert template(usage_type="Test").usage_type == "Generic"
    assert template(usage_type="x" * 128).usage_type == "x" * 128


def test_template_is_a_value() -> None:
    made = template(locale="zh-CN", reply_to="Ada <a@example.org>", text="{{code}}")
    assert made == template(locale="zh-CN", reply_to="Ada <a@example.org>", text="{{code}}")
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - made on the same line
    assert len({made, template()}) == 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.locale = None  # type: ignore[misc]  # that it cannot be set is the point


@pytest.mark.parametrize(
    ("parts", "path", "message"),
    [
        ({"usage_type": ""}, "usageType", "not a valid usage"),
        ({"usage_type": "x" * 129}, "usageType", "not a valid usage"),
        ({"usage_type": 5}, "usageType", "not a valid usage"),
        ({"usage_type": "a\nb"}, "usageType", "U+000A at character 2"),
        ({"subject": "{{"}, "subject", "not closed"),
        ({"subject": "a\r\nb"}, "subject", "U+000D at character 2"),
        ({"subject": " "}, "subject", "is empty"),
        ({"subject": None}, "subject", "must be text"),
        ({"content": "{{#a}}"}, "content", "not closed"),
        ({"content": "a\x00"}, "content", "U+0000 at character 2"),
        ({"content": ""}, "content", "is empty"),
        ({"content_type": "html"}, "contentType", "not a valid content type"),
        ({"locale": "zh_CN"}, "locale", "not a valid language tag"),
        ({"locale": ""}, "locale", "not a valid language tag"),
        ({"locale": 5}, "locale", "not a valid language tag"),
        ({"reply_to": "nobody"}, "replyTo", "it has no @"),
        ({"send_from": "a@b.org, c@d.org"}, "sendFrom", "more than one address"),
        ({"text": "{{}}"}, "text", "`{{}}` is not a valid variable"),
    ],
)
def test_what_is_wrong_is_named(parts: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        template(**parts)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("parts", "content_type", "text", "html"),
    [
        ({}, "text/plain", "12<34", None),
        ({}, "text/html", None, "12&lt;34"),
        ({"content_type": "text/plain"}, "text/html", "12<34", None),
        ({"content_type": "text/html"}, "text/plain", None, "12&lt;34"),
        ({"text": "Code: {{code}}"}, "text/html", "Code: 12<34", "12&lt;34"),
        ({"text": "Code: {{code}}"}, "text/plain", "12<34", None),
    ],
)
def test_content_is_text_or_html_or_both(
    parts: dict[str, Any], content_type: ContentType, text: str | None, html: str | None
) -> None:
    rendered = template(**parts).render(PAYLOAD, content_type=content_type)
    assert (rendered.text, rendered.html) == (text, html)


def test_values_bring_line_ends_into_both_bodies() -> None:
    made = template(content="{{x}}", text="{{x}}").render({"x": "a\r\nb"}, content_type="text/html")
    assert (made.text, made.html) == ("a\nb", "a\nb")


def test_subject_is_plain_text_beside_html() -> None:
    rendered = template(subject="Code {{code}} for {{user.name}}").render(
        PAYLOAD, content_type="text/html"
    )
    assert rendered.subject == "Code 12<34 for Ada"
    assert (rendered.sender, rendered.reply_to) == (None, None)


def test_addresses_are_filled_in() -> None:
    made = template(send_from="{{user.name}} <no-reply@example.org>", reply_to="{{mail}}")
    rendered = made.render(PAYLOAD)
    assert rendered.sender == Address("no-reply@example.org", "Ada")
    assert rendered.reply_to == Address("ada@example.org")


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"subject": "{{x}}"}, "subject"),
        ({"content": "{{x}}"}, "content"),
        ({"content_type": "text/html", "text": "{{x}}"}, "text"),
        ({"reply_to": "{{x}}"}, "replyTo"),
        ({"send_from": "{{x}} <a@example.org>"}, "sendFrom"),
    ],
)
def test_missing_variable_names_its_place(parts: dict[str, Any], place: str) -> None:
    with pytest.raises(MissingVariable) as caught:
        template(**parts).render(PAYLOAD)
    assert (caught.value.variable, caught.value.place) == ("x", place)
    assert caught.value.field == "payload.x"


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"subject": "{{x}}"}, "subject"),
        ({"reply_to": "{{x}} <a@example.org>"}, "replyTo"),
        ({"reply_to": "{{x}}@example.org"}, "replyTo"),
        ({"send_from": "{{x}} <a@example.org>"}, "sendFrom"),
        ({"send_from": "a@{{x}}"}, "sendFrom"),
    ],
)
@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x85", "\u2028", "\u760a"])
def test_line_break_of_a_value_is_refused(
    parts: dict[str, Any], place: str, character: str
) -> None:
    with pytest.raises(MessageError, match=f"U\\+{ord(character):04X} at character 7") as caught:
        template(**parts).render({"code": 1, "x": f"hidden{character}Bcc: x@example.org"})
    assert caught.value.field == place
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("value", ["", " ", "\u3000"])
def test_empty_subject_is_refused(value: str) -> None:
    with pytest.raises(MessageError, match="subject is empty") as caught:
        template(subject="{{x}}").render({"code": 1, "x": value})
    assert caught.value.field == "subject"


@pytest.mark.parametrize(
    "parts",
    [
        {"content": "{{code}} {{x}}"},
        {"subject": "{{list}}"},
        {"content_type": "text/html", "content": "{{code}}", "text": "{{code}} {{list}}"},
        {"subject": "{{code}}", "reply_to": "{{code}}"},
        {"content": "{{#list}}{{.}}{{x}}{{/list}}"},
    ],
)
def test_reports_of_errors_show_nothing_of_a_payload(parts: dict[str, Any]) -> None:
    with pytest.raises(MessageError) as caught:
        template(**parts).render({"code": "hidden", "list": ["hidden"]})
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [frame for frame in report.stack if frame.filename != __file__]
    assert [frame.name for frame in shown] == ["render"]
    assert "hidden" not in str([frame.locals for frame in shown])
    assert caught.value.__context__ is None


def test_missing_variables_as_the_config_says() -> None:
    made = template(subject="{{x}}!", content="{{ y }}.")
    kept = made.render({}, missing="keep")
    assert (kept.subject, kept.text) == ("{{x}}!", "{{ y }}.")
    blank = made.render({}, missing="blank")
    assert (blank.subject, blank.text) == ("!", ".")


def test_rendered_shows_no_content() -> None:
    rendered = template(subject="{{code}}").render(PAYLOAD)
    assert isinstance(rendered, Rendered)
    assert "12" not in repr(rendered)


SETTINGS: dict[str, Any] = {"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}


def problems_of(**settings: Any) -> list[tuple[str, str, str]]:
    made = parse(Template, {**SETTINGS, **settings})
    return [(problem.path, problem.message, problem.remedy) for problem in warnings(made)]


def test_settings_become_a_template() -> None:
    settings = {
        **SETTINGS,
        "contentType": "text/html",
        "locale": "zh-Hans-CN",
        "replyTo": "Support <support@example.org>",
        "sendFrom": "{{application.name}} <no-reply@example.org>",
        "text": "{{code}}",
    }
    made = parse(Template, settings)
    assert made == Template(
        usage_type="SignIn",
        subject="Code",
        content="{{code}}",
        content_type="text/html",
        locale="zh-Hans-CN",
        reply_to="Support <support@example.org>",
        send_from="{{application.name}} <no-reply@example.org>",
        text="{{code}}",
    )
    assert problems_of(**settings) == []


def test_all_mistakes_of_settings_at_once_with_their_places() -> None:
    text = (
        '{"usageType": "SignIn",\n'
        ' "subject": "a\\nb",\n'
        ' "content": "Hello\\r\\n{{#code}}",\n'
        ' "locale": "zh_CN",\n'
        ' "replyTo": "nobody"}'
    )
    with pytest.raises(ConfigError) as caught:
        parse(Template, text)
    places = [(problem.path, problem.line) for problem in caught.value.problems]
    assert places == [("subject", 2), ("content", 3), ("locale", 4), ("replyTo", 5)]
    assert caught.value.problems[1].column == len(' "content": "Hello\\r\\n') + 1


@pytest.mark.parametrize(
    ("settings", "path", "message", "remedy"),
    [
        ({"usageType": "Signin"}, "usageType", "unknown usage", "did you mean `SignIn`?"),
        (
            {"usageType": "Invoice"},
            "usageType",
            "unknown usage",
            "keep it if the application sends",
        ),
        (
            {"subject": "Code {code}"},
            "subject",
            "`{code}` looks like a placeholder",
            "write `{{code}}`",
        ),
        (
            {"content": "Code { { code } }"},
            "content",
            "`{ { code } }` looks like a placeholder",
            "write `{{code}}`",
        ),
        ({"content": "Hello"}, "content", "no placeholder", "write `{{code}}` in place"),
        (
            {"contentType": "text/html", "text": "Hello"},
            "text",
            "no placeholder",
            "write `{{code}}` in place",
        ),
        (
            {"contentType": "text/html", "text": "Hello {code}"},
            "text",
            "`{code}` looks like",
            "write `{{code}}`",
        ),
        (
            {"contentType": "text/html", "content": "{{{code}}} {{&user.name}} {{x}}"},
            "content",
            "not escaped: markup in the value of `code`, `user.name`",
            "write `{{code}}`, with two braces",
        ),
        (
            {"contentType": "text/plain", "content": "<p>{{code}}</p>"},
            "content",
            "looks like HTML, but is sent as plain text",
            "set `contentType` to `text/html`",
        ),
        (
            {"contentType": "text/plain", "text": "{{code}}"},
            "text",
            "not used",
            "set `contentType` to `text/html`, or remove `text`",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(
    settings: dict[str, Any], path: str, message: str, remedy: str
) -> None:
    ((found_path, found_message, found_remedy),) = problems_of(**settings)
    assert found_path == path
    assert message in found_message
    assert found_remedy.startswith(remedy)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"usageType": "Invoice2", "content": "Hello"},
        {"content": "a < b {{code}} > c"},
        {"content": "<p>{{{code}}}</p>"},
        {"content": "{{#code}}{{.}}{{/code}}"},
        {"contentType": "text/plain", "content": "Write to <ada@example.org> {{{code}}}"},
        {"contentType": "text/html", "content": "<p>{{code}}</p>"},
    ],
)
def test_what_may_be_meant_is_no_warning(settings: dict[str, Any]) -> None:
    paths = [path for path, _, _ in problems_of(**settings)]
    assert [path for path in paths if path != "usageType"] == []


PLACEHOLDERS = {
    "usageType": "Register",
    "subject": "< register-template-subject > ",
    "content": "< Your passcode is { { code } } > ",
    "contentType": "text/plain",
}


def test_settings_with_placeholders_parse() -> None:
    (problem,) = warnings(parse(Template, PLACEHOLDERS))
    assert problem.path == "content"
    assert problem.severity == "warning"


@attrs.frozen(kw_only=True)
class HtmlConfig(ConnectorConfig):
    """A config of a connector that sends HTML unless it is told otherwise."""

    default_content_type = "text/html"


def set_problems(content_type: ContentType, *settings: Mapping[str, Any]) -> list[Problem]:
    templates = [parse(Template, {**SETTINGS, **each}) for each in settings]
    return list(template_set_problems(templates, content_type))


def test_content_type_of_the_connector_decides_where_the_template_does_not() -> None:
    raw, tagged = {"content": "{{{code}}}"}, {"content": "<p>{{code}}</p>"}
    (problem,) = set_problems("text/html", {}, raw, tagged)
    assert (problem.path, problem.severity) == ("templates[1].content", "warning")
    assert "not escaped" in problem.message
    (problem,) = set_problems("text/plain", {}, raw, tagged)
    assert problem.path == "templates[2].content"
    assert "looks like HTML" in problem.message
    # Such a template has said it of itself already.
    assert set_problems("text/html", {**tagged, "contentType": "text/plain"}) == []


def test_config_warns_of_its_templates_by_its_own_content_type() -> None:
    settings = {"templates": [{**SETTINGS, "content": "{{{code}}}"}]}
    as_html = [problem.path for problem in warnings(parse(HtmlConfig, settings))]
    as_text = [problem.path for problem in warnings(parse(ConnectorConfig, settings))]
    assert as_html == ["templates[0].content", *as_text]


def test_usage_that_some_readers_get_no_mail_for() -> None:
    german, chinese = {"locale": "de"}, {"locale": "zh-CN"}
    register = {"usageType": "Register", "locale": "de"}
    first, second = set_problems("text/plain", german, register, chinese)
    assert (first.path, second.path) == ("templates[0].locale", "templates[1].locale")
    assert "every template for `SignIn` is for one language" in first.message
    assert set_problems("text/plain", german, {}) == []
    assert set_problems("text/plain", german, {"usageType": "Generic"}) == []


def test_a_half_made_template_can_be_shown_in_a_report() -> None:
    with pytest.raises(ConfigError) as caught:
        Template(usage_type="SignIn", subject="{{", content="x")
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "subject=None" in "".join(report.format())
