"""The contract of stores: what is claimed, in which order, and what becomes of a claim."""

from __future__ import annotations

import asyncio
from typing import Final

from passpost_outbox.records import Abandon, Claim, Expire, Finish, Publish, Release, Retry
from passpost_outbox.store import OutboxStore
from passpost_outbox.testing.store_checks import ACCEPTED, LEASE, MANY, Connect, check_with, put

_OVERDUE: Final = 120


class ClaimsSuite:
    """How emails are claimed; a part of `OutboxStoreSuite`."""

    def test_each_record_is_claimed_once(self, connect: Connect) -> None:
        # kratos#652, kratos#402, postal#2222: no comparison, and up to 17 copies.
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            ids = {(await put(one)).id for _ in range(MANY)}
            claims = await asyncio.gather(
                *(
                    store.claim_next(Claim(f"{number}", LEASE))
                    for number in range(MANY)
                    for store in (one, other)
                )
            )
            claimed = [claim.record.id for claim in claims if claim is not None]
            assert sorted(claimed) == sorted(ids)

        check_with(connect, check)

    def test_what_is_asked_at_once_is_done_as_if_one_by_one(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            overdue = [await put(one, left=-1) for _ in range(3)]
            queued = [await put(one, body=b"own") for _ in range(5)]
            claims = [Claim(f"worker {number}", LEASE) for number in range(7)]
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
                await asyncio.gather(*(one.apply(id_, Finish(owner, ACCEPTED)) for _ in range(3)))
                for id_, owner in owners.items()
            ]
            assert [len(list(filter(None, each))) for each in results] == [1] * len(queued)
            assert await other.counts() == {"accepted": len(queued), "expired": len(overdue)}

        check_with(connect, check)

    def test_the_first_of_the_lowest_priority_comes_first(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            priorities = (50, 10, 50, 10)
            records = [await put(one, priority=priority) for priority in priorities]
            expected = [records[index].id for index in (1, 3, 0, 2)]
            claims = [await other.claim_next(Claim("me", LEASE)) for _ in expected]
            assert [claim.record.id for claim in claims if claim is not None] == expected
            assert await one.claim_next(Claim("me", LEASE)) is None

        check_with(connect, check)

    def test_what_is_overdue_is_not_claimed(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            late = await put(one, left=-1)
            good = await put(one, left=60_000)
            assert [record.id for record in await other.due(10)] == [late.id]
            assert await one.apply(late.id, Claim("me", LEASE)) is None
            claimed = await one.claim_next(Claim("me", LEASE))
            assert claimed is not None
            assert claimed.record.id == good.id
            await other.apply(late.id, Expire())
            expired = await one.get(late.id)
            assert expired is not None
            assert (expired.state, expired.reason) == ("expired", "overdue")
            assert await one.due(10) == []

        check_with(connect, check)

    def test_however_much_is_overdue_the_next_one_is_claimed(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            overdue = {(await put(one, left=-1)).id for _ in range(_OVERDUE)}
            good = await put(one, left=60_000)
            claimed = await other.claim_next(Claim("me", LEASE))
            assert claimed is not None
            assert claimed.record.id == good.id
            assert await other.claim_next(Claim("me", LEASE)) is None
            assert {record.id for record in await one.due(2 * _OVERDUE)} == overdue

        check_with(connect, check)

    def test_a_dead_lease_is_due(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            dead, alive = await put(one), await put(one)
            await one.apply(dead.id, Claim("dead", 0))
            await one.apply(alive.id, Claim("alive", LEASE))
            assert [record.id for record in await other.due(10)] == [dead.id]
            assert await other.apply(alive.id, Abandon()) is None
            ended = await other.apply(dead.id, Abandon())
            assert ended is not None
            assert (ended.record.state, ended.record.reason) == ("unknown", "lease")
            assert await one.apply(dead.id, Finish("dead", ACCEPTED)) is None

        check_with(connect, check)

    def test_what_nobody_took_is_published_again(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            now = await one.now()
            lost = await put(one, body=b"kept", publish_at=now - 2)
            older = await put(one, publish_at=now - 3)
            waiting = await put(one, publish_at=now + LEASE)
            taken = await put(one, publish_at=now - 1)
            await one.apply(taken.id, Claim("me", LEASE))
            assert [record.id for record in await other.stale(10)] == [older.id, lost.id]
            assert [record.id for record in await other.stale(1)] == [older.id]
            told = await one.apply(lost.id, Publish(LEASE))
            assert told is not None
            assert await other.get(lost.id) == told.record
            assert told.record.publish_at >= now + LEASE
            assert await other.apply(lost.id, Publish(LEASE)) is None
            assert await other.apply(waiting.id, Publish(LEASE)) is None
            assert [record.id for record in await other.stale(10)] == [older.id]
            claimed = await other.apply(lost.id, Claim("me", LEASE))
            assert claimed is not None
            assert claimed.body == b"kept"
            # It is released, so it has to be published at once.
            assert await one.apply(taken.id, Release("me", b"body")) is not None
            assert [record.id for record in await other.stale(10)] == [older.id, taken.id]

        check_with(connect, check)

    def test_an_email_in_doubt_is_queued_once_more(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, body=b"kept")
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

        check_with(connect, check)

    def test_what_expired_can_be_retried(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, body=b"kept", left=-1)
            later = await one.now() + LEASE
            assert await other.apply(record.id, Retry(later, b"new")) is None
            assert await one.claim_next(Claim("me", LEASE)) is None
            await one.apply(record.id, Expire())
            assert await other.body(record.id) == b"kept"
            assert await other.apply(record.id, Retry(0, b"new")) is None
            assert await other.apply(record.id, Retry(later, b"new")) is not None
            assert await other.apply(record.id, Retry(later, b"newer")) is None
            assert await one.due(10) == []
            assert await one.purge(age=-1) == 0
            claimed = await one.claim_next(Claim("me", LEASE))
            assert claimed is not None
            assert (claimed.body, claimed.record.deadline) == (b"new", later)
            assert await one.body("unknown") is None

        check_with(connect, check)
