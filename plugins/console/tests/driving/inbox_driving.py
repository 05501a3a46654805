"""What the tests of the inbox use: an inbox that runs, and a client that says what it is told."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Final

from console_driving import ORIGIN, Client

import passpost
from passpost_console.addresses import listen
from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Emails
from passpost_console.inbox_site import InboxSite

TOKEN: Final = "canary-token-of-the-inbox"
BEARER: Final = {"authorization": f"Bearer {TOKEN}"}


def opened(emails: Emails | None = None, host: passpost.Host | None = None) -> Inbox:
    """Return an inbox at a free port, to be entered."""
    return Inbox(listen("127.0.0.1", 0), host, emails, TOKEN)


def client_of(inbox: Inbox, origin: str = ORIGIN) -> Client:
    """Return a browser that may see the pages of an inbox."""
    return Client(InboxSite(inbox, allow=lambda scope: True), origin)


def send(inbox: Inbox, *recipients: str, html: str = "", text: str = "", subject: str = "") -> None:
    """Send an email as any program would."""
    message = EmailMessage()
    message["From"] = "Example <no-reply@example.com>"
    message["To"] = ", ".join(recipients) or "ada@example.com"
    message["Subject"] = subject or "Your code"
    message.set_content(text or "Your code is 493817.")
    if html:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP(inbox.address, inbox.port, timeout=10) as smtp:
        smtp.send_message(message)


def mailer_of(inbox: Inbox, connector: str = "smtp") -> passpost.Mailer:
    """Return a mailer with the settings that the inbox offers for a connector."""
    settings = next(one.settings for one in inbox.offers if one.connector == connector)
    template = passpost.Template(
        usage_type="SignIn",
        subject="你好",
        content="<p>Your code is <b>{{code}}</b></p>",
        text="Your code is {{code}}.",
        content_type="text/html",
    )
    host = passpost.Host(environ={}, installed_extensions=())
    return passpost.Mailer(
        host.configure(connector, settings),
        templates=[template],
        policy=passpost.Policy(attempts=1),
    )


def message_to(address: str) -> passpost.Message:
    """Return a message with a code."""
    return passpost.Message(to=address, usage="SignIn", payload={"code": "493817"})
