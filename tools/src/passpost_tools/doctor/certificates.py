"""Judges what TLS brought: a certificate, or the reason that there is no connection."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any, Final

from passpost_tools.doctor.diagnosis import Diagnosis, Result, _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passpost import Server
    from passpost.phrases import Phrase

SOON: Final = 30
"""Days before a certificate's end from which on it is renewed at most servers."""

# OpenSSL's numbers for the faults of a certificate (X509_V_ERR_…).
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_SELF_SIGNED: Final = 18
_UNKNOWN_ISSUER: Final = (2, 19, 20, 21)
_OTHER_NAME: Final = (62, 64)


def judge(server: Server, tls: ssl.SSLObject) -> list[Diagnosis]:
    """Return the findings on a connection that was secured."""
    version, cipher = tls.version() or "", tls.cipher()
    secured = _("{version}, {cipher}", version=version, cipher=cipher[0] if cipher else "")
    fields: Mapping[str, Any] = tls.getpeercert() or {}
    if not fields:
        return [_tls("tls.ok", "ok", secured), _tls("tls.unverified", "warning", *_UNVERIFIED)]
    ends = _moment(fields["notAfter"])
    left = (ends - dt.datetime.now(dt.UTC)).days
    what = _(
        "{version}, certificate for {name} by {issuer}, valid until {date}",
        version=version,
        name=server.server_name,
        issuer=_issuer(fields),
        date=f"{ends:%Y-%m-%d}",
    )
    if left >= SOON:
        return [_tls("tls.ok", "ok", what)]
    soon = _("it expires in {days} days: {what}", days=left, what=what)
    return [_tls("tls.expires-soon", "warning", soon, _("Renew the certificate on the server."))]


def unencrypted(*, internal: bool) -> Diagnosis:
    """Return the finding on a connection without TLS."""
    if internal:
        return _tls("tls.off", "ok", _("not encrypted, on this machine"))
    anyone = _("not encrypted: anyone on the network can read the codes")
    return _tls("tls.off", "warning", anyone, _("Turn TLS on in the settings."))


def explain(
    server: Server, error: OSError, chain: Sequence[Mapping[str, Any]], roots: ssl.SSLContext
) -> Diagnosis:
    """Return why a connection could not be secured.

    Args:
        server: The server.
        error: What the handshake ended with.
        chain: The certificates that the server sent, where they could be read.
        roots: The context with the authorities that are trusted.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(server, error, chain, roots)
    reason = (getattr(error, "reason", "") or "") if isinstance(error, ssl.SSLError) else ""
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        plain = _("the server on port {port} starts without TLS", port=server.port)
        return _tls("tls.plaintext", "error", plain, _starttls(server))
    if "PROTOCOL" in reason or "VERSION" in reason:
        old = _("the server supports no TLS version that is still secure")
        return _tls("tls.version", "error", old, _("Upgrade the server to TLS 1.2 or 1.3."))
    if isinstance(error, TimeoutError):
        silent = _("the server does not answer the TLS handshake")
        return _tls("tls.silent", "error", silent, _starttls(server))
    why = reason or type(error).__name__
    ended = _("the server ended the TLS handshake ({why})", why=why)
    return _tls("tls.failed", "error", ended, _("Ask who runs the server to look at its log."))


def _explain_certificate(
    server: Server,
    error: ssl.SSLCertVerificationError,
    chain: Sequence[Mapping[str, Any]],
    roots: ssl.SSLContext,
) -> Diagnosis:
    own = chain[0] if chain else {}
    code = error.verify_code
    if code in {_EXPIRED, _NOT_YET_VALID}:
        return _out_of_time(own, early=code == _NOT_YET_VALID)
    if code in _OTHER_NAME:
        names = _names(own) or "?"
        other = _(
            "the certificate is for {names}, not {name}", names=names, name=server.server_name
        )
        return _tls("tls.name", "error", other, _USE_NAME)
    if code == _SELF_SIGNED:
        return _tls("tls.self-signed", "error", _("the certificate is self-signed"), _TRUST)
    if code in _UNKNOWN_ISSUER:
        return _unknown_issuer(chain, roots)
    what = _("the certificate is not valid: {why}", why=error.verify_message)
    return _tls("tls.invalid", "error", what, _RENEW)


def _out_of_time(own: Mapping[str, Any], *, early: bool) -> Diagnosis:
    if early:
        date = f"{_moment(own['notBefore']):%Y-%m-%d}" if own else "?"
        what = _("the certificate is valid only from {date} on", date=date)
        return _tls("tls.not-yet-valid", "error", what, _SET_CLOCK)
    date = f"{_moment(own['notAfter']):%Y-%m-%d}" if own else "?"
    expired = _("the certificate expired on {date}", date=date)
    return _tls("tls.expired", "error", expired, _RENEW)


def _unknown_issuer(chain: Sequence[Mapping[str, Any]], roots: ssl.SSLContext) -> Diagnosis:
    issuer = _issuer(chain[-1]) if chain else "?"
    if len(chain) == 1 and _is_published(chain[0], roots):
        lacks = _("the server does not send the certificate of {issuer}", issuer=issuer)
        return _tls("tls.chain", "error", lacks, _SEND_CHAIN)
    unknown = _("the certificate is by {issuer}, which is not trusted here", issuer=issuer)
    return _tls("tls.issuer", "error", unknown, _TRUST)


def _is_published(certificate: Mapping[str, Any], roots: ssl.SSLContext) -> bool:
    """Return whether the issuer is one that a trusted authority vouches for, most probably."""
    # Public authorities say where the issuer's certificate is; private ones share its name.
    if certificate.get("caIssuers"):
        return True
    organization = _named(certificate.get("issuer", ())).get("organizationName")
    trusted = (_named(root.get("subject", ())) for root in roots.get_ca_certs())
    return organization in {root.get("organizationName") for root in trusted} - {None}


def _starttls(server: Server) -> Phrase:
    if server.protocol == "smtp":
        return _(
            "Use STARTTLS on this port (connector smtp: set secure to false), or port 465 with TLS."
        )
    return _("Check the port, and that the server there speaks HTTPS.")


def _names(certificate: Mapping[str, Any]) -> list[str]:
    return [str(name) for _kind, name in certificate.get("subjectAltName", ())][:5]


def _issuer(certificate: Mapping[str, Any]) -> str:
    names = _named(certificate.get("issuer", ()))
    return names.get("organizationName") or names.get("commonName") or "?"


def _named(parts: Any) -> dict[str, str]:
    return {str(key): str(value) for part in parts for key, value in part}


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(text), dt.UTC)


def _tls(name: str, result: Result, evidence: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(id=name, subject="TLS", result=result, evidence=evidence, remedy=remedy)


_UNVERIFIED: Final = (
    _("the certificate is not verified: anyone on the network can pose as the server"),
    _("Turn the verification on, and name the server's own CA in the settings if it has one."),
)
_RENEW: Final = _("Renew the certificate on the server, and restart the server.")
_SET_CLOCK: Final = _("Check the clock of this machine, then the certificate on the server.")
_USE_NAME: Final = _(
    "Set the hostname to a name in the certificate (connector smtp: or set servername to one)."
)
_TRUST: Final = _(
    "Trust its CA: put the certificate of the CA into the settings as PEM (connector smtp: tls.ca; "
    "over HTTP: SSL_CERT_FILE)."
)
_SEND_CHAIN: Final = _(
    "Let the server send its whole chain: its certificate, followed by the intermediate ones."
)
