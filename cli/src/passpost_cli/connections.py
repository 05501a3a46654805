"""Asks the connectors of an application whether their connection works."""

from __future__ import annotations

import asyncio
from typing import Final

import attrs

import passpost
from passpost._plugins.defects import describe_defect
from passpost.phrases import said
from passpost_cli import options
from passpost_cli.language import _, say
from passpost_cli.terminal import complain, one_line, out

PATIENCE: Final = 60.0
"""Seconds to wait for each provider. ``--timeout`` overrides it."""

_SILENT: Final = _("Check host, port and encryption in the settings, and any firewall.")

_STORE: Final = _("Check the settings of the stores, and that their server runs.")

Findings = dict[str, list[passpost.Finding]]


async def ask_all(application: passpost.Application, patience: float) -> Findings:
    """Check each connector by itself, so that an unreachable one hides no other."""
    findings = {}
    # The mailer's own limit is later than this one, whose error says how long it waited.
    policy = attrs.evolve(application.policy, timeout=min(2 * patience, options.A_DAY))
    settings = {**application.options(), "policy": policy}
    for connector in application.connectors:
        mailer = passpost.AsyncMailer(connector, **settings)
        findings[connector.name] = await _ask(mailer, patience)
    return findings


async def ask_stores(application: passpost.Application, patience: float) -> list[passpost.Finding]:
    """Check the stores of an application."""
    try:
        async with asyncio.timeout(patience):
            return await application.check_stores()
    except TimeoutError:
        what: str = _("no response within {patience:g} s", patience=patience)
    # Of somebody else's stores: its text may show what they hold.
    except Exception as error:  # noqa: BLE001 - see above
        what = describe_defect(error)
    return [passpost.Finding(_("store"), "error", what, _STORE, "store.failed")]


async def _ask(mailer: passpost.AsyncMailer, patience: float) -> list[passpost.Finding]:
    try:
        async with asyncio.timeout(patience), mailer:
            answers = await mailer.check()
    except TimeoutError:
        what = _("no response within {patience:g} s", patience=patience)
        return [passpost.Finding(_("connection"), "error", what, _SILENT)]
    except passpost.SendError as error:
        return [passpost.Finding(_("connection"), "error", said(error), error.hint or "")]
    return [finding for found in answers.values() for finding in found]


def have_failed(findings: Findings) -> bool:
    """Return whether any finding is an error."""
    return any(one.result == "error" for found in findings.values() for one in found)


def failed_check(findings: Findings) -> str:
    """Return which connectors failed the check, and which passed."""
    at_fault = [name for name, found in findings.items() if have_failed({name: found})]
    rest = [name for name in findings if name not in at_fault]
    failed = _("settings are valid; the connection check failed for {names}", names=tuple(at_fault))
    if not rest:
        return failed
    return _("{failed}; it passed for {names}", failed=failed, names=tuple(rest))


def show_findings(name: str, found: list[passpost.Finding], place: str) -> None:
    """Write what a connector found."""
    if not found:
        out(_("{name}: this connector has no connection check", name=name))
    for one in found:
        parts = {"name": name, "subject": one.subject, "evidence": one.evidence}
        what = _("{name}: {subject}: {evidence}", **parts)
        if one.result == "ok":
            out(one_line(say(_("{name}: {subject}: ok: {evidence}", **parts))))
        else:
            complain(place, what, one.remedy, warning=one.result == "warning")
