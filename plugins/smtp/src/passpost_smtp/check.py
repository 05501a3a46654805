"""Goes through all steps of sending but the message itself, and says what each brought."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal

from passpost import Finding
from passpost.phrases import said
from passpost_smtp import _
from passpost_smtp.errors import SmtpError, broken, refused
from passpost_smtp.opening import Opening

if TYPE_CHECKING:
    from passpost import Address
    from passpost_smtp.context import SessionContext
    from passpost_smtp.fault import Phase

_SOON: Final = dt.timedelta(days=14)

_SAID: Final = _("See the server's documentation for the meaning of its reply.")
_SILENT: Final = _("Check again in a moment. If the error remains, ask the server's operator.")

_OFFICE: Final = "smtp.office365.com"
# Microsoft's message MC786329, as of January 2026.
_BASIC_AUTHENTICATION_ENDS: Final = (
    _("Exchange Online turns passwords off for SMTP by default at the end of December 2026"),
    _("Configure OAuth2 in auth, or ask the tenant's administrator how long passwords remain."),
)

_WISHES: Final = (
    ("PIPELINING", _("each email takes two more round trips")),
    ("CHUNKING", _("each email takes one more round trip")),
    ("8BITMIME", _("emails in non-Latin scripts grow by a third")),
    ("SMTPUTF8", _("addresses such as 用户@example.com are not reachable")),
)


async def check(context: SessionContext, recipient: Address | None = None) -> list[Finding]:
    """Connect, secure, sign in, and name the sender and a recipient, as far as it goes.

    No email is sent.
    """
    loop = asyncio.get_running_loop()
    check = _Check(context, Opening(context, loop.time() + context.limits.opening), recipient)
    try:
        await check.run()
    finally:
        await check.end()
    return check.findings


class _Check:
    def __init__(
        self, context: SessionContext, opening: Opening, recipient: Address | None
    ) -> None:
        self.findings: list[Finding] = []
        self._context = context
        self._config = context.config
        self._opening = opening
        self._recipient = recipient

    async def run(self) -> None:
        steps: tuple[tuple[Callable[[], Awaitable[None]], Callable[[], None]], ...] = (
            (self._opening.connect, self._report_connection),
            (self._opening.secure, self._report_security),
            (self._opening.sign_in, self._report_sign_in),
            (self._name_sender, self._report_sender),
            (self._name_recipient, self._report_recipient),
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
            # So that the server does not see an aborted email.
            if opening.phase in {"mail", "rcpt"}:
                await self._ask(b"RSET\r\n")
            await self._ask(b"QUIT\r\n")
        await opening.abandon()

    def _report_failure(self, error: SmtpError) -> None:
        remedy = error.hint or (_SILENT if error.response is None else _SAID)
        name = _failure_id(error)
        result: Literal["warning", "error"] = "warning" if name == "recipient.later" else "error"
        self._add(name, result, said(error), remedy)

    def _add(
        self, name: str, result: Literal["ok", "warning", "error"], evidence: str, remedy: str = ""
    ) -> None:
        subject = _SUBJECTS.get(name) or _SUBJECTS[name.partition(".")[0]]
        self.findings.append(Finding(subject, result, evidence, remedy, name))

    def _ok(self, name: str, evidence: str) -> None:
        self._add(name, "ok", evidence)

    def _warn(self, name: str, evidence: str, remedy: str) -> None:
        self._add(name, "warning", evidence, remedy)

    def _report_connection(self) -> None:
        self._ok(
            "connect.ok",
            _(
                "connected to {server} at {address}",
                server=self._config.server,
                address=self._opening.address,
            ),
        )

    def _report_security(self) -> None:
        opening = self._opening
        self._ok("smtp.greeting", opening.greeting or _("empty"))
        self._report_tls()
        names = opening.offer.names
        self._ok("smtp.offers", ", ".join(names) or _("none: the server supports only HELO"))
        missing = [loss for name, loss in _WISHES if name not in names]
        if missing:
            self._warn(
                "smtp.offers",
                _joined(missing),
                _("No action needed; this only affects speed and reach."),
            )

    def _report_tls(self) -> None:
        tls = self._opening.connection.tls
        if tls is None:
            self._warn(
                "tls.off",
                _("the connection is not encrypted: anyone on the network can read the codes"),
                _("Remove ignoreTLS and requireTLS if the server supports TLS."),
            )
            return
        self._ok("tls.ok", tls.describe())
        certificate = tls.verified_certificate()
        if not certificate:
            self._warn(
                "tls.unverified",
                _("not verified, because rejectUnauthorized is false"),
                _("Remove rejectUnauthorized, and set tls.ca to the server's own CA."),
            )
            return
        self._report_certificate(str(certificate["notAfter"]), _common_name(certificate))

    def _report_certificate(self, not_after: str, issuer: str) -> None:
        ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), dt.UTC)
        evidence = _(
            "for {name}, issued by {issuer}, valid until {ends}",
            name=self._config.server_name,
            issuer=issuer,
            ends=f"{ends:%Y-%m-%d}",
        )
        if ends - dt.datetime.now(dt.UTC) < _SOON:
            self._warn("tls.expires-soon", evidence, _("Renew it on the server soon."))
        else:
            self._ok("tls.certificate", evidence)

    def _report_sign_in(self) -> None:
        mechanism = self._opening.mechanism
        signed_in = _("authenticated with {mechanism}", mechanism=mechanism)
        self._ok("auth.ok", signed_in if mechanism else _("not configured"))
        if self._config.host.ascii == _OFFICE and self._config.login is not None:
            self._warn("auth.ends", *_BASIC_AUTHENTICATION_ENDS)

    async def _name_sender(self) -> None:
        self._opening.phase = "mail"
        recipient = self._recipient
        needs_utf8 = recipient is not None and recipient.needs_smtputf8
        # What the server does not offer, it rejects with words of its own.
        option = " SMTPUTF8" if needs_utf8 or self._config.from_email.needs_smtputf8 else ""
        sender = self._config.from_email.wire
        await self._ask(f"MAIL FROM:<{sender}>{option}\r\n".encode(), must="mail")

    def _report_sender(self) -> None:
        self._ok(
            "sender.ok",
            _(
                "the server accepts emails from {address}",
                address=self._config.from_email.address,
            ),
        )

    async def _name_recipient(self) -> None:
        if self._recipient is not None:
            self._opening.phase = "rcpt"
            await self._ask(f"RCPT TO:<{self._recipient.wire}>\r\n".encode(), must="rcpt")

    def _report_recipient(self) -> None:
        if self._recipient is not None:
            self._ok(
                "recipient.ok",
                _(
                    "the server accepts emails to {address}",
                    address=self._recipient.address,
                ),
            )

    async def _ask(self, line: bytes, *, must: Phase | None = None) -> None:
        connection, config = self._opening.connection, self._config
        seconds = self._context.limits.command
        deadline = asyncio.get_running_loop().time() + seconds
        replies = await connection.exchange(line, 1, seconds, deadline)
        if must and replies and not replies[0].positive:
            raise refused(must, replies[0], config)
        if must and not replies and connection.fault is not None:
            raise broken(must, connection.fault, config)


def _joined(texts: Sequence[str]) -> str:
    return reduce(lambda first, next_: _("{first}; {next}", first=first, next=next_), texts)


def _common_name(certificate: dict[str, object]) -> str:
    """Return the issuer's name, organization first."""
    issuer = certificate.get("issuer", ())
    names: dict[str, str] = {}
    if isinstance(issuer, tuple):
        names = {key: value for part in issuer for key, value in part}
    return names.get("organizationName") or names.get("commonName") or _("an unnamed CA")


