"""Connectors and extensions whose values are of classes of their own, which lie or fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest

import passpost
from passpost._plugins.reports import Reports
from passpost._redaction.redactor import Redactor
from passpost.phrases import Phrase

from .conftest import TEMPLATES, Recorder

pytestmark = pytest.mark.anyio

CODE = "493817"
SECRET = "s3cr3t-key"
Configure = Callable[..., passpost.Connector]


class Liar(str):
    """A text that says of itself that it has nothing in it."""

    __slots__ = ()

    def isascii(self) -> bool:
        return True

    def isprintable(self) -> bool:
        return True

    def __format__(self, spec: str) -> str:
        return "fine"

    def __getitem__(self, index: Any) -> str:
        return "fine"

    def __len__(self) -> int:
        return 4

    def split(self, *_: Any) -> list[str]:
        return ["fine"]


class Exits(str):
    """A text that nobody can look at."""

    __slots__ = ()

    def __bool__(self) -> bool:
        raise SystemExit(0)

    __len__ = __bool__


class Poses:
    """Return that it is a text."""

    __class__ = str  # type: ignore[assignment]  # the lie


class Everything:
    """Equals whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # as for every class with a `==` of its own


class TornReceipt(passpost.Receipt):
    """A receipt whose parts cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        if name == "response":
            raise SystemExit(0)
        if name == "accepted_at":
            raise asyncio.CancelledError
        return super().__getattribute__(name)


class PosesAsReceipt:
    __class__ = passpost.Receipt  # type: ignore[assignment]  # the lie


class NoZone(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> Any:
        raise ZeroDivisionError

    dst = tzname = utcoffset


async def result(connector: passpost.Connector, message: passpost.Message) -> Any:
    async with passpost.AsyncMailer(connector) as mailer:
        try:
            return await mailer.send(message)
        except passpost.SendError as error:
            return error


@pytest.mark.parametrize(
    "receipt",
    [
        passpost.Receipt(Liar(f"id {CODE} {SECRET}"), Liar(f"ok {CODE} {SECRET}")),
        passpost.Receipt(Exits("id"), Exits("ok")),
        passpost.Receipt(Poses(), Poses()),  # type: ignore[arg-type]
        passpost.Receipt(Everything(), Everything()),  # type: ignore[arg-type]
        passpost.Receipt(accepted_at=dt.datetime(2026, 1, 1, tzinfo=NoZone())),
        TornReceipt(),
    ],
    ids=["lies", "exits", "poses", "equals", "time zone", "torn"],
)
async def test_an_acceptance_stands_whatever_classes_the_receipt_is_made_of(
    configure: Configure, recorder: Recorder, message: passpost.Message, receipt: passpost.Receipt
) -> None:
    recorder.behave = lambda mail: receipt
    accepted = await result(configure(key=SECRET), message)
    assert type(accepted) is passpost.Receipt
    for text in (accepted.provider_id, accepted.response):
        assert text is None or type(text) is str
    shown = repr(accepted)
    assert CODE not in shown
    assert SECRET not in shown
    assert accepted.accepted_at.isoformat().endswith("+00:00")


async def test_a_receipt_from_elsewhere_is_in_utc(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    there = dt.datetime(2026, 1, 1, 8, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    recorder.behave = lambda mail: passpost.Receipt(accepted_at=there)
    assert (await result(connector, message)).accepted_at.isoformat() == "2026-01-01T00:00:00+00:00"


async def test_what_only_poses_as_a_receipt_is_none(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = lambda mail: PosesAsReceipt()
    error = await result(connector, message)
    assert error.outcome == "unknown"
    assert "PosesAsReceipt instead of a Receipt" in str(error)


class TornError(passpost.SendError):
    """An error that nobody can look at."""

    def __getattribute__(self, name: str) -> Any:
        if name in {"scope", "args"}:
            raise SystemExit(0)
        return super().__getattribute__(name)


class NamelessType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]  # the trap
        raise SystemExit(0)


class NamelessError(Exception, metaclass=NamelessType):
    pass


class ClasslessError(BaseException):
    @property
    def __class__(self) -> Any:
        raise SystemExit(0)

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise AssertionError


class EndlessGroup(BaseExceptionGroup[BaseException]):
    @property
    def exceptions(self) -> Any:
        return (self,)


def refusal(message: Any = "no", **facts: Any) -> passpost.SendError:
    return passpost.SendError(message, **{"outcome": "rejected", "scope": "account", **facts})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (refusal(Liar(f"{CODE} {SECRET}"), hint=Liar(CODE), response=Liar(SECRET)), "rejected"),
        (refusal(Exits("no"), provider_code=Exits("5")), "rejected"),
        (refusal(Poses(), response=Poses()), "rejected"),
        (refusal(outcome=Everything(), scope=Everything()), "unknown"),
        (refusal(retry_after=10**400), "rejected"),
        (TornError("no", outcome="rejected", scope="account"), "unknown"),
        (NamelessError(), "unknown"),
        (ClasslessError(), "unknown"),
        (EndlessGroup("x", [ValueError()]), "unknown"),
    ],
    ids=lambda value: type.__getattribute__(type(value), "__qualname__"),
)
async def test_errors_of_any_class_reach_the_application_with_facts_of_pythons_own(
    configure: Configure,
    recorder: Recorder,
    message: passpost.Message,
    error: BaseException,
    outcome: str,
) -> None:
    def behave(mail: passpost.Mail) -> Any:
        raise error

    recorder.behave = behave
    failure = await result(configure(key=SECRET), message)
    assert type(failure) is passpost.SendError
    assert (failure.outcome, failure.retry_after) == (outcome, None)
    texts = [str(failure), failure.hint, failure.response, failure.provider_code]
    assert {type(text) for text in texts} <= {str, Phrase, type(None)}
    assert CODE not in repr(texts)
    assert SECRET not in repr(texts)


async def test_the_name_of_a_class_is_cleared_in_the_log(
    configure: Configure,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def behave(mail: passpost.Mail) -> Any:
        raise type(SECRET, (Exception,), {})

    recorder.behave = behave
    await result(configure(key=SECRET), message)
    assert "is defective: ***" in caplog.text
    assert SECRET not in caplog.text


class TwoFaced(passpost.Finding):
    """Shows something else when it is looked at again."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return Liar(value) if name == "evidence" else value


