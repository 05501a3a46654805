"""What a journal of a batch says: its lines, and the state of each email that follows from them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from enum import IntEnum
from typing import Any, Final, Literal

import attrs

from passpost_cli.failures import CommandError
from passpost_cli.language import _

Ending = Literal["accepted", "rejected", "unknown", "not sent"]

_MAGIC: Final = b'{"passpost_batch": '
_VERSION: Final = 1

_LONGEST: Final = 1 << 12
"""Bytes of a line at most; the first one has some 250."""

_HEX: Final = re.compile("(?:[0-9a-f]{2}){1,64}")

_NOT_A_RECORD: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What comes of reading a line that is something else."""


class State(IntEnum):
    """What a journal says of a line."""

    MISSING = 0
    ACCEPTED = 1
    REJECTED = 2
    UNKNOWN = 3


ENDS: Final = {
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
                _(
                    "{path} is the journal of another file, or the file has changed since",
                    path=path,
                ),
                _("restore the file, or send it as another batch with another --journal"),
            )

    def line(self) -> bytes:
        """Return the first line of the journal."""
        return line_of({"passpost_batch": _VERSION, **attrs.asdict(self)})


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


def read(path: str, file: int, digest: bytes, states: States) -> tuple[Header | None, int]:
    """Read what a journal says.

    After a power failure some file systems have zeros where something was written. No begin that
    an email has waited for is among it, so such a line is passed over.

    Args:
        path: Its name.
        file: Its descriptor.
        digest: The hash of the batch file's content.
        states: Where the states are noted.

    Returns:
        The first line, or None where it is not complete; and where the last complete one ends.

    Raises:
        JournalError: It is damaged, or that of another file.
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
            states[record["end"]] = ENDS[record["outcome"]]
    except _NOT_A_RECORD:
        pass
    else:
        return
    raise _damaged(path, number)


def line_of(record: dict[str, Any]) -> bytes:
    """Return a record as a line."""
    return json.dumps(record).encode() + b"\n"


def _damaged(path: str, number: int) -> JournalError:
    return JournalError(
        _("{path}:{number}: this is not a line of a journal", path=path, number=number),
        _("name the journal of the batch with --journal"),
    )
