"""``passpost outbox``: what is in an outbox, and what to do about it."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import click

from passpost.phrases import Phrases
from passpost_cli.command import Command, CommandGroup, InvalidLine
from passpost_cli.exit_codes import ExitCode
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.helping import json_forms
from passpost_cli.language import say
from passpost_cli.terminal import complain, one_line, out, out_json
from passpost_outbox.async_outbox import AsyncOutbox
from passpost_outbox.commands.arguments import as_json, finished, number, seconds, settings_file
from passpost_outbox.opening import opened_parts, read_outbox
from passpost_outbox.records import FACTS, STATES, UNREADABLE, Record, State
from passpost_outbox.store import OutboxStore, is_readable

_ = Phrases("passpost_outbox")

_OPEN: Final = ("queued", "sending")
_PAGE: Final = 200
_LIMIT: Final = 50
_BATCH: Final = 1000

_RESULT: Final = (*FACTS, "message_id", "provider_id")

_FAILED: Final = """  {"ok": false, "error": {"kind": "config|plugin|refused|usage|internal",
   "message", …}}"""
_EMAIL: Final = """  EMAIL: {"id", "state", "reason", "usage", "recipient", "priority",
   "queued_at", "deadline", "finished_at", "connector", "message_id",
   "provider_id", "scope", "temporary", "retry_after", "provider_code"}"""


def _documents(facts: str, *more: str) -> str:
    """Return what ``--help`` says of ``--json``."""
    return json_forms("\n".join((f'  {{"ok": true, {facts}}}', _FAILED, *more)))


class Group(CommandGroup):
    """A group of commands, which repeats no unknown name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of this name."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            names = self.list_commands(ctx)
            raise InvalidLine(_("unknown command"), _("use one of {names}", names=names), ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Group, name="outbox", subcommand_metavar="COMMAND …")
def outbox() -> None:
    """Look into an outbox, and clean it up.

    FILE is an application's settings file with the section "outbox"; nothing else of it is read.
    Addresses are shortened, and no command shows what is in an email.
    """


@outbox.command(cls=Command, epilog=_documents('"states": {"queued": 0, …}'))
@settings_file
@as_json
def stats(file: str, as_json: bool) -> None:
    """Count the emails of each state."""
    counts = finished(_counts(file))
    states = {state: counts.get(state, 0) for state in _states(counts)}
    if as_json:
        out_json({"ok": True, "states": states})
        return
    for state, number_ in states.items():
        out(f"{state:<10} {number_:>8}")


def _states(counts: Mapping[State, int]) -> tuple[State, ...]:
    # There is hardly ever one that cannot be read.
    return (*STATES, UNREADABLE) if counts.get(UNREADABLE) else STATES


