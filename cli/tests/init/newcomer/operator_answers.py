"""What a new operator answers, and the server that the email goes to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

SECRET = "canary-pw-Kx93"

# Each question with a part of its prompt in both languages, and the answer.
QUESTIONS = (
    (("Number or name [smtp]", "编号或名称 [smtp]"), "smtp"),
    (("Number or name", "编号或名称"), "generic"),
    (("Host, such as", "主机，例如"), "127.0.0.1"),
    (("User name (", "用户名（"), "ada"),
    (("Sender, such as", "发件人，例如"), "Example <no-reply@example.com>"),
    (("NAME=VALUE (", "名称=值（"), "port={port}"),
    (("NAME=VALUE (", "名称=值（"), "ignoreTLS=true"),
    (("NAME=VALUE (", "名称=值（"), ""),
    (("Number or name [environment]", "编号或名称 [environment]"), "{place}"),
    (("(hidden", "（输入时不显示"), SECRET),
    (("Languages of the emails", "邮件的语言"), ""),
    (("Write it?", "写入文件？"), ""),
    (("Send a test email to", "测试邮件发送到"), "ada@example.com"),
)
LANGUAGES = ("en", "zh-CN")


@attrs.define
class Inbox:
    """A real server on this machine, which accepts one password."""

    port: int = 0
    emails: list[bytes] = attrs.field(factory=list)

    async def handle_DATA(  # noqa: N802 - the server's name for it
        self, _server: object, _session: object, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.emails.append(envelope.content)
        return "250 accepted"


def authenticate(*arguments: Any) -> AuthResult:
    given = arguments[-1]
    right = isinstance(given, LoginPassword) and given.password == SECRET.encode()
    return AuthResult(success=right)


@contextmanager
def serving() -> Iterator[Inbox]:
    """Serve while it is entered."""
    made = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        made.port = free.getsockname()[1]
    controller = Controller(
        made, "127.0.0.1", made.port,
        authenticator=authenticate, auth_require_tls=False,
    )  # fmt: skip
    controller.start()
    try:
        yield made
    finally:
        controller.stop()


def prompts(language: str) -> list[tuple[str, str]]:
    """Return the questions in a language, with their answers."""
    return [(both[LANGUAGES.index(language)], answer) for both, answer in QUESTIONS]
