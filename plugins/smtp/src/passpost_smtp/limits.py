"""How long each step may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import attrs

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig


_PROBE: Final = 5.0


@attrs.frozen
class Limits:
    """Seconds for each step; none is longer than the settings' ``socketTimeout``.

    RFC 5321 section 4.5.3.2 has minutes for these. They are meant for mail servers, which have
    days; a person who waits for a code has given up by then.

    Attributes:
        dns: Looking up the server's address.
        connect: Connecting, and once more the TLS handshake.
        greeting: The server's first word.
        command: The answer to a command.
        data: Handing the message to the network.
        final: The answer to the whole message.
    """

    dns: float
    connect: float
    greeting: float
    command: float
    data: float
    final: float

    @classmethod
    def of(cls, config: SmtpConfig) -> Self:
        """Read them from a config."""
        longest = config.socket_timeout
        steps = (
            config.dns_timeout,
            config.connection_timeout,
            config.greeting_timeout,
            config.command_timeout,
            config.data_timeout,
            longest,
        )
        return cls(*(min(step, longest) / 1000 for step in steps))

    @property
    def probe(self) -> float:
        """The first answer of a connection that may be dead, and the one to RSET."""
        return min(self.command, _PROBE)

    @property
    def opening(self) -> float:
        """Opening a connection, with everything that comes before its first email."""
        # Commands: EHLO, STARTTLS, EHLO again, AUTH.
        return self.dns + self.connect * 2 + self.greeting + self.command * 4
