"""The linter: rules, comments that hide warnings, levels, and what it corrects."""

from __future__ import annotations

import json
from typing import Any

import pytest

import passpost
from passpost.config import Problem, read
from passpost_tools.lint import fixed, lint

HOST = {"host": "smtp.example.com", "port": 587, "fromEmail": "no-reply@example.com"}
GOOD = {"usageType": "SignIn", "subject": "Your code", "content": "Your code is {{code}}."}


def written(*templates: dict[str, Any], **settings: Any) -> str:
    """Return the text of settings in which the usages of all flows have a template."""
    usages = ("Register", "SignIn", "ForgotPassword", "Generic")
    rest = [{**GOOD, "usageType": usage} for usage in usages]
    served = {(each.get("usageType"), each.get("locale")) for each in templates}
    kept = [each for each in rest if (each["usageType"], None) not in served]
    return json.dumps({**HOST, **settings, "templates": [*templates, *kept]}, indent=1)


def found(text: str, connector: str | None = "smtp") -> list[Problem]:
    return lint(text, connector=connector, host=passpost.Host(environ={"NAME": "x"}), file="f")


def codes(text: str) -> list[str | None]:
    return [problem.code for problem in found(text)]


def test_good_settings_have_no_problem() -> None:
    assert found(written()) == []


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"content": "{{cod}}"}, "W210", "did you mean `code`?"),
        ({"content": "{{code}} {{user.nam}}"}, "W210", "did you mean `user.name`?"),
        ({"content": "{{code}} {{#shop}}x{{/shop}}"}, "W210", "`lint.variables`"),
        ({"usageType": "OrganizationInvitation", "content": "{{code}}"}, "W210", ""),
        ({"content": "Hello {{user.name}}"}, "W211", "`{{code}}`"),
        ({"subject": "{{code}} is it"}, "W212", "without"),
        ({"subject": "Dear <your name>"}, "W213", "replace"),
        ({"content": "{{code}} TODO"}, "W213", "replace"),
        ({"content": "<p>{{code}}</p>", "contentType": "text/html"}, "W214", "`text`"),
        ({"content": "{{code}} http://example.com"}, "W216", "https"),
        ({"subject": "x" * 79}, "W217", "at most 78"),
        ({"subject": "验" * 40}, "W217", "at most 78"),
    ],
)
def test_a_rule_finds_its_mistake(changes: dict[str, str], code: str, says: str) -> None:
    (problem,) = found(written({**GOOD, **changes}))
    assert (problem.code, problem.severity) == (code, "warning")
    assert says in problem.remedy


@pytest.mark.parametrize(
    ("markup", "code"),
    [
        ("<script>x</script>", "W215"),
        ("<form><b>x</b></form>", "W215"),
        ("<iframe src='https://a.example'></iframe>", "W215"),
        ("<p onclick='x'>x</p>", "W215"),
        ("<link rel='stylesheet' href='https://a.example/a.css'>", "W215"),
        ("<style>@import 'https://a.example/a.css';</style>", "W215"),
        ("<meta http-equiv='refresh' content='0'>", "W215"),
        ("<a href='javascript:x'>x</a>", "W215"),
        ("<a href='http://a.example'>x</a>", "W216"),
        ("<p>see http://a.example</p>", "W216"),
    ],
)
def test_markup_that_is_dropped_is_found_where_it_is(markup: str, code: str) -> None:
    html = f"<p>{{{{code}}}}</p>\n{markup}"
    text = written({**GOOD, "contentType": "text/html", "content": html, "text": "{{code}}"})
    (problem,) = found(text)
    assert problem.code == code
    line = text.split("\n")[(problem.line or 0) - 1]
    place = line[(problem.column or 0) - 1 :]
    assert place.startswith(("<", "http:", "@import"))
    assert markup.replace('"', '\\"').find(place[:8]) >= 0


def test_markup_that_is_shown_is_not_found() -> None:
    html = (
        "<style>p { color: red }</style><p style='x'><a href='https://a.example'>{{code}}</a></p>"
    )
    template = {**GOOD, "contentType": "text/html", "content": html, "text": "{{code}}"}
    assert not found(written(template))


