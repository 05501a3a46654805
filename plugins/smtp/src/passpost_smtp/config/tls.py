"""The setting ``tls``: which certificates to trust."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs

from passpost import Problem, Secret
from passpost.config import HostName, field, is_placeholder, rule
from passpost_smtp import _
from passpost_smtp.config.leaves import said

_PEM: Final = "-----BEGIN CERTIFICATE-----"
_HOW: Final = _('use its text, or a reference to its file: `"${file:/etc/ssl/ca.pem}"`')


VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
"""The oldest version to accept, by its name in the settings."""


@attrs.frozen(kw_only=True)
class TlsSettings:
    """How certificates are verified."""

    reject_unauthorized: bool = field(
        default=True,
        **said(
            "Verify certificates",
            "验证证书",
            "Whether the server's certificate must be valid. Keep it on: otherwise anyone on the "
            "path can read the password.",
            "是否要求服务器证书有效。请保持开启：关闭后，途中的任何人都能读到密码。",
        ),
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] = field(
        default="TLSv1.2",
        **said(
            "Minimum TLS version",
            "最低 TLS 版本",
            "The oldest TLS version to accept.",
            "可接受的最低 TLS 版本。",
        ),
    )
    ca: str | tuple[str, ...] | None = field(
        default=None,
        multiline=True,
        **said(
            "Certificate authorities",
            "CA 证书",
            "The CAs to trust instead of the system's: PEM text, or a list of PEM texts.",
            "用来代替系统信任列表的 CA：PEM 文本，或由其组成的列表。",
        ),
    )
    cert: str | None = field(
        default=None,
        multiline=True,
        **said(
            "Client certificate",
            "客户端证书",
            "The client certificate for a server that requires one, with its chain, as PEM text.",
            "服务器要求时出示的客户端证书及其证书链（PEM 文本）。",
        ),
    )
    key: Secret | None = field(
        default=None,
        multiline=True,
        **said(
            "Client key",
            "客户端私钥",
            "The client certificate's private key, as PEM text without a passphrase.",
            "客户端证书的私钥（PEM 文本，不带口令）。",
        ),
    )
    servername: HostName | None = field(
        default=None,
        **said(
            "Server name",
            "服务器名称",
            "The name that the certificate must be for, if it is not `host`.",
            "证书应当匹配的名称（与主机名不同时填写）。",
        ),
    )

    @property
    def authorities(self) -> str | None:
        """The authorities to trust as one PEM text, or None for the system's."""
        return "\n".join(self.ca) if isinstance(self.ca, tuple) else self.ca

    @rule("reject_unauthorized")
    def _verified(self) -> Iterator[Problem]:
        if not self.reject_unauthorized:
            yield Problem(
                "rejectUnauthorized",
                _(
                    "certificates are not verified, so anyone on the network can read passwords "
                    "and codes"
                ),
                _("remove `rejectUnauthorized`, and set `ca` to the server's own authority"),
                "warning",
                code="smtp-W4",
            )

    @rule("ca")
    def _usable_authorities(self) -> Iterator[Problem]:
        given = self.authorities
        if given is not None and not is_placeholder(given) and not _loads(given):
            yield Problem("ca", _("contains no certificate in PEM form"), _HOW, code="smtp-E6")

    @rule("cert", "key")
    def _own_certificate(self) -> Iterator[Problem]:
        if self.cert is not None and _PEM not in self.cert:
            yield Problem("cert", _("not a certificate in PEM form"), _HOW, code="smtp-E6")
        if self.cert is None and self.key is not None:
            yield Problem(
                "cert",
                _("required, because `key` is set"),
                _("set both, or remove both"),
                code="smtp-E6",
            )


def _loads(authorities: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError):
        return False
    return _PEM in authorities


def make_tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the one context of a config; reading the system's certificates takes milliseconds.

    Raises:
        ssl.SSLError: The settings' certificates or key cannot be used.
        ValueError: Likewise.
    """
    # With authorities of one's own, the system's are not trusted: who names one means that one.
    context = ssl.create_default_context(cadata=settings.authorities)
    context.minimum_version = VERSIONS[settings.min_version]
    if not settings.reject_unauthorized:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        _load_own_certificate(context, settings)
    return context


def _load_own_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    # The ssl module reads keys from files only; this one is readable for its owner, and gone at
    # once.
    key = settings.key.reveal() if settings.key else ""
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{settings.cert}\n{key}\n")
        # A key that requires a passphrase must not ask on the terminal.
        context.load_cert_chain(name, password=b"")
    finally:
        Path(name).unlink()
