"""Sends a batch from the arguments of ``passpost send --batch``."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final, cast

import attrs
import click

import passpost
from passpost._wording import known
from passpost_cli.arguments import STDIN, named
from passpost_cli.batch.arguments import Arguments
from passpost_cli.batch.delivery import Batch
from passpost_cli.batch.drafts import Draft, Drafts
from passpost_cli.batch.journal import Journal, exists, missing
from passpost_cli.batch.progress import Progress, make_progress
from passpost_cli.batch.records import State
from passpost_cli.batch.resending import resending
from passpost_cli.batch.rows import BatchFile
from passpost_cli.batch.summary import Summary, show_outcome, show_unknown
from passpost_cli.batch.tally import Outcome, Tally
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import CommandError
from passpost_cli.language import _
from passpost_cli.terminal import complain
from passpost_cli.usages import point_out_strangers

_MOST_PROBLEMS: Final = 100
"""Problems of a file after which the check ends: nobody reads more of them at once."""


def send_batch(arguments: Arguments, application: passpost.Application) -> None:
    """Send the emails of a file.

    Raises:
        ConfigError: Lines of the file are invalid; nothing was sent.
        CommandError: The file or the journal cannot be used; nothing was sent.
        click.exceptions.Exit: With the exit code, where not all were accepted.
    """
    _check_journal(arguments)
    with _opened(arguments.file) as stream:
        file = BatchFile(stream, named(arguments.file))
        drafts = Drafts(file, arguments.defaults, application)
        lines = _checked(drafts)
        _point_out(file.name, lines, drafts, application)
        # Made first: it rejects settings that nothing can be sent with.
        mailer = _mailer(application, arguments)
        opened = Journal.resume if arguments.resume else Journal.create
        journal = opened(arguments.journal, file.digest, max(lines, default=0))
        summary = _Run(arguments, file, journal, lines).send(drafts, mailer)
    if arguments.as_json:
        summary.show_json()
    else:
        summary.show()
    if summary.exit_code:
        raise click.exceptions.Exit(summary.exit_code)


class _Run:
    """One run of a batch: all of it, or what earlier ones left.

    Args:
        arguments: The command line.
        file: The batch file.
        journal: Its journal.
        lines: The lines with an email.
    """

    def __init__(
        self, arguments: Arguments, file: BatchFile, journal: Journal, lines: Iterable[int]
    ) -> None:
        self._arguments = arguments
        self._file = file
        self._journal = journal
        self._tally = Tally()
        self._count_earlier(lines)

    def send(self, drafts: Drafts, mailer: passpost.AsyncMailer) -> Summary:
        """Send what is missing, and return what it came to."""
        began = time.monotonic()
        missing = drafts.read(self._journal.key, self._is_missing)
        with self._journal, closing(make_progress(self._tally)) as progress:
            batch = asyncio.run(self._send(missing, mailer, progress))
        tally = self._tally
        return Summary(
            file=self._file.name,
            journal=self._journal.path,
            tally=tally,
            seconds=time.monotonic() - began,
            exit_code=_exit_code(tally, interrupted=batch.interrupted),
            reason=batch.reason,
        )

    async def _send(
        self, drafts: Iterator[Draft], mailer: passpost.AsyncMailer, progress: Progress
    ) -> Batch:
        def note(outcome: Outcome) -> None:
            self._tally.add(outcome)
            show_outcome(self._file.name, outcome)
            progress.show(self._tally)

        batch = Batch(mailer, self._journal, self._arguments.pace)
        async with mailer:
            await batch.run(self._as_checked(drafts, batch), note)
        return batch

    def _as_checked(self, drafts: Iterator[Draft], batch: Batch) -> Iterator[Draft]:
        """Return the emails as long as the file is the one that was checked."""
        for draft in drafts:
            if self._file.was_changed():
                batch.stop(_changed(self._file.name))
                return
            yield draft

    def _count_earlier(self, lines: Iterable[int]) -> None:
        """Count what earlier runs came to, and name what they left unknown."""
        tally = self._tally
        for line in lines:
            tally.total += 1
            if self._is_missing(line):
                continue
            state = self._journal.states[line]
            tally.earlier += 1
            tally.accepted += state is State.ACCEPTED
            tally.rejected += state is State.REJECTED
            if state is State.UNKNOWN:
                tally.unknown += 1
                show_unknown(self._file.name, line)

    def _is_missing(self, line: int) -> bool:
        state = self._journal.states[line]
        again = state is State.UNKNOWN and self._arguments.resend_unknown
        return state is State.MISSING or again


def _exit_code(tally: Tally, *, interrupted: bool) -> ExitCode:
    if interrupted and tally.not_attempted:
        return ExitCode.INTERRUPTED
    if tally.unknown:
        return ExitCode.UNKNOWN
    return ExitCode.DONE if tally.accepted == tally.total else ExitCode.REJECTED


def _mailer(application: passpost.Application, arguments: Arguments) -> passpost.AsyncMailer:
    stores = application.stores
    if arguments.resend_unknown and stores is not None:
        stores = resending(stores)
        application = attrs.evolve(application, stores=stores)
    return passpost.AsyncMailer(*application.connectors, **application.options())


def _check_journal(arguments: Arguments) -> None:
    """Check whether there is a journal, before the file is checked, which may take a while."""
    is_there = Path(arguments.journal).exists()
    if is_there and not arguments.resume:
        raise exists(arguments.journal)
    if arguments.resume and not is_there:
        raise missing(arguments.journal)


def _opened(name: str) -> BinaryIO:
    """Return the file; what cannot be read twice, as standard input, is copied."""
    if name == STDIN:
        return _copied(sys.stdin.buffer)
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - the caller closes it
        if file.seekable():
            return file
        with file:
            return _copied(file)
    except OSError as error:
        reason = known(error.strerror or type(error).__name__)
    except ValueError:
        reason = _("not the name of a file")
    raise CommandError(
        _("cannot read {name}: {reason}", name=named(name), reason=reason),
        _("check the name after --batch"),
    )


def _copied(stream: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(stream, copy)
    copy.flush()
    return cast("BinaryIO", copy)


def _checked(drafts: Drafts) -> array[int]:
    """Return the lines with an email, once all of them are valid.

    Raises:
        ConfigError: Some are not.
    """
    lines = array("Q")
    problems: list[passpost.Problem] = []
    for checked in drafts.check():
        if isinstance(checked, int):
            lines.append(checked)
            continue
        problems.extend(checked.problems)
        if len(problems) >= _MOST_PROBLEMS:
            break
    if problems:
        raise passpost.ConfigError(problems)
    return lines


def _point_out(
    name: str, lines: Sequence[int], drafts: Drafts, application: passpost.Application
) -> None:
    """Warn of what is valid, and probably a mistake."""
    if not lines:
        complain(
            name,
            _("the file contains no emails"),
            _("write one line for each email, in CSV below a line of names: to,usage,code"),
            warning=True,
        )
    point_out_strangers(application, sorted(drafts.usages), name)


def _changed(name: str) -> CommandError:
    return CommandError(
        _("stopped: {name} was changed while it was sent", name=name),
        _("restore the file, then add --resume to send what is missing"),
    )
