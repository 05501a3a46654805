"""An SMTP server for tests: real sockets, strict, and scripted to fail where it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_passpost.servers.certificates import Certificate, CertificateAuthority, server_context
from pytest_passpost.servers.faults import SMTP_PHASES
from pytest_passpost.servers.listener import counted
from pytest_passpost.servers.scripted import ScriptedServer
from pytest_passpost.servers.smtp.conversation import Conversation
from pytest_passpost.servers.smtp.records import (
    Credentials,
    ReceivedMail,
    SmtpConnection,
    Violation,
)
from pytest_passpost.servers.smtp.rules import EXTENSIONS, MECHANISMS, Rules, TlsMode
from pytest_passpost.servers.smtp.session import SmtpSession

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.faults import Fault


class SmtpServer(ScriptedServer):
    """An SMTP server on 127.0.0.1, in a thread of its own, while its ``with`` block runs.

    ::

        with SmtpServer(tls="starttls", auth={"ada": "secret"}) as server:
            send_through(server.host, server.port)
            assert server.mails[0].subject == "Your code"
            assert not server.violations

    Args:
        tls: ``starttls``, ``implicit`` or None: no TLS.
        certificate: Which certificate it shows, by name, or a context of one's own.
        authority: Who issues the certificate; None: `default_authority`.
        auth: Passwords (for XOAUTH2: tokens) by user; None: no AUTH is offered.
        mechanisms: The ways to sign in that are offered.
        extensions: What is offered and kept to: ``PIPELINING``, ``SIZE n``, ``8BITMIME``,
            ``SMTPUTF8``, ``CHUNKING``, ``ENHANCEDSTATUSCODES``.
        require_auth: Whether MAIL is rejected before AUTH; None: if `auth` is given.
        require_tls: Whether AUTH and MAIL are rejected without TLS.
        auth_in_clear: Whether AUTH is offered before STARTTLS, as careless servers do.
        name: The server's own name.
        faults: What goes wrong, and when.

    Raises:
        ValueError: A certificate, an extension or a mechanism is unknown.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that servers differ in; all have defaults
        self,
        *,
        tls: TlsMode | None = None,
        certificate: Certificate | ssl.SSLContext = "good",
        authority: CertificateAuthority | None = None,
        auth: Mapping[str, str] | None = None,
        mechanisms: Iterable[str] = MECHANISMS,
        extensions: Iterable[str] = EXTENSIONS,
        require_auth: bool | None = None,
        require_tls: bool = False,
        auth_in_clear: bool = False,
        name: str = "mail.example.test",
        faults: Iterable[Fault] = (),
    ) -> None:
        context = server_context(certificate, authority) if tls else None
        super().__init__(context, faults, SMTP_PHASES)
        self._rules = Rules(
            name=name,
            tls=tls,
            users=auth,
            mechanisms=mechanisms,
            extensions=extensions,
            require_auth=auth is not None if require_auth is None else require_auth,
            require_tls=require_tls,
            auth_in_clear=auth_in_clear,
        )
        self._mails: list[ReceivedMail] = []
        self._connections: list[SmtpConnection] = []

    @property
    def mails(self) -> list[ReceivedMail]:
        """The emails that were taken, in order; a copy."""
        with self._changed:
            return list(self._mails)

    @property
    def connections(self) -> list[SmtpConnection]:
        """What came on each connection, in order; the list is a copy, its items go on growing."""
        with self._changed:
            return list(self._connections)

    @property
    def violations(self) -> list[Violation]:
        """What clients did that they must not do, on all connections."""
        return [violation for one in self.connections for violation in one.violations]

    @property
    def credentials(self) -> list[Credentials]:
        """Every attempt to sign in, on all connections."""
        return [credentials for one in self.connections for credentials in one.credentials]

    def wait_for(self, mails: int = 1, timeout: float = 5.0) -> list[ReceivedMail]:
        """Wait until so many emails were taken.

        Args:
            mails: The number of emails.
            timeout: Seconds to wait at most.

        Returns:
            All emails so far.

        Raises:
            TimeoutError: Fewer came.
        """
        self._wait_until(
            lambda: len(self._mails) >= mails,
            timeout,
            lambda: f"{counted(mails, 'email')}: {len(self._mails)} arrived",
        )
        return self.mails

    async def _serve(self, channel: Channel, number: int) -> None:
        record = SmtpConnection(number, channel)
        with self._changed:
            self._connections.append(record)
        session = SmtpSession(self._rules, record, self._take)
        implicit = self._rules.tls == "implicit"
        talk = Conversation(channel, session, record, self._script, self._context, implicit)
        await talk.run()

    def _take(self, mail: ReceivedMail) -> None:
        with self._changed:
            self._mails.append(mail)
            self._changed.notify_all()
