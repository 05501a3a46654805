"""What a form changes is saved, and nothing else: each other byte of the file stays."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_driving import SECRET, TEXT, Client
from console_forms import form
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import passpost
from passpost import config
from passpost_console import Console
from passpost_console.hiding import quiet_draft

HOST = passpost.Host(environ={}, installed_extensions=())
PRIMARY = "/connectors/primary"
JSON = "/json/primary"


def sent(client: Client, page: str = PRIMARY, **changes: str) -> httpx.Response:
    """Change some inputs of a form, and send it."""
    fields = form(client.get(page), page)
    return client.post(page, {**fields, **{k.replace("__", "."): v for k, v in changes.items()}})


def save(client: Client, response: httpx.Response) -> httpx.Response:
    """Press the button of the page that shows what changes."""
    assert response.status_code == 200, response.text
    return client.post("/save", form(response, "/save"))


def test_a_changed_value_changes_its_bytes_alone(client: Client, file: Path) -> None:
    response = sent(client, fromEmail="sign-in@example.com")
    assert file.read_text("utf-8") == TEXT
    assert save(client, response).headers["location"] == f"{PRIMARY}?saved=1"
    old, new = '"fromEmail": "no-reply@example.com",\n', '"fromEmail": "sign-in@example.com",\n'
    assert file.read_text("utf-8") == TEXT.replace(old, new, 1)
    assert file.with_name("passpost.jsonc.bak").read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("language", "saved", "new"),
    [("en", "The text before is beside the file", "Saved as a new file."),
     ("zh-CN", "原内容保存在同目录下", "已保存为新文件。")],
)  # fmt: skip
def test_what_is_said_of_a_backup_is_true(
    console: Console, file: Path, language: str, saved: str, new: str
) -> None:
    client = Client(console, **{"accept-language": language})
    file.unlink()
    page = sent(client, "/add", name="primary", use="smtp:")
    for expected, other in ((new, saved), (saved, new)):
        shown = client.get(save(client, page).headers["location"]).text
        assert expected in shown
        assert other not in shown
        assert file.with_name(f"{file.name}.bak").exists() == (expected == saved)
        page = sent(client, "/add", name="backup", use="smtp:")


def test_what_changes_is_shown_first(client: Client) -> None:
    page = sent(client, fromEmail="sign-in@example.com").text
    rows = re.findall(r'<tr class="(plus|minus)">.*<code>(.*)</code>', page)
    assert rows == [
        ("minus", "        &#34;fromEmail&#34;: &#34;no-reply@example.com&#34;,"),
        ("plus", "        &#34;fromEmail&#34;: &#34;sign-in@example.com&#34;,"),
    ]


def test_nothing_changed_is_nothing_to_save(client: Client, file: Path) -> None:
    for page in (PRIMARY, "/connectors/backup", JSON, "/settings"):
        response = sent(client, page)
        assert "There is nothing to save." in response.text
        assert 'name="draft"' not in response.text
    assert file.read_text("utf-8") == TEXT


def test_an_empty_number_is_absent(client: Client, file: Path) -> None:
    save(client, sent(client, port="", auth__pass=SECRET))
    own = config.read(file.read_text("utf-8"))["connectors"]["primary"]["settings"]
    assert "port" not in own
    assert "// STARTTLS" in file.read_text("utf-8")


def test_a_number_in_quotes_stays_one(file: Path, client: Client) -> None:
    file.write_text(TEXT.replace("587", '"587"'), "utf-8")
    save(client, sent(client, fromEmail="sign-in@example.com"))
    assert '"port": "587"' in file.read_text("utf-8")


def test_a_new_number_is_a_number(client: Client, file: Path) -> None:
    save(client, sent(client, connectionTimeout="2500"))
    own = config.read(file.read_text("utf-8"))["connectors"]["primary"]["settings"]
    assert own["connectionTimeout"] == 2500


def test_an_error_is_shown_at_its_input_and_nothing_can_be_saved(
    client: Client, file: Path
) -> None:
    response = sent(client, port="70000", auth__pass=SECRET, fromEmail="nobody")
    assert response.status_code == 422
    for name in ("port", "fromEmail"):
        assert f'id="input-{name}-fault"' in response.text
        assert re.search(rf'<input id="input-{name}"[^>]* aria-invalid="true"', response.text)
    assert 'value="70000"' in response.text
    assert 'name="draft"' not in response.text
    assert file.read_text("utf-8") == TEXT


def test_a_file_that_changed_meanwhile_is_left_as_it_is(client: Client, file: Path) -> None:
    response = sent(client, fromEmail="sign-in@example.com")
    changed = TEXT.replace("What we send through", "Changed")
    file.write_text(changed, "utf-8")
    assert save(client, response).status_code == 409
    assert file.read_text("utf-8") == changed
    assert not file.with_name("passpost.jsonc.bak").exists()


@pytest.mark.parametrize("page", [PRIMARY, JSON, "/settings"])
def test_a_page_of_yesterday_changes_nothing(client: Client, file: Path, page: str) -> None:
    fields = form(client.get(page), page)
    file.write_text(TEXT.replace("What we send through", "Changed"), "utf-8")
    response = client.post(page, {**fields, "fromEmail": "x@example.com"})
    assert "the file changed since this page was shown" in response.text
    assert 'name="draft"' not in response.text


def test_a_draft_is_saved_once_and_only_by_its_name(client: Client, file: Path) -> None:
    response = sent(client, fromEmail="sign-in@example.com")
    assert save(client, response).status_code == 303
    assert save(client, response).status_code == 409
    for name in ("", "x", "../../etc/passwd"):
        assert client.post("/save", {"draft": name}).status_code == 409


def test_a_saved_file_keeps_its_mode(client: Client, file: Path) -> None:
    file.chmod(0o640)
    save(client, sent(client, fromEmail="sign-in@example.com"))
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a folder that root cannot write to")
def test_a_file_that_cannot_be_written_is_an_answer(client: Client, file: Path) -> None:
    response = sent(client, fromEmail="sign-in@example.com")
    # A folder where the backup would be: even root cannot replace it by a file.
    file.with_name("passpost.jsonc.bak").mkdir()
    answer = save(client, response)
    assert answer.status_code == 409
    assert "could not be written" in answer.text
    assert file.read_text("utf-8") == TEXT


# Secrets.


DESTINATIONS = [
    {"host": "smtp.evil.example"}, {"port": "2525"}, {"secure": "false"}, {"ignoreTLS": "true"},
    {"requireTLS": "false"}, {"servername": "evil.example"}, {"tls.rejectUnauthorized": "false"},
]  # fmt: skip


@pytest.mark.parametrize("change", DESTINATIONS, ids=lambda change: next(iter(change)))
def test_a_secret_is_not_sent_elsewhere_unless_it_is_typed_again(
    client: Client, file: Path, change: dict[str, str]
) -> None:
    response = sent(client, **change)
    assert response.status_code == 422
    assert "type the secret again" in response.text
    assert file.read_text("utf-8") == TEXT
    # The same one will do: who types it knows it.
    assert save(client, sent(client, **change, auth__pass=SECRET)).status_code == 303


@pytest.mark.parametrize("page", [JSON, "/settings"])
def test_nor_in_the_text(client: Client, file: Path, page: str) -> None:
    fields = form(client.get(page), page)
    moved = fields["text"].replace("smtp.example.com", "smtp.evil.example")
    response = client.post(page, {**fields, "text": moved})
    assert response.status_code == 422
    assert "type the secret again" in response.text
    typed = moved.replace("***", "a new one")
    save(client, client.post(page, {**fields, "text": typed}))
    assert '"pass": "a new one"' in file.read_text("utf-8")


def test_a_mask_elsewhere_stands_for_nothing(client: Client) -> None:
    fields = form(client.get("/settings"), "/settings")
    for text in (
        fields["text"].replace('"primary"', '"other"'),
        fields["text"].replace("${SENDGRID_KEY}", "***"),
    ):
        response = client.post("/settings", {**fields, "text": text})
        assert response.status_code == 422
        assert "<code>***</code> stands for the secret" in response.text


def test_a_mask_among_what_is_shown_stays_a_mask(client: Client, file: Path) -> None:
    fields = form(client.get("/settings"), "/settings")
    text = fields["text"].replace('"no-reply@example.com", "pass"', '"***", "pass"')
    save(client, client.post("/settings", {**fields, "text": text}))
    assert '"user": "***"' in file.read_text("utf-8")


def test_an_empty_input_keeps_the_secret(client: Client, file: Path) -> None:
    assert form(client.get(PRIMARY), PRIMARY)["auth.pass"] == ""
    save(client, sent(client, auth__user="sign-in@example.com"))
    assert f'"pass": "{SECRET}"' in file.read_text("utf-8")


def test_a_reference_is_offered_and_shown_as_it_is(client: Client, file: Path) -> None:
    page = client.get(PRIMARY).text
    assert "${PRIMARY_AUTH_PASS}" in page
    save(client, sent(client, **{"auth.pass:reference": "1"}))
    assert '"pass": "${PRIMARY_AUTH_PASS}"' in file.read_text("utf-8")
    assert form(client.get(PRIMARY), PRIMARY)["auth.pass"] == "${PRIMARY_AUTH_PASS}"


def test_a_reference_is_never_resolved_onto_a_page(file: Path) -> None:
    host = passpost.Host(environ={"SENDGRID_KEY": "canary-env-7"}, installed_extensions=())
    client = Client(Console(file, allow=lambda scope: True, host=host))
    pages = [client.get(p) for p in ("/", "/connectors/backup", "/settings")]
    pages.append(sent(client, "/connectors/backup", fromEmail="wrong"))
    pages.append(sent(client, "/connectors/backup", fromEmail="x@example.com"))
    assert [page.url for page in pages if "canary-env-7" in page.text] == []


HIDDEN = """{
  // "pass": "canary-old-1",  password = canary-old-2
  "connectors": {"a": {"use": "smtp", "settings": {"host": "h.example.com",
    "fromEmail": "a@b.example",
    "auth": {"user": "u",
      "serviceClient": "x", "privateKey": "-----BEGIN canary-key-3"}}},
   "b": {"use": "not-installed", "settings": {"apiToken": "canary-4",
      "deep": [{"secret": ["canary-5"]}]}},
   "c": {"use": "webhook", "settings": {"url": "https://u:canary-6@x.example",
      "secret": "canary-7"}}},
  "stores": {"use": "redis", "settings": {"url": "redis://:canary-8@127.0.0.1"},
    "secret": "canary-9"},
  "outbox": {"keys": {"2026": "canary-10"}, "secret": "canary-11"}, /* token: canary-12 */
  // 授权码：canary-abcdefgh，两个月前  pass: canaryabcdefgh password canary77
  "lint": {"pwd": "canary-13", "密码": "canary-14"},
}
"""


def test_no_page_has_a_secret_wherever_it_is(file: Path, client: Client) -> None:
    file.write_text(HIDDEN, "utf-8")
    paths = ["/", "/settings", "/add"]
    paths += [f"/{tab}/{name}" for name in "abc" for tab in ("connectors", "json")]
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, path
        assert re.findall(r"canary\S+", response.text) == [], path


def test_a_long_text_is_searched_for_secrets_once(file: Path, client: Client) -> None:
    # With the square of its length, the page never comes.
    for part in ("a", "pass", '"pass', ":", "x://"):
        long = part * (200_000 // len(part))
        text = f'{{/* {long} */ "lint": {{"note": {json.dumps("x://" + long)}}}}}'
        file.write_text(text, "utf-8")
        assert client.get("/settings").status_code == 200
        assert quiet_draft('{"pass' + long, {}) != ""


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("use", ["smtp", "aliyun-dm", "ses", "sendgrid"])
def test_what_a_comment_says_of_a_secret_is_not_one(
    tmp_path: Path, use: str, language: str
) -> None:
    host = passpost.Host(environ={}, installed_extensions=())
    console = Console(tmp_path / "new.jsonc", allow=lambda scope: True, host=host)
    client = Client(console, **{"accept-language": language})
    response = client.post("/add", {"name": "primary", "use": f"{use}:"})
    assert response.status_code == 200
    assert "***" not in response.text


def test_text_without_changes_brings_each_secret_back(file: Path, client: Client) -> None:
    file.write_text(HIDDEN, "utf-8")
    fields = form(client.get("/settings"), "/settings")
    assert "canary" not in fields["text"]
    text = (
        fields["text"]
        .replace("h.example.com", "h.example.com ")
        .replace("h.example.com ", "h.example.com")
    )
    text = text.replace('"fromEmail": "a@b.example"', '"fromEmail": "c@b.example"')
    response = client.post("/settings", {**fields, "text": text})
    assert "canary" not in response.text
    save(client, response)
    assert file.read_text("utf-8") == HIDDEN.replace("a@b.example", "c@b.example")


def test_what_was_typed_is_not_shown_again(client: Client) -> None:
    response = sent(client, auth__pass="canary-typed", port="70000")
    assert response.status_code == 422
    assert "canary-typed" not in response.text
    good = sent(client, auth__pass="canary-typed", port="465")
    assert "*** (new)" in good.text
    assert "canary-typed" not in good.text


@pytest.mark.parametrize("page", [JSON, "/settings"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("587", "70000"), ("587", ""), ('"***"', '"canary-typed'), ('"***"', "'canary-typed'"),
        ('"***"', '["canary-typed"'), ('"***"', "canary-typed"), ("587", "587}}}}"),
        ('"host"', '"canary-typed": {"token": "canary-typed", "host"'),
    ],
)  # fmt: skip
def test_nor_is_what_was_typed_into_text(client: Client, page: str, old: str, new: str) -> None:
    fields = form(client.get(page), page)
    typed = fields["text"].replace(old, new).replace('"***"', '"canary-typed"')
    response = client.post(page, {**fields, "text": typed})
    assert response.status_code == 422
    assert "canary-typed" not in response.text.replace("canary-typed&#34;: {", "")
    assert "type it again" in response.text
    # All else is there, so that it can be corrected.
    text = form(response, page)["text"]
    assert "no-reply@example.com" in text
    assert '"auth": {"user"' in text


def test_a_new_connector_can_be_saved_before_its_templates(client: Client, file: Path) -> None:
    file.write_text('{"connectors": {"primary": {"use": "smtp", "settings": {}}}}', "utf-8")
    response = sent(client, host="smtp.example.com", fromEmail="a@example.com")
    assert "at least one template is required" in response.text
    assert save(client, response).status_code == 303
    # Templates that are there are not taken away like this.
    file.write_text(TEXT, "utf-8")
    fields = form(client.get("/settings"), "/settings")
    start = fields["text"].index('  "templates"')
    response = client.post("/settings", {**fields, "text": fields["text"][:start] + "}"})
    assert response.status_code == 422


# Each file.


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "host": st.sampled_from(["smtp.example.com", "mail.example.org"]),
    "port": st.sampled_from([25, 465, 587]),
    "fromEmail": st.sampled_from(["a@example.com", "Ä <b@example.com>"]),
    "replyTo": st.sampled_from(["c@example.com", "d@example.com"]),
    "name": st.sampled_from(["app.example.com", "[192.0.2.1]"]),
    "connectionTimeout": st.integers(1, 5_000),
}
SPACES = st.sampled_from(["", " ", "\n", "\n    ", "\t", " // a comment\n  ", ' /* {"x": 1} */ '])


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], dict[str, Any]]:
    """Draw a settings file with odd formatting.

    Returns:
        The text in parts, ``{NAME}`` in place of a value; the settings of its connector.
    """
    own = {"host": "smtp.example.com", "fromEmail": "a@example.com"}
    own |= {name: draw(VALUES[name]) for name in draw(st.lists(st.sampled_from([*VALUES])))}
    spaces = [draw(SPACES) for _ in range(10)]
    templates = '"templates": [{"usageType": "Generic", "subject": "s", "content": "{{code}}"}]'
    head = f'{spaces[0]}{{{spaces[1]}{templates},{spaces[2]}"connectors":{spaces[3]}'
    parts = [f'{head}{{"primary": {{"use": "smtp",{spaces[4]}"settings": {{']
    for index, key in enumerate(draw(st.permutations(list(own)))):
        comma = "," if index else ""
        parts += [
            f'{comma}{draw(SPACES)}"{key}"{draw(SPACES)}:{spaces[5]}',
            f"{{{key}}}",
            spaces[6],
        ]
    comma = draw(st.sampled_from(["", ","]))
    parts.append(f"{comma}{spaces[7]}}}}}{comma}}}{spaces[8]}}}{spaces[9]}")
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return [part.replace("\n", newline) for part in parts], own


def filled(parts: list[str], own: dict[str, Any]) -> bytes:
    values = {f"{{{key}}}": json.dumps(value, ensure_ascii=False) for key, value in own.items()}
    return "".join(values.get(part, part) for part in parts).encode()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files(), st.fixed_dictionaries({}, optional=VALUES))
def test_in_any_file_the_edited_values_change_alone(
    tmp_path: Path, made: tuple[list[str], dict[str, Any]], changes: dict[str, Any]
) -> None:
    parts, own = made
    file = tmp_path / "passpost.jsonc"
    file.write_bytes(filled(parts, own))
    client = Client(Console(file, allow=lambda scope: True, host=HOST))
    response = sent(client, **{name: str(value) for name, value in changes.items()})
    wanted = {**own, **changes}
    if wanted == own:
        assert "There is nothing to save." in response.text
        return
    save(client, response)
    after = file.read_bytes()
    read = config.read(after.decode())["connectors"]["primary"]["settings"]
    assert {**read} == wanted
    if changes.keys() <= own.keys():
        assert after == filled(parts, wanted)
