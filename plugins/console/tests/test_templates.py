"""Templates: shown in a grid, edited with findings and a preview, and saved like any setting."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_driving import TEXT, Client
from console_forms import form

import passpost
import passpost_templates
from passpost import config
from passpost._messages.usages import FLOW_USAGES
from passpost_console.findings import Beside, find, text_of
from passpost_console.looking import look_at, payload_of
from passpost_console.pages.frame import POLICY, themed
from passpost_console.remembered import Previews
from passpost_console.samples import sample

FIRST = "/template/0"
NEW = "/template/new"


def sent(client: Client, page: str = FIRST, **changes: str) -> httpx.Response:
    """Change some texts of a template, and send it."""
    fields = form(client.get(page), page.partition("?")[0])
    fields.pop("preview", None)
    return client.post(page.partition("?")[0], {**fields, **changes})


def save(client: Client, response: httpx.Response) -> str:
    """Press the button of the page that shows what changes, and return where it leads."""
    assert response.status_code == 200, response.text
    return client.post("/save", form(response, "/save")).headers["location"]


def frame(client: Client, response: httpx.Response, theme: str = "light") -> httpx.Response:
    """Return what the frame of a page shows."""
    (path,) = set(re.findall(rf'<iframe src="([^"]+theme={theme})"', response.text))
    return client.get(path)


def templates(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        json.dumps(config.read(file.read_text("utf-8"))["templates"], default=dict)
    )
    return found


def test_the_grid_has_each_template_and_offers_those_that_are_missing(client: Client) -> None:
    page = client.get("/templates").text
    assert 'href="/template/0" aria-label="SignIn, any language: Your code"' in page
    assert 'href="/template/1" aria-label="SignIn, zh-CN: 验证码"' in page
    assert "/template/new?usage=Register&amp;locale=zh-CN" in page


def test_an_edited_text_changes_its_bytes_alone(client: Client, file: Path) -> None:
    response = sent(client, subject="Sign in")
    assert file.read_text("utf-8") == TEXT
    assert save(client, response) == f"{FIRST}?saved=1"
    assert file.read_text("utf-8") == TEXT.replace('"Your code"', '"Sign in"')


def test_nothing_changed_is_nothing_to_save(client: Client, file: Path) -> None:
    text = TEXT.replace('"content": "{{code}}"}', '"content": "a\\r\\n{{code}}\\n"}')
    file.write_text(text, "utf-8")
    assert "There is nothing to save." in sent(client).text


def test_an_empty_text_is_absent(client: Client, file: Path) -> None:
    save(client, sent(client, text="{{code}}", contentType="text/html", replyTo="a@example.com"))
    assert templates(file)[0]["replyTo"] == "a@example.com"
    save(client, sent(client, text="", contentType="", replyTo=""))
    assert templates(file)[0].keys() == {"usageType", "subject", "content"}


def test_errors_are_at_their_lines_and_nothing_can_be_saved(client: Client, file: Path) -> None:
    response = sent(client, content="Hi\n\n{{#user}}\nx", subject="")
    assert response.status_code == 422
    assert re.search(r'<li value="3" class="wrong">.*section <code>user</code>', response.text)
    assert re.search(r'<input id="subject"[^>]* aria-invalid="true"', response.text)
    assert 'name="draft"' not in response.text
    assert file.read_text("utf-8") == TEXT


def test_a_warning_is_beside_its_line() -> None:
    values = {
        "usageType": "SignIn", "subject": "s", "contentType": "text/html",
        "content": '<p>\\"ä😀</p>\r\n<script></script>\n{{cod}}', "text": "{{code}}\nhttp://x",
    }  # fmt: skip
    host = passpost.Host(installed_extensions=())
    found = {(one.key, one.problem.code, one.line) for one in find(
        text_of(values), "text/plain", None, host)}  # fmt: skip
    assert found == {("content", "W215", 2), ("content", "W210", 3), ("text", "W216", 2)}
    off = {"rules": {"W215": "off"}, "variables": ["cod"]}
    left = {one.problem.code for one in find(text_of(values), "text/plain", off, host)}
    assert left == {"W211", "W216"}


def test_a_comment_hides_a_warning(client: Client, file: Path) -> None:
    listed = '{"usageType": "SignIn",\n "subject": "{{code}}", "content": "{{code}}"}'
    text = re.sub(r'\{"usageType": "SignIn", "subject".*?\}\}"\}', lambda _: listed, TEXT, count=1)
    file.write_text(text, "utf-8")
    assert "locked screens" in client.get(FIRST).text
    file.write_text(text.replace('"}"', '"').replace(
        ' "subject": "{{code}}",', ' "subject": "{{code}}", // passpost: ignore W212\n'
    ), "utf-8")  # fmt: skip
    assert "locked screens" not in client.get(FIRST).text


REGISTER = '    {"usageType": "Register", "subject": "Welcome", "content": "{{code}}"},\n  ],'
LACKS = "no template in <code>zh-CN</code> for <code>Register</code>"


def finding(response: httpx.Response, key: str) -> str:
    """Return what is said beside a text of the template."""
    found = re.search(rf'<div id="finding-{key}".*?</div>', response.text, re.DOTALL)
    assert found is not None
    return found[0]


def test_what_a_language_lacks_is_said_beside_it(client: Client, file: Path) -> None:
    file.write_text(TEXT.replace("  ],", REGISTER), "utf-8")
    assert LACKS in finding(client.get("/template/1"), "locale")
    assert "no template in" not in client.get(FIRST).text
    changed = sent(client, "/template/1", locale="de", preview="1")
    assert LACKS.replace("zh-CN", "de") in finding(changed, "locale")
    # The first one of a language has the warning, as the command `check` shows it.
    second = '{"usageType": "Generic", "locale": "zh", "subject": "s", "content": "{{code}}"},'
    file.write_text(TEXT.replace("  ],", f"    {second}\n{REGISTER}"), "utf-8")
    assert LACKS in finding(client.get("/template/1"), "locale")
    assert "no template in" not in client.get("/template/2").text


@pytest.mark.parametrize(("before", "behind"), [("// passpost: ignore W218\n", ""), ("", "// passpost: ignore W218")])  # fmt: skip  # noqa: E501 - a table
def test_a_comment_beside_a_template_hides_its_warning(
    client: Client, file: Path, before: str, behind: str
) -> None:
    text = TEXT.replace("  ],", REGISTER).replace("zh-CN", "zh-TW")
    start = text.index('{"usageType": "SignIn", "locale"')
    end = text.index("\n", start)
    file.write_text(text[:start] + before + text[start:end] + behind + text[end:], "utf-8")
    assert "no template in" not in client.get("/template/1").text


def test_few_of_the_other_templates_are_looked_at() -> None:
    pairs = [(usage, f"{a}{b}") for usage in FLOW_USAGES for a in "abcdefg" for b in "abcdefg"]
    listed = [{"usageType": usage, "locale": tag} for usage, tag in [*pairs, ("SignIn", "aa-x")]]
    beside = Beside.of(listed, 0)
    languages = {locale for _, locale in beside.after}
    assert len(beside.after) < 10
    assert languages == {"aa", "ab"}
    assert {usage for usage, _ in beside.after} == set(FLOW_USAGES)


def test_a_preview_changes_nothing(client: Client, file: Path) -> None:
    html = "<p>{{user.name}}: {{code}}</p>"
    response = sent(
        client, content=html, contentType="text/html", text="{{code}}!",
        payload='{"code": "<1>", "user": {"name": "Ada"}}', preview="1", theme="dark",
    )  # fmt: skip
    assert response.status_code == 200
    assert frame(client, response).text == "<p>Ada: &lt;1&gt;</p>"
    assert "&lt;1&gt;!</pre>" in response.text
    assert 'value="dark" checked' in response.text
    assert file.read_text("utf-8") == TEXT


def test_a_frame_has_a_policy_of_its_own(client: Client) -> None:
    response = frame(client, sent(client, contentType="text/html", preview="1"))
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-frame-options"] == "SAMEORIGIN"
    assert POLICY.startswith("sandbox; default-src 'none'")
    assert client.get("/preview/0123").status_code == 404


def test_a_theme_is_shown_whatever_the_browser_has() -> None:
    html = "<style>:root{color-scheme: light dark}@media (prefers-color-scheme:dark){}</style>"
    assert "color-scheme: dark}@media (min-width: 0)" in themed(html, "dark")
    assert "color-scheme: light}@media (max-width: 0)" in themed(html, "light")


def test_previews_do_not_pile_up() -> None:
    previews = Previews()
    names = [previews.add(str(number)) for number in range(100)]
    assert previews.get(names[0]) is None
    assert previews.get(names[-1]) == "99"
    assert previews.add("99") == names[-1]


def test_what_the_data_lacks_is_said(client: Client) -> None:
    response = sent(client, content="{{code}} {{shop.name}}", payload='{"code": 1}', preview="1")
    assert "the data lacks <code>shop.name</code>" in response.text
    wrong = sent(client, payload='{"code":\n}', preview="1")
    assert "not valid JSON, at line 2" in wrong.text
    assert payload_of("[1]")[1]


@pytest.mark.parametrize("usage", ["SignIn", "OrganizationInvitation", "Receipt"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_sample_data_suits_the_template(usage: str, language: str) -> None:
    own = {"usageType": usage, "subject": "{{shop.name}}", "content": "{{total}} {{user.name}}"}
    ready = passpost_templates.templates(language)
    for values in (own, *ready):
        look = look_at(values, sample(values), "text/plain", "error")
        assert look.is_shown, values["usageType"]
        assert look.notes == ()


def test_what_a_reference_stands_for_is_not_shown(client: Client, file: Path) -> None:
    secret = file.with_name("elsewhere.html")
    secret.write_text("<p>canary {{cod}}</p>", "utf-8")
    reference = f"${{file:{secret}}}"
    text = TEXT.replace('"content": "{{code}}"}', f'"content": "{reference}"}}', 1)
    file.write_text(text, "utf-8")
    response = client.get(FIRST)
    assert f">\n{reference}</textarea>" in response.text
    assert "is read from elsewhere" in response.text
    assert "canary" not in response.text
    assert "cod</code>" not in response.text


def test_a_template_is_added_from_a_ready_made_one(client: Client, file: Path) -> None:
    page = f"{NEW}?usage=Register&locale=zh-CN"
    response = sent(client, page)
    assert save(client, response) == "/templates?saved=1"
    (ready,) = passpost_templates.templates("zh-CN", usages=["Register"])
    assert templates(file)[2] == {**ready, "locale": "zh-CN"}
    assert file.read_text("utf-8").startswith(TEXT[: TEXT.index("验证码")])


def test_a_ready_made_template_takes_the_place_of_another(client: Client, file: Path) -> None:
    response = client.get(f"{FIRST}?from=en")
    client.post("/save", form(client.post(FIRST, form(response, FIRST)), "/save"))
    (ready,) = passpost_templates.templates("en", usages=["SignIn"])
    assert templates(file)[0] == ready


def test_a_template_of_one_connector(client: Client, file: Path) -> None:
    page = f"{NEW}/primary"
    save(client, sent(client, page, usageType="SignIn", subject="Own", content="{{code}}"))
    own = config.read(file.read_text("utf-8"))["connectors"]["primary"]["settings"]["templates"]
    assert own[0]["subject"] == "Own"
    assert 'href="/template/0/primary"' in client.get("/templates").text
    assert client.get("/template/0/primary").status_code == 200


def test_a_template_is_deleted(client: Client, file: Path) -> None:
    response = sent(client, "/template/1", delete="1")
    assert save(client, response) == "/templates?saved=1"
    assert len(templates(file)) == 1
    kept = [line for line in TEXT.splitlines() if "验证码" not in line]
    assert file.read_text("utf-8").splitlines() == kept


def test_a_language_is_added(client: Client, file: Path) -> None:
    fields = form(client.get("/templates"), "/templates")
    save(client, client.post("/templates", {**fields, "locale": "de"}))
    assert templates(file)[2] == {
        "usageType": "SignIn", "locale": "de", "subject": "Your code", "content": "{{code}}",
    }  # fmt: skip
    fields = form(client.get("/templates"), "/templates")
    for wrong in ("", "de_DE", "no tag", "de"):
        response = client.post("/templates", {**fields, "locale": wrong})
        assert response.status_code == 422, wrong
        assert 'name="draft"' not in response.text


def test_a_page_of_yesterday_changes_nothing(client: Client, file: Path) -> None:
    fields = form(client.get(FIRST), FIRST)
    file.write_text(TEXT.replace("What we send through", "Changed"), "utf-8")
    for extra in ({}, {"delete": "1"}):
        fields.pop("preview", None)
        response = client.post(FIRST, {**fields, "subject": "x", **extra})
        assert response.status_code == 409
        assert 'name="draft"' not in response.text
        assert 'value="x"' in response.text


@pytest.mark.parametrize(
    "path", ["/template/9", "/template/x", "/template/-1", "/template/0/nobody", "/template/0/",
             "/template/99999999999", "/template/²", "/template/new/nobody"],
)  # fmt: skip
def test_there_is_no_other_template(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


ODD: dict[str, Any] = {
    "not a list": 3,
    "not an object": [1],
    "numbers": [{"usageType": 1, "locale": 2, "subject": 3, "content": [4]}],
    "empty": [{}],
    "unknown keys": [{"usageType": "SignIn", "subjct": "s", "content": "{{code}}"}],
    "a reference": ["${file:x}"],
}


@pytest.mark.parametrize("case", ODD)
def test_any_list_has_its_pages(client: Client, file: Path, case: str) -> None:
    text = json.dumps({"connectors": config.read(TEXT)["connectors"], "templates": ODD[case]},
                      default=dict)  # fmt: skip
    file.write_text(text, "utf-8")
    assert client.get("/templates").status_code == 200
    assert client.get("/template/0").status_code in (200, 404)
    assert client.get("/template/new").status_code == 200


@pytest.mark.parametrize("text", ["", "{,", "{}", "[]", '{"connectors": 1}', "\ufeff" + TEXT])
def test_any_file_has_a_page_of_templates(client: Client, file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    assert client.get("/templates").status_code == 200
    assert client.get("/template/0").status_code in (200, 404)
    if "SignIn" in text:
        save(client, sent(client, subject="Sign in"))
        assert file.read_text("utf-8") == text.replace('"Your code"', '"Sign in"')
