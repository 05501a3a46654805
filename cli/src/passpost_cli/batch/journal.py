r"""The journal of a batch: which emails were begun, and how each ended.

A file of JSON Lines that only grows. It names emails by their line in the batch file, and contains
nothing of them::

    {"passpost_batch": 1, "id": "9f…", "salt": "4b…", "fingerprint": "c0…"}
    {"begin": 2}
    {"end": 2, "outcome": "accepted"}

A begin is on the disk before its email leaves: neither a killed process nor a power failure lets an
email be sent twice. An end is only written: if it is lost, the email counts as unknown.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from passpost._wording import known
from passpost_cli.batch.records import (
    ENDS,
    Ending,
    Header,
    JournalError,
    States,
    line_of,
    read,
)
from passpost_cli.language import _

if sys.platform != "win32":
    import fcntl

_sync: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)


class Journal:
    """An open journal, locked against other processes.

    Args:
        path: The file's name.
        file: Its descriptor.
        header: Its first line.
        states: What it says of each line.
    """

    def __init__(self, path: str, file: int, header: Header, states: States) -> None:
        self.path = path
        self.header = header
        self.states = states
        self._file = file
        self._size = os.lseek(file, 0, os.SEEK_END)
        self._owed: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None

    @classmethod
    def create(cls, path: str, digest: bytes, last: int) -> Journal:
        """Begin a journal.

        Args:
            path: Its name.
            digest: The hash of the batch file's content.
            last: The last line with an email.

        Raises:
            JournalError: There is one already, or it cannot be written.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            raise exists(path) from None
        except OSError as error:
            raise _unusable(path, error, _("name a file that can be made with --journal")) from None
        return cls._begun(path, file, digest, last)

    @classmethod
    def resume(cls, path: str, digest: bytes, last: int) -> Journal:
        """Open the journal of a batch that was begun.

        What a killed process has half written is cut off: nothing has come of it.

        Args:
            path: Its name.
            digest: The hash of the batch file's content.
            last: The last line with an email.

        Raises:
            JournalError: It is missing, damaged, in use, or of another file.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            raise missing(path) from None
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            _lock(path, file)
            states = States(last)
            first, end = read(path, file, digest, states)
            if first is None:
                os.ftruncate(file, 0)
                return cls._begun(path, file, digest, last)
            os.ftruncate(file, end)
        except BaseException:
            os.close(file)
            raise
        return cls(path, file, first, states)

    @classmethod
    def _begun(cls, path: str, file: int, digest: bytes, last: int) -> Journal:
        _lock(path, file)
        header = Header.of(digest)
        try:
            journal = cls(path, file, header, States(last))
            journal._write(header.line())
            os.fsync(file)
            _sync_folder(path)
        except OSError as error:
            raise _unusable(path, error) from None
        return journal

    def key(self, line: int) -> str:
        """Return the idempotency key of a line: the same each time the batch is resumed."""
        return f"{self.header.id}:{line}"

    async def begin(self, line: int) -> None:
        """Note that an email is about to be sent, and wait until the disk has the note.

        All that begin meanwhile share the next write to the disk.

        Raises:
            JournalError: The note cannot be written: the email must not be sent.
        """
        self._write(line_of({"begin": line}))
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync_all())
        await waiter

    def end(self, line: int, outcome: Ending) -> None:
        """Note how an email ended; a full disk makes it wait until there is room."""
        self._owed.append(line_of({"end": line, "outcome": outcome}))
        self.states[line] = ENDS[outcome]
        with suppress(JournalError):
            self._write(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Where no room was left, some ends are missing; their emails count as unknown later.
        with suppress(JournalError):
            self.close()

    def close(self) -> None:
        """Write what is left, and let other processes have the journal.

        Raises:
            JournalError: Some ends cannot be written; their emails count as unknown later.
        """
        try:
            self._write(b"")
            with suppress(OSError):
                _sync(self._file)
        finally:
            os.close(self._file)

    async def _sync_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            failure: JournalError | None = None
            try:
                await asyncio.to_thread(_sync, self._file)
            except OSError as error:
                failure = _unusable(self.path, error)
            for waiter in waiting:
                if waiter.done():
                    continue
                if failure is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(failure)
        self._syncing = None

    def _write(self, line: bytes) -> None:
        """Append what is owed and a line; nothing of it stays if there is no room for all."""
        data = b"".join((*self._owed, line))
        if not data:
            return
        try:
            written = os.write(self._file, data)
            if written < len(data):
                os.write(self._file, data[written:])
        except OSError as error:
            failure = _unusable(self.path, error)
        else:
            self._size += len(data)
            self._owed.clear()
            return
        # A half line would spoil the next one.
        os.ftruncate(self._file, self._size)
        raise failure


def exists(path: str) -> JournalError:
    """Return the error for a batch that was begun before."""
    return JournalError(
        _("this batch was begun before: {path} is its journal", path=path),
        _(
            "add --resume to send what is missing; to send everything once more, "
            "remove the journal or name another one with --journal"
        ),
    )


def missing(path: str) -> JournalError:
    """Return the error for a batch that was never begun."""
    return JournalError(
        _("there is no journal {path} to resume", path=path),
        _("to begin the batch, leave out --resume"),
    )


def _lock(path: str, file: int) -> None:
    if sys.platform == "win32":
        # Two processes are not kept apart there.
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass
    else:
        return
    raise JournalError(
        _("another process is sending this batch: it has locked {path}", path=path),
        _("wait until it has ended, or stop it"),
    )


def _sync_folder(path: str) -> None:
    """Keep the name of a new file, too; where folders cannot be opened there is no need."""
    with suppress(OSError):
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)  # noqa: PTH120 - a name, not a path
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _unusable(
    path: str,
    error: OSError,
    remedy: str = _("free space or correct the path, then go on with --resume"),
) -> JournalError:
    reason = known(error.strerror or type(error).__name__)
    return JournalError(
        _("the journal {path} cannot be used: {reason}", path=path, reason=reason), remedy
    )
