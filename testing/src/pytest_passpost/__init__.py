"""Servers for tests: SMTP and HTTP on loopback, scripted to fail, and certificates for them.

::

    from pytest_passpost import Fault, SmtpServer, reply

    with SmtpServer(faults=[Fault("rcpt", reply("451 4.7.1 Come back later"))]) as server:
        ...

They need the extra ``passpost[testing]``. Nothing is imported before it is used, so that the
fixtures which pytest loads at its start cost nothing to those who do not use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost._lazy import lazy_names

if TYPE_CHECKING:
    from pytest_passpost.inbox import Inbox
    from pytest_passpost.servers.actions import (
        AcceptThen,
        Action,
        ActionName,
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
    from pytest_passpost.servers.certificates import (
        Certificate,
        CertificateAuthority,
        default_authority,
    )
    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.delay_proxy import DelayProxy
    from pytest_passpost.servers.faults import Fault, Phase
    from pytest_passpost.servers.http.actions import (
        EndlessBody,
        EndlessHead,
        SlowHead,
        Truncated,
        WrongLength,
    )
    from pytest_passpost.servers.http.messages import Answer, Request
    from pytest_passpost.servers.http.server import Answers, Handler, HttpServer
    from pytest_passpost.servers.http.stand_in import HttpStandIn, Refused
    from pytest_passpost.servers.ports import refusing_port, silent_port
    from pytest_passpost.servers.scripted import ServerStandIn
    from pytest_passpost.servers.smtp.actions import Deaf, Group, Omit, StopReading, Stray, Unread
    from pytest_passpost.servers.smtp.records import (
        Credentials,
        ReceivedMail,
        SmtpConnection,
        Violation,
    )
    from pytest_passpost.servers.smtp.rules import EXTENSIONS, TlsMode
    from pytest_passpost.servers.smtp.server import SmtpServer
    from pytest_passpost.stand_in import ReadableMail, StandIn, decoded
    from pytest_passpost.suite import ConnectorSuite, Refusal, override
    from pytest_passpost.suite.extensions import ExtensionSuite
    from pytest_passpost.suite.stores import StoresSuite
    from pytest_passpost.tracebacks import show_defects


__all__ = [
    "EXTENSIONS", "AcceptThen", "Action", "ActionName", "Answer", "Answers", "Certificate",
    "CertificateAuthority", "Channel", "Close", "ConnectorSuite", "Credentials", "Deaf",
    "DelayProxy", "Drip", "Endless", "EndlessBody", "EndlessHead", "ExtensionSuite", "Fault",
    "Garbage", "Group", "Handler", "Hold", "HttpServer", "HttpStandIn", "Inbox", "Inject",
    "LongLine", "Omit", "Phase", "ReadableMail", "ReceivedMail", "Refusal", "Refused", "Repeat",
    "Request", "Reset", "Say", "ServerStandIn", "Silence", "SlowHead", "SmtpConnection",
    "SmtpServer", "Split", "StandIn", "StopReading", "StoresSuite", "Stray", "TlsMode", "Truncated",
    "Unread", "Violation", "WrongLength", "accept_then", "decoded", "default_authority", "override",
    "refusing_port", "reply", "show_defects", "silent_port",
]  # fmt: skip

# Hidden from type checkers, which would take any name for one that exists.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "pytest_passpost.servers.actions": (
                "AcceptThen",
                "Action",
                "ActionName",
                "Close",
                "Drip",
                "Endless",
                "Garbage",
                "Hold",
                "Inject",
                "LongLine",
                "Repeat",
                "Reset",
                "Say",
                "Silence",
                "Split",
                "accept_then",
                "reply",
            ),
            "pytest_passpost.servers.certificates": (
                "Certificate",
                "CertificateAuthority",
                "default_authority",
            ),
            "pytest_passpost.servers.channel": ("Channel",),
            "pytest_passpost.servers.faults": (
                "Fault",
                "Phase",
            ),
            "pytest_passpost.servers.http.server": (
                "Answers",
                "Handler",
                "HttpServer",
            ),
            "pytest_passpost.servers.http.actions": (
                "EndlessBody",
                "EndlessHead",
                "SlowHead",
                "Truncated",
                "WrongLength",
            ),
            "pytest_passpost.servers.http.messages": (
                "Answer",
                "Request",
            ),
            "pytest_passpost.servers.http.stand_in": (
                "HttpStandIn",
                "Refused",
            ),
            "pytest_passpost.inbox": ("Inbox",),
            "pytest_passpost.servers.ports": (
                "refusing_port",
                "silent_port",
            ),
            "pytest_passpost.servers.scripted": ("ServerStandIn",),
            "pytest_passpost.servers.delay_proxy": ("DelayProxy",),
            "pytest_passpost.servers.smtp.server": ("SmtpServer",),
            "pytest_passpost.servers.smtp.actions": (
                "Deaf",
                "Group",
                "Omit",
                "StopReading",
                "Stray",
                "Unread",
            ),
            "pytest_passpost.servers.smtp.records": (
                "Credentials",
                "ReceivedMail",
                "SmtpConnection",
                "Violation",
            ),
            "pytest_passpost.servers.smtp.rules": (
                "EXTENSIONS",
                "TlsMode",
            ),
            "pytest_passpost.stand_in": (
                "ReadableMail",
                "StandIn",
                "decoded",
            ),
            "pytest_passpost.suite": (
                "ConnectorSuite",
                "Refusal",
                "override",
            ),
            "pytest_passpost.suite.extensions": ("ExtensionSuite",),
            "pytest_passpost.suite.stores": ("StoresSuite",),
            "pytest_passpost.tracebacks": ("show_defects",),
        },
    )