def _failure_id(error: SmtpError) -> str:
    """Return the ID of the finding on a step that failed."""
    if error.phase not in _BY_REPLY:
        return _FAILED[error.phase]
    area = _BY_REPLY[error.phase]
    if error.provider_code is None:
        # The client itself saw no way: there was no reply that could say so.
        return "auth.not-offered" if area == "auth" and error.temporary is False else f"{area}.lost"
    if error.phase != "auth" and error.provider_code.startswith("530"):
        return "auth.required"
    if area == "recipient" and error.scope == "account":
        return "recipient.relay"
    return f"{area}.later" if error.temporary else f"{area}.rejected"


_BY_REPLY: Final = {"auth": "auth", "mail": "sender", "rcpt": "recipient"}

_FAILED: Final = {
    "resolve": "dns.failed",
    "connect": "connect.failed",
    "tls": "tls.failed",
    "greeting": "smtp.greeting",
    "ehlo": "smtp.ehlo",
    "starttls": "tls.starttls",
    "token": "auth.token",
}

_SUBJECTS: Final = {
    "dns": _("connection"),
    "connect": _("connection"),
    "tls": _("TLS"),
    "tls.certificate": _("certificate"),
    "tls.expires-soon": _("certificate"),
    "tls.unverified": _("certificate"),
    "smtp.greeting": _("greeting"),
    "smtp.ehlo": _("extensions"),
    "smtp.offers": _("extensions"),
    "auth": _("sign-in"),
    "auth.required": _("sender"),
    "sender": _("sender"),
    "recipient": _("recipient"),
}
