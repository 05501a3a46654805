"""TLS: no password and no email goes where it was not promised that nobody listens."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Self

import pytest
import trustme

from passpost import Receipt, SendError
from pytest_passpost import (
    CertificateAuthority,
    Fault,
    Inject,
    SmtpServer,
    TlsMode,
    default_authority,
    reply,
)

LOGIN = {"user": "ada", "pass": "correct horse"}
USERS = {"ada": "correct horse"}
MODES: list[TlsMode] = ["starttls", "implicit"]


def settings(mode: TlsMode, **more: Any) -> dict[str, Any]:
    return {"auth": LOGIN, "secure": mode == "implicit", **more}


def assert_nothing_left(server: SmtpServer) -> None:
    """No credentials, no command of an email, and nothing that breaks the protocol."""
    assert server.credentials == []
    assert server.mails == []
    assert server.violations == []
    said = {verb for connection in server.connections for verb in connection.verbs}
    assert said <= {"EHLO", "STARTTLS", "QUIT"}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", MODES)
async def test_a_mail_goes_under_tls(mode: TlsMode, kit: Any) -> None:
    with SmtpServer(tls=mode, auth=USERS, require_tls=True) as server:
        assert isinstance(await kit.send(kit.config(server, **settings(mode))), Receipt)
        (mail,) = server.mails
        assert mail.tls
        assert mail.user == "ada"
        assert server.connections[0].tls_version == "TLSv1.3"
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("certificate", "cure"),
    [
        ("self-signed", "tls.ca"),
        ("expired", "Renew"),
        ("other-host", "servername"),
        ("unknown-authority", "tls.ca"),
    ],
)
async def test_a_certificate_that_is_not_good_ends_it(
    mode: TlsMode, certificate: Any, cure: str, kit: Any
) -> None:
    with SmtpServer(tls=mode, auth=USERS, certificate=certificate) as server:
        error = await kit.refusal(kit.config(server, **settings(mode)))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", False)
        assert cure in (error.hint or "")
        assert_nothing_left(server)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", MODES)
async def test_without_own_authorities_the_systems_are_asked(mode: TlsMode, kit: Any) -> None:
    with SmtpServer(tls=mode, auth=USERS) as server:
        error = await kit.refusal(kit.config(server, **settings(mode, tls={})))
        assert "tls.ca" in (error.hint or "")
        assert_nothing_left(server)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", MODES)
async def test_verification_can_be_given_up(mode: TlsMode, kit: Any) -> None:
    tls = {"rejectUnauthorized": False}
    with SmtpServer(tls=mode, auth=USERS, certificate="self-signed") as server:
        assert isinstance(await kit.send(kit.config(server, **settings(mode, tls=tls))), Receipt)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", ["top", "tls"])
async def test_the_name_to_verify_can_be_set(mode: TlsMode, place: str, kit: Any) -> None:
    name = {"servername": "other.example.test"}
    tls = {"ca": default_authority().pem, **(name if place == "tls" else {})}
    more = settings(mode, tls=tls, **(name if place == "top" else {}))
    with SmtpServer(tls=mode, auth=USERS, certificate="other-host") as server:
        assert isinstance(await kit.send(kit.config(server, **more)), Receipt)
        assert server.connections[0].server_name == "other.example.test"


@pytest.mark.anyio
async def test_the_server_is_asked_for_by_its_name(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        config = kit.config(server, host="localhost", auth=LOGIN)
        assert isinstance(await kit.send(config), Receipt)
        assert server.connections[0].server_name == "localhost"


@pytest.mark.anyio
async def test_authorities_may_be_a_list(kit: Any) -> None:
    tls = {"ca": [CertificateAuthority().pem, default_authority().pem]}
    with SmtpServer(tls="starttls", auth=USERS) as server:
        assert isinstance(await kit.send(kit.config(server, auth=LOGIN, tls=tls)), Receipt)


@pytest.mark.anyio
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_a_server_with_too_old_a_tls_is_left(version: str, kit: Any) -> None:
    context = default_authority().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = {"ca": default_authority().pem, "minVersion": version}
    with SmtpServer(tls="starttls", auth=USERS, certificate=context) as server:
        outcome = await kit.send(kit.config(server, auth=LOGIN, tls=tls))
        assert isinstance(outcome, Receipt if version == "TLSv1.2" else SendError)
        if isinstance(outcome, SendError):
            assert "minVersion" in (outcome.hint or "")
            assert_nothing_left(server)


@pytest.mark.anyio
async def test_a_client_certificate_is_shown_to_who_asks(kit: Any) -> None:
    own = trustme.CA()
    context = default_authority().server_context()
    own.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    leaf = own.issue_cert("app.example.com")
    tls = {
        "ca": default_authority().pem,
        "cert": b"".join(pem.bytes() for pem in leaf.cert_chain_pems).decode(),
        "key": leaf.private_key_pem.bytes().decode(),
    }
    with SmtpServer(tls="implicit", certificate=context) as server:
        assert isinstance(await kit.send(kit.config(server, secure=True, tls=tls)), Receipt)


@pytest.mark.anyio
async def test_a_key_that_does_not_fit_is_a_fault_of_the_settings(kit: Any) -> None:
    one, other = (trustme.CA().issue_cert("app.example.com") for _ in range(2))
    tls = {
        "cert": one.cert_chain_pems[0].bytes().decode(),
        "key": other.private_key_pem.bytes().decode(),
    }
    with pytest.raises(SendError) as caught:
        await kit.send(kit.config(25, secure=True, tls=tls))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "account")
    assert caught.value.__context__ is None


@pytest.mark.anyio
@pytest.mark.parametrize("auth", [USERS, None])
async def test_starttls_that_is_not_offered_ends_it(auth: dict[str, str] | None, kit: Any) -> None:
    with SmtpServer(auth=auth) as server:
        more = {"auth": LOGIN} if auth else {"secure": False}
        error = await kit.refusal(kit.config(server, **more))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", False)
        assert "ignoreTLS" in (error.hint or "")
        assert_nothing_left(server)


@pytest.mark.anyio
async def test_starttls_that_fails_for_now_ends_it_for_now(kit: Any) -> None:
    faults = [Fault("starttls", reply("454 4.7.0 TLS not available due to temporary reason"))]
    with SmtpServer(tls="starttls", auth=USERS, faults=faults) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", True)
        assert error.provider_code == "454 4.7.0"
        assert_nothing_left(server)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "injected",
    [
        b"250-evil.example\r\n250 AUTH PLAIN\r\n",
        b"250-half a reply",
        b"2",
        b"235 2.7.0 signed in\r\n250 ok\r\n",
    ],
)
async def test_what_is_injected_after_starttls_ends_it(injected: bytes, kit: Any) -> None:
    faults = [Fault("starttls", Inject(injected))]
    with SmtpServer(tls="starttls", auth=USERS, faults=faults) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", False)
        assert "injects commands" in (error.hint or "")
        assert_nothing_left(server)


@pytest.mark.anyio
async def test_what_was_offered_in_clear_counts_for_nothing_under_tls(kit: Any) -> None:
    # In clear the server lists AUTH, under TLS it offers none: an attacker may have added it.
    lie = reply("250-mail.example.test\n250-STARTTLS\n250 AUTH PLAIN LOGIN")
    with SmtpServer(tls="starttls", faults=[Fault("ehlo", lie)]) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert "does not offer authentication" in str(error)
        assert error.scope == "account"
        assert_nothing_left(server)


@pytest.mark.anyio
@pytest.mark.parametrize("offered", [True, False])
async def test_opportunistic_tls_takes_what_there_is(offered: bool, kit: Any) -> None:
    with SmtpServer(tls="starttls" if offered else None) as server:
        assert isinstance(await kit.send(kit.config(server, requireTLS=False)), Receipt)
        assert server.mails[0].tls is offered


@pytest.mark.anyio
async def test_opportunistic_tls_never_shows_a_password_in_clear(kit: Any) -> None:
    with SmtpServer(auth=USERS, mechanisms=["PLAIN", "LOGIN"]) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN, requireTLS=False))
        assert error.scope == "account"
        assert "ignoreTLS" in (error.hint or "")
        assert_nothing_left(server)


@pytest.mark.anyio
async def test_opportunistic_tls_that_fails_is_no_reason_to_go_on_in_clear(kit: Any) -> None:
    with SmtpServer(tls="starttls", certificate="self-signed") as server:
        error = await kit.refusal(kit.config(server, requireTLS=False))
        assert error.outcome == "rejected"
        assert_nothing_left(server)


@pytest.mark.anyio
async def test_tls_can_be_ignored(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS, auth_in_clear=True) as server:
        config = kit.config(server, auth=LOGIN, ignoreTLS=True)
        assert isinstance(await kit.send(config), Receipt)
        assert not server.mails[0].tls
        # The password itself stays hidden even so, since the server knows a way.
        assert [credentials.mechanism for credentials in server.credentials] == ["CRAM-MD5"]


@pytest.mark.anyio
async def test_tls_from_the_start_on_a_port_that_begins_in_clear(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        error = await kit.refusal(kit.config(server, **settings("implicit")))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
        assert "secure to false" in (error.hint or "")
        # The server takes the handshake for commands; some of its random octets are line ends.
        assert server.credentials == []
        assert server.mails == []


@pytest.mark.anyio
async def test_the_context_is_made_once_for_a_session(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = ssl.create_default_context

    def counting(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        made.append(args)
        return original(*args, **kwargs)

    faults = [Fault("idle", "close", times=None)]
    with SmtpServer(tls="starttls", auth=USERS, faults=faults) as server:
        monkeypatch.setattr(ssl, "create_default_context", counting)
        async with kit.session(kit.config(server, auth=LOGIN)) as session:
            for count in range(1, 4):
                await session.send(kit.mail())
                server.wait_ended(count)
        assert server.connection_count == 3
    assert len(made) == 1


class Odd:
    """A server that speaks TLS from the start, and does something odd when it is sent MAIL.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, odd: Callable[[ssl.SSLSocket], None]) -> None:
        self._odd = odd
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        sock, _ = self._listening.accept()
        context = default_authority().server_context()
        with context.wrap_socket(sock, server_side=True) as tls:
            tls.sendall(b"220 odd\r\n")
            tls.recv(100)
            tls.sendall(b"250 odd\r\n")
            tls.recv(1000)
            # Until the client has had enough.
            with contextlib.suppress(OSError, ValueError):
                self._odd(tls)
                tls.read()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (lambda tls: os.write(tls.fileno(), b"250 in clear\r\n"), "TLS failed"),
        (lambda tls: os.write(tls.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32), "TLS failed"),
        (lambda tls: tls.unwrap(), "closed the connection"),
        (lambda tls: tls.shutdown(socket.SHUT_RDWR), "closed the connection"),
    ],
)
async def test_a_connection_whose_tls_ends_amid_a_mail(odd: Any, words: str, kit: Any) -> None:
    with Odd(odd) as server:
        error = await kit.refusal(kit.config(server.port, secure=True))
        assert (error.outcome, error.scope) in {("rejected", "network"), ("rejected", "provider")}
        assert words in str(error)


@pytest.mark.anyio
async def test_a_greeting_that_comes_with_the_handshake_is_heard(kit: Any) -> None:
    # The server's words may share a packet with the last of its handshake.
    with Odd(lambda tls: tls.sendall(b"550 5.7.1 no\r\n")) as server:
        error = await kit.refusal(kit.config(server.port, secure=True))
        assert error.provider_code == "550 5.7.1"
