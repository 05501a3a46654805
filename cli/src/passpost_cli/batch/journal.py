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
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, Literal, Self

import attrs

from passpost_cli.failures import CommandError

if sys.platform != "win32":
    import fcntl

Ending = Literal["accepted", "rejected", "unknown", "not sent"]

_MAGIC: Final = b'{"passpost_batch": '
_VERSION: Final = 1

_LONGEST: Final = 1 << 12
"""Bytes of a line at most; the first one has some 250."""

_HEX: Final = re.compile("(?:[0-9a-f]{2}){1,64}")

_NOT_A_RECORD: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What comes of reading a line that is something else."""

_sync: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)


class State(IntEnum):
    """What a journal says of a line."""

    MISSING = 0
    ACCEPTED = 1
    REJECTED = 2
    UNKNOWN = 3


_ENDS: Final = {
    "accepted": State.ACCEPTED,
    "rejected": State.REJECTED,
    "unknown": State.UNKNOWN,
    "not sent": State.MISSING,
}


class JournalError(CommandError):
    """The journal cannot be used."""


@attrs.frozen
class Header:
    """The first line of a journal.

    Attributes:
        id: Names the batch; it makes the keys of its emails.
        salt: Goes into the fingerprint.
        fingerprint: Tells the batch file from others.
    """

    id: str
    salt: str
    fingerprint: str

    @classmethod
    def of(cls, digest: bytes) -> Header:
        """Return the header for a batch file, from the hash of its content."""
        salt = secrets.token_hex(16)
        return cls(secrets.token_hex(16), salt, _fingerprint(digest, salt))

    def require(self, path: str, digest: bytes) -> None:
        """Check that the journal is that of a batch file, from the hash of its content.

        Raises:
            JournalError: It is that of another.
        """
        if self.fingerprint != _fingerprint(digest, self.salt):
            raise JournalError(
                f"{path} is the journal of another file, or the file has changed since",
                "restore the file, or send it as another batch with another --journal",
            )

    def line(self) -> bytes:
        """Return the first line of the journal."""
        return _line({"passpost_batch": _VERSION, **attrs.asdict(self)})


def _fingerprint(digest: bytes, salt: str) -> str:
    """Return the fingerprint of a content.

    A short file could be guessed from a plain hash of it, code by code: each guess at this one
    takes a tenth of a second.
    """
    memory = 1 << 26
    made = hashlib.scrypt(digest, salt=bytes.fromhex(salt), n=1 << 15, r=8, p=1, maxmem=memory)
    return made.hex()


class States:
    """The states of the lines of a batch file: a byte for each.

    Args:
        last: The last line with an email.
    """

    def __init__(self, last: int) -> None:
        self._known = bytearray(last + 1)

    def __getitem__(self, line: int) -> State:
        return State(self._known[line])

    def __setitem__(self, line: int, state: State) -> None:
        # A journal that somebody has changed may have anything there.
        if type(line) is not int or not 0 < line < len(self._known):
            raise ValueError("not a line of the batch file")
        self._known[line] = state


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
            raise _unusable(path, error) from None
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
            first, end = _read(path, file, digest, states)
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
        self._write(_line({"begin": line}))
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync_all())
        await waiter

    def end(self, line: int, outcome: Ending) -> None:
        """Note how an email ended; a full disk makes it wait until there is room."""
        self._owed.append(_line({"end": line, "outcome": outcome}))
        self.states[line] = _ENDS[outcome]
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
        f"this batch was begun before: {path} is its journal",
        "add --resume to send what is missing; to send everything once more, remove the journal "
        "or name another one with --journal",
    )


def missing(path: str) -> JournalError:
    """Return the error for a batch that was never begun."""
    return JournalError(
        f"there is no journal {path} to resume", "to begin the batch, leave out --resume"
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
        f"another process is sending this batch: it has locked {path}",
        "wait until it has ended, or stop it",
    )


def _read(path: str, file: int, digest: bytes, states: States) -> tuple[Header | None, int]:
    """Read what a journal says, and return its first line, and where the last complete one ends.

    After a power failure some file systems have zeros where something was written. No begin that
    an email has waited for is among it, so such a line is passed over.
    """
    header: Header | None = None
    end = position = number = 0
    torn = False
    with open(file, "rb", closefd=False) as lines:
        while line := lines.readline(_LONGEST):
            position += len(line)
            torn = torn or b"\0" in line
            if torn and not line.endswith(b"\n"):
                continue
            if not line.endswith(b"\n") and len(line) < _LONGEST:
                break
            number += 1
            if header is None:
                header = _header(path, line)
                header.require(path, digest)
            elif not torn:
                _note(path, number, line, states)
            torn, end = False, position
    if header is None and (torn or not _MAGIC.startswith(line[: len(_MAGIC)])):
        raise _damaged(path, 1)
    return header, end


def _header(path: str, line: bytes) -> Header:
    try:
        record = json.loads(line)
        if record.pop("passpost_batch") == _VERSION and all(map(_HEX.fullmatch, record.values())):
            return Header(**record)
    except _NOT_A_RECORD:
        pass
    raise _damaged(path, 1)


def _note(path: str, number: int, line: bytes, states: States) -> None:
    try:
        record = json.loads(line)
        if "begin" in record:
            states[record["begin"]] = State.UNKNOWN
        else:
            states[record["end"]] = _ENDS[record["outcome"]]
    except _NOT_A_RECORD:
        pass
    else:
        return
    raise _damaged(path, number)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _sync_folder(path: str) -> None:
    """Keep the name of a new file, too; where folders cannot be opened there is no need."""
    with suppress(OSError):
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)  # noqa: PTH120 - a name, not a path
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _damaged(path: str, number: int) -> JournalError:
    return JournalError(
        f"{path}:{number}: this is not a line of a journal",
        "name the journal of the batch with --journal",
    )


def _unusable(path: str, error: OSError) -> JournalError:
    reason = error.strerror or type(error).__name__
    return JournalError(
        f"the journal {path} cannot be used: {reason}",
        "free space or correct the path, then go on with --resume",
    )
