"""A record for each email, and the one function that decides what may become of it.

::

    queued ──Claim──▶ sending ──Finish──▶ accepted | rejected | unknown
      │  ▲               │ └────Abandon (its lease is over)────▶ unknown
      │  └────Release────┘
      ├──Expire (its deadline passed), Supersede──▶ expired
      ▲                                              │
      └────────Retry (with a new deadline)───────────┘

An email is sent by the owner of a claim alone, and only ``queued`` can be claimed. So no path sends
twice, and each path ends in one of the final states.

One exception is for those who ask for it with `Claim.date`: an email that would end as ``unknown``
is ``queued`` once more. From then on it never ends as ``rejected`` or ``expired``, since it may
have been sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

State = Literal["queued", "sending", "accepted", "rejected", "unknown", "expired", "unreadable"]

STATES: Final[tuple[State, ...]] = (
    "queued", "sending", "accepted", "rejected", "unknown", "expired",
)  # fmt: skip
FINAL: Final[frozenset[State]] = frozenset({"accepted", "rejected", "unknown", "expired"})
"""The states that a record leaves by `Retry` alone."""

UNREADABLE: Final[State] = "unreadable"
"""The state in place of that of a record which is damaged, or which only a newer version reads."""

FACTS: Final = ("connector", "scope", "temporary", "retry_after", "provider_code")
"""What a `Result` and a `passpost.SendError` both say, by the same names."""

GREATEST_PRIORITY: Final = 1_000_000
"""The greatest priority; the least is its negative. All stores and queues can compare them."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def is_id(value: object) -> bool:
    """Return whether a value looks like the ID of an email, which brokers and URLs may bring."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_priority(value: object) -> bool:
    """Return whether a value is a priority that all stores and queues can compare."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return -GREATEST_PRIORITY <= value <= GREATEST_PRIORITY


@attrs.frozen(kw_only=True)
class Result:
    """How an email ended. It contains no address, no content and none of the provider's words.

    Attributes:
        state: ``accepted``, ``rejected`` (not sent) or ``unknown`` (it may have been sent).
        reason: Why, where it was not the provider's decision: ``message``, ``defect``,
            ``cancelled``, ``key`` (the worker lacks the key) or ``damaged``.
        connector: The connector that was asked last.
        message_id: The email's Message-ID, if it was accepted.
        provider_id: The provider's own ID of the email.
        scope: See `passpost.SendError`; so are the next three.
        temporary: Whether the same email may go through later.
        retry_after: Seconds to wait, if the provider gave them.
        provider_code: The provider's own code.
        more: What a newer version added.
    """

    state: Literal["accepted", "rejected", "unknown"]
    reason: str = ""
    connector: str | None = None
    message_id: str | None = None
    provider_id: str | None = None
    scope: str | None = None
    temporary: bool | None = None
    retry_after: float | None = None
    provider_code: str | None = None
    more: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.frozen(kw_only=True)
