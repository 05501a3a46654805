"""The contract of stores, as tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final

import attrs
import pytest

from passpost_outbox.listening import Listened
from passpost_outbox.records import (
    Abandon,
    Claim,
    Event,
    Expire,
    Finish,
    Publish,
    Record,
    Release,
    Renew,
    Result,
    Retry,
)
from passpost_outbox.store import Change, OutboxStore

_LEASE: Final = 60_000
_PATIENCE: Final = 60.0
_MANY: Final = 40
_OVERDUE: Final = 120
_IDS: Final = count()
_ACCEPTED: Final = Result(
    state="accepted", connector="smtp", message_id="<é@example.com>", provider_id="7", scope=None
)

Connect = Callable[[], OutboxStore]
Check = Callable[[OutboxStore, OutboxStore], Awaitable[None]]


class OutboxStoreSuite:
    """What each store does.

    The fixture `connect` returns a function, which returns a new connection to the same, at first
    empty, store each time it is called.
    """

    def test_a_record_is_what_was_put(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, usage="登录")
            assert await other.get(record.id) == record
            assert await one.get("unknown") is None
            assert await one.apply("unknown", Claim("me", _LEASE)) is None

        _run(connect, check)

    def test_a_claim_takes_the_body_and_leaves_none(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, body=b"\x00\xff")
            claimed = await one.apply(record.id, Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.body == b"\x00\xff"
            assert (claimed.record.state, claimed.record.owner) == ("sending", "me")
            assert await other.apply(record.id, Claim("you", _LEASE)) is None
            renewed = await one.apply(record.id, Renew("me", 2 * _LEASE))
            assert renewed is not None
            assert renewed.body is None, "the body was kept"
            assert await other.get(record.id) == renewed.record

        _run(connect, check)

    def test_a_release_returns_the_body(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one)
            await one.apply(record.id, Claim("me", _LEASE))
            assert await other.apply(record.id, Release("you", b"other")) is None
            assert await one.apply(record.id, Release("me", b"again")) is not None
            claimed = await other.claim_next(Claim("you", _LEASE))
            assert claimed is not None
            assert (claimed.record.id, claimed.body) == (record.id, b"again")

        _run(connect, check)

    def test_the_owner_alone_finishes(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one)
            await one.apply(record.id, Claim("me", _LEASE))
            assert await other.apply(record.id, Finish("you", _ACCEPTED)) is None
            done = await one.apply(record.id, Finish("me", _ACCEPTED))
            assert done is not None
            assert done.record.finished_at is not None
            assert await other.get(record.id) == done.record
            assert done.record.result == _ACCEPTED
            events: tuple[Event, ...] = (Claim("me", 1), Release("me", b""), Abandon(), Expire())
            for event in events:
                assert await one.apply(record.id, event) is None, f"{event} left a final state"

        _run(connect, check)

    def test_a_record_that_cannot_be_read_holds_nobody_up(
        self, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            # No version writes such a date; its priority is the first.
            broken: dict[str, Any] = {"date": "canary", "priority": 1, "idem": "key"}
            first = await _put(one, **broken)
            rest = [await _put(one) for _ in range(3)]
            claims = [await store.claim_next(Claim("me", _LEASE)) for store in (one, other, one)]
            assert [claim and claim.record.id for claim in claims] == [each.id for each in rest]
            # What has no claim is found by a sweeper.
            late = await _put(one, left=-1, **{**broken, "idem": None})
            assert [record.id for record in await other.due(10)] == [late.id]
            assert await one.apply(late.id, Expire()) is None
            lost = await _put(one, **{**broken, "idem": None})
            assert lost.id in [record.id for record in await other.stale(10)]
            assert await one.apply(lost.id, Publish(_LEASE)) is None
            assert (await other.due(10), await other.stale(10)) == ([], [])
            assert await one.counts() == {"sending": 3, "unreadable": 3}
            ids = [lost.id, late.id, first.id]
            assert [record.id for record in await one.list(state="unreadable")] == ids
            assert (await _put(other, idem="key")).state == "unreadable"
            newer = await _put(one, supersedes=(lost.recipient, lost.usage))
            claimed = await one.claim_next(Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.record.id == newer.id
            found = await one.get(first.id)
            assert found is not None
            assert (found.id, found.state) == (first.id, "unreadable")
            # A newer version may read it, so it is kept as long as others that have ended.
            assert await one.body(first.id) == b"body"
            assert await one.purge(age=_LEASE) == 0
            assert await one.purge(age=-1) == 3  # noqa: PLR2004 - those above
            assert await one.counts() == {"sending": 4}
            # Each is told of once, and without its content.
            assert [caplog.text.count(f"{id_} is damaged") for id_ in ids] == [1, 1, 1]
            assert "canary" not in caplog.text

        _run(connect, check)

    def test_a_store_tells_of_what_it_ended_by_the_way(self, connect: Connect) -> None:
        async def check(one: OutboxStore, _other: OutboxStore) -> None:
            if not isinstance(one, Listened):
                pytest.skip("the store does not tell")
            told: list[Change] = []
            for _time in range(2):
                one.listen(told.append)
            older = await _put(one, recipient="ada", usage="SignIn")
            newer = await _put(one, recipient="ada", supersedes=("ada", "SignIn"))
            broken = await _put(one, date="canary", priority=2)
            claimed = await one.claim_next(Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.record.id == newer.id
            lost = await _put(one, date="canary")
            assert await one.apply(lost.id, Publish(_LEASE)) is None
            await one.apply(newer.id, Finish("me", _ACCEPTED))
            found = [
                (change.record.id, change.record.state, change.record.reason) for change in told
            ]
            assert sorted(found) == sorted(
                [
                    (older.id, "expired", "superseded"),
                    (broken.id, "unreadable", ""),
                    (lost.id, "unreadable", ""),
                ]
            )
            assert all(change.record.finished_at is not None for change in told)

        _run(connect, check)

    def test_what_a_newer_version_adds_is_kept(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, more={"colour": {"of": ["é", 7]}})
            await other.apply(record.id, Claim("me", _LEASE))
            result = attrs.evolve(_ACCEPTED, more={"cost": 0.1})
            await other.apply(record.id, Finish("me", result))
            found = await one.get(record.id)
            assert found is not None
            assert (found.more, found.result) == (record.more, result)

        _run(connect, check)

    def test_each_record_is_claimed_once(self, connect: Connect) -> None:
        # kratos#652, kratos#402, postal#2222: no comparison, and up to 17 copies.
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            ids = {(await _put(one)).id for _ in range(_MANY)}
            claims = await asyncio.gather(
                *(
                    store.claim_next(Claim(f"{number}", _LEASE))
                    for number in range(_MANY)
                    for store in (one, other)
                )
            )
            claimed = [claim.record.id for claim in claims if claim is not None]
            assert sorted(claimed) == sorted(ids)

        _run(connect, check)

    def test_what_is_asked_at_once_is_done_as_if_one_by_one(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            overdue = [await _put(one, left=-1) for _ in range(3)]
            queued = [await _put(one, body=b"own") for _ in range(5)]
            claims = [Claim(f"worker {number}", _LEASE) for number in range(7)]
            changes = await asyncio.gather(*(one.claim_next(claim) for claim in claims))
            owners = {}
            for claim, change in zip(claims, changes, strict=True):
                if change is not None:
                    assert (change.record.owner, change.body) == (claim.owner, b"own")
                    owners[change.record.id] = claim.owner
            assert set(owners) == {record.id for record in queued}
            for record in overdue:
                assert (await other.apply(record.id, Expire())) is not None
            results = [
                await asyncio.gather(*(one.apply(id_, Finish(owner, _ACCEPTED)) for _ in range(3)))
                for id_, owner in owners.items()
            ]
            assert [len(list(filter(None, each))) for each in results] == [1] * len(queued)
            assert await other.counts() == {"accepted": len(queued), "expired": len(overdue)}

        _run(connect, check)

    def test_the_first_of_the_lowest_priority_comes_first(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            priorities = (50, 10, 50, 10)
            records = [await _put(one, priority=priority) for priority in priorities]
            expected = [records[index].id for index in (1, 3, 0, 2)]
            claims = [await other.claim_next(Claim("me", _LEASE)) for _ in expected]
            assert [claim.record.id for claim in claims if claim is not None] == expected
            assert await one.claim_next(Claim("me", _LEASE)) is None

        _run(connect, check)

    def test_what_is_overdue_is_not_claimed(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            late = await _put(one, left=-1)
            good = await _put(one, left=60_000)
            assert [record.id for record in await other.due(10)] == [late.id]
            assert await one.apply(late.id, Claim("me", _LEASE)) is None
            claimed = await one.claim_next(Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.record.id == good.id
            await other.apply(late.id, Expire())
            expired = await one.get(late.id)
            assert expired is not None
            assert (expired.state, expired.reason) == ("expired", "overdue")
            assert await one.due(10) == []

        _run(connect, check)

    def test_however_much_is_overdue_the_next_one_is_claimed(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            overdue = {(await _put(one, left=-1)).id for _ in range(_OVERDUE)}
            good = await _put(one, left=60_000)
            claimed = await other.claim_next(Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.record.id == good.id
            assert await other.claim_next(Claim("me", _LEASE)) is None
            assert {record.id for record in await one.due(2 * _OVERDUE)} == overdue

        _run(connect, check)

    def test_a_dead_lease_is_due(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            dead, alive = await _put(one), await _put(one)
            await one.apply(dead.id, Claim("dead", 0))
            await one.apply(alive.id, Claim("alive", _LEASE))
            assert [record.id for record in await other.due(10)] == [dead.id]
            assert await other.apply(alive.id, Abandon()) is None
            ended = await other.apply(dead.id, Abandon())
            assert ended is not None
            assert (ended.record.state, ended.record.reason) == ("unknown", "lease")
            assert await one.apply(dead.id, Finish("dead", _ACCEPTED)) is None

        _run(connect, check)

    def test_what_nobody_took_is_published_again(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            now = await one.now()
            lost = await _put(one, body=b"kept", publish_at=now - 2)
            older = await _put(one, publish_at=now - 3)
            waiting = await _put(one, publish_at=now + _LEASE)
            taken = await _put(one, publish_at=now - 1)
            await one.apply(taken.id, Claim("me", _LEASE))
            assert [record.id for record in await other.stale(10)] == [older.id, lost.id]
            assert [record.id for record in await other.stale(1)] == [older.id]
            told = await one.apply(lost.id, Publish(_LEASE))
            assert told is not None
            assert await other.get(lost.id) == told.record
            assert told.record.publish_at >= now + _LEASE
            assert await other.apply(lost.id, Publish(_LEASE)) is None
            assert await other.apply(waiting.id, Publish(_LEASE)) is None
            assert [record.id for record in await other.stale(10)] == [older.id]
            claimed = await other.apply(lost.id, Claim("me", _LEASE))
            assert claimed is not None
            assert claimed.body == b"kept"
            # It is released, so it has to be published at once.
            assert await one.apply(taken.id, Release("me", b"body")) is not None
            assert [record.id for record in await other.stale(10)] == [older.id, taken.id]

        _run(connect, check)

    def test_an_email_in_doubt_is_queued_once_more(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, body=b"kept")
            await one.apply(record.id, Claim("dead", 0, date=7))
            again = await other.apply(record.id, Abandon())
            assert again is not None
            assert again.record == await one.get(record.id)
            assert (again.record.state, again.record.resent) == ("queued", True)
            claimed = await one.claim_next(Claim("dead", 0, date=9))
            assert claimed is not None
            assert (claimed.body, claimed.record.date) == (b"kept", 7)
            assert await other.body(record.id) is None
            ended = await other.apply(record.id, Abandon())
            assert ended is not None
            assert ended.record.state == "unknown"

        _run(connect, check)

    def test_what_expired_can_be_retried(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, body=b"kept", left=-1)
            later = await one.now() + _LEASE
            assert await other.apply(record.id, Retry(later, b"new")) is None
            assert await one.claim_next(Claim("me", _LEASE)) is None
            await one.apply(record.id, Expire())
            assert await other.body(record.id) == b"kept"
            assert await other.apply(record.id, Retry(0, b"new")) is None
            assert await other.apply(record.id, Retry(later, b"new")) is not None
            assert await other.apply(record.id, Retry(later, b"newer")) is None
            assert await one.due(10) == []
            assert await one.purge(age=-1) == 0
            claimed = await one.claim_next(Claim("me", _LEASE))
            assert claimed is not None
            assert (claimed.body, claimed.record.deadline) == (b"new", later)
            assert await one.body("unknown") is None

        _run(connect, check)

    def test_a_key_has_one_record(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await _put(one, idem="key")
            puts = (_put(store, idem="key") for store in (one, other) for _ in range(5))
            assert set(await asyncio.gather(*puts)) == {record}
            assert await one.counts() == {"queued": 1}

        _run(connect, check)

    def test_a_newer_email_supersedes_queued_ones(self, connect: Connect) -> None:
        # rallly#2439, authentik#23123: the older code came last.
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            taken = await _put(one, recipient="ada", usage="SignIn")
            await one.claim_next(Claim("me", _LEASE))
            queued = await _put(one, recipient="ada", usage="SignIn")
            kept = [
                await _put(one, recipient="bob", usage="SignIn"),
                await _put(one, recipient="ada", usage="Invite"),
            ]
            kept.append(await _put(one, supersedes=("ada", "SignIn"), recipient="ada"))
            found = {record.id: record.state for record in await other.list()}
            expected = {record.id: "queued" for record in kept}
            assert found == {taken.id: "sending", queued.id: "expired", **expected}

        _run(connect, check)

    def test_records_are_listed_by_page_and_counted(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            records = [await _put(one, usage=f"U{number % 2}") for number in range(6)]
            await one.apply(records[0].id, Claim("me", _LEASE))
            newest_first = [record.id for record in reversed(records)]
            page = await other.list(limit=4)
            rest = await other.list(before=page[-1].id, limit=4)
            assert [record.id for record in (*page, *rest)] == newest_first
            odd = await other.list(usage="U1")
            assert [record.id for record in odd] == newest_first[::2]
            sending = await other.list(state="sending")
            assert [record.id for record in sending] == newest_first[-1:]
            assert await other.counts() == {"queued": 5, "sending": 1}

        _run(connect, check)

    def test_a_purge_deletes_final_records_alone(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            done, sending, queued = [await _put(one) for _ in range(3)]
            for record in (done, sending):
                await one.apply(record.id, Claim("me", _LEASE))
            await one.apply(done.id, Finish("me", _ACCEPTED))
            assert await other.purge(age=_LEASE) == 0
            assert await other.purge(age=-1) == 1
            assert {record.id for record in await one.list()} == {sending.id, queued.id}

        _run(connect, check)

    def test_a_purge_of_one_state_leaves_the_others(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            done = [await _put(one) for _ in range(_MANY)]
            for record in done:
                await one.apply(record.id, Claim("me", _LEASE))
                await one.apply(record.id, Finish("me", _ACCEPTED))
            late = [await _put(one, left=-1) for _ in range(3)]
            for record in late:
                await one.apply(record.id, Expire())
            assert await other.purge(age=-1, state="rejected") == 0
            assert await other.purge(age=_LEASE, state="expired") == 0
            assert await other.purge(age=-1, state="expired", limit=2) == 2  # noqa: PLR2004 - the limit
            assert await other.purge(age=-1, state="expired") == 1
            assert await one.counts() == {"accepted": _MANY}

        _run(connect, check)

    def test_one_worker_leads(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            assert await one.lead("one", _LEASE)
            assert not await other.lead("other", _LEASE)
            assert await one.lead("one", 0)
            assert await other.lead("other", _LEASE)

        _run(connect, check)


async def _put(  # noqa: PLR0913 - what a record has, and how it is put
    store: OutboxStore,
    *,
    body: bytes = b"body",
    left: int = 60_000,
    usage: str = "SignIn",
    recipient: str = "hash",
    supersedes: tuple[str, str] | None = None,
    **rest: Any,
) -> Record:
    now = await store.now()
    record = Record(
        id=f"id-{next(_IDS)}",
        usage=usage,
        priority=rest.pop("priority", 50),
        queued_at=now,
        deadline=now + left,
        recipient=recipient,
        shown="a…@example.com",
        fingerprint="print",
    )
    return await store.put(attrs.evolve(record, **rest), body, supersedes=supersedes)


def _run(connect: Connect, check: Check) -> None:
    async def run() -> None:
        one, other = connect(), connect()
        try:
            await asyncio.wait_for(check(one, other), _PATIENCE)
        finally:
            await one.aclose()
            await other.aclose()

    asyncio.run(run())
