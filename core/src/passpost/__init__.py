"""passpost sends sign-in, sign-up and password-reset emails through whichever provider a team uses.

::

    import passpost

    host = passpost.Host()
    smtp = host.configure("smtp", settings)
    with passpost.Mailer(smtp) as mailer:
        mailer.send(passpost.Message(to="a@b.org", usage="SignIn", payload={"code": "1234"}))

Names are imported when they are first used: a program pays for what it touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost._lazy import lazy_names

if TYPE_CHECKING:
    from passpost._connector_info import (
        Capability,
        ConnectorInfo,
        Finding,
        InstalledConnector,
        Preset,
        Server,
        guides,
    )
    from passpost._host.application import Application, load
    from passpost._host.connector import Connector
    from passpost._host.host import Host
    from passpost._mailers.async_mailer import AsyncMailer
    from passpost._mailers.mailer import Mailer
    from passpost._mailers.many import Sent
    from passpost._messages.addresses import Address
    from passpost._messages.identity import Identity
    from passpost._messages.messages import DeliverySummary, Mail, MailSummary, Message, Receipt
    from passpost._plugins.extensions import InstalledExtension
    from passpost._policy.health import ConnectorHealth
    from passpost._problems import Problem
    from passpost._secret import Secret
    from passpost._settings.policy import Backoff, Breaker, Policy
    from passpost._templates.template import Template
    from passpost.errors import (
        Attempt,
        ConfigError,
        MailerClosedError,
        MessageError,
        MissingVariable,
        PasspostError,
        PluginError,
        SendError,
        TemplateNotFound,
        Throttled,
        UnknownConnectorError,
    )
    from passpost.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = [
    "Address",
    "Application",
    "AsyncMailer",
    "Attempt",
    "Backoff",
    "Breaker",
    "Capability",
    "ConfigError",
    "Connector",
    "ConnectorHealth",
    "ConnectorInfo",
    "DeliverySummary",
    "Finding",
    "Host",
    "Identity",
    "InstalledConnector",
    "InstalledExtension",
    "Mail",
    "MailSummary",
    "Mailer",
    "MailerClosedError",
    "Message",
    "MessageError",
    "MissingVariable",
    "PasspostError",
    "PluginError",
    "Policy",
    "Preset",
    "Problem",
    "Receipt",
    "Secret",
    "SendError",
    "Sent",
    "Server",
    "Template",
    "TemplateNotFound",
    "Throttled",
    "UnknownConnectorError",
    "__version__",
    "guides",
    "hookimpl",
    "load",
]


# Hidden from type checkers, which would take any name for one that exists.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "passpost._connector_info": (
                "Capability",
                "ConnectorInfo",
                "Finding",
                "InstalledConnector",
                "Preset",
                "Server",
                "guides",
            ),
            "passpost._host.application": ("Application", "load"),
            "passpost._host.connector": ("Connector",),
            "passpost._host.host": ("Host",),
            "passpost._mailers.async_mailer": ("AsyncMailer",),
            "passpost._mailers.mailer": ("Mailer",),
            "passpost._mailers.many": ("Sent",),
            "passpost._messages.addresses": ("Address",),
            "passpost._messages.identity": ("Identity",),
            "passpost._messages.messages": (
                "DeliverySummary",
                "Mail",
                "MailSummary",
                "Message",
                "Receipt",
            ),
            "passpost._plugins.extensions": ("InstalledExtension",),
            "passpost._problems": ("Problem",),
            "passpost._secret": ("Secret",),
            "passpost._policy.health": ("ConnectorHealth",),
            "passpost._settings.policy": ("Backoff", "Breaker", "Policy"),
            "passpost._templates.template": ("Template",),
            "passpost.errors": (
                "Attempt",
                "ConfigError",
                "MailerClosedError",
                "MessageError",
                "MissingVariable",
                "PasspostError",
                "PluginError",
                "SendError",
                "TemplateNotFound",
                "Throttled",
                "UnknownConnectorError",
            ),
            "passpost.hookspecs": ("hookimpl",),
        },
    )