class Record:
    """What an outbox knows of an email beside its encrypted body.

    All times are milliseconds on the store's clock.

    Attributes:
        id: The ticket's ID.
        usage: What the email is for.
        priority: Lower ones are sent first.
        queued_at: When it was enqueued, or retried.
        deadline: When it is worth nothing any more.
        recipient: A keyed hash of the address.
        shown: The address for people, shortened: ``a…@example.com``.
        idem: A keyed hash of idempotency key and address; None without a key.
        fingerprint: A keyed hash of the content, which tells one content of a key from another.
        state: Where it is.
        owner: Shows whose claim it is, while it is ``sending``.
        lease_until: When a claim that was not renewed counts as dead.
        finished_at: When it reached its final state.
        publish_at: When an engine is to be told of it again, while it is ``queued``.
        date: The email's Date, in milliseconds of Unix time, if it may be sent once more; else
            None.
        resent: Whether it was ``queued`` once more because nobody knew whether it was sent.
        reason: Why it did, where that was not the provider's decision: those of `Result`, or
            ``overdue``, ``superseded`` or ``lease``.
        result: How sending ended; None where nobody sent it, or nobody knows.
        more: What a newer version added, which stays as it is.
    """

    id: str
    usage: str
    priority: int
    queued_at: int
    deadline: int
    recipient: str
    shown: str
    fingerprint: str
    idem: str | None = None
    state: State = "queued"
    owner: str | None = None
    lease_until: int | None = None
    finished_at: int | None = None
    publish_at: int = 0
    date: int | None = None
    resent: bool = False
    reason: str = ""
    result: Result | None = None
    more: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)

    @property
    def may_be_resent(self) -> bool:
        """Whether an end that nobody knows makes it ``queued`` once more: its body is kept."""
        return self.state == "sending" and self.date is not None and not self.resent

    @property
    def may_be_retried(self) -> bool:
        """Whether `Retry` is allowed: it was never claimed, and its body is kept."""
        return self.state == "expired" and self.reason == "overdue"

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        data = _data(self)
        if self.result is not None:
            data["result"] = _data(self.result)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Record:
        """Return the record that `as_json` described.

        Raises:
            ValueError: The data are not those of a record; the text does not repeat them.
        """
        try:
            result = data.get("result")
            known = _known(cls, data)
            known["result"] = None if result is None else Result(**_known(Result, result))
            record = cls(**known)
        except (AttributeError, TypeError):
            record = None
        if record is None or not record._is_whole():  # noqa: SLF001 - its own class
            raise ValueError("not a record")
        return record

    def _is_whole(self) -> bool:
        numbers = (self.priority, self.queued_at, self.deadline, self.publish_at)
        others = (self.lease_until, self.finished_at, self.date)
        texts = (self.id, self.usage, self.recipient, self.shown, self.fingerprint, self.reason)
        return (
            self.state in STATES
            and all(isinstance(text, str) for text in texts)
            and all(isinstance(number, int) for number in numbers)
            and all(number is None or isinstance(number, int) for number in others)
        )


_NAMES: Final = {
    kind: tuple(name for name in attrs.fields_dict(kind) if name != "more")
    for kind in (Record, Result)
}


def _data(one: Record | Result) -> dict[str, Any]:
    own = {name: getattr(one, name) for name in _NAMES[type(one)]}
    return {**one.more, **own} if one.more else own


def _known(kind: type[Record | Result], data: dict[str, Any]) -> dict[str, Any]:
    own = {name: data[name] for name in _NAMES[kind] if name in data}
    if len(own) < len(data):
        own["more"] = {name: value for name, value in data.items() if name not in own}
    return own


@attrs.frozen
class Claim:
    """A worker takes the email, to send it.

    Attributes:
        owner: A new random text for each claim.
        lease: Milliseconds that it may go without `Renew`.
        date: The email's Date, in milliseconds of Unix time, if it is to be sent once more where
            nobody knows whether it was sent. None where it is sent once.
    """

    owner: str
    lease: int
    date: int | None = None


@attrs.frozen
class Renew:
    """The owner is still at it."""

    owner: str
    lease: int


@attrs.frozen
class Release:
    """The owner gives the email back, of which it has sent nothing.

    Attributes:
        owner: Whose claim it is.
        body: The encrypted body, which the store deleted at the claim.
    """

    owner: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen
class Finish:
    """The owner tells how sending ended."""

    owner: str
    result: Result


@attrs.frozen
class Expire:
    """The deadline passed before anyone took the email."""


@attrs.frozen
class Supersede:
    """A newer email makes this one worthless."""


@attrs.frozen
class Publish:
    """An engine is told once more of an email that nobody took.

    Attributes:
        again: Milliseconds after which it may be told again, at least. They grow with the email's
            age, so that a long queue is not published over and over.
    """

    again: int


@attrs.frozen
class Retry:
    """An operator decides that an email that expired is to be sent all the same.

    The others cannot be: the body of an email is deleted when a worker claims it.

    Attributes:
        deadline: Its new deadline, on the store's clock.
        body: Its body, encrypted for the new deadline.
    """

    deadline: int
    body: bytes = attrs.field(repr=False)


