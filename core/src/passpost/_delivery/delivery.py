"""One send, from the message to the receipt: its identity, its template, its attempts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from passpost._delivery.attempt import SendAttempt
from passpost._delivery.deadlines import DeadlinePassedError, deadline_error
from passpost._delivery.identity import Identity
from passpost._messages.messages import Receipt
from passpost.errors import SendError

if TYPE_CHECKING:
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._messages.messages import Message
    from passpost._templates.template import Template


async def deliver(message: Message, seconds: float, active: ActiveConnector) -> Receipt:
    """Return the receipt of a message, once the provider has accepted the email.

    Args:
        message: What to send.
        seconds: How long everything may take, from waiting to the receipt.
        active: The connector to send through.

    Raises:
        MessageError: The message cannot become an email.
        SendError: The email was not accepted, or nobody knows.
        PluginError: An extension's `find_template` is broken; nothing was sent.
    """
    over = asyncio.get_running_loop().time() + seconds
    identity = Identity.of(message)
    template = await _find_template(message, over, active) if active.composer.asks else None
    mail = active.composer.compose(message, identity, seconds, template)
    result = await SendAttempt(active, mail, over, number=1, context=message.context).run()
    # Whether to try again, and through which connector, is decided here and nowhere else: by the
    # result, the number of the attempt and the time left. Today each send has one attempt.
    if isinstance(result, Receipt):
        return result
    raise result


async def _find_template(message: Message, over: float, active: ActiveConnector) -> Template:
    try:
        with active.deadlines.until(over):
            return await active.composer.ask(message)
    except DeadlinePassedError:
        refusal = deadline_error("the extensions had looked for a template", "provider")
    except SendError as error:
        refusal = error
    # Outside of the except block, and cleared: an extension may quote the message.
    raise active.reports.failure(refusal, message, sent=False)
