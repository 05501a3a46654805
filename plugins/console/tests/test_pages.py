"""What the pages show: connectors, gaps, problems, guides, and what to add."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from console_driving import SECRET, TEXT, Client
from console_forms import form

import passpost
from passpost import config
from passpost_console import Console
from passpost_console.coverage import coverage
from passpost_console.markdown import rendered
from passpost_console.rendering import FOLDER
from passpost_tools.spans import Spans

EMAIL = {"subject": "s", "content": "{{code}}", "contentType": "text/plain"}


def template(usage: str, locale: str | None = None) -> dict[str, str]:
    return {"usageType": usage, **EMAIL, **({"locale": locale} if locale else {})}


def test_connectors_are_in_the_order_of_the_file(client: Client) -> None:
    page = client.get("/").text
    assert re.findall(r'<h3><a href="([^"]+)">', page) == [
        "/connectors/primary",
        "/connectors/backup",
    ]
    assert "references not set here" in page
    assert "not tested yet" in page


def test_a_test_of_a_connector_is_shown(client: Client, console: Console) -> None:
    entry = console.workspace.read().entries[0]
    console.workspace.remember(entry, ok=False, words="535 <b>no</b>")
    page = client.get("/").text
    assert "tested 20" in page
    assert "535 &lt;b&gt;no&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("before", "after"), [('"smtp"', '"sendgrid"'), ("587", "465"), (SECRET, "another")]
)
def test_a_test_is_that_of_the_settings_it_was_made_with(
    client: Client, console: Console, file: Path, before: str, after: str
) -> None:
    console.workspace.remember(console.workspace.read().entries[0], ok=False, words="535 no")
    # Removed, and added again with the same name.
    file.write_text(TEXT.replace(before, after), "utf-8")
    page = client.get("/").text
    assert "535 no" not in page
    assert page.count("not tested yet") == 2
    file.write_text(TEXT.replace("The first one", "The same one"), "utf-8")
    assert "535 no" in client.get("/").text


def test_the_file_is_scanned_once(
    client: Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []
    scan = Spans.__init__

    def noted(self: Spans, text: str) -> None:
        if "In this test" in text:
            scanned.append(text)
        scan(self, text)

    monkeypatch.setattr(Spans, "__init__", noted)
    file.write_text(TEXT.replace("What we", "In this test, what we"), "utf-8")
    for page in ("/", "/json/primary", "/settings", "/templates", "/template/0", "/json/backup"):
        assert client.get(page).status_code == 200
    # And once without its secrets.
    assert [SECRET in one for one in scanned] == [True, False]


@pytest.mark.parametrize(
    ("templates", "usage", "expected"),
    [
        ([template("SignIn", "en")], "SignIn", ["own", "missing"]),
        ([template("SignIn", "en"), template("SignIn")], "SignIn", ["own", "own"]),
        ([template("SignIn", "zh"), template("Generic")], "SignIn", ["own", "generic"]),
        ([template("SignIn"), template("Generic", "de")], "SignIn", ["shared", "own"]),
        ([template("SignIn", "zh"), template("SignIn", "zh-CN")], "SignIn",
         ["own", "own", "missing"]),
        ([template("SignIn", "zh-Hant"), template("Register", "zh-Hant-TW")], "SignIn",
         ["own", "own", "missing"]),
        ([template("Test")], "Register", ["generic"]),
        ([template("Receipt")], "Receipt", ["own"]),
    ],
)  # fmt: skip
def test_a_cell_says_what_serves_a_usage(
    console: Console, file: Path, templates: list[Any], usage: str, expected: list[str]
) -> None:
    connectors = config.read(TEXT)["connectors"]
    plain = {name: {"use": one["use"], "settings": {}} for name, one in connectors.items()}
    file.write_text(json.dumps({"connectors": plain, "templates": templates}), "utf-8")
    matrix = coverage(console.workspace.read())
    assert [cell.served.value for cell in matrix.rows[usage]] == expected


def test_a_cell_names_the_connectors_that_lack_a_template(console: Console, file: Path) -> None:
    entries = {
        "a": {"use": "smtp", "settings": {"templates": [template("SignIn")]}},
        "b": {"use": "sendgrid", "settings": {"templates": [template("Register")]}},
        "c": {"use": "webhook", "settings": {}},
    }
    file.write_text(json.dumps({"connectors": entries}), "utf-8")
    matrix = coverage(console.workspace.read())
    assert matrix.rows["SignIn"][0].without == ("b",)
    assert matrix.rows["Generic"][0].without == ("a", "b")


BROKEN = {
    "no JSON": "{,",
    "a list": "[1]",
    "one connector's own": '{"host": "smtp.example.com", "fromEmail": "a@example.com"}',
    "odd types": '{"connectors": {"a": 1, "b": {"use": 2, "settings": []}}, "templates": 3}',
    "no connectors": '{"connectors": {}}',
    "odd templates": '{"connectors": {"a": {"use": "smtp", "settings": {"templates": [1, {}]}}}}',
    "not UTF-8": "\udcff",
    "too large": " " * (1 << 20) + "{}",
    "nothing": "",
    "blanks": " \n",
    "a mark": "\ufeff{}",
    "deep": "[" * 5_000,
    "half a character": r"""{"connectors": {"a": {"use": "smtp", "settings": {"host": "\ud800"}},
        "b": {"use": "\ud800", "settings": {}}, "\ud800": {}},
        "templates": [{"usageType": "\ud800", "subject": "\ud800", "content": "\ud800"}]}""",
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_any_file_has_its_pages(client: Client, file: Path, case: str) -> None:
    file.write_bytes(BROKEN[case].encode("utf-8", "surrogateescape"))
    for path in ("/", "/settings", "/add", "/templates", "/test", "/doctor"):
        assert client.get(path).status_code == 200, path
    for path in ("/template/0", "/connectors/a", "/json/a", "/connectors/b", "/json/b"):
        assert client.get(path).status_code in (200, 404), path


@pytest.mark.parametrize("case", ["not UTF-8", "too large"])
def test_a_file_that_cannot_be_read_is_not_called_empty(
    client: Client, file: Path, case: str
) -> None:
    file.write_bytes(BROKEN[case].encode("utf-8", "surrogateescape"))
    reason = client.get("/").text
    assert "What is wrong" in reason
    assert "No settings yet" not in reason
    assert ("not UTF-8" in reason) or ("larger than 1 MiB" in reason)
    found = client.post("/doctor", {}).text
    assert ("not UTF-8" in found) or ("larger than 1 MiB" in found)


def test_a_page_that_is_not_there_leads_to_those_that_are(client: Client) -> None:
    response = client.get("/no-such-page")
    assert response.status_code == 404
    assert '<a href="/templates">' in response.text


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    client = Client(Console(tmp_path, allow=lambda scope: True))
    assert "cannot be read" in client.get("/").text


@pytest.mark.parametrize("name", ["a/b", "..x", "a b", "<script>", "名", "%2e%2e", "?"])
def test_any_name_of_a_connector_has_its_page(client: Client, file: Path, name: str) -> None:
    own = {"host": "smtp.example.com", "fromEmail": "a@example.com"}
    entry = {"use": "smtp", "settings": own}
    file.write_text(
        json.dumps({"connectors": {name: entry}, "templates": [template("Generic")]}), "utf-8"
    )
    (link,) = re.findall(r'<h3><a href="([^"]+)">', client.get("/").text)
    page = client.get(link)
    assert page.status_code == 200
    assert "<script>" not in page.text.replace("<script src", "")
    (action,) = set(re.findall(r'method="post" action="(/connectors/[^"]+)"', page.text))
    response = client.post(action, {**form(page, action), "host": "mail.example.com"})
    back = client.post("/save", form(response, "/save")).headers["location"]
    assert client.get(back).status_code == 200
    saved = config.read(file.read_text("utf-8"))["connectors"][name]["settings"]
    assert saved["host"] == "mail.example.com"


def test_an_error_of_the_text_is_shown_at_its_line(client: Client) -> None:
    path = "/json/primary"
    fields = form(client.get(path), path)
    text = fields["text"].replace('"port": 587', '"prot": 587')
    page = client.post(path, {**fields, "text": text})
    assert page.status_code == 422
    assert re.search(r'<li value="2" class="wrong">.*prot.*unknown setting', page.text)
    cut = client.post(path, {**fields, "text": text[:-3]})
    assert cut.status_code == 422
    assert 'name="draft"' not in cut.text


def test_a_preset_fills_the_form_in_and_saves_nothing(client: Client, file: Path) -> None:
    path = "/connectors/primary"
    page = client.get(f"{path}?preset=gmail")
    fields = form(page, path)
    assert fields["host"] == "smtp.gmail.com"
    assert "&lt;your-gmail-address&gt;" in page.text
    assert "required" in page.text
    assert client.post(path, fields).status_code == 422
    assert file.read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "primary", "use": "smtp:"}, "exists already"),
        ({"name": "", "use": "smtp:"}, "use letters"),
        ({"name": "a/b", "use": "smtp:"}, "use letters"),
        ({"name": "third", "use": "nonsense:"}, "nonsense"),
        ({"name": "third"}, "not"),
    ],
)
def test_what_cannot_be_added_is_said(
    client: Client, file: Path, fields: Mapping[str, str], problem: str
) -> None:
    response = client.post("/add", dict(fields))
    assert response.status_code == 422
    assert problem in response.text
    assert file.read_text("utf-8") == TEXT


def test_a_connector_is_added_behind_the_others(client: Client, file: Path) -> None:
    response = client.post("/add", {"name": "third", "use": "smtp:qq"})
    client.post("/save", form(response, "/save"))
    text = file.read_text("utf-8")
    assert list(config.read(text)["connectors"]) == ["primary", "backup", "third"]
    assert text.startswith(TEXT[: TEXT.index('"backup"')])
    assert client.get("/connectors/third").status_code == 200


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("{}", 200), ('{"templates": []}', 200), ('{"connectors": []}', 422), ("{,", 422),
        ('{"host": "smtp.example.com", "fromEmail": "a@example.com"}', 422),
    ],
)  # fmt: skip
def test_a_connector_is_added_to_a_file_of_an_application(
    client: Client, file: Path, text: str, status: int
) -> None:
    file.write_text(text, "utf-8")
    response = client.post("/add", {"name": "first", "use": "smtp:gmail"})
    assert response.status_code == status
    if status == 200:
        client.post("/save", form(response, "/save"))
        assert list(config.read(file.read_text("utf-8"))["connectors"]) == ["first"]
    assert client.get("/").status_code == 200


# Guides.


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
        "[x](data:text/html,<script>)", "![x](http://evil.example/x.png)", '[x]("onclick=1)',
        "<a href='vbscript:x'>", "[x](//evil.example)", "```\n</code><script>\n```", "[x](file:///etc)",
        '<http://evil.example/"onmouseover=alert(1)>', "&lt;script&gt;", "[x]: javascript:1\n\n[x]",
        '# "><script>alert(1)</script>', "[JaVa](JAVASCRIPT:x)", "| a |\n|---|\n| <script> |",
    ],
)  # fmt: skip
def test_a_guide_can_do_nothing(source: str) -> None:
    html = str(rendered(source))
    assert not re.search(r"(?i)<(?!/?(?:p|a|code|pre|h\d|div|table|t\w+|span)\b)", html), html
    assert not re.search(r"(?i)<[^>]*\s(?:src|on\w+|style)=", re.sub(r'"[^"]*"', '""', html)), html
    assert re.findall(r'href="(?!https?:|mailto:|#)', html) == []


def test_a_guide_keeps_its_tables_code_and_links() -> None:
    html = str(
        rendered("# A\n\n[b](https://b.example) [c](#a) [d](README.md)\n\n| x |\n|---|\n| y |")
    )
    assert '<h2 id="a">A</h2>' in html
    assert '<a href="https://b.example" target="_blank" rel="noopener noreferrer">b</a>' in html
    assert '<a href="#a">c</a>' in html
    assert "<a>d</a>" in html
    assert "<td>y</td>" in html


class Acme:
    """A connector that describes nothing, and has no guide."""

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id="acme", name={"en": "Acme <b>"}, description={"en": "d"}, config_class=dict,
        )  # fmt: skip

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        if settings.get("apiKey") == "wrong":
            raise RuntimeError("canary-of-a-defect")
        return dict(settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        raise AssertionError


def test_a_connector_that_describes_nothing_is_edited_as_text(file: Path) -> None:
    entry = {"use": "acme", "settings": {"apiKey": "canary-1", "region": "eu"}}
    whole = {"connectors": {"a": entry}, "templates": [template("Generic")]}
    file.write_text(json.dumps(whole), "utf-8")
    host = passpost.Host(installed_extensions=())
    host.register(Acme())
    client = Client(Console(file, allow=lambda scope: True, host=host))
    page = client.get("/connectors/a").text
    assert "Edit them as JSON" in page
    assert "Acme &lt;b&gt;" in page
    for path in ("/", "/connectors/a", "/json/a", "/settings"):
        assert "canary" not in client.get(path).text
    fields = form(client.get("/json/a"), "/json/a")
    text = fields["text"].replace('"eu"', '"us"')
    moved = client.post("/json/a", {**fields, "text": text})
    assert "type the secret again" in moved.text


def test_a_defect_is_not_told_to_the_log(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: object) -> None:
        raise RuntimeError("canary-of-a-defect")

    console = Console(file, allow=lambda scope: True)
    monkeypatch.setattr(console.workspace, "read", lambda: broken(None))
    response = Client(console).get("/")
    assert response.status_code == 500
    assert "canary" not in response.text
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text


# Texts.


def test_templates_have_no_text_beside_phrases() -> None:
    allowed = {
        "passpost",
        "JSON",
        "/",
        "·",
        "·  ·  ·",
        "⋯",
        "+",
        "\N{MINUS SIGN}",
        "()",
        ":",
        "\N{EN DASH}",
    }
    none = {"", "· passpost"}
    for path in sorted((FOLDER / "templates").glob("*.html")):
        source = re.sub(
            r"\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL
        )
        texts = {text.strip() for text in re.sub(r"<[^>]*>", "\n", source).split("\n")}
        assert texts - none <= allowed, path.name
        attributes = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"{}]+)"', source)
        assert [text for text in attributes if text.strip()] == [], path.name
