"""``passpost check``: are the settings valid, what in them is a mistake, is there a connection?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final

import click

import passpost
from passpost_cli import guides, options
from passpost_cli.command import Command
from passpost_cli.commands.explain import LANGUAGES, explanations
from passpost_cli.connections import PATIENCE, failed_check, have_failed, show_findings
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import Audience, complain_of, counted
from passpost_cli.helping import json_forms
from passpost_cli.language import _, language, say
from passpost_cli.lint.checking import Checked, check
from passpost_cli.lint.github import annotation
from passpost_cli.lint.sarif import sarif
from passpost_cli.terminal import err, one_line, out, out_json

FORMATS: Final = ("text", "json", "sarif", "github")

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "ready": true, "warnings": [PROBLEM, …], "connectors":
   [{"name", "connector", "findings": null|[FINDING, …]}, …],
   "stores": [FINDING, …]}
  {"ok": false, "error": {"kind": "config", "message",
   "problems": [PROBLEM, …]}}
  {"ok": false, "error": {"kind":
   "connection|plugin|refused|interrupted|usage|internal", "message", …}}
  {"ok", "files": [{"file", "ok", …}, …]}
  PROBLEM: {"path", "message", "remedy", "severity", "file", "line",
   "column", "code"}
  FINDING: {"id", "subject", "result": "ok|warning|error", "evidence",
   "remedy"}"""),
        _(
            '"ready" is false while placeholders such as <your-password> are left. There are '
            'findings only with --connect, of stores as well where the settings name some; "ok" is '
            'false as well if the result of one is "error". '
            'For several files, "files" has the document of each.'
        ),
        _(
            "The exit code is 1 if a file is invalid or a connection fails, and with --strict if "
            "there is a warning."
        ),
    )
)


def _format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return a known format; click's own choice would repeat an invalid value."""
    if value not in FORMATS:
        *first, last = FORMATS
        raise click.BadParameter(_("use {names} or {last}", names=first, last=last), ctx, param)
    return value


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@options.connector
@click.option(
    "--connect",
    is_flag=True,
    help=_("Check the connection to the providers, too; nothing is sent."),
)
@options.timeout(_("How long to wait for each provider. [default: 60]"))
@click.option("--strict", is_flag=True, help=_("Fail if there is a warning."))
@click.option(
    "--fix", is_flag=True, help=_("Correct what needs no decision; the file before is FILE.bak.")
)
@click.option(
    "--format",
    "form",
    default="text",
    metavar="FORMAT",
    callback=_format,
    help=_("The output: text, json, sarif or github. [default: text]"),
)
@options.as_json
def command(  # noqa: PLR0913, PLR0917 - each is one option
    files: tuple[str, ...],
    connector: str | None,
    connect: bool,
    timeout: float | None,
    strict: bool,
    fix: bool,
    form: str,
    as_json: bool,
) -> None:
    """Check settings files, and with --connect the connection.

    All problems are printed at once. "passpost explain CODE" explains a problem's code. A comment
    "// passpost: ignore CODE" hides a warning of its line, or of the line below.
    """
    patience = (timeout or PATIENCE) if connect else None
    checked = [check(file, connector, patience=patience, strict=strict, fix=fix) for file in files]
    for done in (done.problem for each in checked for done in each.fixes):
        fixed = _("fixed: {path}: {problem}", path=done.path, problem=done.message)
        err(one_line(f"{done.place}: {say(fixed)}  [{done.code}]"))
    _SHOWS["json" if as_json else form](checked)
    if any(each.failed for each in checked):
        raise click.exceptions.Exit(ExitCode.REJECTED)


def _show_json(checked: Sequence[Checked]) -> None:
    for each in checked:
        for problem in each.problems if each.invalid else ():
            complain_of(problem, Audience(each.place))
    if len(checked) == 1:
        out_json(checked[0].document())
        return
    documents = [{"file": each.place, **each.document()} for each in checked]
    out_json({"ok": all(one["ok"] for one in documents), "files": documents})


def _show_sarif(checked: Sequence[Checked]) -> None:
    chosen = guides.choose(LANGUAGES, language()) or "en"
    known = {one.code: (one.title, one.text) for one in explanations(chosen)}
    out_json(sarif([problem for each in checked for problem in each.problems], known))


def _show_github(checked: Sequence[Checked]) -> None:
    for each in checked:
        for problem in each.problems:
            out(annotation(problem))


def _show_text(checked: Sequence[Checked]) -> None:
    for each in checked:
        audience = Audience(each.place)
        excerpts = each.excerpts()
        for problem in each.problems:
            complain_of(problem, audience, excerpts.of(problem))
        for name, found in each.connections.items():
            show_findings(name, found, audience.place)
        out(f"{one_line(audience.place)}: {say(_verdict(each))}")
    _point_out_explain([p for each in checked if each.invalid for p in each.problems])


def _point_out_explain(problems: Sequence[passpost.Problem]) -> None:
    code = next((problem.code for problem in problems if problem.code), None)
    if code is not None:
        out(_("To learn more about a problem: passpost explain {code}", code=one_line(code)))


def _verdict(checked: Checked) -> str:
    if checked.examined.failed:
        return _("not valid: {counted}", counted=counted(checked.problems))
    if checked.invalid:
        return _("--strict accepts no warning: {counted}", counted=counted(checked.problems))
    if have_failed(checked.connections):
        return failed_check(checked.connections)
    if checked.is_draft:
        names = checked.names
        return _(
            "a draft: replace the remaining placeholders before sending ({names})", names=names
        )
    valid = _("settings are valid")
    if checked.findings:
        valid = _("settings are valid; the connection works")
    if checked.problems:
        valid = _("{valid}, with {counted}", valid=valid, counted=counted(checked.problems))
    return _("{valid} ({names})", valid=valid, names=checked.names)


_SHOWS: Final = MappingProxyType[str, Callable[[Sequence[Checked]], Any]](
    {"text": _show_text, "json": _show_json, "sarif": _show_sarif, "github": _show_github}
)