def _one_of(names: Sequence[str]) -> Callable[..., str | None]:
    def checked(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None and value not in names:
            raise click.BadParameter(_("use one of {names}", names=tuple(names)), ctx, param)
        return value

    return checked


_state = _one_of((*STATES, UNREADABLE))
_ended_state = _one_of([state for state in (*STATES, UNREADABLE) if state not in _OPEN])


@outbox.command(cls=Command, name="list", epilog=_documents('"emails": [EMAIL, …]', _EMAIL))
@settings_file
@click.option("--state", metavar="STATE", callback=_state, help=_("Those in this state."))
@click.option("--usage", metavar="USAGE", help=_("Those of this usage."))
@seconds("--older-than", _("Those that were enqueued at least this long ago: 90s, 10min, 2h, 7d."))
@number("--limit", default=_LIMIT, help_text=_("How many at most."))
@as_json
def list_(  # noqa: PLR0913, PLR0917 - click passes each option
    file: str,
    state: State | None,
    usage: str | None,
    older_than: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """List emails, the newest first."""
    age = int((older_than or 0) * 1000)
    records = finished(_records(file, state, usage, age, limit))
    if as_json:
        out_json({"ok": True, "emails": [document(record) for record in records]})
        return
    for record in records:
        when = _when(record.queued_at) if is_readable(record) else "-"
        parts = (when, f"{record.state:<10}", record.id, record.usage)
        out(one_line("  ".join([*parts, record.shown, _why(record)]).rstrip()))


@outbox.command(cls=Command, epilog=_documents('"email": EMAIL', _EMAIL))
@settings_file
@click.argument("ticket", metavar="ID")
@as_json
def show(file: str, ticket: str, as_json: bool) -> None:
    """Show what is known of one email.

    Put "--" before an ID that begins with a hyphen.
    """
    record = finished(_record(file, ticket))
    if record is None:
        raise CommandError(_("the outbox has no such email"), _("records are deleted in time"))
    facts = document(record)
    if as_json:
        out_json({"ok": True, "email": facts})
        return
    for name, value in facts.items():
        if value not in (None, ""):
            out(one_line(f"{name:<13} {value}"))


@outbox.command(
    cls=Command,
    epilog="\n\n".join(
        (
            _documents('"retried": [ID, …], "not_retried": [ID, …]'),
            _('"ok" is false if any was not retried.'),
        )
    ),
)
@settings_file
@click.argument("tickets", metavar="ID…", nargs=-1, required=True)
@seconds("--lifetime", _("How long they may take now. [default: that of the settings]"))
@as_json
def retry(file: str, tickets: tuple[str, ...], lifetime: float | None, as_json: bool) -> None:
    """Queue emails again that expired because no worker took them in time.

    No others: what a worker claimed may have been sent, and its content was deleted then.
    """
    done = finished(_retry(file, tickets, lifetime))
    retried = [ticket for ticket in tickets if ticket in done]
    rest = [ticket for ticket in tickets if ticket not in done]
    if as_json:
        out_json({"ok": not rest, "retried": retried, "not_retried": rest})
    else:
        for ticket in retried:
            out(one_line(say(_("{ticket} is queued again", ticket=ticket))))
    if rest:
        wrong = _("{number} not queued again", number=len(rest))
        complain("passpost", wrong, _("see their states: passpost outbox show FILE ID"))
        raise click.exceptions.Exit(ExitCode.REJECTED)


@outbox.command(cls=Command, epilog=_documents('"purged": 0'))
@settings_file
@seconds(
    "--older-than", _("Those that ended at least this long ago: 10min, 2h, 7d."), required=True
)
@click.option("--state", metavar="STATE", callback=_ended_state, help=_("Those in this state."))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@as_json
def purge(file: str, older_than: float, state: State | None, yes: bool, as_json: bool) -> None:
    """Delete old records of emails that have ended.

    Their idempotency keys are forgotten with them: an email with such a key is sent again.
    """
    if not yes:
        _confirm()
    purged = finished(_purge(file, int(older_than * 1000), state))
    if as_json:
        out_json({"ok": True, "purged": purged})
    else:
        out(say(_("{number} records deleted", number=purged)))


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise CommandError(_("nobody can confirm this"), _("add `--yes`"))
    question = say(_("Delete records, and forget their idempotency keys?"))
    if not click.confirm(question, err=True):
        raise click.Abort


def document(record: Record) -> dict[str, Any]:
    """Return a record as JSON data: no hash, no owner, and no content."""
    result = record.result
    known = is_readable(record)
    return {
        "id": record.id,
        "state": record.state,
        "reason": record.reason,
        "usage": record.usage,
        "recipient": record.shown,
        "priority": record.priority,
        "queued_at": _when(record.queued_at) if known else None,
        "deadline": _when(record.deadline) if known else None,
        "finished_at": None if record.finished_at is None else _when(record.finished_at),
        **{name: None if result is None else getattr(result, name) for name in _RESULT},
    }


def _when(milliseconds: int) -> str:
    try:
        at = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except (OverflowError, ValueError, OSError):
        # A message may have a deadline at the end of time.
        at = dt.datetime.max.replace(tzinfo=dt.UTC)
    return at.isoformat(timespec="seconds")


def _why(record: Record) -> str:
    result = record.result
    code = result.provider_code or result.scope if result is not None else None
    return record.reason or code or ""


@asynccontextmanager
async def _store(file: str) -> AsyncIterator[OutboxStore]:
    store, _keys = opened_parts(read_outbox(file, make_host()), file)
    try:
        yield store
    finally:
        await store.aclose()


async def _counts(file: str) -> dict[State, int]:
    async with _store(file) as store:
        return dict(await store.counts())


async def _record(file: str, ticket: str) -> Record | None:
    async with _store(file) as store:
        return await store.get(ticket)


async def _records(
    file: str, state: State | None, usage: str | None, age: int, limit: int
) -> list[Record]:
    found: list[Record] = []
    before: str | None = None
    async with _store(file) as store:
        latest = await store.now() - age
        while len(found) < limit:
            page = await store.list(state=state, usage=usage, before=before, limit=_PAGE)
            found += [record for record in page if record.queued_at <= latest]
            if len(page) < _PAGE:
                break
            before = page[-1].id
    return found[:limit]


async def _retry(file: str, tickets: tuple[str, ...], lifetime: float | None) -> set[str]:
    async with AsyncOutbox.from_file(file, make_host()) as made:
        return {one for one in tickets if await made.retry(one, lifetime=lifetime)}


async def _purge(file: str, age: int, state: State | None) -> int:
    purged = 0
    async with _store(file) as store:
        while some := await store.purge(age=age, limit=_BATCH, state=state):
            purged += some
    return purged
