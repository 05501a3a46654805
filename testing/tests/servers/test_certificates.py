"""Certificates that are right, and those that a client must reject."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_passpost import CertificateAuthority, SmtpServer, default_authority

# The codes of OpenSSL's X509_verify_cert().
EXPIRED, SELF_SIGNED, UNKNOWN_ISSUER, OTHER_HOST = 10, 18, 20, 62


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_good_certificate(
    host: str, dial: Callable[[int], Any], client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls="implicit") as server:
        wire = dial(server.port)
        wire.secure(client_context, host)
        assert wire.reply().startswith("220")
        assert server.connections[0].tls


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        ("expired", EXPIRED),
        ("self-signed", SELF_SIGNED),
        ("unknown-authority", UNKNOWN_ISSUER),
        ("other-host", OTHER_HOST),
    ],
)
def test_a_certificate_to_be_refused(
    tls: Any,
    certificate: Any,
    code: int,
    dial: Callable[[int], Any],
    client_context: ssl.SSLContext,
) -> None:
    with SmtpServer(tls=tls, certificate=certificate) as server:
        wire = dial(server.port)
        if tls == "starttls":
            wire.reply()
            wire.ask("EHLO x")
            wire.ask("STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            wire.secure(client_context)
        assert caught.value.verify_code == code
        wire.sock.close()
        server.wait_closed()
        connection = server.connections[0]
        assert not connection.tls
        assert connection.tls_error is not None
        assert "ALERT" in connection.tls_error


def test_an_authority_of_ones_own(dial: Callable[[int], Any], tmp_path: Path) -> None:
    authority = CertificateAuthority()
    trusting = ssl.create_default_context(cafile=authority.write_pem(tmp_path / "ca.pem"))
    with SmtpServer(tls="implicit", authority=authority) as server:
        wire = dial(server.port)
        wire.secure(trusting)
        assert wire.reply().startswith("220")
    assert authority.pem != default_authority().pem
    assert default_authority() is default_authority()


def test_a_context_of_ones_own(dial: Callable[[int], Any], client_context: ssl.SSLContext) -> None:
    context = default_authority().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with SmtpServer(tls="implicit", certificate=context) as server:
        wire = dial(server.port)
        wire.secure(client_context)
        assert wire.reply().startswith("220")
        assert server.connections[0].tls_version == "TLSv1.2"
        wire.sock.close()
        wire = dial(server.port)
        client_context.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.raises(ssl.SSLError):
            wire.secure(client_context)
        wire.sock.close()
        server.wait_closed()
        assert server.connections[1].tls_error == "UNSUPPORTED_PROTOCOL"


def test_a_client_that_speaks_no_tls(dial: Callable[[int], Any]) -> None:
    with SmtpServer(tls="implicit") as server:
        wire = dial(server.port)
        wire.send(b"EHLO x\r\n")
        wire.rest()
        wire.sock.close()
        server.wait_closed()
        assert server.connections[0].tls_error is not None
        assert server.connections[0].commands == []


def test_a_client_that_goes_away_amid_the_handshake(dial: Callable[[int], Any]) -> None:
    with SmtpServer(tls="implicit") as server:
        dial(server.port).sock.close()
        server.wait_closed(1)
        assert server.connections[0].tls_error is None
