"""What a server knows amid an SMTP conversation, and the replies it owes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

from pytest_passpost.servers.smtp.records import ReceivedMail, SmtpConnection, Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_passpost.servers.faults import Phase
    from pytest_passpost.servers.smtp.auth import Authentication
    from pytest_passpost.servers.smtp.content import ChunkReader, DataReader
    from pytest_passpost.servers.smtp.rules import Rules
    from pytest_passpost.servers.smtp.syntax import Path

Then = Literal["next", "tls", "close"]
"""What follows a reply: the next command, the handshake, or the end."""

PHASES: Final[dict[str, Phase]] = {
    "connect": "greeting", "EHLO": "ehlo", "HELO": "ehlo", "STARTTLS": "starttls", "AUTH": "auth",
    "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "BDAT": "bdat", "RSET": "rset", "NOOP": "noop",
    "QUIT": "quit",
}  # fmt: skip
"""What a script calls the occasion of a reply, by the command it answers."""


def nothing() -> None:
    """Commit to nothing."""


@attrs.frozen
class Answer:
    """A reply that is due.

    Attributes:
        verb: The command it answers; ``connect`` for the greeting, ``final`` for the content.
        text: The reply's lines, separated by LF, without their codes where there are several.
        commit: Does what the reply says was done; to be called before it is sent.
        then: What follows it.
        phases: What a script may call the occasion; a fault of any of them strikes.
    """

    verb: str
    text: str
    commit: Callable[[], None] = nothing
    then: Then = "next"
    phases: tuple[Phase, ...] = attrs.field()

    @phases.default
    def _phases(self) -> tuple[Phase, ...]:
        return (PHASES[self.verb],) if self.verb in PHASES else ()

    @property
    def wire(self) -> bytes:
        """The reply as it is sent."""
        return "".join(f"{line}\r\n" for line in self.text.split("\n")).encode()


@attrs.frozen
class Progress:
    """Content came in: so many octets before (-1 at its start), so many now."""

    before: int
    now: int


@attrs.define
class Transaction:
    """What is known of an email before its content is complete.

    Attributes:
        path: The envelope sender and the parameters of MAIL.
        recipients: The recipients that were accepted.
        data: The chunks that were accepted.
        chunked: Whether a chunk came, so that DATA is out of place.
    """

    path: Path
    recipients: list[str] = attrs.field(factory=list)
    data: bytes = b""
    chunked: bool = False

    @property
    def smtputf8(self) -> bool:
        """Whether the email was announced as internationalised."""
        return "SMTPUTF8" in self.path.parameters

    @property
    def eight_bit(self) -> bool:
        """Whether octets above 127 were announced."""
        return self.path.parameters.get("BODY", "").upper() == "8BITMIME"


@attrs.define
class Content:
    """Content that is coming in, and who answers for it once it is complete."""

    reader: DataReader | ChunkReader
    answer: Callable[[bytes], Answer]
    reported: int = -1
    complete: bytes | None = None

    def take(self, buffer: bytearray) -> Progress | None:
        """Take what the buffer holds of it, and say how far that brings it, if anywhere."""
        if self.complete is None:
            self.complete = self.reader.take(buffer)
        before, self.reported = self.reported, self.reader.octets
        return Progress(before, self.reported) if self.reported > before else None


@attrs.define
class State:
    """One conversation as the server sees it.

    Attributes:
        rules: What the server offers and demands.
        record: Where commands, credentials and violations are noted.
        deliver: Takes an email that was accepted.
        line: The command at hand, with credentials masked.
        greeted: Whether the client has named itself.
        esmtp: Whether it did so by EHLO.
        authentication: The AUTH exchange that goes on, if one does.
        transaction: The email that is being sent, if one is.
        content: The content that is coming in, if any is.
    """

    rules: Rules
    record: SmtpConnection
    deliver: Callable[[ReceivedMail], None]
    line: str = ""
    greeted: bool = False
    esmtp: bool = False
    authentication: Authentication | None = None
    transaction: Transaction | None = None
    content: Content | None = None

    @property
    def pipelining(self) -> bool:
        """Whether commands may come in groups (RFC 2920)."""
        return self.esmtp and "PIPELINING" in self.rules.extensions

    def violation(self, what: str) -> None:
        """Note something that a client must not do."""
        self.record.violations.append(Violation(self.record.number, what, self.line))


__all__ = ["PHASES", "Answer", "Content", "Progress", "State", "Then", "Transaction", "nothing"]
