"""Servers for tests: SMTP and HTTP on loopback, scripted to fail, and certificates for them.

::

    from passpost.testing import Fault, SmtpServer, reply

    with SmtpServer(faults=[Fault("rcpt", reply("451 4.7.1 Come back later"))]) as server:
        ...

They need the extra ``passpost[testing]``. Nothing is imported before it is used, so that the
fixtures which pytest loads at its start cost nothing to those who do not use them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from passpost.testing.actions import (
        AcceptThen,
        Action,
        Close,
        Drip,
        Endless,
        Garbage,
        Hold,
        Inject,
        LongLine,
        Repeat,
        Reset,
        Say,
        Silence,
        Split,
        accept_then,
        reply,
    )
    from passpost.testing.certificates import Certificate, CertificateAuthority, default_authority
    from passpost.testing.faults import Fault, Phase
    from passpost.testing.http import Answers, Handler, HttpServer
    from passpost.testing.http_actions import (
        EndlessBody,
        EndlessHead,
        SlowHead,
        Truncated,
        WrongLength,
    )
    from passpost.testing.http_messages import Answer, Request
    from passpost.testing.http_stand_in import HttpStandIn, Refused
    from passpost.testing.inbox import Inbox
    from passpost.testing.ports import refusing_port, silent_port
    from passpost.testing.proxy import DelayProxy
    from passpost.testing.smtp import SmtpServer
    from passpost.testing.smtp_actions import (
        Deaf,
        Group,
        Omit,
        StopReading,
        Stray,
        Unread,
    )
    from passpost.testing.smtp_records import Credentials, ReceivedMail, SmtpConnection, Violation
    from passpost.testing.stand_in import ReadableMail, StandIn
    from passpost.testing.suite import ConnectorSuite, Refusal, override
    from passpost.testing.suite.extensions import ExtensionSuite
    from passpost.testing.tracebacks import show_defects

_MODULES: Final = {
    "actions": (
        "AcceptThen", "Action", "Close", "Drip", "Endless", "Garbage", "Hold", "Inject", "LongLine",
        "Repeat", "Reset", "Say", "Silence", "Split", "accept_then", "reply",
    ),
    "certificates": ("Certificate", "CertificateAuthority", "default_authority"),
    "faults": ("Fault", "Phase"),
    "http": ("Answers", "Handler", "HttpServer"),
    "http_actions": ("EndlessBody", "EndlessHead", "SlowHead", "Truncated", "WrongLength"),
    "http_messages": ("Answer", "Request"),
    "inbox": ("Inbox",),
    "ports": ("refusing_port", "silent_port"),
    "proxy": ("DelayProxy",),
    "smtp": ("SmtpServer",),
    "stand_in": ("ReadableMail", "StandIn"),
    "suite": ("ConnectorSuite", "Refusal", "override"),
    "suite.extensions": ("ExtensionSuite",),
    "tracebacks": ("show_defects",),
    "http_stand_in": ("HttpStandIn", "Refused"),
    "smtp_actions": ("Deaf", "Group", "Omit", "StopReading", "Stray", "Unread"),
    "smtp_records": ("Credentials", "ReceivedMail", "SmtpConnection", "Violation"),
}  # fmt: skip

_HOME: Final = {name: module for module, names in _MODULES.items() for name in names}


# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "AcceptThen", "Action", "Answer", "Answers", "Certificate", "CertificateAuthority", "Close",
    "ConnectorSuite", "Credentials", "Deaf", "DelayProxy", "Drip", "Endless", "EndlessBody",
    "EndlessHead", "ExtensionSuite", "Fault", "Garbage", "Group", "Handler", "Hold", "HttpServer",
    "HttpStandIn", "Inbox", "Inject", "LongLine", "Omit", "Phase", "ReadableMail", "ReceivedMail",
    "Refusal", "Refused", "Repeat", "Request", "Reset", "Say", "Silence", "SlowHead",
    "SmtpConnection", "SmtpServer", "Split", "StandIn", "StopReading", "Stray", "Truncated",
    "Unread", "Violation", "WrongLength", "accept_then", "default_authority", "override",
    "refusing_port", "reply", "show_defects", "silent_port",
]  # fmt: skip
