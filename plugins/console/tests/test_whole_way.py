"""The whole way of an operator in Chromium: from an empty file to an email that arrives."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from console_driving import Running
from console_operator import Operator
from inbox_driving import opened
from playwright.sync_api import BrowserContext, expect

import passpost
from pytest_passpost import SmtpServer

PASSWORD = "canary-way-1"
KIND = {"en": "User name and password", "zh-CN": "用户名和密码"}


class JsonLines(logging.Formatter):
    """The formatter of the guide."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"time": record.created, **getattr(record, "passpost", {})})


@contextmanager
def logged(path: Path) -> Iterator[None]:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("passpost")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        handler.close()


def email_arrives(operator: Operator) -> None:
    """Send a test email, and find it in the inbox."""
    operator.follow("Test email")
    operator.fill("to", "ada@example.org")
    operator.push("Send it to the inbox")
    expect(operator.page.get_by_role("status")).to_contain_text(operator.read("accepted"))
    operator.follow("Inbox")
    operator.open(operator.page.locator(".emails a").first)
    expect(operator.page.locator("#code")).to_have_text("000000")


def all_is_well(operator: Operator) -> None:
    """Ask the doctor, who finds nothing."""
    page = operator.page
    operator.follow("Doctor")
    operator.choose("Connector", "primary")
    # The senders' domain is not on this machine.
    operator.untick("senders")
    operator.push("Examine")
    page.get_by_role("status").wait_for()
    assert page.locator(".finding .badge.error + div").all_inner_texts() == []
    assert page.locator(".finding .badge.ok").count() > 1


@pytest.mark.parametrize(
    ("how", "language"),
    [
        ("scripts", "en"),
        ("without scripts", "en"),
        ("keyboard", "en"),
        ("scripts", "zh-CN"),
        ("without scripts", "zh-CN"),
    ],
)
def test_from_an_empty_file_to_an_email_that_arrives(
    browse: Callable[..., BrowserContext], tmp_path: Path, how: str, language: str
) -> None:
    file, log = tmp_path / "passpost.jsonc", tmp_path / "deliveries.jsonl"
    with (
        SmtpServer(auth={"ada": PASSWORD}, auth_in_clear=True) as server,
        opened() as inbox,
        Running(file, log=log, inbox=inbox) as running,
    ):
        scripts = how != "without scripts"
        page = browse(java_script_enabled=scripts, locale=language).new_page()
        page.goto(running.link)
        operator = Operator(page, keyboard=how == "keyboard", scripts=scripts, language=language)

        # A connector.
        operator.follow("Add a connector")
        operator.choose("Provider", operator.read("{name}, without a preset", name="SMTP"))
        operator.push("Show what changes")
        operator.push("Save")
        expect(page.get_by_role("heading", level=1)).to_have_text("primary")

        # Its settings, with a mistake first.
        if not page.locator('[name="auth.user"]').count():
            operator.show("auth", KIND[language])
        for port in ("70000", str(server.port)):
            operator.fill("host", server.host)
            operator.fill("port", port)
            operator.fill("fromEmail", "Acme <no-reply@example.com>")
            operator.pick("ignoreTLS", "true")
            operator.fill("auth.user", "ada")
            operator.fill("auth.pass", PASSWORD)
            operator.push("Show what changes")
            assert PASSWORD not in page.content()
        operator.push("Save")
        saved = operator.read("Saved. The text before is beside the file, with the ending .bak.")
        expect(page.get_by_role("status")).to_have_text(saved)

        # Templates.
        operator.follow("Templates")
        operator.fill("locale", "en")
        operator.push("Show what changes")
        operator.push("Save")

        email_arrives(operator)
        assert server.mails == []
        all_is_well(operator)

        # The application sends, and the operator sees that it did.
        with logged(log), passpost.Mailer.from_file(file) as mailer:
            code = {"code": "493817"}
            mailer.send(passpost.Message("ada@example.org", "SignIn", code, locale="en"))
        (email,) = server.mails
        assert "493817" in (email.text or "")
        assert (email.sender, email.user) == ("no-reply@example.com", "ada")
        operator.follow("Deliveries")
        expect(page.get_by_role("row").last).to_contain_text("a…@example.org")
        expect(page.get_by_role("row").last).to_contain_text(operator.read("accepted"))
        assert "493817" not in page.content()
        assert PASSWORD in file.read_text("utf-8")
