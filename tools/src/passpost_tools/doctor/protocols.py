"""Talks to a server up to where credentials would follow: TLS, greeting, what is offered, clock."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import socket
import ssl
import time
from contextlib import aclosing, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import attrs

from passpost_tools.doctor.certificates import explain, judge, unencrypted
from passpost_tools.doctor.diagnosis import Diagnosis, Result, _
from passpost_tools.doctor.line import GarbageError, Line, Reply, chain_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from passpost import Server
    from passpost._network.dial import AddressInfo
    from passpost.phrases import Phrase

REPLY: Final = 10.0
"""Seconds for one answer of a server; some wait with their greeting, to make robots give up."""

SKEWED: Final = 60
"""Seconds that a clock may be wrong before it is a warning."""

WRONG: Final = 300
"""Seconds from which on signatures of requests and one-time codes fail."""

_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:[+-]\d{4}|GMT)"
)
_SHOWN: Final = 200


class Talk:
    """A talk with one server, over the protocol that it is said to speak.

    Args:
        server: The server.
        address: The address to connect to.
    """

    def __init__(self, server: Server, address: AddressInfo) -> None:
        self._server = server
        self._address = address
        self._context: ssl.SSLContext | None = None

    async def run(self) -> AsyncGenerator[Diagnosis, None]:
        """Yield what the steps bring, as far as it goes."""
        step = self._smtp() if self._server.protocol == "smtp" else self._http()
        started = time.monotonic()
        async with aclosing(step):
            async for one in step:
                yield attrs.evolve(one, seconds=time.monotonic() - started)
                started = time.monotonic()

    async def _http(self) -> AsyncGenerator[Diagnosis, None]:
        server, line = self._server, self._line()
        try:
            async with line:
                if server.security == "none":
                    yield unencrypted(internal=_is_loopback(server.host))
                else:
                    for one in await self._secured(line):
                        yield one
                    if line.tls is None:
                        return
                shown = f"[{server.host}]" if ":" in server.host else server.host
                head = (
                    f"HEAD / HTTP/1.1\r\nHost: {shown}:{server.port}\r\nConnection: close\r\n\r\n"
                )
                status, headers = await line.request(head)
                yield _said("http.ok", "ok", status)
                for one in _clock(headers.get("date", "")):
                    yield one
        except TimeoutError:
            yield _said("http.silent", "error", _silent(line), _CHECK_PORT)
        except GarbageError:
            yield _said("http.garbage", "error", _("the server does not speak HTTP"), _CHECK_PORT)
        except OSError as error:
            yield _ended("http.ended", line, error)

    async def _smtp(self) -> AsyncGenerator[Diagnosis, None]:
        server, line = self._server, self._line()
        try:
            async with line:
                if server.security == "implicit":
                    for one in await self._secured(line):
                        yield one
                    if line.tls is None:
                        return
                greeting = await self._greeting(line)
                yield greeting
                if greeting.result != "error":
                    for one in _clock(greeting.evidence, only_wrong=True):
                        yield one
                    async for one in self._introduced(line):
                        yield one
        except TimeoutError:
            yield _said("smtp.silent", "error", _silent(line), _CHECK_SERVER)
        except GarbageError:
            yield _said("smtp.garbage", "error", _("the server does not speak SMTP"), _CHECK_PORT)
        except OSError as error:
            yield _ended("smtp.ended", line, error)

    async def _introduced(self, line: Line) -> AsyncGenerator[Diagnosis, None]:
        """Send EHLO, and secure the connection where that comes after the greeting."""
        server = self._server
        offer = await line.command(f"EHLO {_own_name()}")
        if server.security == "none":
            yield unencrypted(internal=_is_loopback(server.host))
        elif server.security != "implicit" and offer.accepts:
            for one in await self._upgraded(line, offer):
                yield one
            if line.tls is None and server.security == "starttls":
                return
            if line.tls is not None:
                offer = await line.command(f"EHLO {_own_name()}")
        yield _offered(offer)
        # All is known by now, and many a server closes the connection without a reply.
        with suppress(OSError, GarbageError):
            await line.command("QUIT")

    async def _greeting(self, line: Line) -> Diagnosis:
        """Return the finding on the greeting."""
        what = _SILENT
        try:
            reply = await line.reply()
        except GarbageError as error:
            if not error.is_tls:
                raise
            return self._tls_first()
        except TimeoutError:
            pass
        except OSError:
            what = _("the server closes the connection without a greeting")
        else:
            return _greeted(reply)
        # A server that expects TLS waits for the client to begin.
        if self._server.security != "implicit" and await self._starts_with_tls():
            return self._tls_first()
        return _said("smtp.silent", "error", what, _CHECK_SERVER)

    async def _starts_with_tls(self) -> bool:
        try:
            async with self._line() as line:
                await line.start_tls(_any_certificate())
        except ssl.SSLError as error:
            return "WRONG_VERSION" not in (error.reason or "")
        except (OSError, GarbageError):
            return False
        return True

    def _tls_first(self) -> Diagnosis:
        port = self._server.port
        what = _("the server on port {port} expects TLS from the first byte", port=port)
        return _said("smtp.tls-first", "error", what, _SECURE)

    async def _upgraded(self, line: Line, offer: Reply) -> list[Diagnosis]:
        """Ask for STARTTLS, and secure the connection."""
        if not any(text.upper() == "STARTTLS" for text in offer.lines):
            if self._server.security == "opportunistic":
                return [unencrypted(internal=_is_loopback(self._server.host))]
            none = _("the server does not offer STARTTLS, and nothing is sent unencrypted")
            return [_said("tls.not-offered", "error", none, _NO_STARTTLS)]
        reply = await line.command("STARTTLS")
        if not reply.accepts:
            what = _("the server rejects STARTTLS: {reply}", reply=reply.text)
            return [_said("tls.starttls", "error", what, _CHECK_SERVER)]
        return await self._secured(line)

    async def _secured(self, line: Line) -> list[Diagnosis]:
        """Encrypt a connection, and return the findings on it."""
        server = self._server
        if self._context is None:
            try:
                make = server.tls_context or ssl.create_default_context
                self._context = make()
            except (ssl.SSLError, ValueError, OSError):
                return [_said("tls.settings", "error", *_UNUSABLE)]
        try:
            await line.start_tls(self._context)
        except OSError as error:
            invalid = isinstance(error, ssl.SSLCertVerificationError)
            chain = await self._look_at_chain() if invalid else []
            return [explain(server, error, chain, self._context)]
        tls = line.tls
        return judge(server, tls) if tls is not None else []

    async def _look_at_chain(self) -> list[dict[str, object]]:
        """Return the certificates of a server that must not be trusted; nothing is said to it."""
        try:
            async with self._line() as line:
                if self._server.protocol == "smtp" and self._server.security != "implicit":
                    await line.reply()
                    await line.command(f"EHLO {_own_name()}")
                    await line.command("STARTTLS")
                await line.start_tls(_any_certificate())
                return chain_of(line.tls)
        except (OSError, GarbageError):
            return []

    def _line(self) -> Line:
        return Line(self._server, self._address, REPLY)


def _silent(line: Line) -> Phrase:
    # It did say something before that.
    return _("the server does not answer {command}", command=line.asked) if line.asked else _SILENT


def _ended(name: str, line: Line, error: OSError) -> Diagnosis:
    why = type(error).__name__
    ended = _("the server ended the connection ({why})", why=why)
    if line.asked:
        ended = _(
            "the server ended the connection after {command} ({why})", command=line.asked, why=why
        )
    return _said(name, "error", ended, _CHECK_SERVER)


def _greeted(reply: Reply) -> Diagnosis:
    if reply.accepts:
        return _said("smtp.greeting", "ok", reply.text)
    if reply.code < 500:  # noqa: PLR2004 - 4yz
        busy = _("the server is not available now: {reply}", reply=reply.text)
        return _said("smtp.unavailable", "error", busy, _LATER)
    refused = _("the server rejects this machine: {reply}", reply=reply.text)
    return _said("smtp.rejected", "error", refused, _ASK)


def _offered(offer: Reply) -> Diagnosis:
    if offer.accepts:
        names = ", ".join(offer.lines[1:])[:_SHOWN] or _("no extensions")
        return _said("smtp.offers", "ok", names)
    refused = _("the server rejects EHLO: {reply}", reply=offer.text)
    return _said("smtp.ehlo", "error", refused, _EHLO)


def _clock(text: str, *, only_wrong: bool = False) -> list[Diagnosis]:
    """Return the finding on this machine's clock, from a text with the server's time."""
    match = _DATE.search(text)
    try:
        theirs = parsedate_to_datetime(match[0]) if match else None
    except (ValueError, TypeError, IndexError, OverflowError):
        theirs = None
    if theirs is None:
        return []
    aware = theirs if theirs.tzinfo else theirs.replace(tzinfo=dt.UTC)
    skew = round((dt.datetime.now(dt.UTC) - aware).total_seconds())
    if abs(skew) < SKEWED:
        exact = _said("clock.ok", "ok", _("at most {count} s off", count=abs(skew) + 1))
        return [] if only_wrong else [exact]
    if skew > 0:
        what = _("this machine's clock is {count} s ahead of the server's", count=skew)
    else:
        what = _("this machine's clock is {count} s behind the server's", count=-skew)
    result: Result = "error" if abs(skew) >= WRONG and not only_wrong else "warning"
    return [_said("clock.skewed", result, what, _SET_CLOCK)]


def _any_certificate() -> ssl.SSLContext:
    """Return a context that looks at certificates, and sends nothing that would need trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _own_name() -> str:
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(name: str, result: Result, evidence: str, remedy: str = "") -> Diagnosis:
    subjects = {
        "tls": "TLS",
        "http": "HTTP",
        "clock": _("clock"),
        "smtp.greeting": _("greeting"),
        "smtp.offers": _("extensions"),
    }
    subject = subjects.get(name) or subjects.get(name.partition(".")[0]) or "SMTP"
    return Diagnosis(id=name, subject=subject, result=result, evidence=evidence, remedy=remedy)


_SILENT: Final = _("the server accepts the connection, and says nothing")
_CHECK_PORT: Final = _("Check host and port in the settings.")
_CHECK_SERVER: Final = _("Check host and port in the settings, and ask who runs the server.")
_SECURE: Final = _(
    "Use TLS from the first byte (connector smtp: set secure to true), or port 587 with STARTTLS."
)
_NO_STARTTLS: Final = _(
    "Use port 465 with TLS from the first byte (connector smtp: set secure to true)."
)
_UNUSABLE: Final = (
    _("the certificates in the settings or the environment cannot be used"),
    _("Check the PEM texts in the settings, SSL_CERT_FILE and SSL_CERT_DIR."),
)
_LATER: Final = _("Try again in a few minutes. If it remains, ask who runs the server.")
_ASK: Final = _("Ask who runs the server to accept connections from this machine's address.")
_EHLO: Final = _("Set a fully qualified name for EHLO (connector smtp: set name).")
_SET_CLOCK: Final = _("Set the clock of this machine, best with NTP (timedatectl set-ntp true).")
