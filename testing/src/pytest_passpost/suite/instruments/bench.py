"""What a check works with: the connector, the stand-in, and a proxy between them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import inspect
import os
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
import pytest

from passpost import (
    Address,
    Breaker,
    Capability,
    ConfigError,
    Host,
    Mail,
    Policy,
    Receipt,
    SendError,
)
from passpost._messages.payload import frozen_payload
from passpost._plugins.connector_hooks import ConnectorHooks
from passpost._plugins.discovery import Catalog
from passpost._plugins.reports import send_error_in
from passpost.config import secrets_in
from pytest_passpost.suite.instruments.fault_proxy import FaultProxy
from pytest_passpost.suite.instruments.pointing import leaves, pointed_at, port_in
from pytest_passpost.suite.instruments.telling import told, violations_of, wrong_facts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from passpost import ConnectorInfo
    from pytest_passpost.suite.instruments.fault_proxy import Moment

CODE: Final = "code/4711+canary"
"""The code in every email: it looks different in base64, in a URL and unencrypted."""

NAME: Final = 'Ada "Canary" Lovelace'
"""Another value of every payload, which no email needs to repeat."""

ONE_ATTEMPT: Final = Policy(attempts=1, breaker=Breaker(failures=0), account_cooldown=0)
"""What a check sees of a mailer is what the connector does with one attempt."""

LONG: Final = 30.0
"""Seconds that an email has which is not about deadlines."""

SHORT: Final = 0.3
"""Seconds that an email has whose connector must give up."""

Result = Receipt | SendError
"""What came of an attempt."""


def load(connector: Any) -> Any:
    """Return the module or object with a connector's hooks.

    Args:
        connector: That itself, or the id under which it is installed.

    Raises:
        UnknownConnectorError: No installed package provides the id.
        PluginError: Several do.
    """
    return Catalog().find(connector).load() if isinstance(connector, str) else connector


class Bench:
    """The connector and its provider, ready to be put through one check.

    Args:
        plugin: The module, or the object, with the connector's hooks.
        provider: The stand-in, started.
        settings: Settings that reach the stand-in.
        patience: Seconds after which a connector hangs that should have given up.
        pointed: Copies settings so that they lead to another port.
    """

    def __init__(
        self,
        plugin: Any,
        provider: Any,
        settings: Mapping[str, Any],
        patience: float,
        pointed: Callable[..., dict[str, Any]] = pointed_at,
    ) -> None:
        self.plugin = plugin
        name = str(getattr(plugin, "__name__", type(plugin).__name__))
        self.hooks = ConnectorHooks(plugin.connector_info().id, plugin, name)
        self.provider = provider
        self.patience = patience
        self.results: list[Result] = []
        """What came of the emails so far."""
        self.direct = settings
        """Settings that reach the stand-in without the proxy."""
        self.pointed = pointed
        self.port = port_in(settings)
        self.learned: list[str] = []
        self.proxy = FaultProxy(self.port, self.taken)

    @property
    def info(self) -> ConnectorInfo:
        """What the connector says of itself."""
        return self.hooks.info

    def describe(self) -> ConnectorInfo:
        """Ask the connector again what it says of itself."""
        return self.hooks.describe()

    @property
    def received(self) -> list[Any]:
        """The emails that the stand-in has accepted."""
        return list(self.provider.received)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that reach the stand-in through the proxy."""
        return self.pointed(self.direct, self.proxy.port)

    @property
    def wrong_settings(self) -> dict[str, Any] | None:
        """The same with wrong credentials; None where the provider has none."""
        wrong = getattr(self.provider, "wrong_settings", None)
        if wrong is None:
            return None
        pointed = self.pointed(wrong, self.proxy.port)
        if problems := self.problems(pointed):
            pytest.fail(f"the stand-in's wrong_settings do not parse: {problems}")
        return pointed

    def taken(self) -> int:
        """How many emails the stand-in has accepted."""
        return len(self.provider.received)

    def can(self, capability: Capability) -> bool:
        """Whether the connector claims a capability."""
        return capability in self.info.capabilities

    def credentials(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Return the credentials in the settings: where right and wrong settings differ."""
        wrong = getattr(self.provider, "wrong_settings", None) or self.direct
        others = dict(leaves(wrong))
        return [
            (path, value)
            for path, value in leaves(self.direct)
            if isinstance(value, str) and others.get(path) != value
        ]

    def secrets(self, config: Any) -> list[tuple[str, str]]:
        """Return all that must appear nowhere: the secrets of a config, and the payload of emails.

        Each text comes with a name for it.
        """
        named = [(f"the secret {number}", text) for number, text in enumerate(secrets_in(config))]
        named += [(f"the secret {path[-1]}", text) for path, text in self.credentials()]
        return [*named, ("the code", CODE), ("the payload", NAME)]

    def host(self) -> Host:
        """Return a host that has this connector, as an application would."""
        host = Host(environ={}, read_files=False)
        host.register(self.plugin)
        return host

    def config(self, settings: Mapping[str, Any] | None = None) -> Any:
        """Parse settings; by default those that go through the proxy."""
        return self.hooks.parse_config(self.settings if settings is None else settings)

    def problems(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return the errors of settings, by their path; empty where they parse."""
        try:
            self.hooks.parse_config(settings)
        except ConfigError as error:
            return {one.path: one.message for one in error.problems if one.severity == "error"}
        return {}

    def mail(self, *, seconds: float = LONG, **parts: Any) -> Mail:
        """Make an email as passpost would, with other parts where they are given."""
        now = dt.datetime.now(dt.UTC)
        usual: dict[str, Any] = {
            "message_id": f"<{os.urandom(8).hex()}@example.com>",
            "to": Address("ada@example.com"),
            "usage": "SignIn",
            "date": now,
            "locale": "en",
            "payload": frozen_payload({"code": CODE, "name": NAME}),
            "deadline": now + dt.timedelta(seconds=seconds),
        }
        return Mail(**{**usual, **self._content(), **parts})

    def _content(self) -> dict[str, Any]:
        if self.can(Capability.PROVIDER_TEMPLATES):
            return {}
        content = {"subject": "Your code"}
        if self.can(Capability.TEXT):
            return {**content, "text": f"Your code is {CODE}.\n"}
        return {**content, "html": f"<p>Your code is {CODE}.</p>\n"}

    def session(self, config: Any) -> AbstractAsyncContextManager[Any]:
        """Return the context of a session, as passpost would."""
        return self.hooks.open_session(config, self.learned.append)

    async def attempt(self, config: Any, session: Any, mail: Mail) -> Receipt:
        """Call `send_mail` as passpost would, and return up where it hangs.

        Raises:
            SendError: The email was not accepted.
            pytest.fail.Exception: Something came that the contract does not allow.
        """
        left = mail.seconds_left() or 0.0
        limit = self.patience if left >= LONG - 1 else left + self.patience
        scope = asyncio.timeout(limit)
        try:
            async with scope:
                receipt = await self._called(config, session, mail)
        except TimeoutError:
            if not scope.expired():
                raise
            pytest.fail(
                f"send_mail neither returned nor raised within {limit:.1f} s: "
                "end each wait by mail.seconds_left() at the latest, and raise a SendError"
            )
        if not isinstance(receipt, Receipt):
            pytest.fail(f"send_mail returned {type(receipt).__name__} instead of a Receipt")
        if wrong := wrong_facts(receipt):
            pytest.fail(f"the Receipt has {wrong}")
        return receipt

    async def result(self, config: Any, session: Any, mail: Mail | None = None) -> Result:
        """Make an attempt, and return the error in place of raising it.

        Raises:
            pytest.fail.Exception: Something came that the contract does not allow.
        """
        try:
            result: Result = await self.attempt(config, session, mail or self.mail())
        except Exception as error:
            found = send_error_in(error)
            if found is None:
                raise AssertionError(
                    f"send_mail raised {type(error).__name__} instead of a SendError: {error}"
                ) from error
            if wrong := wrong_facts(found):
                pytest.fail(f"the SendError has {wrong}")
            result = found
        self.results.append(result)
        return result

    def told(self) -> str:
        """Return what came of the emails of this check, for the report of a failure."""
        noted = [f"the stand-in noted: {one}" for one in violations_of(self.provider)]
        return "\n".join([*map(told, self.results), *noted])

    def refused(self, result: Result) -> str:
        """Describe what came of an email that should have been accepted."""
        if result not in self.results:
            self.results.append(result)
        return f"not accepted: {self.told()}"

    def send(self, mail: Mail | None = None, settings: Mapping[str, Any] | None = None) -> Result:
        """Send one email over a session of its own, and return what came of it."""
        config = self.config(settings)

        async def send() -> Result:
            try:
                async with self.opened(config) as session:
                    return await self.result(config, session, mail)
            except SendError as error:
                # The session did not open: passpost says of each email that it was not sent.
                error.outcome = "rejected"
                self.results.append(error)
                return error

        result: Result = self.run(send)
        return result

    def send_broken(
        self, moment: Moment, action: Any, *, seconds: float = LONG, **parts: Any
    ) -> Result:
        """Send one email over a session of its own whose connections break."""
        self.proxy.break_at(moment, action)
        result = self.send(self.mail(seconds=seconds, **parts))
        self.proxy.heal()
        return result

    @contextlib.asynccontextmanager
    async def opened(self, config: Any) -> AsyncIterator[Any]:
        """Open a session and close it, giving up where either hangs."""
        context = self.session(config)
        session = await self.in_time(context.__aenter__(), "opening the session")
        try:
            yield session
        finally:
            await self.in_time(context.__aexit__(None, None, None), "closing the session")

    async def in_time(self, awaitable: Awaitable[Any], what: str) -> Any:
        """Await something that must not hang.

        Raises:
            pytest.fail.Exception: It hangs.
        """
        scope = asyncio.timeout(self.patience)
        try:
            async with scope:
                return await awaitable
        except TimeoutError:
            if not scope.expired():
                raise
            pytest.fail(f"{what} took longer than {self.patience} s")

    def run(self, function: Callable[[], Awaitable[Any]]) -> Any:
        """Run a coroutine function to its end on an event loop of its own."""

        async def main() -> Any:
            return await function()

        return asyncio.run(main())

    async def _called(self, config: Any, session: Any, mail: Mail) -> Any:
        if self.hooks.sends_async:
            result: Any = self.hooks.send_mail(config, session, mail)
        else:
            result = await anyio.to_thread.run_sync(
                self.hooks.send_mail, config, session, mail, abandon_on_cancel=True
            )
        return await result if inspect.isawaitable(result) else result
