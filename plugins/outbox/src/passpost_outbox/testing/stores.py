"""The contract of stores, as tests."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from passpost_outbox.listening import Listened
from passpost_outbox.records import Abandon, Claim, Event, Expire, Finish, Publish, Release, Renew
from passpost_outbox.store import Change, OutboxStore
from passpost_outbox.testing.claims import ClaimsSuite
from passpost_outbox.testing.store_checks import ACCEPTED, LEASE, MANY, Connect, check_with, put


class OutboxStoreSuite(ClaimsSuite):
    """What each store does.

    The fixture `connect` returns a function, which returns a new connection to the same, at first
    empty, store each time it is called.
    """

    def test_a_record_is_what_was_put(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, usage="登录")
            assert await other.get(record.id) == record
            assert await one.get("unknown") is None
            assert await one.apply("unknown", Claim("me", LEASE)) is None

        check_with(connect, check)

    def test_a_claim_takes_the_body_and_leaves_none(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, body=b"\x00\xff")
            claimed = await one.apply(record.id, Claim("me", LEASE))
            assert claimed is not None
            assert claimed.body == b"\x00\xff"
            assert (claimed.record.state, claimed.record.owner) == ("sending", "me")
            assert await other.apply(record.id, Claim("you", LEASE)) is None
            renewed = await one.apply(record.id, Renew("me", 2 * LEASE))
            assert renewed is not None
            assert renewed.body is None, "the body was kept"
            assert await other.get(record.id) == renewed.record

        check_with(connect, check)

    def test_a_release_returns_the_body(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one)
            await one.apply(record.id, Claim("me", LEASE))
            assert await other.apply(record.id, Release("you", b"other")) is None
            assert await one.apply(record.id, Release("me", b"again")) is not None
            claimed = await other.claim_next(Claim("you", LEASE))
            assert claimed is not None
            assert (claimed.record.id, claimed.body) == (record.id, b"again")

        check_with(connect, check)

    def test_the_owner_alone_finishes(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one)
            await one.apply(record.id, Claim("me", LEASE))
            assert await other.apply(record.id, Finish("you", ACCEPTED)) is None
            done = await one.apply(record.id, Finish("me", ACCEPTED))
            assert done is not None
            assert done.record.finished_at is not None
            assert await other.get(record.id) == done.record
            assert done.record.result == ACCEPTED
            events: tuple[Event, ...] = (Claim("me", 1), Release("me", b""), Abandon(), Expire())
            for event in events:
                assert await one.apply(record.id, event) is None, f"{event} left a final state"

        check_with(connect, check)

    def test_a_record_that_cannot_be_read_holds_nobody_up(
        self, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            # No version writes such a date; its priority is the first.
            broken: dict[str, Any] = {"date": "canary", "priority": 1, "idem": "key"}
            first = await put(one, **broken)
            rest = [await put(one) for _ in range(3)]
            claims = [await store.claim_next(Claim("me", LEASE)) for store in (one, other, one)]
            assert [claim and claim.record.id for claim in claims] == [each.id for each in rest]
            # What has no claim is found by a sweeper.
            late = await put(one, left=-1, **{**broken, "idem": None})
            assert [record.id for record in await other.due(10)] == [late.id]
            assert await one.apply(late.id, Expire()) is None
            lost = await put(one, **{**broken, "idem": None})
            assert lost.id in [record.id for record in await other.stale(10)]
            assert await one.apply(lost.id, Publish(LEASE)) is None
            assert (await other.due(10), await other.stale(10)) == ([], [])
            assert await one.counts() == {"sending": 3, "unreadable": 3}
            ids = [lost.id, late.id, first.id]
            assert [record.id for record in await one.list(state="unreadable")] == ids
            assert (await put(other, idem="key")).state == "unreadable"
            newer = await put(one, supersedes=(lost.recipient, lost.usage))
            claimed = await one.claim_next(Claim("me", LEASE))
            assert claimed is not None
            assert claimed.record.id == newer.id
            found = await one.get(first.id)
            assert found is not None
            assert (found.id, found.state) == (first.id, "unreadable")
            # A newer version may read it, so it is kept as long as others that have ended.
            assert await one.body(first.id) == b"body"
            assert await one.purge(age=LEASE) == 0
            assert await one.purge(age=-1) == 3  # noqa: PLR2004 - those above
            assert await one.counts() == {"sending": 4}
            # Each is told of once, and without its content.
            assert [caplog.text.count(f"{id_} is damaged") for id_ in ids] == [1, 1, 1]
            assert "canary" not in caplog.text

        check_with(connect, check)

    def test_a_store_tells_of_what_it_ended_by_the_way(self, connect: Connect) -> None:
        async def check(one: OutboxStore, _other: OutboxStore) -> None:
            if not isinstance(one, Listened):
                pytest.skip("the store does not tell")
            told: list[Change] = []
            for _time in range(2):
                one.listen(told.append)
            older = await put(one, recipient="ada", usage="SignIn")
            newer = await put(one, recipient="ada", supersedes=("ada", "SignIn"))
            broken = await put(one, date="canary", priority=2)
            claimed = await one.claim_next(Claim("me", LEASE))
            assert claimed is not None
            assert claimed.record.id == newer.id
            lost = await put(one, date="canary")
            assert await one.apply(lost.id, Publish(LEASE)) is None
            await one.apply(newer.id, Finish("me", ACCEPTED))
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

        check_with(connect, check)

    def test_what_a_newer_version_adds_is_kept(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, more={"colour": {"of": ["é", 7]}})
            await other.apply(record.id, Claim("me", LEASE))
            result = attrs.evolve(ACCEPTED, more={"cost": 0.1})
            await other.apply(record.id, Finish("me", result))
            found = await one.get(record.id)
            assert found is not None
            assert (found.more, found.result) == (record.more, result)

        check_with(connect, check)

    def test_a_key_has_one_record(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            record = await put(one, idem="key")
            puts = (put(store, idem="key") for store in (one, other) for _ in range(5))
            assert set(await asyncio.gather(*puts)) == {record}
            assert await one.counts() == {"queued": 1}

        check_with(connect, check)

    def test_a_newer_email_supersedes_queued_ones(self, connect: Connect) -> None:
        # rallly#2439, authentik#23123: the older code came last.
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            taken = await put(one, recipient="ada", usage="SignIn")
            await one.claim_next(Claim("me", LEASE))
            queued = await put(one, recipient="ada", usage="SignIn")
            kept = [
                await put(one, recipient="bob", usage="SignIn"),
                await put(one, recipient="ada", usage="Invite"),
            ]
            kept.append(await put(one, supersedes=("ada", "SignIn"), recipient="ada"))
            found = {record.id: record.state for record in await other.list()}
            expected = {record.id: "queued" for record in kept}
            assert found == {taken.id: "sending", queued.id: "expired", **expected}

        check_with(connect, check)

    def test_records_are_listed_by_page_and_counted(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            records = [await put(one, usage=f"U{number % 2}") for number in range(6)]
            await one.apply(records[0].id, Claim("me", LEASE))
            newest_first = [record.id for record in reversed(records)]
            page = await other.list(limit=4)
            rest = await other.list(before=page[-1].id, limit=4)
            assert [record.id for record in (*page, *rest)] == newest_first
            odd = await other.list(usage="U1")
            assert [record.id for record in odd] == newest_first[::2]
            sending = await other.list(state="sending")
            assert [record.id for record in sending] == newest_first[-1:]
            assert await other.counts() == {"queued": 5, "sending": 1}

        check_with(connect, check)

    def test_a_purge_deletes_final_records_alone(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            done, sending, queued = [await put(one) for _ in range(3)]
            for record in (done, sending):
                await one.apply(record.id, Claim("me", LEASE))
            await one.apply(done.id, Finish("me", ACCEPTED))
            assert await other.purge(age=LEASE) == 0
            assert await other.purge(age=-1) == 1
            assert {record.id for record in await one.list()} == {sending.id, queued.id}

        check_with(connect, check)

    def test_a_purge_of_one_state_leaves_the_others(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            done = [await put(one) for _ in range(MANY)]
            for record in done:
                await one.apply(record.id, Claim("me", LEASE))
                await one.apply(record.id, Finish("me", ACCEPTED))
            late = [await put(one, left=-1) for _ in range(3)]
            for record in late:
                await one.apply(record.id, Expire())
            assert await other.purge(age=-1, state="rejected") == 0
            assert await other.purge(age=LEASE, state="expired") == 0
            assert await other.purge(age=-1, state="expired", limit=2) == 2  # noqa: PLR2004 - the limit
            assert await other.purge(age=-1, state="expired") == 1
            assert await one.counts() == {"accepted": MANY}

        check_with(connect, check)

    def test_one_worker_leads(self, connect: Connect) -> None:
        async def check(one: OutboxStore, other: OutboxStore) -> None:
            assert await one.lead("one", LEASE)
            assert not await other.lead("other", LEASE)
            assert await one.lead("one", 0)
            assert await other.lead("other", LEASE)

        check_with(connect, check)
