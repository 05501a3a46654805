"""What the tests of the servers share: a client that says exactly what it is told to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import attrs
import pytest

from pytest_passpost import SmtpServer, default_authority


@attrs.define
class Wire:
    """A client's end of a connection, in raw octets."""

    sock: socket.socket
    buffer: bytes = b""

    def send(self, octets: bytes) -> None:
        self.sock.sendall(octets)

    def line(self) -> bytes:
        """Return the next line with its line end, or what there is at the end of the stream."""
        while b"\n" not in self.buffer:
            part = self.sock.recv(65536)
            if not part:
                break
            self.buffer += part
        line, end, self.buffer = self.buffer.partition(b"\n")
        return line + end

    def reply(self) -> str:
        """Return the next reply, its lines joined by LF; empty at the end of the stream."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        return b"".join(lines).decode().replace("\r\n", "\n").rstrip("\n")

    def ask(self, command: str) -> str:
        """Send a command and give the reply."""
        self.send(f"{command}\r\n".encode())
        return self.reply()

    def rest(self) -> bytes:
        """Return everything up to the end of the stream."""
        parts = [self.buffer]
        while part := self.sock.recv(65536):
            parts.append(part)
        self.buffer = b""
        return b"".join(parts)

    def secure(self, context: ssl.SSLContext, host: str = "localhost") -> None:
        """Go over to TLS, dropping what came before."""
        self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.buffer = b""

    def end(self) -> None:
        """Announce with FIN that nothing more will come."""
        self.sock.shutdown(socket.SHUT_WR)


Dial = Callable[[int], Wire]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connect to a port on loopback; the connections are closed after the test."""
    wires: list[Wire] = []

    def connect(port: int) -> Wire:
        wires.append(Wire(socket.create_connection(("127.0.0.1", port), timeout=10)))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.sock.close()


@pytest.fixture
def greeted(dial: Dial) -> Callable[[SmtpServer], Wire]:
    """Connect to an SMTP server and say EHLO."""

    def connect(server: SmtpServer) -> Wire:
        wire = dial(server.port)
        assert wire.reply().startswith("220 ")
        assert wire.ask("EHLO client.example.test").startswith("250")
        return wire

    return connect


@pytest.fixture
def client_context() -> ssl.SSLContext:
    return default_authority().client_context()


@pytest.fixture
def mail() -> EmailMessage:
    """An email with everything that is easily got wrong in it."""
    mail = EmailMessage()
    mail["From"] = "Übersetzer <no-reply@example.com>"
    mail["To"] = "ada@example.com"
    mail["Subject"] = "验证码 123456"
    mail.set_content("Code: 123456\n.a line with a dot\n")
    mail.add_alternative("<p>Code: <b>123456</b></p>\n", subtype="html")
    return mail
