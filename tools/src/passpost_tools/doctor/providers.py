"""What providers ask of a sender's domain, by the server that emails go to.

Sources: the providers' own pages on domain authentication. A connector for a provider that is not
here gets all the checks that need no such knowledge.
"""

from __future__ import annotations

import re
from typing import Final

import attrs


@attrs.frozen
class Provider:
    """What a provider asks of a sender's domain.

    Attributes:
        hosts: A regular expression for the names of its servers.
        spf: The domain to include in the SPF record; empty where the provider uses a return path
            of its own, so that the sender's SPF record does not matter.
        selectors: The DKIM selectors that it asks for; empty where each account has its own.
        own: Domains of its mailboxes, whose records are the provider's business.
    """

    hosts: str
    spf: str = ""
    selectors: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


PROVIDERS: Final = (
    Provider(r".*\.g(oogle)?mail\.com", "_spf.google.com", ("google",), ("gmail.com",)),
    Provider(
        r".*\.(office365|outlook)\.com",
        "spf.protection.outlook.com",
        ("selector1", "selector2"),
        ("outlook.com", "hotmail.com", "live.com"),
    ),
    Provider(r"(smtp)?dm[a-z0-9.-]*\.aliyun(cs)?\.com", "spf1.dm.aliyun.com"),
    Provider(r".*\.exmail\.qq\.com", "spf.mail.qq.com"),
    Provider(r".*\.qq\.com", own=("qq.com", "foxmail.com")),
    Provider(r".*\.(163|126)\.com", own=("163.com", "126.com", "yeah.net")),
    # Emails return to a subdomain of SES, unless the account has a MAIL FROM domain of its own.
    Provider(r"email(-smtp)?\..*\.amazonaws\.com(\.cn)?"),
    Provider(r".*\.sendgrid\.(net|com)", selectors=("s1", "s2")),
    Provider(r".*\.postmarkapp\.com"),
    Provider(r".*\.resend\.com", selectors=("resend",)),
    Provider(r".*\.mailgun\.(org|net)", "mailgun.org"),
)


def provider_of(host: str) -> Provider | None:
    """Return the provider that a host belongs to."""
    name = host.lower().rstrip(".")
    return next((one for one in PROVIDERS if re.fullmatch(one.hosts, name)), None)
