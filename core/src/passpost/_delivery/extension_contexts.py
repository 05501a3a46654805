"""The contexts of extensions around a send or an attempt: they see and reject, and undo nothing."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Literal

from passpost._delivery.deadlines import DeadlinePassedError, Deadlines, deadline_error
from passpost._phrases import _, said
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.interruptions import Interruptions
from passpost._plugins.reports import send_error_in
from passpost.errors import PluginError, SendError

if TYPE_CHECKING:
    from passpost._messages.messages import DeliverySummary, MailSummary
    from passpost._plugins.extensions import Extension

log: Final = logging.getLogger("passpost")

LEAVING: Final = 1.0
"""Seconds that the other contexts share to end in, once one of them has used up its time."""


class ExtensionContexts:
    """The contexts of all extensions around one send, or around one attempt.

    `contextlib.AsyncExitStack` does not fit: there, one context that swallows an error hides it
    from the others, and one that raises replaces what happened to the email.

    Args:
        deadlines: Keeps the deadline.
        over: The send's deadline, in the loop's time.
        what: What they surround, with its article.
    """

    def __init__(
        self, deadlines: Deadlines, over: float, what: Literal["a send", "an attempt"]
    ) -> None:
        self._deadlines = deadlines
        self._over = over
        self._what = what
        self._entered: list[tuple[Extension, AbstractAsyncContextManager[Any]]] = []
        self._at: Extension | None = None

    async def enter(
        self,
        extensions: tuple[Extension, ...],
        hook: Literal["around_delivery", "around_send"],
        summary: DeliverySummary | MailSummary,
    ) -> SendError | None:
        """Enter each extension's context.

        Args:
            extensions: Those that have one.
            hook: The hook that returns it.
            summary: What the hook is given.

        Returns:
            The rejection of the first extension that raises; None if all let the email go on.
        """
        interruptions = Interruptions()
        try:
            with self._deadlines.until(self._over):
                for self._at in extensions:
                    context = self._at.around(hook, summary)
                    if context is not None:
                        await context.__aenter__()
                        self._entered.append((self._at, context))
        except DeadlinePassedError:
            return deadline_error(_("{at} allowed it", at=self._at), "provider")
        except BaseException as error:
            if interruptions.include(error):
                raise
            return send_error_in(error) or self._reject(error)
        return None

    async def leave(self, error: BaseException | None) -> None:
        """Leave all contexts, the last one first, each of them told how it ended."""
        interruptions = Interruptions()
        interruption: BaseException | None = None
        told = (None, None, None) if error is None else (type(error), error, error.__traceback__)
        end = max(asyncio.get_running_loop().time(), self._over)
        last = end + LEAVING
        while self._entered:
            try:
                with self._deadlines.until_after(end):
                    while self._entered:
                        self._at, context = self._entered.pop()
                        await context.__aexit__(*told)
            except DeadlinePassedError:
                # No traceback here and below: it could show the email.
                log.error("%s did not end in time after %s", self._at, self._what)  # noqa: TRY400 - see above
                end = last
            except BaseException as failure:  # noqa: BLE001 - any plugin's any mistake
                if interruptions.include(failure):
                    interruption = failure
                elif failure is not error:
                    how = "was accepted" if error is None else "had failed"
                    what = f"{describe_defect(failure)} ({trace_defect(failure)})"
                    log.error("%s failed after the email %s: %s", self._at, how, what)  # noqa: TRY400 - see above
        # Only now: the contexts that are left must end as well.
        if interruption is not None:
            raise interruption

    def _reject(self, error: BaseException) -> SendError:
        """Return the rejection by an extension that is defective."""
        # A PluginError names the extension already, and quotes nothing.
        if type(error) is PluginError:
            told = said(error)
        elif self._what == "a send":
            told = _(
                "{at} failed before the send: {what}", at=self._at, what=describe_defect(error)
            )
        else:
            told = _(
                "{at} failed before the attempt: {what}", at=self._at, what=describe_defect(error)
            )
        return SendError(
            told,
            outcome="rejected",
            scope="provider",
            hint=_("This is a defect of {at}; please report it to its authors.", at=self._at),
        )
