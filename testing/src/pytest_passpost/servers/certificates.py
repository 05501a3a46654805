"""Certificates for tests: an authority of their own, and what can be wrong with a certificate."""

from __future__ import annotations

import datetime as dt
import functools
import ssl
from typing import TYPE_CHECKING, Final, Literal

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Certificate = Literal["good", "self-signed", "expired", "other-host", "unknown-authority"]
"""What a server shows: one certificate that is right, and four that must be rejected."""

HOSTS: Final = ("localhost", "127.0.0.1", "::1")
"""The names that a good certificate is for."""

OTHER_HOST: Final = "other.example.test"
"""The name that the certificate ``other-host`` is for."""


class CertificateAuthority:
    """A private CA, trusted only by clients that are given its certificate.

    ::

        authority = CertificateAuthority()
        client = ssl.create_default_context(cadata=authority.pem)
        server = authority.server_context("expired")
    """

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="passpost tests")

    @property
    def pem(self) -> str:
        """The authority's own certificate as PEM text: what a client has to trust."""
        return self._authority.cert_pem.bytes().decode("ascii")

    def write_pem(self, path: Path) -> Path:
        """Write the authority's own certificate to a file, and return its path back."""
        path.write_text(self.pem, "ascii")
        return path

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this authority and nobody else."""
        return ssl.create_default_context(cadata=self.pem)

    def server_context(self, certificate: Certificate = "good") -> ssl.SSLContext:
        """Return a server's context that shows the certificate named.

        Raises:
            ValueError: There is no certificate of that name.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._issue(certificate).configure_cert(context)
        return context

    def _issue(self, certificate: Certificate) -> trustme.LeafCert:
        ways: dict[str, Callable[[], trustme.LeafCert]] = {
            "good": lambda: self._authority.issue_cert(*HOSTS),
            "self-signed": _self_signed,
            "expired": self._expired,
            "other-host": lambda: self._authority.issue_cert(OTHER_HOST),
            "unknown-authority": lambda: trustme.CA().issue_cert(*HOSTS),
        }
        if certificate not in ways:
            raise ValueError(
                f"there is no certificate {certificate!r}; there are {', '.join(ways)}"
            )
        return ways[certificate]()

    def _expired(self) -> trustme.LeafCert:
        now = dt.datetime.now(dt.UTC)
        return self._authority.issue_cert(
            *HOSTS, not_before=now - dt.timedelta(days=3), not_after=now - dt.timedelta(days=1)
        )


def _self_signed() -> trustme.LeafCert:
    """Make a certificate that vouches for itself, which trustme has no call for."""
    from cryptography import x509  # noqa: PLC0415 - needed by few tests; trustme brings it along
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - likewise

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return trustme.LeafCert(private, made.public_bytes(serialization.Encoding.PEM), [])


@functools.cache
def default_authority() -> CertificateAuthority:
    """Return the authority that servers use which are not given one: one per process."""
    return CertificateAuthority()


def server_context(
    certificate: Certificate | ssl.SSLContext, authority: CertificateAuthority | None
) -> ssl.SSLContext:
    """Return the context of a server; one that is given stays as it is.

    Raises:
        ValueError: There is no certificate of that name.
    """
    if isinstance(certificate, ssl.SSLContext):
        return certificate
    return (authority or default_authority()).server_context(certificate)


__all__ = ["HOSTS", "OTHER_HOST", "Certificate", "CertificateAuthority", "default_authority"]
