"""The outbox of a fleet: a Redis server that web processes and workers of many machines share."""

from __future__ import annotations

import base64
import itertools
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from passpost import Finding, Secret
from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox import redis_scripts as scripts
from passpost_outbox.listening import Listened
from passpost_outbox.records import (
    STATES,
    UNREADABLE,
    Claim,
    Event,
    Expire,
    Record,
    State,
    Supersede,
    body_after,
    decide,
    placed,
)
from passpost_outbox.redis_checks import Durability, check, require
from passpost_outbox.store import (
    UPDATE_FIRST,
    Change,
    is_found,
    is_readable,
    read_record,
    say_set_aside,
    write_record,
)
from passpost_outbox.together import Together
from passpost_redis import RedisServer

log: Final = logging.getLogger("passpost.outbox")
__all__ = ["RedisStore"]

_ = Phrases("passpost_outbox")

VERSION: Final = 1
"""The form of what is stored."""

_KEY: Final = "{outbox}"
"""What all keys begin with after the prefix; its braces put them into one slot of a cluster."""

_TIMEOUT: Final = 2.0
_BATCH: Final = 100
"""Records that one script handles at most, so that the server replies to others soon."""
_PASSED: Final = 1000
"""Records that cannot be sent and which one script, or one claim of others, passes at most."""
_SPREAD: Final = 64
"""Records at the head of the queue among which workers choose at most while many of them claim."""

_AT_ONCE: Final = 4
"""Claims, and changes, that are under way at a time; others wait, and are asked together."""

_MARK: Final = 8
"""Characters before a record that are new with each change."""


