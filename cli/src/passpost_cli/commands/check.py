"""``passpost check``: are the settings valid, and does the connection work?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import attrs
import click

import passpost
from passpost_cli import options
from passpost_cli.arguments import named
from passpost_cli.command import Command
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import Audience, complain_of, counted, report
from passpost_cli.settings import load
from passpost_cli.terminal import complain, one_line, out, out_json

_PATIENCE: Final = 60.0
"""Seconds to wait for each provider. ``--timeout`` overrides it."""

_SILENT: Final = "Check host, port and encryption in the settings, and any firewall."

_EPILOG: Final = """\b
The JSON document:
  {"ok": true, "ready": true, "warnings": [PROBLEM, …], "connectors":
   [{"name", "connector", "findings": null, or with --connect [FINDING, …]},
    …]}
  {"ok": false, "error": {"kind": "config", "message",
   "problems": [PROBLEM, …]}}
  {"ok": false, "error": {"kind":
   "connection|plugin|refused|interrupted|usage|internal", "message", …}}
  PROBLEM: {"path", "message", "remedy", "severity", "file", "line",
   "column", "code"}
  FINDING: {"id", "subject", "result": "ok|warning|error", "evidence",
   "remedy"}

"ready" is false while placeholders such as <your-password> are left. With
--connect, "ok" is false as well if the result of a finding is "error".
"""

Findings = dict[str, list[passpost.Finding]]


@click.command(cls=Command, epilog=_EPILOG)
@options.settings_file
@options.connector
@click.option(
    "--connect", is_flag=True, help="Check the connection to the providers, too; nothing is sent."
)
@options.timeout("How long to wait for each provider. [default: 60]")
@options.as_json
def command(
    file: str, connector: str | None, connect: bool, timeout: float | None, as_json: bool
) -> None:
    """Check a settings file, and with --connect the connection.

    All problems are printed at once. "passpost explain CODE" explains a problem's code.
    """
    audience = Audience(named(file), json=as_json)
    application = _configured(file, connector, audience)
    findings = asyncio.run(_ask_all(application, timeout or _PATIENCE)) if connect else {}
    show = _show_json if as_json else _show
    show(application, findings, audience)
    if _failed(findings):
        raise click.exceptions.Exit(ExitCode.REJECTED)


def _configured(file: str, connector: str | None, audience: Audience) -> passpost.Application:
    try:
        return load(file, connector)
    except passpost.ConfigError as error:
        exit_code = report(error, audience)
        if not audience.json:
            out(f"{one_line(audience.place)}: not valid: {counted(error.problems)}")
            _point_out_explain(error.problems)
    raise click.exceptions.Exit(exit_code)


def _point_out_explain(problems: Sequence[passpost.Problem]) -> None:
    code = next((problem.code for problem in problems if problem.code), None)
    if code is not None:
        out(f"To learn more about a problem: passpost explain {one_line(code)}")


async def _ask_all(application: passpost.Application, patience: float) -> Findings:
    """Check each connector by itself, so that an unreachable one hides no other."""
    findings = {}
    # The mailer's own limit is later than this one, whose error says how long it waited.
    policy = attrs.evolve(application.policy, timeout=min(2 * patience, options.A_DAY))
    settings = {**application.options(), "policy": policy}
    for connector in application.connectors:
        mailer = passpost.AsyncMailer(connector, **settings)
        findings[connector.name] = await _ask(mailer, patience)
    return findings


async def _ask(mailer: passpost.AsyncMailer, patience: float) -> list[passpost.Finding]:
    try:
        async with asyncio.timeout(patience), mailer:
            answers = await mailer.check()
    except TimeoutError:
        what = f"no response within {patience:g} s"
        return [passpost.Finding("connection", "error", what, _SILENT)]
    except passpost.SendError as error:
        return [passpost.Finding("connection", "error", str(error), error.hint or "")]
    return [finding for found in answers.values() for finding in found]


def _failed(findings: Findings) -> bool:
    return any(one.result == "error" for found in findings.values() for one in found)


def _is_draft(application: passpost.Application) -> bool:
    return any(connector.placeholders for connector in application.connectors)


def _show_json(application: passpost.Application, findings: Findings, audience: Audience) -> None:
    del audience
    connectors = [
        {
            "name": connector.name,
            "connector": connector.id,
            "findings": [attrs.asdict(one) for one in findings[connector.name]]
            if findings
            else None,
        }
        for connector in application.connectors
    ]
    document = {
        "ok": not _failed(findings),
        "ready": not _is_draft(application),
        "warnings": [attrs.asdict(problem) for problem in application.warnings],
        "connectors": connectors,
    }
    if _failed(findings):
        error = {"kind": "connection", "message": _failed_check(findings)}
        document["error"] = error
    out_json(document)


def _show(application: passpost.Application, findings: Findings, audience: Audience) -> None:
    for problem in application.warnings:
        complain_of(problem, audience)
    for name, found in findings.items():
        _show_findings(name, found, audience)
    out(f"{one_line(audience.place)}: {_verdict(application, findings)}")


def _show_findings(name: str, found: list[passpost.Finding], audience: Audience) -> None:
    if not found:
        out(f"{name}: this connector has no connection check")
    for one in found:
        what = f"{name}: {one.subject}: {one.evidence}"
        if one.result == "ok":
            out(one_line(f"{name}: {one.subject}: ok: {one.evidence}"))
        else:
            complain(audience.place, what, one.remedy, warning=one.result == "warning")


def _verdict(application: passpost.Application, findings: Findings) -> str:
    names = ", ".join(connector.name for connector in application.connectors)
    if _failed(findings):
        return _failed_check(findings)
    valid = "settings are valid" + ("; the connection works" if findings else "")
    if _is_draft(application):
        return f"a draft: replace the remaining placeholders before sending ({names})"
    reservation = f", with {counted(application.warnings)}" if application.warnings else ""
    return f"{valid}{reservation} ({names})"


def _failed_check(findings: Findings) -> str:
    """Return which connectors failed the check, and which passed."""
    at_fault = [name for name, found in findings.items() if _failed({name: found})]
    rest = [name for name in findings if name not in at_fault]
    good = f"; it passed for {', '.join(rest)}" if rest else ""
    return f"settings are valid; the connection check failed for {', '.join(at_fault)}{good}"
