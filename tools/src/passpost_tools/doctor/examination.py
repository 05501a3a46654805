"""Examines an application step by step, from its settings to its senders' domains.

Who reports what: the way to a server (``dns``, ``connect``, ``tls``, ``smtp``, ``http``, ``clock``)
is looked at here, once and for every connector that names its servers. What needs credentials is
the connector's own: the findings of its hook ``check_connection``. So that no fault is reported
twice, the connector is not asked where the way is blocked, and what it says of the way counts only
if it is an error.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost import Application, AsyncMailer, Connector, Finding, SendError, Server, Template
from passpost._messages.addresses import Address, split_name
from passpost._network.reachable import reaching
from passpost._plugins.defects import describe_defect
from passpost.wire import Redactor
from passpost_tools.doctor.diagnosis import Diagnosis, Result, _
from passpost_tools.doctor.names import Names
from passpost_tools.doctor.protocols import Talk
from passpost_tools.doctor.sender import check_sender
from passpost_tools.doctor.way import Way

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence

SECONDS: Final = 60.0
"""How long the whole examination may take."""

AREAS: Final = frozenset(("dns", "connect", "tls", "smtp", "http", "clock"))
"""What is looked at here, so that a connector's findings on it are not repeated."""

_FOREIGN: Final = ("subject", "evidence", "remedy")
"""The parts of a diagnosis in which the words of others may be."""

_STORES: Final = _("stores")
_CHECK_STORES: Final = _("Check the settings of the stores, and that their server runs.")

# Nothing is sent with it: a mailer demands a template, and the examination does not.
_ANY: Final = Template(usage_type="Generic", subject="-", content="-")


@attrs.frozen(kw_only=True)
class Wishes:
    """What an examination looks at.

    Attributes:
        recipient: An address: would emails to it be accepted?
        addresses: The IP addresses that emails leave from, where they are known.
        connection: Whether to look at servers and accounts.
        senders: Whether to look at the domains of senders.
        seconds: How long all of it may take.
    """

    recipient: str | None = None
    addresses: Sequence[str] = ()
    connection: bool = True
    senders: bool = True
    seconds: float = SECONDS


async def diagnose(
    target: Application | Connector, wishes: Wishes | None = None, *, names: Names | None = None
) -> AsyncGenerator[Diagnosis, None]:
    """Examine an application or a connector; nothing is sent.

    Findings come as they are made. Close the generator to stop early::

        async with contextlib.aclosing(diagnose(passpost.load("passpost.jsonc"))) as findings:
            async for finding in findings:
                print(finding.result, finding.subject, finding.evidence)

    Args:
        target: What to examine.
        wishes: What to look at; everything by default.
        names: The DNS; that of this machine by default.
    """
    wishes, names = wishes or Wishes(), names or Names()
    application = _application(target)
    # All at once, so that a connector that is slow takes no time of those after it.
    running = [
        _Running(_Examination(application, connector, wishes, names).run(), connector.name)
        for connector in application.connectors
    ]
    if application.has_stores and wishes.connection:
        running.append(_Running(_stores(application, wishes.seconds), _STORES))
    try:
        for one in running:
            async for found in one.findings():
                yield found
    finally:
        for one in running:
            await one.end()


def _application(target: Application | Connector) -> Application:
    if isinstance(target, Application):
        return target
    return Application(connectors=(target,), policy=passpost.Policy())


async def _stores(application: Application, seconds: float) -> AsyncGenerator[Diagnosis, None]:
    """Ask the stores whether they can be reached, and what they forget."""
    try:
        async with asyncio.timeout(seconds):
            found = await application.check_stores()
    except TimeoutError:
        late = _("the time for the examination was over; give it more")
        yield _found("time.over", "skipped", _("store"), late)
        return
    # Of somebody else's stores: its text may show what they hold.
    except Exception as error:  # noqa: BLE001 - see above
        yield _found("store.failed", "error", _("store"), describe_defect(error), _CHECK_STORES)
        return
    for one in found:
        yield _found(one.id, one.result, one.subject, one.evidence, one.remedy)


