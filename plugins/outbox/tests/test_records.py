"""No path sends twice, and none loses an email: random events, on the store and beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from passpost_outbox import (
    FINAL,
    Abandon,
    Change,
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
    SqliteStore,
    Supersede,
)

T = TypeVar("T")
LEASE = 30


class Machine(RuleBasedStateMachine):
    """One email, several workers that die, come back and repeat themselves, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.seconds = 1000.0
        self.runner = asyncio.Runner()
        path = Path(self.folder.name) / "outbox.sqlite"
        self.store = SqliteStore(path, clock=lambda: self.seconds)
        self.claims = 0
        self.at_work: list[str] = []
        self.sent: list[str] = []
        self.resends = False
        self.dates: set[int | None] = set()
        self.body = b"body"
        record = Record(
            id="1", usage="SignIn", priority=1, queued_at=0, deadline=1_100_000, recipient="",
            shown="", fingerprint="",
        )  # fmt: skip
        self.run(self.store.put(record, self.body))
        self.before = record

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def apply(self, event: Event) -> Change | None:
        return self.run(self.store.apply("1", event))

    def read(self) -> Record:
        record = self.run(self.store.get("1"))
        assert record is not None
        return record

    def teardown(self) -> None:
        # None is lost: with time alone, each path ends.
        self.seconds += 1000
        self.apply(Expire())
        self.apply(Abandon())
        self.apply(Expire())
        record = self.read()
        assert record.state in FINAL
        if record.state in {"expired", "rejected"}:
            assert not self.sent, "an email that was sent is said not to be"
        if record.state != "expired":
            assert self.run(self.store.body("1")) is None, "a body was kept"
        self.run(self.store.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(next_one=st.booleans(), resends=st.booleans())
    def claim(self, next_one: bool, resends: bool) -> None:
        self.claims += 1
        owner = f"owner {self.claims}"
        claim = Claim(owner, LEASE * 1000, self.claims if resends else None)
        change = self.run(self.store.claim_next(claim)) if next_one else self.apply(claim)
        if change is None:
            return
        assert change.body == self.body
        assert self.seconds * 1000 < self.before.deadline, "claimed past its deadline"
        if self.sent:
            assert change.record.date == self.before.date, "the second copy is another email"
        self.resends |= resends
        self.at_work.append(owner)

    @rule(which=st.integers(0, 3))
    def send(self, which: int) -> None:
        """A worker that claimed it sends it, however late, and is perhaps never heard of again."""
        if which < len(self.at_work) and self.at_work[which] not in self.sent:
            self.sent.append(self.at_work[which])

    @rule(
        which=st.integers(0, 3),
        kind=st.sampled_from(["renew", "release", "finish", "doubt"]),
    )
    def tell(self, which: int, kind: str) -> None:
        """A worker tells what it did, however late or often."""
        if which >= len(self.at_work):
            return
        owner = self.at_work[which]
        state = "accepted" if owner in self.sent else "rejected"
        if kind == "renew":
            self.apply(Renew(owner, LEASE * 1000))
        elif kind == "doubt":
            self.apply(Finish(owner, Result(state="unknown")))
        elif kind == "finish":
            self.apply(Finish(owner, Result(state=state)))  # type: ignore[arg-type]  # one of two
        elif owner not in self.sent:
            self.apply(Release(owner, self.body))
        if kind in {"finish", "release"} and owner not in self.sent:
            # It keeps its word, and sends nothing any more.
            self.at_work.remove(owner)

    @rule(event=st.sampled_from([Expire(), Supersede(), Abandon(), Publish(15_000)]))
    def anyone(self, event: Event) -> None:
        change = self.apply(event)
        if change is not None and isinstance(event, Publish):
            assert change.record.publish_at >= self.seconds * 1000 + 15_000
            assert change.record.state == "queued"

    @rule(seconds=st.integers(-10, 100))
    def retry(self, seconds: int) -> None:
        """An operator decides that it is to be sent after all."""
        before = self.before.state, self.before.reason
        change = self.apply(Retry(int(self.seconds + seconds) * 1000, b"again"))
        if change is not None:
            assert before == ("expired", "overdue")
            assert seconds > 0
            self.body = b"again"
            self.before = change.record

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.seconds += seconds

    @invariant()
    def no_path_sends_twice_and_none_returns(self) -> None:
        assert len(self.sent) <= 1 + self.resends
        record = self.read()
        if self.before.state in FINAL:
            assert record == self.before, "a final state was left"
        self.before = record


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
