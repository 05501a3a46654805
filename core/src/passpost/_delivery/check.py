"""A check: asks one connector whether it would work, and sends no email."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from passpost._delivery.deadlines import DeadlinePassedError, deadline_error
from passpost._genuine import is_really
from passpost._network.reachable import reaching
from passpost._phrases import _, said
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.interruptions import Interruptions, renewed
from passpost._plugins.reports import Defect, send_error_in
from passpost.errors import MailerClosedError, PasspostError, PluginError

if TYPE_CHECKING:
    from passpost._connector_info import Finding
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._messages.addresses import Address


async def check(
    active: ActiveConnector, over: float, recipient: Address | None = None
) -> Sequence[Finding]:
    """Return what a connector finds about its connection.

    Args:
        active: The connector; it has the hook `check_connection`.
        over: When to give up, in the loop's time.
        recipient: Whether emails to this address would be accepted; None for no recipient.

    Raises:
        SendError: Its session cannot be opened, or it did not answer in time.
        PluginError: The connector failed in a way that its contract does not allow.
        MailerClosedError: The mailer was closed before.
    """
    interruptions = Interruptions()
    connector = active.connector
    try:
        with active.deadlines.until(over), reaching(internal=connector.internal_addresses):
            session = await active.ready(over)
            findings = await connector.hooks.check_connection(connector.config, session, recipient)
            return active.reports.findings(findings)
    except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
        failure: BaseException
        if interruptions.include(error):
            failure = renewed(error, active.reports.cleaner())
        else:
            failure = _make_error(active, error)
    # Outside of the except block, so that no frame of the connector stays with it.
    raise failure


def _make_error(active: ActiveConnector, error: BaseException) -> PasspostError:
    if is_really(error, MailerClosedError):
        return MailerClosedError(_("the mailer is closed"))
    if is_really(error, DeadlinePassedError):
        return active.reports.failure(deadline_error(_("the check was done"), "network"))
    if send_error_in(error) is not None:
        return active.reports.failure(error)
    distribution = active.connector.hooks.distribution
    what = said(error) if is_really(error, Defect) else describe_defect(error)
    return PluginError(
        _("the check of {distribution} failed: {what}", distribution=distribution, what=what),
        connector=active.connector.id,
        distribution=distribution,
        trace=trace_defect(error),
    )
