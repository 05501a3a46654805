"""Extensions see emails from outside: they may watch and reject, and never see a config."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

import passpost
from passpost._delivery import deadlines, extension_contexts

from .conftest import Recorder

pytestmark = pytest.mark.anyio
Configure = Callable[..., passpost.Connector]


class Watcher:
    def __init__(self, name: str = "watcher", log: list[str] | None = None) -> None:
        self.name = name
        self.log = [] if log is None else log
        self.summaries: list[passpost.MailSummary] = []

    @passpost.hookimpl
    @asynccontextmanager
    async def around_send(self, summary: passpost.MailSummary) -> AsyncIterator[None]:
        self.summaries.append(summary)
        self.log.append(f"{self.name} in")
        try:
            yield
        except passpost.SendError as error:
            self.log.append(f"{self.name} sees {error.outcome}")
            raise
        else:
            self.log.append(f"{self.name} out")


async def test_contexts_surround_each_attempt_in_order(
    configure: Configure, message: passpost.Message
) -> None:
    log: list[str] = []
    connector = configure(Watcher("first", log), Watcher("last", log))
    async with passpost.AsyncMailer(connector) as mailer:
        await mailer.send(message)
    assert log == ["last in", "first in", "first out", "last out"]


async def test_an_extension_given_twice_is_one(
    configure: Configure, message: passpost.Message
) -> None:
    watcher = Watcher()
    async with passpost.AsyncMailer(configure(watcher, watcher)) as mailer:
        await mailer.send(message)
    assert watcher.log == ["watcher in", "watcher out"]


async def test_a_summary_holds_no_content(configure: Configure, message: passpost.Message) -> None:
    watcher = Watcher()
    async with passpost.AsyncMailer(configure(watcher)) as mailer:
        await mailer.send(message)
    (summary,) = watcher.summaries
    assert (summary.recipient, summary.recipient_domain) == ("a…@example.com", "example.com")
    assert "493817" not in repr(summary)


async def test_an_extension_sees_a_failure_and_cannot_undo_it(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    class Swallower:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            try:
                yield
            except passpost.SendError:
                return

    def refuse(mail: passpost.Mail) -> Any:
        raise passpost.SendError("no", outcome="rejected", scope="account")

    recorder.behave = refuse
    watcher = Watcher()
    async with passpost.AsyncMailer(configure(Swallower(), watcher)) as mailer:
        with pytest.raises(passpost.SendError):
            await mailer.send(message)
    assert watcher.log == ["watcher in", "watcher sees rejected"]


async def test_contexts_that_hang_share_the_time_after_the_deadline(
    configure: Configure,
    message: passpost.Message,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)
    monkeypatch.setattr(deadlines, "INSIST", 3600.0)
    monkeypatch.setattr(extension_contexts, "LEAVING", 0.0)

    class Hangs:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            yield
            await asyncio.Event().wait()

    policy = passpost.Policy(timeout=0.05)
    watcher = Watcher()
    connector = configure(watcher, Hangs(), Hangs(), Hangs())
    async with passpost.AsyncMailer(connector, policy=policy) as mailer:
        # An hour for each but the first, were they cancelled one by one.
        async with asyncio.timeout(60):
            assert (await mailer.send(message)).provider_id == "id-1"
    assert caplog.text.count("did not end in time after an attempt") == 3
    assert watcher.log == ["watcher in", "watcher out"]


async def test_an_extension_may_refuse_an_attempt(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    class Limit:
        @passpost.hookimpl
        def around_send(self) -> AbstractAsyncContextManager[None]:
            raise passpost.SendError(
                "too many mails", outcome="rejected", scope="account", temporary=True
            )

    async with passpost.AsyncMailer(configure(Limit())) as mailer:
        with pytest.raises(passpost.SendError, match="too many mails"):
            await mailer.send(message)
    assert recorder.mails == []


async def test_an_extension_that_fails_before_the_attempt_refuses_it(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    class Faulty:
        @passpost.hookimpl
        def around_send(self, summary: passpost.MailSummary) -> AbstractAsyncContextManager[None]:
            raise KeyError(summary.recipient)

    async with passpost.AsyncMailer(configure(Faulty())) as mailer:
        with pytest.raises(passpost.SendError, match=r"KeyError at test_extensions\.py") as caught:
            await mailer.send(message)
    assert (caught.value.outcome, recorder.mails) == ("rejected", [])


async def test_an_extension_that_fails_as_it_sees_a_failure_hides_nothing(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    class Faulty:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            try:
                yield
            except passpost.SendError as error:
                raise ValueError("493817") from error

    def refuse(mail: passpost.Mail) -> Any:
        raise passpost.SendError("no", outcome="rejected", scope="account")

    recorder.behave = refuse
    async with passpost.AsyncMailer(configure(Faulty())) as mailer:
        with pytest.raises(passpost.SendError, match=r"^no$"):
            await mailer.send(message)


async def test_a_failure_after_acceptance_loses_no_receipt(
    configure: Configure, message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            yield
            raise ValueError("493817")

    async with passpost.AsyncMailer(configure(Faulty())) as mailer:
        assert (await mailer.send(message)).provider_id == "id-1"
    assert "the extension `Faulty` failed after the email was accepted: ValueError" in caplog.text
    assert "493817" not in caplog.text


async def test_an_extension_supplies_templates_before_the_settings(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    class Store:
        @passpost.hookimpl
        def find_template(self, usage: str, locale: str | None) -> passpost.Template | None:
            if (usage, locale) != ("SignIn", None):
                return None
            return passpost.Template(usage_type="SignIn", subject="stored", content="{{code}}")

    async with passpost.AsyncMailer(configure(Store(), templates=[])) as mailer:
        await mailer.send(message)
    assert recorder.mails[0].subject == "stored"


def test_an_extension_with_a_wrong_hook_is_refused(recorder: Recorder) -> None:
    class Wrong:
        @passpost.hookimpl
        def around_sent(self) -> None: ...

    host = passpost.Host([Wrong()])
    host.register(recorder)
    with pytest.raises(passpost.PluginError, match=r"around_sent.*did you mean `around_send`"):
        host.configure("recorder", {})
