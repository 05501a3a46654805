"""The inbox that applications test with."""

from __future__ import annotations

import json
from pathlib import Path

import passpost
from passpost.testing import Inbox


def message(to: str = "ada@example.com", usage: str = "SignIn") -> passpost.Message:
    return passpost.Message(to=to, usage=usage, payload={"code": "123456"})


def test_what_an_application_sends_arrives(passpost_inbox: Inbox) -> None:
    with passpost_inbox.mailer() as mailer:
        mailer.send(message())
        mailer.send(message("eve@example.com", "Register"))
    (mail,) = passpost_inbox.mails_to("ada@example.com")
    assert (mail.subject, (mail.text or "").strip()) == ("SignIn", "123456")
    assert len(passpost_inbox.mails) == 2
    assert passpost_inbox.mails_to("nobody@example.com") == []


def test_an_application_brings_its_own_templates(passpost_inbox: Inbox) -> None:
    template = passpost.Template(usage_type="SignIn", subject="Code {{code}}", content="Hello")
    with passpost_inbox.mailer([template]) as mailer:
        mailer.send(message())
    assert passpost_inbox.mails[0].subject == "Code 123456"


def test_an_application_reads_its_settings_from_a_file(
    passpost_inbox: Inbox, tmp_path: Path
) -> None:
    file = passpost_inbox.write(tmp_path / "passpost.json")
    assert json.loads(file.read_text("utf-8")) == passpost_inbox.application
    with passpost.Mailer.from_file(file) as mailer:
        mailer.send(message())
    assert len(passpost_inbox.mails) == 1


def test_settings_may_be_changed(passpost_inbox: Inbox) -> None:
    connector = passpost_inbox.connector({"fromEmail": "Shop <shop@example.com>"})
    with passpost.Mailer(connector) as mailer:
        mailer.send(message())
    assert str(passpost_inbox.mails[0].message["From"]) == "Shop <shop@example.com>"