async def test_findings_are_made_anew(configure: Configure) -> None:
    class Checks(Recorder):
        @passpost.hookimpl
        async def check_connection(self) -> list[passpost.Finding]:
            return [TwoFaced("sign-in", "ok", f"with {SECRET}")]

    host = passpost.Host(environ={})
    host.register(Checks())
    connector = host.configure("recorder", {"key": SECRET, "templates": TEMPLATES})
    async with passpost.AsyncMailer(connector) as mailer:
        (finding,) = (await mailer.check())["recorder"]
    assert (type(finding), finding.evidence) == (passpost.Finding, "with ***")


class OwnTemplate(passpost.Template):
    """Renders as it likes."""

    def render(self, *_: Any, **__: Any) -> Any:
        raise SystemExit(0)

    def __bool__(self) -> bool:
        raise SystemExit(0)


class PosesAsTemplate:
    @property
    def __class__(self) -> Any:
        return passpost.Template

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise AssertionError


async def sent_with(template: Any, recorder: Recorder, message: passpost.Message) -> Any:
    class Tenants:
        @passpost.hookimpl
        def find_template(self) -> Any:
            return template

    host = passpost.Host(environ={}, extensions=[Tenants()], installed_extensions=())
    host.register(recorder)
    return await result(host.configure("recorder", {"templates": TEMPLATES}), message)


async def test_a_template_of_a_subclass_says_what_its_fields_say(
    recorder: Recorder, message: passpost.Message
) -> None:
    own = OwnTemplate(usage_type="Generic", subject="Of a tenant", content="{{code}}")
    assert isinstance(await sent_with(own, recorder, message), passpost.Receipt)
    assert [mail.subject for mail in recorder.mails] == ["Of a tenant"]


async def test_what_only_poses_as_a_template_is_the_extensions_defect(
    recorder: Recorder, message: passpost.Message
) -> None:
    with pytest.raises(passpost.PluginError, match="a value of type PosesAsTemplate"):
        await sent_with(PosesAsTemplate(), recorder, message)


async def test_words_registered_from_two_threads_are_both_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reports = Reports("acme", "acme-dist", ())
    other = threading.Thread(target=reports.register_secret, args=("token-two",))

    class Interrupted(Redactor):
        def __init__(self, secrets: Any) -> None:
            super().__init__(secrets)
            if other.ident is None:
                other.start()
                # In vain where the other thread has to wait for this one, as it should.
                other.join(timeout=0.2)

    monkeypatch.setattr("passpost._plugins.reports.Redactor", Interrupted)
    reports.register_secret("token-one")
    other.join()
    assert str(reports.failure(refusal("token-one, token-two"))) == "***, ***"


class OwnCancellation(asyncio.CancelledError):
    def __init__(self, text: str, other: str) -> None:
        super().__init__(text)


@pytest.mark.parametrize(
    "error", [OwnCancellation(SECRET, ""), asyncio.CancelledError(f"{SECRET} {CODE}", SECRET)]
)
async def test_a_cancellation_in_a_connectors_words_is_cleared(
    configure: Configure, recorder: Recorder, message: passpost.Message, error: BaseException
) -> None:
    begun = asyncio.Event()

    async def hang(mail: passpost.Mail) -> passpost.Receipt:
        begun.set()
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            raise error from None

    recorder.behave = hang
    async with passpost.AsyncMailer(configure(key=SECRET)) as mailer:
        sending = asyncio.create_task(mailer.send(message))
        await begun.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await sending
    assert type(caught.value) is asyncio.CancelledError
    assert SECRET not in repr(caught.value)
    assert CODE not in repr(caught.value)