def test_a_variable_in_a_section_of_a_list_is_its_items_own() -> None:
    assert not found(written({**GOOD, "content": "{{code}}{{#user.roles}}{{.}}{{/user.roles}}"}))


def test_a_variable_that_is_optional_may_be_one_of_another_usage() -> None:
    invitation = {**GOOD, "usageType": "OrganizationInvitation"}
    assert not found(written({**invitation, "content": "{{link}}{{#code}} or {{code}}{{/code}}"}))
    (problem,) = found(written({**invitation, "content": "{{link}}{{#code}}{{cdoe}}{{/code}}"}))
    assert problem.code == "W210"


def test_a_usage_of_the_application_may_have_any_variable() -> None:
    assert codes(written({**GOOD, "usageType": "Invoice", "content": "{{total}}"})) == ["W201"]


def test_variables_that_are_declared_are_known() -> None:
    template = {**GOOD, "content": "{{code}} {{shop.name}}"}
    assert codes(written(template)) == ["W210"]
    assert not found(written(template, lint={"variables": ["shop"]}))
    assert not found(written(template, lint={"variables": ["shop.name"]}))


def test_a_language_that_lacks_a_usage_is_found() -> None:
    (problem,) = found(written(GOOD, {**GOOD, "locale": "zh-CN"}))
    assert problem.code == "W218"
    assert "`Register`, `ForgotPassword`, `Generic`" in problem.message


def test_a_sender_in_another_domain_is_found() -> None:
    account = {"user": "me@mail.example.com", "pass": "${NAME}"}
    assert not found(written(auth=account))
    (problem,) = found(written(auth={**account, "user": "me@gmail.com"}))
    assert (problem.code, problem.path) == ("W301", "fromEmail")
    template = {**GOOD, "sendFrom": "Ada <ada@example.org>"}
    (problem,) = found(written(template, auth=account))
    assert (problem.code, problem.path) == ("W301", "templates[0].sendFrom")


def test_the_rest_is_examined_though_the_settings_are_invalid() -> None:
    text = written({**GOOD, "content": "{{cod}}"}, port="x")
    assert codes(text) == ["E103", "W210"]


def test_a_reference_is_followed() -> None:
    (problem,) = found(written({**GOOD, "content": "${NAME}"}))
    assert problem.code == "W203"


def commented(comment: str, *, above: bool = False) -> str:
    template = {**GOOD, "subject": "{{code}}" + "x" * 80}
    line = json.dumps(template) + ","
    both = f"{comment}\n{line}" if above else f"{line} {comment}"
    kept = written().replace('"SignIn"', '"BindMfa"')
    return kept.replace('"templates": [', f'"templates": [\n{both}', 1)


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize(
    "comment", ["// passpost: ignore W212, W217", "/* passpost: ignore W217 W212 */"]
)
def test_a_comment_hides_warnings_of_its_line(comment: str, *, above: bool) -> None:
    assert sorted(map(str, codes(commented("//", above=above)))) == ["W212", "W217"]
    assert codes(commented(comment, above=above)) == []


def test_a_comment_behind_a_setting_does_not_hide_warnings_below() -> None:
    text = written({**GOOD, "subject": "{{code}}"})
    line = text.index('"usageType"')
    changed = text[:line] + '"locale": null, // passpost: ignore W212\n' + text[line:]
    assert codes(changed) == ["W404", "W212"]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("// passpost: ignore W211", "W404"),
        ("// passpost: ignore W999", "E404"),
        ("// passpost: ignore E101", "E404"),
        ("// passpost: ignore smtp-W9", "W404"),
        ("// passpost: ignore acme-W9", "E404"),
    ],
)
def test_a_comment_in_vain_is_found(comment: str, expected: str) -> None:
    assert expected in codes(commented(comment))