class _Running:
    """An examination under way, whose findings wait for their turn."""

    def __init__(self, examination: AsyncGenerator[Diagnosis, None], name: str) -> None:
        self._found: asyncio.Queue[Diagnosis | None] = asyncio.Queue()
        self._name = name
        self._task = asyncio.create_task(self._fill(examination))

    async def findings(self) -> AsyncIterator[Diagnosis]:
        while (one := await self._found.get()) is not None:
            yield attrs.evolve(one, connector=self._name)
        # It raises what the examination did not expect.
        await self._task

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _fill(self, examination: AsyncGenerator[Diagnosis, None]) -> None:
        try:
            async with aclosing(examination):
                async for one in examination:
                    self._found.put_nowait(one)
        finally:
            self._found.put_nowait(None)


class _Examination:
    """The examination of one connector."""

    def __init__(
        self,
        application: Application,
        connector: Connector,
        wishes: Wishes,
        names: Names,
    ) -> None:
        self._application = application
        self._connector = connector
        self._wishes = wishes
        self._names = names
        self._over = time.monotonic() + wishes.seconds
        # A server may repeat what it was told at another time, and try to steer terminals.
        self._clean = Redactor(connector.secrets).clean
        self._blocked = False
        self._servers: tuple[Server, ...] = ()

    async def run(self) -> AsyncGenerator[Diagnosis, None]:
        """Yield what is found, in the order of an email's way, cleared of secrets."""
        async with aclosing(self._all()) as found:
            async for one in found:
                clean: dict[str, Any] = {name: self._clean(getattr(one, name)) for name in _FOREIGN}
                # A record that had to be changed would be a wrong one.
                record = one.record if self._clean(one.record) == one.record else ""
                yield attrs.evolve(one, record=record, **clean)

    async def _all(self) -> AsyncGenerator[Diagnosis, None]:
        for one in self._settings():
            yield one
        parts = []
        if self._wishes.connection:
            parts += [*(self._way(server) for server in self._servers), self._account()]
        if self._wishes.senders:
            parts.append(self._senders())
        for part in parts:
            async with aclosing(part) as found:
                async for one in found:
                    yield one

    def _settings(self) -> Iterator[Diagnosis]:
        left = self._connector.placeholders
        for problem in left:
            what = f"{problem.path}: {problem.message}"
            yield _found("settings.placeholder", "error", _("settings"), what, problem.remedy)
        self._blocked = bool(left)
        if not left:
            valid = _("valid, and all references resolve")
            yield _found("settings.ok", "ok", _("settings"), valid)
        try:
            # A property of somebody else's class may raise anything.
            self._servers = self._connector.hooks.examine(self._named_servers)
        except passpost.PluginError as error:
            yield _found("check.defect", "error", _("connector"), str(error), _REPORT)

    def _named_servers(self) -> tuple[Server, ...]:
        servers: Any = getattr(self._connector.config, "servers", ())
        return tuple(one for one in servers if isinstance(one, Server))

    async def _way(self, server: Server) -> AsyncGenerator[Diagnosis, None]:
        """Look at the way to a server, as far as it goes."""
        if self._connector.placeholders:
            return
        way = Way(server, self._names)
        for step in (way.resolve, way.connect):
            async with aclosing(self._timed(_each(step), _("connection"))) as found:
                async for one in found:
                    yield one
            if self._blocked:
                return
        if server.proxy:
            through = _("through the proxy {proxy}", proxy=server.proxy)
            yield _found("proxy.used", "ok", _("proxy"), through)
        elif way.open is not None:
            talk = Talk(server, way.open)
            async with aclosing(self._timed(talk.run(), server.protocol.upper())) as found:
                async for one in found:
                    yield one

    async def _account(self) -> AsyncGenerator[Diagnosis, None]:
        """Ask the connector, which alone can sign in."""
        subject = _("account")
        if self._connector.placeholders:
            yield _found("check.skipped", "skipped", subject, _("placeholders are left"))
        elif self._blocked:
            yield _found("check.skipped", "skipped", subject, _("the server cannot be used"))
        elif not self._connector.hooks.checks_connection:
            yield _found("check.none", "skipped", subject, _("the connector cannot check it"))
        else:
            async with aclosing(self._timed(_each(self._ask), subject)) as found:
                async for one in found:
                    yield one

    async def _ask(self) -> list[Diagnosis]:
        options = self._application.options()
        if self._connector.lacks_templates() is not None:
            options["templates"] = (*self._application.templates, _ANY)
        # The time is kept here; the policy may name connectors that this mailer does not have.
        options["policy"] = passpost.Policy(timeout=max(self._seconds_left() + 5, 1))
        options["stores"] = None
        try:
            async with AsyncMailer(self._connector, **options) as mailer:
                answers = await mailer.check(self._wishes.recipient)
        except SendError as error:
            what, remedy = str(error), error.hint or _LATER
            return [_found("check.failed", "error", _("account"), what, remedy)]
        except passpost.PluginError as error:
            return [_found("check.defect", "error", _("connector"), str(error), _REPORT)]
        return list(self._own([one for found in answers.values() for one in found]))

    def _own(self, findings: Iterable[Finding]) -> Iterator[Diagnosis]:
        """Return what the connector found that was not looked at here."""
        for one in findings:
            area = one.id.partition(".")[0]
            if self._servers and area in AREAS and one.result != "error":
                continue
            yield _found(
                one.id or f"check.{one.result}", one.result, one.subject, one.evidence, one.remedy
            )

    async def _senders(self) -> AsyncGenerator[Diagnosis, None]:
        """Look at the domain of each sender."""
        host = self._servers[0].host if self._servers else ""
        for domain in self._domains():
            found = check_sender(domain, host, self._names, addresses=self._wishes.addresses)
            # Their result is about the domain, and blocks nothing.
            async with aclosing(self._timed(found, _("sender"), blocks=False)) as timed:
                async for one in timed:
                    yield one

    def _domains(self) -> list[str]:
        config, application = self._connector.config, self._application
        domains: dict[str, None] = {}
        sender: Any = getattr(config, "sender", None)
        if isinstance(sender, Address):
            domains[sender.ascii_domain] = None
        for template in (*application.templates, *getattr(config, "templates", ())):
            if template.send_from is None:
                continue
            address = split_name(template.send_from.source)[1]
            if "{{" not in address:
                domains[Address.plain(address).ascii_domain] = None
        # An address at an IP address has no domain to look at.
        return [domain for domain in domains if not domain.startswith("[")]

    async def _timed(
        self, steps: AsyncGenerator[Diagnosis, None], subject: str, *, blocks: bool = True
    ) -> AsyncGenerator[Diagnosis, None]:
        """Yield what steps bring, until the time is over; note whether they block the way."""
        async with aclosing(steps):
            async for one in self._until_over(steps, subject, blocks=blocks):
                yield one

    async def _until_over(
        self, steps: AsyncGenerator[Diagnosis, None], subject: str, *, blocks: bool
    ) -> AsyncGenerator[Diagnosis, None]:
        while True:
            started = time.monotonic()
            try:
                # Around each step alone: what the caller does in between is its own time.
                async with asyncio.timeout(max(self._seconds_left(), 0.0)):
                    with reaching(internal=self._connector.internal_addresses):
                        one = await anext(steps, None)
            except TimeoutError:
                late = _("the time for the examination was over; give it more")
                one = _found("time.over", "skipped", subject, late)
                self._blocked = self._blocked or blocks
                yield one
                return
            if one is None:
                return
            self._blocked = self._blocked or (blocks and one.result == "error")
            spent = time.monotonic() - started
            yield one if one.seconds else attrs.evolve(one, seconds=spent)

    def _seconds_left(self) -> float:
        return self._over - time.monotonic()


async def _each(step: Any) -> AsyncGenerator[Diagnosis, None]:
    for one in await step():
        yield one


def _found(name: str, result: Result, subject: str, evidence: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(id=name, subject=subject, result=result, evidence=evidence, remedy=remedy)


_REPORT: Final = _("Report this defect to the authors of the connector.")
_LATER: Final = _("Check again in a moment. If the error remains, ask the provider.")
