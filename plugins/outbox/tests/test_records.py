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
    Record,
    Release,
    Renew,
    Result,
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
        self.claims: list[str] = []
        self.sent: list[str] = []
        self.released: set[str] = set()
        record = Record(
            id="1", usage="SignIn", priority=1, queued_at=0, deadline=1_100_000, recipient="",
            shown="", fingerprint="",
        )  # fmt: skip
        self.run(self.store.put(record, b"body"))
        self.before = record

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def apply(self, event: Event) -> Change | None:
        return self.run(self.store.apply("1", event))

    def teardown(self) -> None:
        # None is lost: with time alone, each path ends.
        self.seconds += 1000
        self.apply(Expire())
        self.apply(Abandon())
        record = self.run(self.store.get("1"))
        assert record is not None
        assert record.state in FINAL
        if record.state in {"expired", "rejected"}:
            assert not self.sent, "an email that was sent is said not to be"
        self.run(self.store.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(next_one=st.booleans())
    def claim(self, next_one: bool) -> None:
        owner = f"owner {len(self.claims)}"
        self.claims.append(owner)
        claim = Claim(owner, LEASE * 1000)
        change = self.run(self.store.claim_next(claim)) if next_one else self.apply(claim)
        if change is not None:
            assert change.body == b"body"
            assert self.seconds < 1100, "claimed past its deadline"

    @rule(which=st.integers(0, 5))
    def send(self, which: int) -> None:
        """The owner of a claim sends, and is perhaps never heard of again."""
        if which < len(self.claims) and self.claims[which] == self.before.owner:
            owner = self.claims[which]
            if owner not in self.sent:
                self.sent.append(owner)

    @rule(which=st.integers(0, 5), kind=st.sampled_from(["renew", "release", "finish"]))
    def tell(self, which: int, kind: str) -> None:
        """A worker tells what it did, however late or often."""
        if which >= len(self.claims):
            return
        owner = self.claims[which]
        state = "accepted" if owner in self.sent else "rejected"
        if kind == "renew":
            self.apply(Renew(owner, LEASE * 1000))
        elif kind == "finish":
            self.apply(Finish(owner, Result(state=state)))  # type: ignore[arg-type]  # one of two
        elif owner not in self.sent:
            self.apply(Release(owner, b"body"))

    @rule(event=st.sampled_from([Expire(), Supersede(), Abandon()]))
    def anyone(self, event: Event) -> None:
        self.apply(event)

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.seconds += seconds

    @invariant()
    def no_path_sends_twice_and_none_returns(self) -> None:
        assert len(self.sent) <= 1
        record = self.run(self.store.get("1"))
        assert record is not None
        if self.before.state in FINAL:
            assert record == self.before, "a final state was left"
        self.before = record


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