@pytest.mark.parametrize(
    ("level", "expected"), [("off", []), ("error", ["error"]), ("warning", ["warning"])]
)
def test_a_level_applies_to_the_whole_file(level: str, expected: list[str]) -> None:
    text = written({**GOOD, "subject": "{{code}}"}, lint={"rules": {"W212": level}})
    assert [problem.severity for problem in found(text)] == expected


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"rules": {"W999": "off"}}, "E403"),
        ({"rules": {"E101": "off"}}, "E403"),
        ({"rules": {"W212": "loud"}}, "E108"),
        ({"rule": {}}, "E101"),
        ([], "E103"),
    ],
)
def test_the_setting_itself_is_checked(setting: Any, code: str) -> None:
    assert code in codes(written(lint=setting))


def test_sending_does_not_look_at_the_setting() -> None:
    passpost.Host().configure("smtp", written(lint={"rules": {}}))


def test_settings_that_were_read_are_examined_as_their_text_is() -> None:
    text = written({**GOOD, "subject": "{{code}}"})
    assert lint(read(text, "f"), connector="smtp") == found(text)
    assert [p.code for p in lint(json.loads(text), connector="smtp")] == ["W212"]


def test_fixes_change_what_is_without_doubt_and_keep_the_rest() -> None:
    text = (
        '{"host": "smtp.example.com", "port": 587, // the default\n'
        ' "from_email": "no-reply@example.com", "templates": [\n'
        '  {"usageType": "Generic", "subject": "Code", "contentType": "text/html",\n'
        '   "content": "<p>{{Code}} {{cdoe}}</p><script>x</script>",\n'
        '   "text": "{ {code} } {{code}}"}]}'
    )
    fixes = fixed(text, found(text))
    assert {fix.problem.code for fix in fixes} == {"E101", "W202", "W210", "W215"}
    assert fixes[-1].text == (
        '{"host": "smtp.example.com", "port": 587, // the default\n'
        ' "fromEmail": "no-reply@example.com", "templates": [\n'
        '  {"usageType": "Generic", "subject": "Code", "contentType": "text/html",\n'
        '   "content": "<p>{{code}} {{cdoe}}</p>",\n'
        '   "text": "{{code}} {{code}}"}]}'
    )


def test_a_fix_keeps_every_byte_that_it_is_not_about() -> None:
    text = (
        '\ufeff{ // first\r\n\t"host": "smtp.example.com",\r\n\t"from_email" /* a */ : '
        '"no-reply@example.com" /* b */,\r\n\t"Templates": [ // c\r\n\t\t{ /* d */ "usageType": '
        '"Generic",\r\n\t\t  "subject": "Y\\u00e9s \\/", // e\r\n\t\t  "content": '
        '"{ {code} } \\u00e9" }, // f\r\n\t],\r\n\t'
        '"Auth": { "user": "ada", /* g */ "pass": "${NAME}", }, // h\r\n}\r\n'
    )
    fixes = fixed(text, found(text))
    once = fixes[-1].text
    expected = text.replace("from_email", "fromEmail").replace('"Templates"', '"templates"')
    assert once == expected.replace('"Auth"', '"auth"')
    again = fixed(once, found(once))
    assert again[-1].text == once.replace("{ {code} }", "{{code}}")
    assert fixed(again[-1].text, found(again[-1].text)) == []


def test_a_script_without_an_end_is_left() -> None:
    text = written({**GOOD, "contentType": "text/html", "content": "{{code}}<script>x"})
    assert fixed(text, found(text)) == []


@pytest.mark.parametrize(
    "markup",
    ["<script>" * 40_000, "<body " * 60_000, "<!--" * 60_000, "{ " * 200_000, "{" + " " * 400_000],
    ids=["scripts", "tags", "comments", "braces", "spaces"],
)
def test_a_text_of_any_kind_takes_seconds_at_most(markup: str) -> None:
    text = written({**GOOD, "contentType": "text/html", "content": f"{{{{code}}}}{markup}"})
    fixed(text, found(text))


def test_what_is_behind_the_last_tag_is_read() -> None:
    template = {**GOOD, "contentType": "text/html", "text": "{{code}}"}
    text = written({**template, "content": "<p>{{code}}</p> see\nhttp://a.example"})
    (problem,) = found(text)
    assert problem.code == "W216"


def test_a_fix_needs_no_guess() -> None:
    text = written({**GOOD, "content": "{{cdoe}} http://example.com"}, prot=1)
    assert fixed(text, found(text)) == []
