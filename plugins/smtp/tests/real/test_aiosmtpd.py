"""aiosmtpd, which knows neither PIPELINING nor CHUNKING."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from passpost import Address, Receipt

AUTHORITY = trustme.CA()


class Keeper:
    """Keeps every email as it came."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 2.0.0 kept"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and data.password == b"correct horse"
    return AuthResult(success=known, handled=False)


@pytest.fixture
def keeper() -> Iterator[tuple[Keeper, int]]:
    handler = Keeper()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=port,
        enable_SMTPUTF8=True,
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


@pytest.mark.anyio
async def test_mails_arrive_under_tls_and_signed_in(keeper: tuple[Keeper, int], kit: Any) -> None:
    handler, port = keeper
    config = kit.config(
        port,
        auth={"user": "ada", "pass": "correct horse"},
        tls={"ca": AUTHORITY.cert_pem.bytes().decode()},
    )
    text = "Ваш код: 314159\n.\n..\nFrom here\n"
    async with kit.session(config) as session:
        for number in range(3):
            mail = kit.mail(
                subject=f"您的验证码 {number}", text=text, to=Address("用户@example.org")
            )
            assert isinstance(await kit.outcome(session, mail), Receipt)
    assert [envelope.rcpt_tos for envelope in handler.envelopes] == [["用户@example.org"]] * 3
    for number, envelope in enumerate(handler.envelopes):
        message: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert message["Subject"] == f"您的验证码 {number}"
        assert message.get_content().replace("\r\n", "\n") == text


@pytest.mark.anyio
async def test_a_wrong_password_is_refused(keeper: tuple[Keeper, int], kit: Any) -> None:
    _, port = keeper
    tls = {"ca": AUTHORITY.cert_pem.bytes().decode()}
    error = await kit.refusal(kit.config(port, auth={"user": "ada", "pass": "no"}, tls=tls))
    assert (error.outcome, error.scope, error.provider_code) == ("rejected", "account", "535 5.7.8")
