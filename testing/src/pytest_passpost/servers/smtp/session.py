"""The server's side of an SMTP conversation, without a socket: octets in, answers out (RFC 5321).

It is as strict as a server can be: whatever a client must not do is rejected where there is a reply
for it, and noted as a violation in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from passpost._secret import MASK
from pytest_passpost.servers.smtp import syntax
from pytest_passpost.servers.smtp.commands import COMMANDS, Command, auth_response
from pytest_passpost.servers.smtp.content import ChunkReader
from pytest_passpost.servers.smtp.rules import MAX_SASL, Rules, without_enhanced_codes
from pytest_passpost.servers.smtp.state import Answer, Content, Progress, State
from pytest_passpost.servers.smtp.syntax import Rejected
from pytest_passpost.servers.smtp.transaction import chunk_phases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_passpost.servers.smtp.auth import Authentication
    from pytest_passpost.servers.smtp.records import ReceivedMail, SmtpConnection

# What may only end a group of commands (RFC 2920 section 3.1, RFC 3207 section 4, RFC 4954
# section 4): the client has to know the reply before it can go on.
_ENDS_GROUP: Final = frozenset(
    ("connect", "EHLO", "HELO", "STARTTLS", "AUTH", "DATA", "VRFY", "NOOP", "QUIT")
)


class SmtpSession:
    """One conversation.

    Feed it what came, and ask for what is `due` until nothing is. An answer is to be committed
    before it is sent, unless a fault takes its place.

    Args:
        rules: What the server offers and demands.
        record: Where commands, credentials and violations are noted.
        deliver: Takes an email that was accepted.
    """

    def __init__(
        self, rules: Rules, record: SmtpConnection, deliver: Callable[[ReceivedMail], None]
    ) -> None:
        self._state = State(rules, record, deliver)
        self._buffer = bytearray()

    def greeting(self) -> Answer:
        """Return the server's first words."""
        return Answer("connect", f"220 {self._state.rules.name} ESMTP ready")

    def feed(self, data: bytes) -> None:
        """Take what came over the socket."""
        self._buffer += data

    def due(self) -> Answer | Progress | None:
        """Return what is to be done next, or None while more has to come in."""
        if self._state.content is not None:
            return self._content_due(self._state.content)
        try:
            line = syntax.take_line(self._buffer)
        except Rejected as refused:
            return attrs.evolve(self._refusal("", refused), then="close")
        if line is None:
            return None
        if self._state.authentication is not None:
            return self._response(line, self._state.authentication)
        return self._command(line)

    def drop(self) -> None:
        """Forget what has come and was not read yet."""
        self._buffer.clear()

    def disown_chunk(self) -> bool:
        """Take the octets of a chunk for commands; False where no chunk is coming in."""
        content = self._state.content
        if content is None or not isinstance(content.reader, ChunkReader):
            return False
        self._state.content = None
        self._buffer[:0] = content.reader.came
        return True

    def note_early(self, answer: Answer) -> None:
        """Note as a violation what came before an answer that the client had to wait for."""
        if not self._buffer:
            return
        if not self._state.pipelining or answer.verb in _ENDS_GROUP:
            self._state.violation(
                f"more came before the reply to {answer.verb} (RFC 2920 section 3.1)"
            )

    def start_over(self) -> None:
        """Forget all that was said unencrypted, now that TLS comes up (RFC 3207 section 4.2)."""
        self._buffer.clear()
        state = self._state
        state.esmtp = state.greeted = False
        state.transaction = None

    def _content_due(self, content: Content) -> Answer | Progress | None:
        if progress := content.take(self._buffer):
            return progress
        if content.complete is None:
            return None
        self._state.content = None
        try:
            answer = content.answer(content.complete)
        except Rejected as refused:
            phases = chunk_phases(octets=content.reader.octets)
            return attrs.evolve(self._refusal("BDAT", refused), phases=phases)
        return self._worded(answer)

    def _command(self, line: bytes) -> Answer | Progress | None:
        name, _, argument = line.rstrip(b"\r\n").partition(b" ")
        verb = name.upper().decode("ascii", "replace")
        self._note(verb, argument)
        try:
            syntax.check_line(line, self._state.rules.command_limit(verb))
            answer = _command(verb)(self._state, argument.decode())
        except Rejected as refused:
            return self._refusal(verb, refused)
        # A command without an answer has its content first.
        return self._worded(answer) if answer else self.due()

    def _response(self, line: bytes, exchange: Authentication) -> Answer:
        # The exchange is over unless the answer, once committed, says that it goes on.
        self._state.authentication = None
        try:
            syntax.check_line(line, MAX_SASL)
            answer = auth_response(self._state, exchange, line[:-2].decode())
        except Rejected as refused:
            return self._refusal("AUTH", refused)
        return self._worded(answer)

    def _note(self, verb: str, argument: bytes) -> None:
        """Note a command; what may hold credentials or content is masked."""
        shown = argument.decode("utf-8", "backslashreplace")
        if verb == "AUTH" and " " in shown:
            shown = f"{shown.partition(' ')[0]} {MASK}"
        self._state.line = f"{verb} {shown}".strip() if verb in COMMANDS else f"{MASK} (unknown)"
        self._state.record.commands.append(self._state.line)

    def _refusal(self, verb: str, refused: Rejected) -> Answer:
        if refused.violation:
            self._state.violation(refused.violation)
        return self._worded(Answer(verb, refused.text))

    def _worded(self, answer: Answer) -> Answer:
        if "ENHANCEDSTATUSCODES" in self._state.rules.extensions:
            return answer
        return attrs.evolve(answer, text=without_enhanced_codes(answer.text))


def _command(verb: str) -> Command:
    if verb not in COMMANDS:
        raise Rejected("500 5.5.1 Command unknown", "a command that the server does not know")
    return COMMANDS[verb]


__all__ = ["SmtpSession"]
