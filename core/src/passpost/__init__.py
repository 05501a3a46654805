"""passpost sends sign-in, sign-up and password-reset mails through whichever provider a team uses.

::

    import passpost

    host = passpost.Host()
    smtp = host.configure("smtp", settings)
    with passpost.Mailer(smtp) as mailer:
        mailer.send(passpost.Message(to="a@b.org", usage="SignIn", payload={"code": "1234"}))

Names are imported when they are first used: a program pays for what it touches.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passpost.addresses import Address
    from passpost.application import Application, load
    from passpost.blocking import Mailer
    from passpost.config import Policy, Problem
    from passpost.connector import (
        Capability,
        ConnectorInfo,
        Finding,
        InstalledConnector,
        Preset,
        guides,
    )
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
        UnknownConnectorError,
    )
    from passpost.extensions import InstalledExtension
    from passpost.hookspecs import hookimpl
    from passpost.host import Connector, Host
    from passpost.mailer import AsyncMailer
    from passpost.messages import Mail, MailSummary, Message, Receipt
    from passpost.secret import Secret
    from passpost.templates import Template

__version__ = "0.1.0"

_HOMES = {
    "addresses": ("Address",),
    "application": ("Application", "load"),
    "blocking": ("Mailer",),
    "config": ("Policy", "Problem"),
    "connector": (
        "Capability",
        "ConnectorInfo",
        "Finding",
        "InstalledConnector",
        "Preset",
        "guides",
    ),
    "errors": (
        "Attempt",
        "ConfigError",
        "MailerClosedError",
        "MessageError",
        "MissingVariable",
        "PasspostError",
        "PluginError",
        "SendError",
        "TemplateNotFound",
        "UnknownConnectorError",
    ),
    "extensions": ("InstalledExtension",),
    "hookspecs": ("hookimpl",),
    "host": ("Connector", "Host"),
    "mailer": ("AsyncMailer",),
    "messages": ("Mail", "MailSummary", "Message", "Receipt"),
    "secret": ("Secret",),
    "templates": ("Template",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Address",
    "Application",
    "AsyncMailer",
    "Attempt",
    "Capability",
    "ConfigError",
    "Connector",
    "ConnectorInfo",
    "Finding",
    "Host",
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
    "Template",
    "TemplateNotFound",
    "UnknownConnectorError",
    "__version__",
    "guides",
    "hookimpl",
    "load",
]


# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_import_module(f"{__name__}.{home}"), name)
        # Kept, so that the next look-up is an ordinary one.
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | {name for name in globals() if name.startswith("__")})
