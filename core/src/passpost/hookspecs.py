"""The contract between passpost and its plugins.

A connector is a module that implements the hooks of `ConnectorSpec` as functions, each marked with
``@passpost.hookimpl``, and is found by its entry point in the group ``passpost.connectors``::

    [project.entry-points."passpost.connectors"]
    acme = "passpost_acme"

All hooks of a connector are ``firstresult``: a connector is one plugin in a manager of its own, so
its implementation is the only one. An implementation names only the arguments that it needs.

An extension implements the hooks of `ExtensionSpec`, in a manager that sees no config; its entry
point group is ``passpost.extensions``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import click

    from passpost._connector_info import ConnectorInfo, Finding
    from passpost._messages.addresses import Address
    from passpost._messages.messages import DeliverySummary, Mail, MailSummary, Message, Receipt
    from passpost._templates.template import Template

__all__ = [
    "CONNECTOR_GROUP",
    "EXTENSION_GROUP",
    "SECTION_GROUP",
    "STORES_GROUP",
    "ConnectorSpec",
    "ExtensionSpec",
    "hookimpl",
]

CONNECTOR_GROUP: Final = "passpost.connectors"
"""The entry point group of connectors: name = the connector's ID, value = its module."""

EXTENSION_GROUP: Final = "passpost.extensions"
"""The entry point group of extensions."""

SECTION_GROUP: Final = "passpost.sections"
"""The entry point group of sections that packages read: name = the key, value = its class."""

STORES_GROUP: Final = "passpost.stores"
"""The entry point group of stores: name = that in settings, value = the class of their settings."""

hookspec: Final = pluggy.HookspecMarker("passpost")

hookimpl: Final = pluggy.HookimplMarker("passpost")
"""Marks a function of a connector or an extension as the hook that it is named after."""


class ConnectorSpec:
    """The hooks of a connector."""

    @hookspec(firstresult=True)
    def connector_info(self) -> ConnectorInfo:
        """Describe the connector. Required; pure.

        Called once in a host, when the connector is first used::

            @hookimpl
            def connector_info() -> ConnectorInfo:
                return ConnectorInfo(
                    id="acme",
                    name={"en": "Acme Mail"},
                    description={"en": "Sends through Acme's HTTP API"},
                    config_class=AcmeConfig,
                )

        Returns:
            The description; its ``id`` is the name of the entry point.
        """

    @hookspec(firstresult=True)
    def parse_config(self, settings: Mapping[str, Any]) -> Any:
        """Turn settings into the connector's config. Required; pure: no I/O, no environment.

        Called by `Host.configure` with references such as ``${NAME}`` already replaced, also for
        settings that are not saved yet::

            @hookimpl
            def parse_config(settings: Mapping[str, Any]) -> AcmeConfig:
                return config.parse(AcmeConfig, settings)

        Returns:
            The config: an instance of the class that `connector_info` names.

        Raises:
            ConfigError: With every problem at once.
        """

    @hookspec(firstresult=True)
    def open_session(
        self, config: Any, register_secret: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Any]:
        """Return the session that all sends share: a connection pool, an HTTP client. Optional.

        passpost enters the context once per mailer, before the first send through the connector,
        and leaves it when the mailer closes; both in one task, so that task groups may be used. If
        a task group of the context fails meanwhile, the session ends, and the next send opens
        another::

            @hookimpl
            @asynccontextmanager
            async def open_session(config: AcmeConfig) -> AsyncIterator[AcmeClient]:
                async with AcmeClient(config) as client:
                    yield client

        Args:
            config: The connector's config.
            register_secret: Call it with each word that must not show and that the config does not
                contain: a token that the session fetched. From then on passpost masks the word in
                errors, receipts, findings and logs. The latest 64 words are kept.

        Returns:
            An asynchronous context manager of the session. Without this hook the session is None.

        Raises:
            SendError: The session cannot be opened. Each email that waits for it gets the error,
                with the outcome ``rejected``: nothing was sent.
        """

    @hookspec(firstresult=True)
    def send_mail(self, config: Any, session: Any, mail: Mail) -> Awaitable[Receipt] | Receipt:
        """Send one email through the provider, once; do not retry here. Required.

        An ``async def``, or a plain ``def`` that passpost runs in a thread (a thread cannot be
        stopped: past the deadline its outcome is ``unknown``)::

            @hookimpl
            async def send_mail(session: AcmeClient, mail: Mail) -> Receipt:
                response = await session.post(mail, timeout=mail.seconds_left())
                return Receipt(provider_id=response.id)

        Returns:
            The receipt, once the provider has accepted the email. None is a defect.

        Raises:
            SendError: The email was rejected, or the outcome is unknown. Any other exception counts
                as an unknown outcome and as a defect of the connector. If the connector marks the
                moment that an email leaves (`ConnectorInfo.marks_departure`), an exception before
                that moment counts as ``rejected``, and so does a deadline that passes before it.
        """

    @hookspec(firstresult=True)
    def check_connection(
        self, config: Any, session: Any, recipient: Address | None
    ) -> Awaitable[Sequence[Finding]]:
        """Check the connection without sending an email. Optional.

        Called by ``passpost check --connect``, by ``passpost doctor``, and by consoles before
        settings are saved::

            @hookimpl
            async def check_connection(session: AcmeClient) -> list[Finding]:
                account = await session.get_account()
                return [Finding("sign-in", "ok", f"signed in as {account.name}", id="auth.ok")]

        Args:
            config: The connector's config.
            session: The connector's session.
            recipient: Whether emails to this address would be accepted, if the provider can be
                asked without sending one; None for no recipient.

        Returns:
            The findings, in the order of the checks.
        """


