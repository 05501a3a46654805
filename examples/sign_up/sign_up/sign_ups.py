"""Sign-ups and their codes: what the application stores, and when a code is right."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

import passpost

MINUTES: Final = 10
"""How long a code is valid."""

ATTEMPTS: Final = 5
"""How many codes may be tried for a sign-up."""

EMAILS: Final = 3
"""How many codes an address gets within an hour."""

_HOUR: Final = 3600
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sign_ups (
  ticket TEXT PRIMARY KEY, address TEXT NOT NULL, hash BLOB NOT NULL, email TEXT,
  began REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, is_over INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS sign_ups_of ON sign_ups (address, began);
CREATE TABLE IF NOT EXISTS accounts (address TEXT PRIMARY KEY);
"""
# Counted before the code is looked at, so that many requests at once have no more attempts.
_ATTEMPT: Final = """
UPDATE sign_ups SET attempts = attempts + 1
WHERE ticket = ? AND NOT is_over AND attempts < ? AND began > ? RETURNING hash, address
"""


class Sender(Protocol):
    """Sends emails, or brings them on their way."""

    def send(self, message: passpost.Message) -> str:
        """Take an email, and return the ID under which `state` knows it."""
        ...

    def state(self, id_: str) -> str:
        """Return what became of an email, as one word."""
        ...


class TooManyError(Exception):
    """An address gets no more codes for some time."""


class WrongCodeError(Exception):
    """The code is not the one that was sent.

    Attributes:
        is_over: Whether no other code helps: the sign-up has to begin again.
    """

    def __init__(self, *, is_over: bool) -> None:
        super().__init__()
        self.is_over = is_over


class SignUps:
    """Begins and confirms sign-ups.

    A code has six digits, so its plain hash is found in a second. The pepper is what someone who
    reads the database does not have.

    Args:
        database: The application's SQLite file.
        pepper: The key of the hashes, of at least 16 bytes, which is not in the database.
        sender: Sends the codes.
    """

    def __init__(self, database: Path, pepper: bytes, sender: Sender) -> None:
        self._database = database
        self._pepper = pepper
        self._sender = sender
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    def begin(self, address: str, locale: Sequence[str] = ()) -> str:
        """Send a code to an address, and return the ID of its sign-up.

        The response is the same whether the address has an account or not.

        Raises:
            MessageError: The address is not valid.
            StoreError: The email cannot be stored.
            TooManyError: The address has had its codes.
        """
        code = f"{secrets.randbelow(10**6):06}"
        message = passpost.Message(
            address,
            "Register",
            {"code": code, "expiresInMinutes": MINUTES},
            locale=tuple(locale),
            deadline=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=MINUTES),
        )
        # One mailbox, one spelling of its domain.
        mailbox = f"{message.to.local}@{message.to.ascii_domain.lower()}"
        id_ = secrets.token_urlsafe(16)
        now = time.time()
        with self._transaction() as connection:
            query = "SELECT COUNT(*) FROM sign_ups WHERE address = ? AND began > ?"
            (sent,) = connection.execute(query, (mailbox, now - _HOUR)).fetchone()
            if sent >= EMAILS:
                raise TooManyError
            connection.execute("UPDATE sign_ups SET is_over = 1 WHERE address = ?", (mailbox,))
            row = (id_, mailbox, self._hash(id_, code), now)
            connection.execute(
                "INSERT INTO sign_ups (ticket, address, hash, began) VALUES (?, ?, ?, ?)", row
            )
        email = self._sender.send(message)
        with self._transaction() as connection:
            connection.execute("UPDATE sign_ups SET email = ? WHERE ticket = ?", (email, id_))
        return id_

    def state(self, id_: str) -> str | None:
        """Return what became of the email of a sign-up, or None where there is no such sign-up."""
        with self._transaction() as connection:
            query = "SELECT email FROM sign_ups WHERE ticket = ?"
            row = connection.execute(query, (id_,)).fetchone()
        if row is None:
            return None
        return "unknown" if row[0] is None else self._sender.state(row[0])

    def confirm(self, id_: str, code: str) -> str:
        """Make an account, and return its address.

        Raises:
            WrongCodeError: The code is wrong, too old, used, or one of too many.
        """
        oldest = time.time() - 60 * MINUTES
        with self._transaction() as connection:
            row = connection.execute(_ATTEMPT, (id_, ATTEMPTS, oldest)).fetchone()
        if row is None:
            raise WrongCodeError(is_over=True)
        expected, address = row
        if not hmac.compare_digest(expected, self._hash(id_, code.strip())):
            raise WrongCodeError(is_over=False)
        with self._transaction() as connection:
            ended = connection.execute(
                "UPDATE sign_ups SET is_over = 1 WHERE ticket = ? AND NOT is_over", (id_,)
            )
            if ended.rowcount != 1:
                raise WrongCodeError(is_over=True)
            connection.execute("INSERT OR IGNORE INTO accounts VALUES (?)", (address,))
        return str(address)

    def _hash(self, id_: str, code: str) -> bytes:
        return hmac.digest(self._pepper, f"{id_}:{code}".encode(), "sha256")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
