"""``passpost doctor``: why do emails not arrive?"""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import passpost
from passpost.phrases import translated
from passpost_cli import options
from passpost_cli.arguments import named
from passpost_cli.command import Command
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import failure_of
from passpost_cli.guides import language, language_option
from passpost_cli.helping import json_forms
from passpost_cli.language import _
from passpost_cli.settings import load
from passpost_cli.terminal import labelled, one_line, out, out_json
from passpost_tools.doctor import Wishes, diagnose
from passpost_tools.doctor.summary import HELP, WORDS, invalid_settings, summed, worst

if TYPE_CHECKING:
    from passpost_tools.doctor.diagnosis import Diagnosis, Result

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "worst": "ok|warning|skipped", "diagnoses":
   [DIAGNOSIS, …]}
  {"ok": false, "worst": "error", "diagnoses": [DIAGNOSIS, …],
   "error": {"kind": "connection|config", "message", …}}
  {"ok": false, "error": {"kind":
   "message|plugin|refused|interrupted|usage|internal", "message", …}}
  DIAGNOSIS: {"id", "connector", "subject",
   "result": "ok|warning|error|skipped", "evidence", "remedy", "record",
   "seconds"}"""),
        _(
            'The exit code is 1 if a result is "error", with --strict also if one is "warning"; '
            "otherwise it is 0."
        ),
    )
)

_COLORS: Final = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "cyan"}
_SUBJECT: Final = 18
"""Columns of the subject."""


@click.command(cls=Command, epilog=_EPILOG)
@options.settings_file
@options.connector
@click.option(
    "--to", metavar="ADDRESS", help=_("Check whether emails to this address are accepted.")
)
@click.option(
    "--from-ip",
    "addresses",
    multiple=True,
    metavar="IP",
    help=_("An address that emails leave from: its reverse name is checked. Repeat it for more."),
)
@click.option("--no-sender", is_flag=True, help=_("Do not check the DNS records of senders."))
@click.option("--offline", is_flag=True, help=_("Use no network: check only the settings."))
@click.option("--strict", is_flag=True, help=_("Exit with 1 for warnings, too."))
@options.timeout(_("How long all of it may take. [default: 60]"))
@language_option
@options.as_json
def command(file: str, connector: str | None, **given: Any) -> None:
    """Find out why emails do not arrive; nothing is sent.

    It looks at the settings, the servers' addresses, connections, TLS, the account, and the DNS
    records of each sender. Each finding comes with its remedy.
    """
    reader = _Reader(given["lang"] or language(), named(file), as_json=given["as_json"])
    wishes = _wishes(given)
    try:
        application = load(file, connector)
    except passpost.ConfigError as error:
        reader.show_problems(error)
    else:
        asyncio.run(reader.follow(application, wishes))
    reader.end()
    if reader.worst == "error" or (given["strict"] and reader.worst == "warning"):
        raise click.exceptions.Exit(ExitCode.REJECTED)


def _wishes(given: dict[str, Any]) -> Wishes:
    for address in given["addresses"]:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise click.BadParameter(_("not an IP address"), param_hint="--from-ip") from None
    if given["to"] is not None:
        # An invalid address is reported before anything is looked at.
        passpost.Message(given["to"], "Generic")
    return Wishes(
        recipient=given["to"],
        addresses=given["addresses"],
        connection=not given["offline"],
        senders=not (given["offline"] or given["no_sender"]),
        **({"seconds": given["timeout"]} if given["timeout"] else {}),
    )


class _Reader:
    """Shows findings as they come, or all of them as JSON at the end."""

    def __init__(self, lang: str, place: str, *, as_json: bool) -> None:
        self._lang = lang
        self._place = place
        self._as_json = as_json
        self._found: list[Diagnosis] = []
        self._connector = ""
        self._error: dict[str, Any] = {}

    @property
    def worst(self) -> Result:
        """The worst result so far."""
        return worst(self._found)

    async def follow(self, application: passpost.Application, wishes: Wishes) -> None:
        """Show what an examination finds."""
        async with aclosing(diagnose(application, wishes)) as found:
            async for one in found:
                self._show(one)

    def show_problems(self, error: passpost.ConfigError) -> None:
        """Show the problems of settings that cannot be used."""
        for one in invalid_settings(error, self._place):
            self._show(one)
        failure = failure_of(error)
        self._error = {"kind": failure.kind, "message": failure.message, **failure.facts}

    def end(self) -> None:
        """Show the sum of it all."""
        sum_of_all = summed(self._found)
        if not self._as_json:
            out(f"{one_line(self._place)}: {self._said(sum_of_all)}")
            return
        failed = self.worst == "error"
        error = self._error or {"kind": "connection", "message": str(sum_of_all)}
        out_json(
            {
                "ok": not failed,
                "worst": self.worst,
                "diagnoses": [self._plain(one) for one in self._found],
                **({"error": error} if failed else {}),
            }
        )

    def _show(self, one: Diagnosis) -> None:
        self._found.append(one)
        if self._as_json:
            return
        if one.connector != self._connector:
            self._connector = one.connector
            out(click.style(one_line(one.connector), bold=True))
        mark = _padded(self._said(WORDS[one.result]), 8)
        subject = _padded(self._said(one.subject), _SUBJECT)
        colored = click.style(mark, fg=_COLORS[one.result])
        out(f"{colored} {one.seconds:6.2f} s  {subject} {self._said(one.evidence)}")
        indent = " " * 19
        if one.remedy:
            label = click.style(self._said(HELP), fg="cyan")
            out(f"{indent}{labelled(label, self._said(one.remedy))}")
        if one.record:
            # A line of its own, so that it can be copied whole.
            out(f"{indent}{one_line(one.record)}")
        if one.result in {"warning", "error"}:
            out(f"{indent}[{one_line(one.id)}]")

    def _said(self, text: str) -> str:
        return one_line(translated(text, self._lang))

    def _plain(self, one: Diagnosis) -> dict[str, Any]:
        facts = attrs.asdict(one)
        said = {name: translated(facts[name], self._lang) for name in _TEXTS}
        return {**facts, **said, "seconds": round(one.seconds, 3)}


_TEXTS: Final = ("subject", "evidence", "remedy")


def _padded(text: str, columns: int) -> str:
    """Return a text that fills columns of a terminal, where a Chinese character takes two."""
    from rich.cells import cell_len  # noqa: PLC0415 - slow to import

    return text + " " * max(columns - cell_len(text), 0)
