"""The inbox that applications test with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import passpost
from pytest_passpost import Fault, Inbox, reply


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


@pytest.mark.parametrize("payload", [{}, {"code": ""}, {"name": "Ada"}])
def test_a_mail_without_its_code_or_link_is_refused(
    passpost_inbox: Inbox, payload: dict[str, Any]
) -> None:
    with passpost_inbox.mailer() as mailer, pytest.raises(passpost.MissingVariable) as caught:
        mailer.send(passpost.Message("ada@example.com", "SignIn", payload))
    assert "code_or_link" in str(caught.value)
    assert passpost_inbox.mails == []


def test_a_mail_shows_its_code_its_link_or_both(passpost_inbox: Inbox) -> None:
    payloads: list[dict[str, Any]] = [
        {"code": 123456},
        {"link": "https://a.example/"},
        {"code": "1", "link": "l"},
    ]
    with passpost_inbox.mailer() as mailer:
        for payload in payloads:
            mailer.send(passpost.Message("ada@example.com", "SignIn", payload))
    texts = [(mail.text or "").split() for mail in passpost_inbox.mails]
    assert texts == [["123456"], ["https://a.example/"], ["1", "l"]]


def test_an_applications_own_template_is_as_strict_as_in_production(passpost_inbox: Inbox) -> None:
    template = passpost.Template(usage_type="SignIn", subject="Hi", content="{{otp}}")
    with passpost_inbox.mailer([template]) as mailer, pytest.raises(passpost.MissingVariable):
        mailer.send(message())


def test_what_is_not_a_template_is_refused_in_words(passpost_inbox: Inbox) -> None:
    template: Any = {"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}
    with pytest.raises(TypeError, match=r"templates\[0\] must be a passpost.Template, not dict"):
        passpost_inbox.mailer([template])
    with passpost_inbox.mailer(settings={"templates": [template]}) as mailer:
        mailer.send(message())
    assert passpost_inbox.mails[0].subject == "Code"


def test_the_content_is_refused_whatever_form_it_travels_in(passpost_inbox: Inbox) -> None:
    passpost_inbox.script(Fault("data", reply("552 5.2.2 Mailbox full")))
    with passpost_inbox.mailer() as mailer:
        with pytest.raises(passpost.SendError) as caught:
            mailer.send(message())
        assert caught.value.provider_code == "552 5.2.2"
        mailer.send(message())
    assert len(passpost_inbox.mails) == 1


def test_waiting_says_how_many_came(passpost_inbox: Inbox) -> None:
    with pytest.raises(TimeoutError, match="waited 0 s for 1 email: 0 arrived"):
        passpost_inbox.wait_for(timeout=0)
