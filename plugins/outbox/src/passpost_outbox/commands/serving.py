"""``passpost worker``: sends the emails of an outbox, in one process and without a broker."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import click

from passpost.phrases import Phrases
from passpost_cli.command import Command
from passpost_cli.exit_codes import ExitCode
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_outbox.commands.arguments import finished, number, settings_file
from passpost_outbox.worker import Worker

_: Final = Phrases("passpost_outbox")

log: Final = logging.getLogger("passpost.outbox")

_CONCURRENCY: Final = 20

_EPILOG: Final = "\n\n".join(
    (
        _(
            "On SIGTERM or Ctrl-C, it claims no more emails, and ends when those under way have "
            "ended. A second signal ends it at once; emails under way may be unknown then."
        ),
        _(
            "It looks for emails every 0.2 s. Run as many processes as you like, on every machine "
            "that reaches the store. With Celery or another broker, run its workers instead."
        ),
    )
)


@click.command(cls=Command, name="worker", epilog=_EPILOG)
@settings_file
@number(
    "--concurrency", default=_CONCURRENCY, help_text=_("How many emails are under way at a time.")
)
@click.option("--drain", is_flag=True, help=_("Send what is queued now, and end."))
@click.option("--json-logs", is_flag=True, help=_("Write logs as one JSON document in each line."))
@click.option(
    "--telemetry",
    is_flag=True,
    help=_("Trace and measure with OpenTelemetry; requires passpost-otel."),
)
def worker(file: str, concurrency: int, drain: bool, json_logs: bool, telemetry: bool) -> None:
    """Send the emails of an outbox.

    FILE is an application's settings file with the section "outbox".
    """
    with _logging(json_logs):
        ended = finished(_serve(file, concurrency, drain, _parts(telemetry=telemetry)))
    if not ended:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)


def _parts(*, telemetry: bool) -> dict[str, Any]:
    """Return the arguments of a worker that concern extensions and telemetry."""
    if not telemetry:
        return {"host": make_host()}
    try:
        # Few measure, and the package need not be there.
        from passpost_otel import Telemetry  # noqa: PLC0415
    except ImportError:
        pass
    else:
        extension = Telemetry()
        if not extension.has_sdk:
            log.warning("no SDK of OpenTelemetry is set up, so nothing is measured")
        return {
            "host": make_host(extension),
            "watch": extension.watch,
            "observe": extension.observe,
        }
    missing = _("passpost-otel is not installed")
    raise CommandError(missing, _("install it with `pip install 'passpost[otel]'`"))


async def _serve(file: str, concurrency: int, drain: bool, parts: dict[str, Any]) -> bool:
    """Send until a signal comes; return whether what was under way has ended."""
    async with Worker.from_file(file, concurrency=concurrency, **parts) as made:
        log.info("the worker sends up to %d emails at a time", concurrency)
        # A task of its own, so that a second signal cancels it and nothing else.
        sending = asyncio.ensure_future(made.drain() if drain else made.run())
        with _signals(made, sending):
            await asyncio.wait((sending,))
        if sending.cancelled():
            log.warning("the worker was interrupted")
            return False
        claimed = sending.result()
        log.info("the worker has ended" if claimed is None else f"{claimed} emails were claimed")
        return True


@contextmanager
def _signals(made: Worker, sending: asyncio.Future[int | None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    asked = False

    def ask() -> None:
        nonlocal asked
        if asked:
            sending.cancel()
            return
        asked = True
        log.info("the worker ends when what is under way has ended; a second signal cancels it")
        made.stop()

    for number_ in (signal.SIGTERM, signal.SIGINT):
        # Windows has neither; Ctrl-C is a KeyboardInterrupt there.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number_, ask)
    try:
        yield
    finally:
        for number_ in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number_)


@contextmanager
def _logging(as_json: bool) -> Iterator[None]:
    """Write the logs of passpost to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    root = logging.getLogger("passpost")
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


class JsonLines(logging.Formatter):
    """One JSON document for each record, with the facts that passpost adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the document."""
        facts = getattr(record, "passpost", None)
        time = dt.datetime.fromtimestamp(record.created, dt.UTC)
        document = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(facts if isinstance(facts, dict) else {}),
        }
        return json.dumps(document, ensure_ascii=False, default=str)
