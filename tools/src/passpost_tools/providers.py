"""What providers ask of a sender's domain, by the server that emails go to.

Sources: the providers' own pages on domain authentication. A connector for a provider that is not
here gets all the checks that need no such knowledge.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from passpost.phrases import Phrase, Phrases

_: Final = Phrases("passpost_tools")


@attrs.frozen
class Provider:
    """What a provider asks of a sender's domain.

    Attributes:
        hosts: A regular expression for the names of its servers.
        spf: The domain to include in the SPF record; empty where the provider uses a return path
            of its own, so that the sender's SPF record does not matter.
        selectors: The DKIM selectors that it asks for; empty where each account has its own.
        own: Domains of its mailboxes, whose records are the provider's business.
        deliveries: Where it shows what became of an email; empty where it shows nothing.
    """

    hosts: str
    spf: str = ""
    selectors: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    deliveries: Phrase | str = ""


PROVIDERS: Final = (
    Provider(r".*\.g(oogle)?mail\.com", "_spf.google.com", ("google",), ("gmail.com",)),
    Provider(
        r".*\.(office365|outlook)\.com",
        "spf.protection.outlook.com",
        ("selector1", "selector2"),
        ("outlook.com", "hotmail.com", "live.com"),
    ),
    Provider(
        r"(smtp)?dm[a-z0-9.-]*\.aliyun(cs)?\.com",
        "spf1.dm.aliyun.com",
        deliveries=_("Data Statistics in the console of Direct Mail"),
    ),
    Provider(r".*\.exmail\.qq\.com", "spf.mail.qq.com"),
    Provider(r".*\.qq\.com", own=("qq.com", "foxmail.com")),
    Provider(r".*\.(163|126)\.com", own=("163.com", "126.com", "yeah.net")),
    # Emails return to a subdomain of SES, unless the account has a MAIL FROM domain of its own.
    Provider(
        r"email(-smtp)?\..*\.amazonaws\.com(\.cn)?",
        deliveries=_("the events of a configuration set of SES"),
    ),
    Provider(
        r".*\.sendgrid\.(net|com)",
        selectors=("s1", "s2"),
        deliveries=_("Activity in SendGrid's console"),
    ),
    Provider(r".*\.postmarkapp\.com", deliveries=_("Activity of the server in Postmark's console")),
    Provider(
        r".*\.resend\.com", selectors=("resend",), deliveries=_("Emails in Resend's dashboard")
    ),
    Provider(
        r".*\.mailgun\.(org|net)", "mailgun.org", deliveries=_("Logs in Mailgun's control panel")
    ),
)


HOSTS: Final = (
    "smtp.gmail.com", "smtp-relay.gmail.com", "smtp.office365.com", "smtp-mail.outlook.com",
    "smtpdm.aliyun.com",
    "smtpdm-ap-southeast-1.aliyun.com", "smtp.qq.com", "smtp.exmail.qq.com", "smtp.163.com",
    "smtp.126.com", "smtp.sendgrid.net", "smtp.postmarkapp.com", "smtp.resend.com",
    "smtp.mailgun.org", "smtp.eu.mailgun.org",
)  # fmt: skip
"""Hosts that people misspell."""


def owner_of(domain: str) -> Provider | None:
    """Return the provider whose mailboxes have this domain."""
    return next((one for one in PROVIDERS if domain in one.own), None)


def provider_of(host: str) -> Provider | None:
    """Return the provider that a host belongs to."""
    name = host.lower().rstrip(".")
    return next((one for one in PROVIDERS if re.fullmatch(one.hosts, name)), None)
