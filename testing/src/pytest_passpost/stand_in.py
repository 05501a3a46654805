"""The protocol of a stand-in: a server on loopback in a provider's place.

A connector names its stand-in in ``ConnectorInfo.stand_in`` as ``module:class``. The demonstration
and the conformance kit start it, send through the connector, and look at what arrived. Nothing here
imports a server: the module may be imported without the extra ``passpost[testing]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import attrs

if TYPE_CHECKING:
    from types import TracebackType


@attrs.frozen(kw_only=True)
class ReadableMail:
    """An email as it arrived, decoded: what a person would read.

    The ends of lines in bodies are line feeds.

    Attributes:
        sender: Who it is from, with the display name where there is one:
            ``Example <no-reply@example.com>``.
        recipient: The one address it was delivered to.
        subject: The subject, decoded.
        text: The plain text body; None if there is none.
        html: The HTML body, likewise.
        reply_to: The address that answers go to; None if the email names none.
        message_id: The Message-ID, with its angle brackets; None where the provider makes its own.
        headers: Other headers of the email, decoded.
    """

    sender: str
    recipient: str
    subject: str
    text: str | None = None
    html: str | None = None
    reply_to: str | None = None
    message_id: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)


def decoded(text: str) -> str:
    """Return a subject or a name as readers show it: with its encoded words (RFC 2047) decoded."""
    return str(make_header(decode_header(text))) if "=?" in text else text


@runtime_checkable
class StandIn(Protocol):
    """A server that stands in for a provider, started by ``with`` and stopped by leaving it.

    The class is made without arguments. It listens on 127.0.0.1, on a port that the system picks,
    in a thread of its own, and needs no asyncio loop of the caller. It is as strict as the
    provider: what it takes, the provider would take. What it has may be used inside of ``with``
    only::

        with AcmeStandIn() as acme:
            connector = host.configure("acme", {**acme.settings, "templates": [...]})
            with passpost.Mailer(connector) as mailer:
                mailer.send(message)
            assert acme.received[0].subject == "Your code"
    """

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, complete but for ``templates``.

        TLS is used where the provider uses it: the settings name the certificate authority of the
        server.
        """
        ...

    @property
    def wrong_settings(self) -> Mapping[str, Any] | None:
        """The same with a wrong password or key, for a deliberate failure; None without one."""
        ...

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        """The emails that this server has accepted so far, in order of acceptance.

        An email is here before the server accepts it: from that moment on, the conformance suite
        expects a broken connection to leave the outcome unknown.
        """
        ...

    def __enter__(self) -> Self:
        """Start the server; it answers once this returns."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and close its connections."""
        ...
