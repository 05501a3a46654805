"""What extensions put around an attempt: they may watch and refuse it, and cannot undo it."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from passpost._plugins.defects import describe_defect
from passpost._plugins.interruptions import Interruptions
from passpost._plugins.reports import send_error_in
from passpost.errors import PluginError, SendError

if TYPE_CHECKING:
    from passpost._messages.messages import MailSummary
    from passpost._plugins.extensions import Extension, Extensions

log: Final = logging.getLogger("passpost")


class Surroundings:
    """The contexts of all extensions around one attempt.

    `contextlib.AsyncExitStack` does not fit: there, one context that swallows an error hides it
    from the others, and one that raises replaces what happened to the mail.

    Attributes:
        at: The extension that was entered or left last.
    """

    def __init__(self) -> None:
        self._entered: list[tuple[Extension, AbstractAsyncContextManager[Any]]] = []
        self.at: Extension | None = None

    async def enter(self, extensions: Extensions, summary: MailSummary) -> None:
        """Enter each extension's context; the first one that raises refuses the attempt.

        Raises:
            SendError: An extension's own, or that one failed; nothing was sent.
        """
        interruptions = Interruptions()
        try:
            for self.at in extensions.watchers:
                context = self.at.around_send(summary)
                if context is not None:
                    await context.__aenter__()
                    self._entered.append((self.at, context))
        except BaseException as error:
            refusal = send_error_in(error)
            if refusal is None:
                refusal = _defect(self.at, error)
            await self.leave(error)
            if interruptions.include(error):
                raise
        else:
            return
        raise refusal

    async def leave(self, error: BaseException | None) -> None:
        """Leave all contexts, the last one first, each of them told how the attempt ended."""
        interruptions = Interruptions()
        interruption: BaseException | None = None
        for extension, context in reversed(self._entered):
            self.at = extension
            try:
                await _left(context, error)
            except BaseException as failure:  # noqa: BLE001 - any plugin's any mistake
                if interruptions.include(failure):
                    interruption = failure
                elif failure is not error:
                    # The traceback may show the email; type and place say whose defect it is.
                    how = "was accepted" if error is None else "had failed"
                    what = describe_defect(failure)
                    log.error("%s failed after the email %s: %s", extension, how, what)  # noqa: TRY400 - see above
        # Only now: the contexts that are left must end as well.
        if interruption is not None:
            raise interruption


def _defect(extension: Extension | None, error: BaseException) -> SendError:
    """Return what a defect of an extension amounts to."""
    # A PluginError names the extension already, and quotes nothing.
    told = str(error) if type(error) is PluginError else None
    return SendError(
        told or f"{extension} failed before the attempt: {describe_defect(error)}",
        outcome="rejected",
        scope="provider",
        hint=f"This is a defect of {extension}; please report it to its authors.",
    )


async def _left(context: AbstractAsyncContextManager[Any], error: BaseException | None) -> None:
    if error is None:
        await context.__aexit__(None, None, None)
    else:
        await context.__aexit__(type(error), error, error.__traceback__)
