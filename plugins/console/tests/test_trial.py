"""A test email: sent with settings that are not saved, to one recipient, and nothing is stored."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from console_driving import SECRET, TEXT, Client
from console_forms import form

import passpost
from passpost_console import Console
from passpost_console.pace import MOST
from pytest_passpost import Fault, SmtpServer, reply

PRIMARY = "/connectors/primary"
TEST = "/test"
OPEN = re.sub(r'"auth": \{.*?\},', '"secure": false, "ignoreTLS": true,', TEXT)
"""Settings without a secret, for a server on this machine."""


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def local(file: Path, server: SmtpServer) -> str:
    """Write settings for the server, and return their text."""
    text = OPEN.replace("smtp.example.com", server.host).replace("587", str(server.port))
    file.write_text(text, "utf-8")
    return text


def send(client: Client, page: httpx.Response | None = None, **changes: str) -> httpx.Response:
    """Fill in the page of a test, and press its button."""
    fields = form(page or client.get(TEST), TEST)
    fields.pop("review", None)
    return client.post(TEST, {**fields, "to": "ada@example.com", **changes})


def offered(client: Client, page: str = PRIMARY, **changes: str) -> httpx.Response:
    """Press the button of a form that tests what is not saved."""
    fields = form(client.get(page), page)
    for other in ("preview", "delete"):
        fields.pop(other, None)
    return client.post(page, {**fields, **changes, "test": "1"})


def test_one_email_is_sent_and_marked(
    client: Client, console: Console, server: SmtpServer, local: str, file: Path
) -> None:
    response = send(client, usage="SignIn", locale="zh-CN")
    assert response.status_code == 200
    (mail,) = server.mails
    assert mail.recipients == ("ada@example.com",)
    assert mail.subject == "【测试】验证码"
    assert "000000" in (mail.text or "")
    assert "accepted by primary" in response.text
    assert "the inbox of ada@example.com" in response.text
    assert console.workspace.trials["primary"].ok
    assert file.read_text("utf-8") == local
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_conversation_is_shown_without_what_was_said(
    client: Client, server: SmtpServer, local: str, caplog: pytest.LogCaptureFixture
) -> None:
    levels = [logging.getLogger(name).level for name in ("passpost_smtp", "passpost.http")]
    response = send(client, payload='{"user": {"name": "canary-payload"}}')
    (talk,) = re.findall(r'<pre class="letter" tabindex="0">(.*?)</pre>', response.text, re.DOTALL)
    assert "EHLO: 250" in talk
    assert "MAIL RCPT" in talk
    assert "canary-payload" not in talk
    assert "ada@example.com" not in talk
    # Nobody else hears of it, and all is as it was.
    assert [one for one in caplog.records if one.name == "passpost_smtp"] == []
    now = [logging.getLogger(name) for name in ("passpost_smtp", "passpost.http")]
    assert [one.level for one in now] == levels
    assert [one.filters for one in now] == [[], []]


def test_a_rejection_is_explained(client: Client, file: Path, console: Console) -> None:
    fault = Fault("rcpt", reply("550 5.1.1 No such user canary"))
    with SmtpServer(faults=[fault]) as server:
        text = OPEN.replace("smtp.example.com", server.host).replace("587", str(server.port))
        file.write_text(text, "utf-8")
        page = send(client).text
    for word in ("rejected: it was not sent", "recipient", "550 5.1.1", "No such user canary"):
        assert word in page
    assert not console.workspace.trials["primary"].ok


@pytest.mark.parametrize(
    "to",
    ["", "ada", "a@example.com\r\nBcc: b@example.com", "a@example.com\n",
     "a@example.com,b@x.example", "a@example.com, b@x.example", "a@example.com;b@x.example",
     "Ada <a@example.com>", '"a@example.com, x" <b@x.example>'],
)  # fmt: skip
def test_there_is_one_recipient(client: Client, server: SmtpServer, local: str, to: str) -> None:
    response = send(client, to=to)
    assert response.status_code == 422
    assert 'id="to-fault"' in response.text
    assert server.mails == []
    assert server.connections == []


def test_settings_are_tested_before_they_are_saved(
    client: Client, console: Console, file: Path, server: SmtpServer
) -> None:
    text = OPEN.replace("587", str(server.port))
    file.write_text(text, "utf-8")
    page = offered(client, host=server.host)
    assert "not saved" in page.text
    response = send(client, page)
    assert len(server.mails) == 1
    assert file.read_text("utf-8") == text
    # It says nothing of the settings that are stored.
    assert console.workspace.trials == {}
    fields = form(response, TEST)
    review = client.post(TEST, {**fields, "review": "1"})
    client.post("/save", form(review, "/save"))
    assert file.read_text("utf-8") == text.replace("smtp.example.com", server.host)


DESTINATIONS = [
    {"host": "HOST", "port": "PORT"}, {"port": "PORT"}, {"secure": "false"},
    {"servername": "evil.example"},
]  # fmt: skip


@pytest.mark.parametrize("change", DESTINATIONS, ids=str)
def test_a_stored_secret_is_not_sent_elsewhere(
    client: Client, file: Path, change: dict[str, str]
) -> None:
    with SmtpServer(auth={"no-reply@example.com": SECRET}, auth_in_clear=True) as server:
        words = {"HOST": server.host, "PORT": str(server.port)}
        text = TEXT.replace("smtp.example.com", server.host).replace(
            "587", f'{server.port}, "ignoreTLS": true'
        )
        if "host" not in change:
            file.write_text(text.replace(str(server.port), "1", 1), "utf-8")
        response = offered(client, **{key: words.get(item, item) for key, item in change.items()})
        assert response.status_code == 422
        assert "type the secret again" in response.text
        assert server.connections == []
    assert SECRET not in response.text


def test_a_typed_secret_is_in_no_page(client: Client, server: SmtpServer) -> None:
    changes = {"host": server.host, "port": str(server.port), "auth.pass": "canary-typed"}
    page = offered(client, **changes)
    response = send(client, page)
    assert "canary-typed" not in page.text + response.text
    assert "canary-typed" not in client.post(TEST, {**form(page, TEST), "review": "1"}).text


def test_a_template_is_sent_before_it_is_saved(
    client: Client, server: SmtpServer, local: str, file: Path
) -> None:
    page = offered(client, "/template/1", subject="新的验证码")
    assert form(page, TEST)["usage"] == "SignIn"
    assert form(page, TEST)["locale"] == "zh-CN"
    send(client, page)
    assert server.mails[0].subject == "【测试】新的验证码"
    assert file.read_text("utf-8") == local


def test_the_first_test_is_in_a_language_that_has_a_template(
    client: Client, file: Path, local: str, server: SmtpServer
) -> None:
    assert form(client.get(TEST), TEST)["locale"] == ""
    other = local.replace('"SignIn", "subject"', '"Other", "subject"')
    file.write_text(other, "utf-8")
    fields = form(client.get(f"{TEST}?usage=SignIn"), TEST)
    assert fields["locale"] == "zh-CN"
    assert client.post(TEST, {**fields, "to": "ada@example.com"}).status_code == 200
    assert len(server.mails) == 1
    # Any language, if somebody clears it.
    assert client.post(TEST, {**fields, "to": "ada@example.com", "locale": ""}).status_code == 422


def test_a_disabled_button_says_why(client: Client, file: Path) -> None:
    file.write_text(TEXT.replace("${SENDGRID_KEY}", "${NOT_SET_HERE}"), "utf-8")
    page = client.get(f"{TEST}?connector=backup").text
    assert re.search(r'<button class="button primary" disabled aria-describedby="why">', page)
    assert "NOT_SET_HERE" in page
    fields = form(client.get(f"{TEST}?connector=backup"), TEST)
    assert client.post(TEST, {**fields, "to": "ada@example.com"}).status_code == 422
    assert "disabled" not in client.get(f"{TEST}?connector=primary").text
    file.write_text("{,", "utf-8")
    assert 'id="why"' in client.get(TEST).text
    file.unlink()
    assert "Add a connector first" in client.get(TEST).text


def test_nobody_is_flooded(client: Client, server: SmtpServer, local: str) -> None:
    page = client.get(TEST)
    answers = [send(client, page).status_code for _ in range(MOST + 1)]
    assert answers == [200] * MOST + [429]
    assert len(server.mails) == MOST


def test_stores_are_not_asked(client: Client, file: Path, server: SmtpServer, local: str) -> None:
    database = file.with_name("stores.sqlite")
    stores = f'"stores": {{"use": "sqlite", "settings": {{"path": "{database}"}}}},'
    file.write_text(local.replace('"templates"', f'{stores}\n  "templates"', 1), "utf-8")
    assert send(client).status_code == 200
    assert not database.exists()


def test_old_settings_are_not_sent(client: Client, server: SmtpServer, local: str) -> None:
    assert send(client, draft="../x").status_code == 409
    assert server.connections == []


def test_a_file_beside_the_settings_is_found_from_any_folder(
    client: Client, file: Path, local: str, server: SmtpServer
) -> None:
    file.with_name("sender").write_text("no-reply@example.com\n", "utf-8")
    file.write_text(local.replace('"no-reply@example.com"', '"${file:sender}"', 1), "utf-8")
    assert "cannot be read" not in client.get("/").text
    assert send(client, usage="SignIn").status_code == 200
    (mail,) = server.mails
    assert mail.sender == "no-reply@example.com"
    assert "cannot be read" not in client.post("/doctor", {"connector": "primary"}).text


def test_an_invalid_payload_is_shown_at_its_input(
    client: Client, server: SmtpServer, local: str
) -> None:
    response = send(client, payload="{,")
    assert response.status_code == 422
    assert 'id="payload-fault"' in response.text
    assert server.connections == []


def test_a_reference_is_resolved_only_to_send(file: Path, server: SmtpServer) -> None:
    host = passpost.Host(environ={"SENDGRID_KEY": "canary-env-7"}, installed_extensions=())
    client = Client(Console(file, allow=lambda scope: True, host=host))
    assert "canary-env-7" not in client.get(f"{TEST}?connector=backup").text
