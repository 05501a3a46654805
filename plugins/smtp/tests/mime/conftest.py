"""What the tests of the email builder share: emails, the standard builder, and readers of both."""

import datetime as dt
import email
import re
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP, default
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from passpost import Address, Mail
from passpost_smtp.mime import BuiltMail, MailBuilder

# How long an example takes says nothing on a machine that others use too.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

DATE = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
SENDER = Address("no-reply@example.com", "Example Accounts")


def _mail(**fields: Any) -> Mail:
    known: dict[str, Any] = {
        "message_id": "<1.2@example.com>",
        "to": Address("ada@example.org"),
        "usage": "SignIn",
        "date": DATE,
        "subject": "Your code",
    }
    if "html" not in fields:
        known["text"] = "Your code is 123456"
    return Mail(**(known | fields))


def _build(
    mail: Mail, *, eight_bit: bool = False, smtputf8: bool = False, **config: Any
) -> BuiltMail:
    settings: dict[str, Any] = {"sender": SENDER, "reply_to": None, "headers": {}}
    return MailBuilder(**settings | config).build(mail, eight_bit=eight_bit, smtputf8=smtputf8)


def _parse(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, _class=EmailMessage, policy=default)


def _standard(mail: Mail, sender: Address = SENDER) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = Mailbox(sender.name, addr_spec=sender.wire)
    message["To"] = Mailbox("", addr_spec=mail.to.wire)
    message["Subject"] = mail.subject
    message["Date"] = mail.date
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    if mail.text is not None:
        message.set_content(mail.text)
    if mail.html is not None:
        add = message.set_content if mail.text is None else message.add_alternative
        add(mail.html, subtype="html")
    return _parse(message.as_bytes())


def _conforms(data: bytes, *, eight_bit: bool = False) -> None:
    """Assert what every message keeps to, whatever text is in it."""
    assert data.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data)
    assert b"\0" not in data
    assert eight_bit or data.isascii()
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(line.strip() for line in head)
    for line in head:
        # A longer one has no space to fold at but the one after the field's name.
        assert len(line) <= 78 or b" " not in line.partition(b": ")[2].strip()


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The helpers above: without state, so that property tests may share them."""
    return SimpleNamespace(
        mail=_mail, build=_build, parse=_parse, standard=_standard, conforms=_conforms
    )