class RedisStore(Listened):
    """Keeps records in Redis, by the clock of its server.

    A record changes by comparing and setting: it is read, decided of in Python, and written if it
    is still what was read. A change whose reply was lost can so be repeated, and no body is lost
    with the reply.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password if needed.
        durability: What is on disk when an operation returns. ``always`` requires a server with
            ``appendfsync always``. ``waitaof`` waits for the disk (Redis 7.2 or newer).
            ``everysec`` may lose the last writes in a crash: emails, and claims, so that an email
            is sent twice. ``unchecked`` accepts any server.
        timeout: Seconds that a step of an operation may take.
        prefix: What the names of all keys begin with.

    Raises:
        ValueError: The URL or the durability is not valid.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        durability: Durability = "always",
        timeout: float = _TIMEOUT,
        prefix: str = "passpost:",
    ) -> None:
        if durability not in get_args(Durability):
            raise ValueError(f"durability must be one of {', '.join(get_args(Durability))}")
        super().__init__()
        self._server = RedisServer(url, timeout=timeout, prefix=prefix)
        self._durability = durability
        self._checked = False
        self._spread = 1
        self._applies = Together(self._apply_all, at_once=_AT_ONCE)
        self._claims = Together(self._claim_all, at_once=_AT_ONCE)

    def __repr__(self) -> str:
        return f"<RedisStore: {self._server}>"

    async def now(self) -> int:
        """Return the server's time in milliseconds."""
        return int(await self._run(scripts.TIME))

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record; see `OutboxStore.put`."""
        # The byte after the separator is where the IDs of a recipient and usage end.
        known = "" if supersedes is None else "\0".join((*supersedes, ""))
        fixed = (record.id, _text(record), _packed(body), known, known[:-1] + "\1")
        decided: list[str] = []
        ended: list[Change] = []
        while True:
            state, *found = await self._write(scripts.PUT, *fixed, *decided)
            if state == "put":
                self.notice(*ended)
                return record
            if state == "known":
                return _record(*found)
            now, olders = found
            decided, ended = [], []
            for id_, older in _pairs(olders):
                change = _decided(_record(id_, older), None, Supersede(), now)
                ended += [] if change is None else [change]
                decided += [older, older if change is None else _text(change.record)]

    async def apply(self, id_: str, event: Event) -> Change | None:
        """Apply an event to a record; see `OutboxStore.apply`."""
        return await self._applies((id_, event))

    async def claim_next(self, claim: Claim) -> Change | None:
        """Claim the queued record of the lowest priority, the oldest of them first.

        While many workers claim at once, each takes one of the oldest.
        """
        return await self._claims(claim)

    async def due(self, limit: int) -> Sequence[Record]:
        """Return records past their deadline or lease; see `OutboxStore.due`."""
        return _records(await self._run(scripts.TIMELY, "due", limit))

    async def stale(self, limit: int) -> Sequence[Record]:
        """Return queued records whose time to be published has come; see `OutboxStore.stale`."""
        return _records(await self._run(scripts.TIMELY, "stale", limit))

    async def get(self, id_: str) -> Record | None:
        """Return a record, or None."""
        text = (await self._run(scripts.READ, id_))[1]
        return None if text is None else _record(id_, text)

    async def body(self, id_: str) -> bytes | None:
        """Return the encrypted body of a record, or None."""
        packed = (await self._run(scripts.READ, id_))[2]
        return None if packed is None else base64.b64decode(packed)

    async def list(
        self,
        *,
        state: State | None = None,
        usage: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Record]:
        """Return records, the newest first; see `OutboxStore.list`."""
        name = "all" if state is None else f"state:{state}"
        found: list[Record] = []
        number, start = "", before or ""
        while len(found) < limit:
            number, texts = await self._run(scripts.LIST, name, start, number, _BATCH)
            found += [each for each in _records(texts) if usage in (None, each.usage)]
            start = ""
            if not number:
                break
        return found[:limit]

    async def counts(self) -> Mapping[State, int]:
        """Return how many records each state has."""
        states = (*STATES, UNREADABLE)
        counts = await self._run(scripts.COUNTS, *states)
        return {state: count for state, count in zip(states, counts, strict=True) if count}

    async def purge(self, *, age: int, limit: int = 1000, state: State | None = None) -> int:
        """Delete old records in a final state; see `OutboxStore.purge`."""
        purged = kept = 0
        while (left := min(_BATCH, limit - purged)) > 0:
            deleted, seen = await self._write(scripts.PURGE, age, left, state or "", kept)
            purged += deleted
            kept += seen - deleted
            if seen < left:
                break
        return purged

    async def lead(self, owner: str, lease: int) -> bool:
        """Return whether a worker is the one that sweeps now; see `OutboxStore.lead`."""
        return bool(await self._run(scripts.LEAD, owner, lease))

    async def check(self) -> Sequence[Finding]:
        """Return whether the server can be used, and what it forgets.

        Raises:
            StoreError: It cannot be asked.
        """
        return await check(self._durability, self._server)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the next operation opens them again."""
        await self._server.aclose()

    async def _apply_all(self, asked: Sequence[tuple[str, Event]]) -> Sequence[Change | None]:
        done: dict[int, Change | None] = {}
        while left := [number for number in range(len(asked)) if number not in done]:
            # Of several events of one record, each is decided of what the one before left.
            first = {asked[number][0]: number for number in reversed(left)}
            now, *found = await self._run(scripts.READ, *first)
            changes: dict[int, tuple[str, Event, Change]] = {}
            unread: list[tuple[str, str]] = []
            astray: list[str] = []
            texts = zip(first.values(), found[::2], found[1::2], strict=True)
            for number, text, packed in texts:
                id_, event = asked[number]
                record = None if text is None else _record(id_, text)
                change = None if record is None else _decided(record, packed, event, now)
                if change is not None:
                    changes[number] = (text, event, change)
                    continue
                done[number] = None
                if record is None or not is_found(event):
                    continue
                if is_readable(record):
                    # It is not where the sweeper found it. If somebody edited it, it is put back.
                    astray += [id_, text, text, "="]
                else:
                    unread.append((id_, text))
            await self._set_aside(now, *unread)
            if astray:
                await self._write(scripts.CHANGE, *astray)
            if changes:
                written = await self._change(*changes.values())
                done |= {
                    number: changes[number][2]
                    for number, is_written in zip(changes, written, strict=True)
                    if is_written
                }
        return [done[number] for number in range(len(asked))]

    async def _claim_all(self, claims: Sequence[Claim]) -> Sequence[Change | None]:
        claimed: dict[int, Change] = {}
        limit, passed = len(claims), 0
        while len(claimed) < len(claims) and passed < _PASSED:
            now, gone, *found = await self._look(limit)
            if not found:
                if gone < _PASSED:
                    break
                continue
            left = iter([number for number in range(len(claims)) if number not in claimed])
            numbers: list[int | None] = []
            changes: list[tuple[str, Event, Change]] = []
            rows = [
                (_record(id_, text), text, packed)
                for id_, text, packed in zip(found[::3], found[1::3], found[2::3], strict=True)
            ]
            unread = [(one.id, text) for one, text, _packed in rows if not is_readable(one)]
            await self._set_aside(now, *unread)
            for record, text, packed in rows:
                number: int | None = None
                event: Event = Expire()
                change = _decided(record, packed, event, now)
                if change is None and record.state == "queued":
                    number = next(left, None)
                    event = event if number is None else claims[number]
                    change = _decided(record, packed, event, now)
                if change is not None:
                    numbers.append(number)
                    changes.append((text, event, change))
            written = await self._change(*changes) if changes else []
            done = [
                (number, change)
                for number, (*_, change), ok in zip(numbers, changes, written, strict=True)
                if ok
            ]
            claimed |= {number: change for number, change in done if number is not None}
            self.notice(*(change for number, change in done if number is None))
            if all(written):
                if len(found) < 3 * limit and gone < _PASSED and self._spread == 1:
                    break
                self._spread = max(1, self._spread - 1)
            else:
                self._spread = min(_SPREAD, self._spread * 2)
            # Those that wait longest are overdue together.
            overdue = numbers.count(None) + len(unread)
            limit, passed = _BATCH if overdue else limit, passed + overdue + 1
        return [claimed.get(number) for number in range(len(claims))]

    async def _look(self, limit: int) -> Any:
        chosen = secrets.randbelow(_SPREAD)
        return await self._run(scripts.LOOK, limit, self._spread, chosen, _PASSED)

    async def _change(self, *changes: tuple[str, Event, Change]) -> Any:
        arguments: list[str] = []
        for text, event, change in changes:
            body = body_after(change.record, event, change.body)
            arguments += [change.record.id, text, _text(change.record), _written(change, body)]
        return await self._write(scripts.CHANGE, *arguments)

    async def _set_aside(self, now: int, *found: tuple[str, str]) -> None:
        if found:
            done = await self._write(scripts.ASIDE, *itertools.chain(*found))
            for id_, text in found:
                if id_ in done:
                    say_set_aside(id_)
                    self.notice(Change(placed(_record(id_, text), now), now))

    async def _write(self, script: str, *arguments: str | int) -> Any:
        return await self._run(script, *arguments, synced=self._durability == "waitaof")

    async def _run(self, script: str, *arguments: str | int, synced: bool = False) -> Any:
        if not self._checked:
            await self._check()
        return await self._server.run(script, _KEY, *arguments, synced=synced)

    async def _check(self) -> None:
        """Compare the server with what was asked for, once."""
        facts = await self._server.facts()
        require(self._durability, self._server, facts)
        policy = facts.get("maxmemory-policy", "noeviction")
        if policy != "noeviction":
            log.warning(
                "%s has `maxmemory-policy %s`: set `noeviction`, or emails may be lost",
                self._server,
                policy,
            )
        if int(await self._server.run(scripts.FORM, _KEY, VERSION)) > VERSION:
            newer = _("the outbox in {server} is of a newer version", server=str(self._server))
            raise StoreError(newer, hint=UPDATE_FIRST)
        self._checked = True


def _decided(record: Record, packed: str | None, event: Event, now: int) -> Change | None:
    after = decide(record, event, now)
    body = base64.b64decode(packed) if packed else None
    return None if after is None else Change(after, now, body)


def _written(change: Change, body: bytes | None) -> str:
    """Return the body after a change, as the scripts take it."""
    if body is None:
        return ""
    return "=" if body == change.body else _packed(body)


def _packed(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _text(record: Record) -> str:
    # The mark shows whose change it is, if two of them are the same otherwise.
    return secrets.token_hex(_MARK // 2) + write_record(record)


def _record(id_: str, text: str) -> Record:
    return read_record(id_, text[_MARK:])


def _records(found: Sequence[str]) -> list[Record]:
    return [_record(id_, text) for id_, text in _pairs(found)]


def _pairs(found: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(found[::2], found[1::2], strict=True)
