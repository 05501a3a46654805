"""The extensions around whole sends: each is entered once per send, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from passpost._delivery.extension_contexts import ExtensionContexts
from passpost._messages.addresses import shortened
from passpost._messages.messages import DeliverySummary
from passpost._plugins.interruptions import note_unsent
from passpost._plugins.reports import Reports
from passpost._policy.routes import EVERY_USAGE

if TYPE_CHECKING:
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._delivery.deadlines import Deadlines
    from passpost._messages.messages import Message, Receipt
    from passpost._plugins.extensions import Extension


class Watched:
    """Makes sends within the contexts of the extensions that surround them.

    Args:
        connectors: The mailer's connectors by name.
        routes: The names of the connectors for a usage.
        deadlines: Keeps the deadlines of the sends.

    Attributes:
        extensions: Those that surround sends, in the order in which they are entered.
    """

    def __init__(
        self,
        connectors: Mapping[str, ActiveConnector],
        routes: Mapping[str, tuple[str, ...]],
        deadlines: Deadlines,
    ) -> None:
        self.extensions: Final = _extensions(connectors)
        self._deadlines = deadlines
        self._routes = {
            usage: MappingProxyType({name: connectors[name].connector.id for name in names})
            for usage, names in ({EVERY_USAGE: tuple(connectors)} | dict(routes)).items()
        }
        # No extension is given a secret, so none has one to tell.
        self._reports = Reports("", "", ())

    async def send(
        self,
        message: Message,
        over: float,
        make: Callable[[], Awaitable[Receipt]],
        failed: Callable[[BaseException], object],
    ) -> Receipt:
        """Send within the contexts.

        Args:
            message: What to send.
            over: The deadline, in the loop's time.
            make: Makes the send.
            failed: Called with the error if it ends before that, while those entered still watch.

        Raises:
            SendError: An extension rejects the send.
            BaseException: Whatever the send came to.
        """
        contexts = ExtensionContexts(self._deadlines, over, "a send")
        summary = self._summarize(message)
        try:
            await self._enter(contexts, summary, message, failed)
            receipt = await make()
        except BaseException as error:
            await contexts.leave(error)
            raise
        summary.receipt = receipt
        await contexts.leave(None)
        return receipt

    def _summarize(self, message: Message) -> DeliverySummary:
        return DeliverySummary(
            usage=message.usage,
            locale=message.locale,
            recipient=shortened(message.to.address),
            recipient_domain=message.to.domain,
            connectors=self._routes.get(message.usage, self._routes[EVERY_USAGE]),
            context=message.context,
        )

    async def _enter(
        self,
        contexts: ExtensionContexts,
        summary: DeliverySummary,
        message: Message,
        failed: Callable[[BaseException], object],
    ) -> None:
        try:
            rejection = await contexts.enter(self.extensions, "around_delivery", summary)
        except BaseException as interruption:
            note_unsent(interruption)
            failed(interruption)
            raise
        if rejection is not None:
            # Cleared: the extension may quote the message.
            failure = self._reports.failure(rejection, message, sent=False)
            failure.connector = None
            failed(failure)
            raise failure


def _extensions(connectors: Mapping[str, ActiveConnector]) -> tuple[Extension, ...]:
    """Return the extensions of all connectors; nearly always, all have the same."""
    found: dict[int, Extension] = {}
    for active in connectors.values():
        for extension in active.connector.extensions.of_deliveries:
            found.setdefault(id(extension.plugin), extension)
    return tuple(sorted(found.values(), key=lambda one: one.rank("around_delivery")))
