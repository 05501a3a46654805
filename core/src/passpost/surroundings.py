"""What extensions put around an attempt: they may watch and refuse it, and cannot undo it."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from passpost.defects import describe_defect
from passpost.errors import SendError
from passpost.interruptions import Interruptions

if TYPE_CHECKING:
    from passpost.extensions import Extensions
    from passpost.messages import MailSummary

log: Final = logging.getLogger("passpost")


class Surroundings:
    """The contexts of all extensions around one attempt.

    `contextlib.AsyncExitStack` does not fit: there, one context that swallows an error hides it
    from the others, and one that raises replaces what happened to the mail.
    """

    def __init__(self) -> None:
        self._entered: list[AbstractAsyncContextManager[Any]] = []

    async def enter(self, extensions: Extensions, summary: MailSummary) -> None:
        """Enter each extension's context; the first one that raises refuses the attempt.

        Raises:
            SendError: An extension's own, or that one failed; nothing was sent.
        """
        interruptions = Interruptions()
        try:
            for context in extensions.around_send(summary):
                await context.__aenter__()
                self._entered.append(context)
        except BaseException as error:
            await self.leave(error)
            if isinstance(error, SendError) or interruptions.include(error):
                raise
            failed = describe_defect(error)
        else:
            return
        raise SendError(
            f"an extension failed before the attempt: {failed}",
            outcome="rejected",
            scope="provider",
        )

    async def leave(self, error: BaseException | None) -> None:
        """Leave all contexts, the last one first, each of them told how the attempt ended."""
        interruptions = Interruptions()
        interruption: BaseException | None = None
        for context in reversed(self._entered):
            try:
                await _left(context, error)
            except BaseException as failure:  # noqa: BLE001 - any plugin's any mistake
                if interruptions.include(failure):
                    interruption = failure
                elif failure is not error:
                    # The traceback may show the email; type and place say whose defect it is.
                    how = "was accepted" if error is None else "had failed"
                    log.error(  # noqa: TRY400 - see above
                        "an extension failed after the email %s: %s", how, describe_defect(failure)
                    )
        # Only now: the contexts that are left must end as well.
        if interruption is not None:
            raise interruption


async def _left(context: AbstractAsyncContextManager[Any], error: BaseException | None) -> None:
    if error is None:
        await context.__aexit__(None, None, None)
    else:
        await context.__aexit__(type(error), error, error.__traceback__)