class ExtensionSpec:
    """The hooks of an extension: it sees emails from outside, and never a config."""

    @hookspec
    def around_delivery(self, summary: DeliverySummary) -> AbstractAsyncContextManager[None]:
        """Surround each send, over all its attempts, with a context: traces, metrics, quotas.

        passpost enters the contexts of all extensions, the last registered first, once per call of
        `send`. It does so before anything else that may reject the message: limits, the store of
        idempotency keys, the template. It leaves them in reverse with the exception that `send`
        raises, or with ``summary.receipt`` set. They can change neither::

            @hookimpl
            @asynccontextmanager
            async def around_delivery(summary: DeliverySummary) -> AsyncIterator[None]:
                with tracer.start_as_current_span("send"):
                    yield
                    histogram.record(len(summary.receipt.attempts), {"usage": summary.usage})

        The time in a context counts towards the deadline. What a context raises at its end is
        logged.

        Raises:
            SendError: To reject the send: nothing is sent, whatever ``outcome`` says, and no
                connector is at fault. Any other exception is a defect of the extension, and
                rejects the send as well.
        """

    @hookspec
    def around_send(self, summary: MailSummary) -> AbstractAsyncContextManager[None]:
        """Surround each attempt with a context: traces, metrics, rate limits.

        passpost enters the contexts of all extensions, the last registered first, before it calls
        the connector. It leaves them in reverse after the attempt; they see its exception.
        ``summary.context`` is what the application says of the message, such as its tenant::

            @hookimpl
            @asynccontextmanager
            async def around_send(summary: MailSummary) -> AsyncIterator[None]:
                with tracer.start_as_current_span("passpost.send"):
                    yield

        Raises:
            SendError: To reject the attempt; the connector is not called.
        """

    @hookspec(firstresult=True)
    def find_template(
        self, usage: str, locale: str | None, message: Message
    ) -> Awaitable[Template | None] | Template | None:
        """Return a template from elsewhere, in preference to those of the settings.

        Called for each preferred locale in order, and last with None. Stops at the first result
        that is not None. ``message.context`` is what the application says of the message, such as
        its tenant. A plain ``def`` runs on the event loop, so let it read memory only. An
        ``async def`` may ask a database, and its time counts towards the deadline::

            @hookimpl
            async def find_template(
                usage: str, locale: str | None, message: Message
            ) -> Template | None:
                return await store.template(message.context["tenant"], usage, locale)

        Returns:
            The template; None leaves it to the next extension and the settings. Of an object of a
            subclass, only the fields of `Template` count.

        Raises:
            SendError: To reject the message: nothing is sent, whatever ``outcome`` says. Any other
                exception is a defect of the extension: `send` raises a `PluginError`, and no
                template of the settings takes its place.
        """

    @hookspec
    def register_commands(self, cli: click.Group) -> None:
        """Add commands to ``passpost`` on the command line.

        Called once, when the command line starts::

            @hookimpl
            def register_commands(cli: click.Group) -> None:
                cli.add_command(stats)
        """
