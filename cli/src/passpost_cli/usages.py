"""Points out a usage that is probably misspelled, since another template takes its place."""

from __future__ import annotations

from collections.abc import Iterable

import passpost
from passpost._delivery.compose import Composer
from passpost._messages.usages import GENERIC, KNOWN_USAGES, canonical_usage
from passpost._text import quoted
from passpost._wording import did_you_mean, nearest
from passpost_cli.arguments import is_name
from passpost_cli.language import _
from passpost_cli.terminal import complain


def point_out_strangers(
    application: passpost.Application, usages: Iterable[str], place: str
) -> None:
    """Warn of usages that neither passpost nor a template knows: ``Generic`` takes their place.

    Args:
        application: What the emails are sent through.
        usages: What they are for.
        place: What named the usages.
    """
    templates = _templates(application)
    if templates is None or GENERIC not in templates:
        # Not known here, or an error once the email is made.
        return
    for usage in usages:
        if canonical_usage(usage) in {*templates, *KNOWN_USAGES}:
            continue
        # What was typed may be a secret by mistake.
        what = quoted(usage) if is_name(usage) else "…"
        complain(
            place,
            _("no template for the usage {usage}: `Generic` takes its place", usage=what),
            did_you_mean(nearest(usage, [*templates, *KNOWN_USAGES])),
            warning=True,
        )


def _templates(application: passpost.Application) -> set[str] | None:
    """Return the usages that have a template; None if they are kept elsewhere."""
    found: set[str] = {one.usage_type for one in application.templates}
    for connector in application.connectors:
        elsewhere = passpost.Capability.PROVIDER_TEMPLATES in connector.info.capabilities
        if elsewhere or Composer(connector).asks:
            return None
        found |= {one.usage_type for one in getattr(connector.config, "templates", ())}
    return found
