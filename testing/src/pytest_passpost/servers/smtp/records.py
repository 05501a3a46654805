"""What an SMTP server for tests keeps of what it was sent."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from passpost._messages.addresses import shortened

if TYPE_CHECKING:
    from passpost import Secret
    from pytest_passpost.servers.channel import Channel


@attrs.frozen(repr=False, eq=False)
class ReceivedMail:
    """An email that the server took.

    Attributes:
        sender: The envelope sender (MAIL FROM), without angle brackets.
        recipients: The envelope recipients that were accepted, in order.
        data: The email as it is on the wire, line ends CRLF, with the stuffed dots removed.
        tls: Whether it came under TLS.
        user: Who had signed in, or None.
        ehlo: The name that the client gave itself.
        smtputf8: Whether it was announced as internationalised (RFC 6531).
        chunked: Whether it came by BDAT (RFC 3030).
        connection: The number of the connection it came on, counted from 0.
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    tls: bool
    user: str | None
    ehlo: str
    smtputf8: bool
    chunked: bool
    connection: int

    @cached_property
    def message(self) -> EmailMessage:
        """The email as Python's own parser reads it."""
        return email.message_from_bytes(self.data, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The subject, decoded; empty where there is none."""
        return str(self.message.get("Subject", ""))

    @property
    def text(self) -> str | None:
        """The plain text, decoded, or None where the email has none."""
        return self._body("plain")

    @property
    def html(self) -> str | None:
        """The HTML, decoded, or None where the email has none."""
        return self._body("html")

    def _body(self, kind: str) -> str | None:
        part = self.message.get_body((kind,))
        if not isinstance(part, EmailMessage):
            return None
        return str(part.get_content()).replace("\r\n", "\n")

    def __repr__(self) -> str:
        # The content holds codes, and a failing assertion prints what it compared.
        to = ", ".join(map(shortened, self.recipients))
        return f"ReceivedMail(to={to!r}, octets={len(self.data)}, connection={self.connection})"


@attrs.frozen
class Credentials:
    """What a client showed to sign in.

    Attributes:
        mechanism: ``PLAIN``, ``LOGIN``, ``CRAM-MD5`` or ``XOAUTH2``.
        user: The user's name.
        secret: The password or token, or for CRAM-MD5 the digest.
        accepted: Whether the server knew them.
        tls: Whether they came under TLS.
    """

    mechanism: str
    user: str
    secret: Secret
    accepted: bool
    tls: bool


@attrs.frozen
class Violation:
    """Something a client must not do.

    Attributes:
        connection: The number of the connection, counted from 0.
        what: What was wrong, with the section of the RFC.
        line: The command in question, with credentials masked.
    """

    connection: int
    what: str
    line: str

    def __str__(self) -> str:
        return f"connection {self.connection}: {self.what}: {self.line}"


@attrs.define(eq=False)
class SmtpConnection:
    """What came on one connection.

    Attributes:
        number: Counted from 0 in the order of their coming.
        commands: Every command line, with credentials masked.
        credentials: Every attempt to sign in.
        violations: Everything that was against the protocol.
        ehlo: The name that the client gave itself last.
        user: Who has signed in, or None.
        tls: Whether TLS is up.
        mails: The number of emails that were taken.
    """

    number: int
    _channel: Channel = attrs.field(repr=False)
    commands: list[str] = attrs.field(factory=list)
    credentials: list[Credentials] = attrs.field(factory=list)
    violations: list[Violation] = attrs.field(factory=list)
    ehlo: str = ""
    user: str | None = None
    tls: bool = False
    mails: int = 0

    @property
    def bytes_received(self) -> int:
        """Octets that came over the socket, those of TLS included."""
        return self._channel.bytes_received

    @property
    def bytes_sent(self) -> int:
        """Octets that went out, those of TLS included."""
        return self._channel.bytes_sent

    @property
    def round_trips(self) -> int:
        """How often the server waited for the client after it had said something."""
        return self._channel.round_trips

    @property
    def server_name(self) -> str | None:
        """The hostname that the client asked for in the handshake (SNI), or None."""
        return self._channel.server_name

    @property
    def tls_error(self) -> str | None:
        """Why the handshake failed, in OpenSSL's words, or None."""
        return self._channel.tls_error

    @property
    def tls_version(self) -> str | None:
        """``TLSv1.3``, or None without TLS."""
        return self._channel.tls_version

    @property
    def verbs(self) -> list[str]:
        """The commands without their arguments: ``["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]``."""
        return [command.partition(" ")[0].upper() for command in self.commands]


__all__ = ["Credentials", "ReceivedMail", "SmtpConnection", "Violation"]
