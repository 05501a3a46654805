"""Goes through all steps of sending but the message itself, and says what each brought."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from passpost import Finding
from passpost_smtp.errors import SmtpError, broken, refused
from passpost_smtp.opening import Opening

if TYPE_CHECKING:
    from passpost_smtp.context import SessionContext

_SOON: Final = dt.timedelta(days=14)

_SAID: Final = "See the server's documentation for the meaning of its reply."
_SILENT: Final = "Check again in a moment. If the error remains, ask the server's operator."

_WISHES: Final = (
    ("PIPELINING", "each email takes two more round trips"),
    ("CHUNKING", "each email takes one more round trip"),
    ("8BITMIME", "emails in non-Latin scripts grow by a third"),
    ("SMTPUTF8", "addresses such as 用户@example.com are not reachable"),
)


async def check(context: SessionContext) -> list[Finding]:
    """Connect, secure, sign in and name the sender, as far as it goes; no email is sent."""
    loop = asyncio.get_running_loop()
    check = _Check(context, Opening(context, loop.time() + context.limits.opening))
    try:
        await check.run()
    finally:
        await check.end()
    return check.findings


class _Check:
    def __init__(self, context: SessionContext, opening: Opening) -> None:
        self.findings: list[Finding] = []
        self._context = context
        self._config = context.config
        self._opening = opening

    async def run(self) -> None:
        steps: tuple[tuple[Callable[[], Awaitable[None]], Callable[[], None]], ...] = (
            (self._opening.connect, self._report_connection),
            (self._opening.secure, self._report_security),
            (self._opening.sign_in, self._report_sign_in),
            (self._name_sender, self._report_sender),
        )
        for step, found in steps:
            try:
                await step()
            except SmtpError as error:
                self._report_failure(error)
                return
            found()

    async def end(self) -> None:
        """Send QUIT if there is a connection, and close it."""
        opening = self._opening
        if opening.connected and opening.connection.fault is None:
            await self._ask(b"QUIT\r\n")
        await opening.abandon()

    def _report_failure(self, error: SmtpError) -> None:
        remedy = error.hint or (_SILENT if error.response is None else _SAID)
        self.findings.append(Finding(_SUBJECTS[error.phase], "error", str(error), remedy))

    def _ok(self, subject: str, evidence: str) -> None:
        self.findings.append(Finding(subject, "ok", evidence))

    def _warn(self, subject: str, evidence: str, remedy: str) -> None:
        self.findings.append(Finding(subject, "warning", evidence, remedy))

    def _report_connection(self) -> None:
        self._ok("connection", f"connected to {self._config.server} at {self._opening.address}")

    def _report_security(self) -> None:
        opening = self._opening
        self._ok("greeting", opening.greeting or "empty")
        self._report_tls()
        names = opening.offer.names
        self._ok("extensions", ", ".join(names) or "none: the server supports only HELO")
        missing = [loss for name, loss in _WISHES if name not in names]
        if missing:
            self._warn(
                "extensions",
                "; ".join(missing),
                "No action needed; this only affects speed and reach.",
            )

    def _report_tls(self) -> None:
        tls = self._opening.connection.tls
        if tls is None:
            self._warn(
                "TLS",
                "the connection is not encrypted: anyone on the network can read the codes",
                "Remove ignoreTLS and requireTLS if the server supports TLS.",
            )
            return
        self._ok("TLS", tls.describe())
        certificate = tls.verified_certificate()
        if not certificate:
            self._warn(
                "certificate",
                "not verified, because rejectUnauthorized is false",
                "Remove rejectUnauthorized, and set tls.ca to the server's own CA.",
            )
            return
        self._report_certificate(str(certificate["notAfter"]), _common_name(certificate))

    def _report_certificate(self, not_after: str, issuer: str) -> None:
        ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), dt.UTC)
        evidence = (
            f"for {self._config.server_name}, issued by {issuer}, valid until {ends:%Y-%m-%d}"
        )
        if ends - dt.datetime.now(dt.UTC) < _SOON:
            self._warn("certificate", evidence, "Renew it on the server soon.")
        else:
            self._ok("certificate", evidence)

    def _report_sign_in(self) -> None:
        mechanism = self._opening.mechanism
        self._ok("sign-in", f"authenticated with {mechanism}" if mechanism else "not configured")

    async def _name_sender(self) -> None:
        sender = self._config.from_email
        self._opening.phase = "mail"
        await self._ask(f"MAIL FROM:<{sender.wire}>\r\n".encode(), must=True)
        # So that the server does not see an aborted email.
        await self._ask(b"RSET\r\n")

    def _report_sender(self) -> None:
        self._ok("sender", f"the server accepts emails from {self._config.from_email.address}")

    async def _ask(self, line: bytes, *, must: bool = False) -> None:
        connection, config = self._opening.connection, self._config
        seconds = self._context.limits.command
        deadline = asyncio.get_running_loop().time() + seconds
        replies = await connection.exchange(line, 1, seconds, deadline)
        if must and replies and not replies[0].positive:
            raise refused("mail", replies[0], config)
        if must and not replies and connection.fault is not None:
            raise broken("mail", connection.fault, config)


def _common_name(certificate: dict[str, object]) -> str:
    """Return the issuer's name, organization first."""
    issuer = certificate.get("issuer", ())
    names: dict[str, str] = {}
    if isinstance(issuer, tuple):
        names = {key: value for part in issuer for key, value in part}
    return names.get("organizationName") or names.get("commonName") or "an unnamed CA"


_SUBJECTS: Final = {
    "resolve": "connection",
    "connect": "connection",
    "tls": "TLS",
    "greeting": "greeting",
    "ehlo": "extensions",
    "starttls": "TLS",
    "token": "sign-in",
    "auth": "sign-in",
    "mail": "sender",
}
