"""The one log record of each send, written where its end is known."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from passpost._delivery.notes import nothing_was_sent
from passpost._messages.addresses import shortened
from passpost.errors import MessageError, PasspostError, SendError

if TYPE_CHECKING:
    from passpost._messages.messages import Message, Receipt
    from passpost._policy.clock import Clock

log: Final = logging.getLogger("passpost")


class Records:
    """Writes the record of each send; nothing of the email's content is in it.

    Args:
        clock: The time; a send began at a moment of its monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def accepted(self, message: Message, began: float, receipt: Receipt) -> None:
        """Log that a provider accepted the email."""
        level, what = logging.INFO, "accepted"
        if len({attempt.connector for attempt in receipt.attempts}) > 1:
            # The first one fails, and nobody would know as long as another one helps out.
            level, what = logging.WARNING, "accepted, after another connector had failed,"
        if log.isEnabledFor(level):
            attempts = len(receipt.attempts)
            facts = self._facts(message, began, "accepted", receipt.connector, attempts)
            text = "%s %s an email for %s"
            log.log(level, text, receipt.connector, what, facts["recipient"], extra=_extra(facts))

    def failed(self, message: Message, began: float, error: BaseException) -> None:
        """Log that no provider accepted the email, or that nobody knows."""
        if isinstance(error, SendError):
            self._failed(message, began, error)
        elif isinstance(error, PasspostError):
            scope = "message" if isinstance(error, MessageError) else "provider"
            facts = {**self._facts(message, began, "rejected", None, 0), "scope": scope}
            text = "no email was made for %s: %s"
            log.info(text, facts["recipient"], error, extra=_extra(facts))
        else:
            self._interrupted(message, began, error)

    def _failed(self, message: Message, began: float, error: SendError) -> None:
        # The operator has nothing to do about a wrong address.
        level = logging.INFO if error.scope in {"recipient", "message"} else logging.WARNING
        if log.isEnabledFor(level):
            hint = f" ({error.hint})" if error.hint else ""
            attempts = len(error.attempts)
            facts = self._facts(message, began, error.outcome, error.connector, attempts)
            facts |= {"scope": error.scope, "code": error.provider_code}
            text = "no connector accepted an email for %s: %s%s"
            log.log(level, text, facts["recipient"], error, hint, extra=_extra(facts))

    def _interrupted(self, message: Message, began: float, error: BaseException) -> None:
        unsent = nothing_was_sent(error)
        level = logging.INFO if unsent else logging.WARNING
        if log.isEnabledFor(level):
            outcome = "rejected" if unsent else "unknown"
            what = "nothing was sent" if unsent else "the email may have been sent"
            facts = self._facts(message, began, outcome, None, None)
            text = "the send of an email for %s was interrupted: %s"
            log.log(level, text, facts["recipient"], what, extra=_extra(facts))

    def _facts(
        self,
        message: Message,
        began: float,
        outcome: str,
        connector: str | None,
        attempts: int | None,
    ) -> dict[str, Any]:
        return {
            "outcome": outcome,
            "connector": connector,
            "usage": message.usage,
            "recipient": shortened(message.to.address),
            "attempts": attempts,
            "milliseconds": round((self._clock.monotonic() - began) * 1_000),
        }


def _extra(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"passpost": facts}
