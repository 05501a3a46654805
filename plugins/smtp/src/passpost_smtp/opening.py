"""Opening a connection: from the hostname to a server that takes emails from us."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from passpost.wire import UnreachableAddressError, dial
from passpost_smtp import _, auth
from passpost_smtp.connection import Connection
from passpost_smtp.ehlo import NOTHING, Offer, read_offer
from passpost_smtp.errors import SmtpError, broken, refused, unable
from passpost_smtp.fault import Fault, Phase
from passpost_smtp.trace import event, tracer

if TYPE_CHECKING:
    from passpost import Secret
    from passpost_smtp.context import SessionContext
    from passpost_smtp.reply import Reply

_READY: Final = 220
_DONE: Final = 250
_SIGNED_IN: Final = 235
_MORE: Final = 334
_UNKNOWN_COMMAND: Final = (500, 502)

_T = TypeVar("_T")


class Opening:
    """One connection on its way; its steps are to be done in the order they are written here.

    Args:
        context: Where to, and how.
        deadline: When to give up at the latest, in the loop's time.

    Attributes:
        phase: What it is doing now.
        offer: What the server offers, as of the last EHLO.
        greeting: The server's words on connecting.
        mechanism: How it signed in; empty where it did not.
    """

    def __init__(self, context: SessionContext, deadline: float) -> None:
        self.phase: Phase = "resolve"
        self.offer: Offer = NOTHING
        self.greeting = ""
        self.mechanism = ""
        self._context = context
        self._config = context.config
        self._limits = context.limits
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._made: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection; not there before `connect` has succeeded."""
        if self._made is None:
            raise RuntimeError("there is no connection yet")
        return self._made

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._made is not None

    @property
    def address(self) -> str:
        """The server's IP address."""
        return self.connection.peer_ip

    async def run(self) -> None:
        """Do all steps.

        Raises:
            SmtpError: There is no connection; it is closed then.
        """
        try:
            await self.connect()
            await self.secure()
            await self.sign_in()
            self._report()
        except BaseException:
            # Also when cancelled: a connection half opened is of no use to anyone.
            await self.abandon()
            raise

    def _report(self) -> None:
        tls = self.connection.tls
        how = tls.describe() if tls is not None else "in clear"
        who = f", signed in with {self.mechanism}" if self.mechanism else ""
        event(self._config, f"connected to {self.address}, {how}{who}")

    async def abandon(self) -> None:
        """Close what there is, at once."""
        if self._made is not None:
            self._made.abort()
            await self._made.wait_closed()

    async def connect(self) -> None:
        """Get a socket, and with implicit TLS secure it.

        Raises:
            SmtpError: There is no connection.
        """
        sock = await self._socket()
        greets = self._config.security != "implicit"
        try:
            _, self._made = await self._loop.create_connection(
                lambda: Connection(self._loop, sock, greets=greets), sock=sock
            )
            self._made.trace = tracer(self._config)
        finally:
            # Until there is a transport, nobody else closes it.
            if self._made is None:
                sock.close()
        if not greets:
            await self._start_tls()

    async def secure(self) -> None:
        """Hear the greeting, say EHLO, and have STARTTLS done where it is required.

        Raises:
            SmtpError: The server is not willing, or the connection would not be safe.
        """
        self.phase = "greeting"
        replies = await self.connection.greeting(self._limits.greeting, self._deadline)
        self.greeting = self._only(replies, _READY).text
        await self._ehlo()
        security = self._config.security
        if security == "starttls" or (security == "opportunistic" and self.offer.starttls):
            await self._upgrade()

    async def sign_in(self) -> None:
        """Sign in where there are credentials.

        Raises:
            SmtpError: The server rejects them, or they would not be safe.
        """
        if not self._config.signs_in:
            return
        self.phase = "auth"
        mechanism = self._mechanism()
        user, secret = await self._credentials()
        self.phase = "auth"
        try:
            await self._converse(auth.MECHANISMS[mechanism](user, secret.reveal()))
        except SmtpError as error:
            if self._context.tokens is not None and error.scope == "account":
                # It may have been withdrawn before its time.
                self._context.tokens.reject()
            raise
        self.mechanism = mechanism

    async def _socket(self) -> socket.socket:
        config, local = self._config, self._config.local_address
        self.phase = "resolve"
        looking = dial.resolve(config.host.ascii, config.port_number, local)
        addresses = await self._within(self._limits.dns, looking)
        self.phase = "connect"
        return await self._within(self._limits.connect, dial.connect(addresses, local))

    async def _within(self, seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
        """Do work that may fail with an OSError, in time."""
        try:
            async with asyncio.timeout_at(min(self._loop.time() + seconds, self._deadline)):
                return await work
        except TimeoutError as error:
            # The operating system has a timeout of its own, which looks the same.
            fault = Fault("timeout", error.strerror or "")
        except OSError as error:
            fault = _os_fault(error)
        raise broken(self.phase, fault, self._config)

    async def _start_tls(self) -> None:
        self.phase = "tls"
        if self._context.tls_context is None:
            raise RuntimeError("a session whose config requires TLS has a context")
        await self.connection.start_tls(
            self._context.tls_context,
            self._config.server_name,
            self._limits.connect,
            self._deadline,
        )
        fault = self.connection.fault
        if fault is not None:
            if fault.kind == "order" and self._config.security != "implicit":
                # The handshake has not begun: it is the reply to STARTTLS that had company.
                self.phase = "starttls"
            raise broken(self.phase, fault, self._config)

    async def _upgrade(self) -> None:
        self.phase = "starttls"
        if not self.offer.starttls:
            self._stop(
                _("the server does not offer STARTTLS, and nothing is sent unencrypted"),
                _(
                    "Set secure to true and port to 465. If the network to the server is private, "
                    "set ignoreTLS to true instead."
                ),
            )
        self._only(await self._ask(b"STARTTLS\r\n"), _READY)
        await self._start_tls()
        # What was said unencrypted may have been changed on its way: it counts for nothing now.
        self.offer = NOTHING
        await self._ehlo()

    async def _ehlo(self) -> None:
        self.phase = "ehlo"
        name = self._config.ehlo_name(self.connection.local_ip)
        replies = await self._ask(f"EHLO {name}\r\n".encode())
        # HELO is for servers of before 1995; a rejection of the name would be repeated.
        if replies and replies[0].code in _UNKNOWN_COMMAND and not self._needs_esmtp:
            self._only(await self._ask(f"HELO {name}\r\n".encode()))
        else:
            self.offer = read_offer(self._only(replies))

    @property
    def _needs_esmtp(self) -> bool:
        """Whether something is required that HELO cannot bring."""
        in_clear = self.connection.tls is None
        return (in_clear and self._config.security == "starttls") or self._config.signs_in

    def _mechanism(self) -> str:
        offered = self.offer.auth
        encrypted = self.connection.tls is not None
        mechanism = auth.choose(
            offered,
            oauth2=self._config.uses_oauth2,
            encrypted=encrypted,
            clear_allowed=self._config.security == "none",
        )
        if mechanism is None:
            what, hint = auth.why_none(offered, encrypted=encrypted)
            self._stop(what, hint)
        return mechanism

    async def _credentials(self) -> tuple[str, Secret]:
        login, tokens = self._config.login, self._context.tokens
        if login is not None:
            return login.user, login.password
        if tokens is None:
            raise RuntimeError("a session whose config requires tokens has a source of them")
        self.phase = "token"
        return tokens.user, await tokens.token(self._deadline - self._loop.time())

    async def _converse(self, exchange: auth.Exchange) -> None:
        asked = self._ask(next(exchange))
        while (reply := self._only(await asked, _SIGNED_IN, _MORE)).code == _MORE:
            try:
                asked = self._ask(exchange.send(auth.challenge_of(reply)))
            except StopIteration:
                # It asks for more than the mechanism has: cancelled (RFC 4954 section 4).
                self._only(await self._ask(b"*\r\n"), _SIGNED_IN)
                return

    # No coroutine, whose frame would show the line; see `Connection.exchange`.
    def _ask(self, line: bytes) -> Awaitable[list[Reply]]:
        return self.connection.exchange(line, 1, self._limits.command, self._deadline)

    def _only(self, replies: list[Reply], *wanted: int) -> Reply:
        """Return the one reply to a command if it is an expected one."""
        fault = self.connection.fault
        if not replies:
            raise broken(self.phase, fault or Fault("aborted"), self._config)
        reply = replies[0]
        if reply.positive and reply.code not in (wanted or (_DONE,)):
            fault = Fault("order", _("a reply {code} that makes no sense here", code=reply.code))
            raise broken(self.phase, fault, self._config)
        if not reply.positive:
            raise refused(self.phase, reply, self._config)
        # A good reply with more behind it that nobody had asked for: an attacker's, perhaps.
        if fault is not None:
            raise broken(self.phase, fault, self._config)
        return reply

    def _stop(self, what: str, hint: str) -> NoReturn:
        raise unable(self.phase, what, self._config, hint=hint)


def _os_fault(error: OSError) -> Fault:
    if isinstance(error, socket.gaierror):
        return Fault("unreachable", error.strerror or "")
    if isinstance(error, UnreachableAddressError):
        return Fault("unreachable", error.strerror or "", error.errno or 0)
    # The event loop puts words of its own, with the address, in place of the system's.
    reason = os.strerror(error.errno) if error.errno else ""
    return Fault("unreachable", reason, error.errno or 0)