@attrs.frozen
class Abandon:
    """The owner's lease is over, so nobody knows what it did."""


Event = Claim | Renew | Release | Finish | Expire | Supersede | Publish | Retry | Abandon


def placed(record: Record, now: int) -> Record:
    """Return a record as the indexes of a store are to have it, where they have it otherwise.

    One that cannot be read is set aside: it counts as ended now, so that it is deleted in time.
    """
    return attrs.evolve(record, finished_at=now) if record.state == UNREADABLE else record


def decide(record: Record, event: Event, now: int) -> Record | None:
    """Return what becomes of a record, or None where the event is not allowed.

    Args:
        record: The record as the store has it.
        event: What happens.
        now: The store's time in milliseconds.
    """
    match event:
        case Claim() | Expire() | Supersede() | Publish():
            return _of_queued(record, event, now) if record.state == "queued" else None
        case Abandon():
            dead = record.state == "sending" and now >= (record.lease_until or 0)
            return _in_doubt(record, "lease", now) if dead else None
        case Retry(deadline):
            allowed = record.may_be_retried and now < deadline
            # It waits from now on: the pauses between two publications begin again, too.
            again = _queued(record, now, deadline=deadline, queued_at=now)
            return again if allowed else None
    return _of_owned(record, event, now) if _owns(record, event.owner) else None


def body_after(after: Record, event: Event, before: bytes | None) -> bytes | None:
    """Return the encrypted body that a record has after an event.

    It stays where the email may still be sent, and where it expired, so that it can be retried.

    Args:
        after: What `decide` returned.
        event: What happens.
        before: The body until then.
    """
    if isinstance(event, Release | Retry):
        return event.body
    kept = after.state == "queued" or after.may_be_resent or after.may_be_retried
    return before if kept else None


def _of_queued(
    record: Record, event: Claim | Expire | Supersede | Publish, now: int
) -> Record | None:
    overdue = now >= record.deadline
    match event:
        case Claim(owner, lease, date):
            date = record.date if record.resent else date
            claimed = attrs.evolve(record, state="sending", owner=owner, lease_until=now + lease)
            return None if overdue else attrs.evolve(claimed, date=date)
        case Expire():
            return _ended(record, "expired", "overdue", now) if overdue else None
        case Supersede():
            return _ended(record, "expired", "superseded", now)
        case Publish(again):
            next_one = now + max(again, now - record.queued_at)
            told = attrs.evolve(record, publish_at=next_one)
            return told if not overdue and now >= record.publish_at else None


def _owns(record: Record, owner: str) -> bool:
    return record.state == "sending" and record.owner == owner


def _of_owned(record: Record, event: Renew | Release | Finish, now: int) -> Record:
    match event:
        case Renew(_, lease):
            return attrs.evolve(record, lease_until=now + lease)
        case Release():
            return _queued(record, now)
        case Finish(_, result):
            if result.state == "unknown":
                ended = _in_doubt(record, result.reason, now)
            else:
                ended = _ended(record, result.state, result.reason, now)
            return attrs.evolve(ended, result=result) if ended.state in FINAL else ended


def _queued(record: Record, now: int, **changes: Any) -> Record:
    """Return a record that waits again; no engine has been told of it."""
    waiting = attrs.evolve(record, state="queued", publish_at=now, finished_at=None, reason="")
    return attrs.evolve(waiting, owner=None, lease_until=None, **changes)


def _in_doubt(record: Record, reason: str, now: int) -> Record:
    """Return a record of which nobody knows whether the email was sent."""
    if record.may_be_resent and now < record.deadline:
        return _queued(record, now, resent=True)
    return _ended(record, "unknown", reason, now)


def _ended(record: Record, state: State, reason: str, now: int) -> Record:
    if record.resent and state != "accepted":
        # The first time it may have been sent.
        state = "unknown"
    return attrs.evolve(
        record, state=state, reason=reason, owner=None, lease_until=None, finished_at=now
    )
