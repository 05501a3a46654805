"""AsyncMailer: what an application sees of a send."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rich.console import Console
from rich.traceback import Traceback

import passpost
from passpost._delivery import deadlines

from .conftest import TEMPLATES, Recorder

pytestmark = pytest.mark.anyio
Configure = Callable[..., passpost.Connector]


def rejected(**facts: Any) -> passpost.SendError:
    return passpost.SendError(
        "the provider said no", **{"outcome": "rejected", "scope": "account", **facts}
    )


def raising(error: BaseException) -> Callable[[passpost.Mail], Any]:
    def behave(mail: passpost.Mail) -> Any:
        raise error

    return behave


async def test_a_mail_is_rendered_and_receipted(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        receipt = await mailer.send(message)
    (mail,) = recorder.mails
    assert (mail.subject, mail.text, mail.html) == ("Code 493817", "Your code is 493817.", None)
    assert mail.message_id.endswith("@example.com>")
    assert receipt.message_id == mail.message_id
    assert (receipt.connector, receipt.provider_id) == ("recorder", "id-1")
    assert [attempt.result for attempt in receipt.attempts] == ["accepted"]


async def test_the_locale_picks_the_template(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        await mailer.send(
            passpost.Message(
                to="ada@example.com", usage="SignIn", payload={"code": "1"}, locale="fr zh-CN"
            )
        )
    assert recorder.mails[0].subject == "验证码 1"
    assert recorder.mails[0].locale == "zh"


async def test_the_session_is_opened_once_and_closed_once(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        assert recorder.sessions == []
        await asyncio.gather(*(mailer.send(message) for _ in range(10)))
        assert recorder.sessions == ["opened"]
    assert recorder.sessions == ["opened", "closed"]
    await mailer.aclose()
    assert recorder.sessions == ["opened", "closed"]


async def test_a_session_that_fails_to_open_is_tried_again_by_the_next_mail(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.opens = lambda: (_ for _ in ()).throw(rejected(hint="no key"))
    async with passpost.AsyncMailer(connector) as mailer:
        results = await asyncio.gather(
            *(mailer.send(message) for _ in range(3)), return_exceptions=True
        )
        assert [getattr(error, "hint", None) for error in results] == ["no key"] * 3
        recorder.opens = lambda: None
        await mailer.send(message)
    assert recorder.sessions == ["opened", "closed"]


async def test_cancelling_the_caller_who_opens_the_session_harms_no_other(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        first = asyncio.create_task(mailer.send(message))
        second = asyncio.create_task(mailer.send(message))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).provider_id == "id-1"
        with pytest.raises(asyncio.CancelledError):
            await first
    assert recorder.sessions == ["opened", "closed"]


async def test_what_a_connector_says_reaches_the_application(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = raising(
        rejected(
            temporary=True, retry_after=3.5, provider_code="535 5.7.8", hint="Use an app password."
        )
    )
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    error = caught.value
    assert error.facts() == {
        "connector": "recorder", "outcome": "rejected", "scope": "account", "temporary": True,
        "retry_after": 3.5, "provider_code": "535 5.7.8", "response": None,
        "hint": "Use an app password.",
    }  # fmt: skip
    assert [(attempt.connector, attempt.result) for attempt in error.attempts] == [
        ("recorder", "rejected")
    ]


async def test_a_defect_counts_as_unknown_and_is_reported_without_its_text(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder.behave = raising(KeyError("493817"))
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    error = caught.value
    assert (error.outcome, error.scope, error.temporary) == ("unknown", "provider", False)
    assert "KeyError at test_mailer.py:" in str(error)
    assert "report it" in (error.hint or "")
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + caplog.text
    assert "493817" not in shown


async def test_a_provider_that_repeats_the_code_and_the_key_is_cleaned(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = raising(
        rejected(response="you sent 493817 with s3cr3t-key", provider_code="X s3cr3t-key")
    )
    async with passpost.AsyncMailer(configure(key="s3cr3t-key")) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    assert caught.value.response == "you sent *** with ***"
    assert caught.value.provider_code == "X ***"


async def test_a_recipient_that_a_server_repeats_is_shortened_in_errors_logs_and_receipts(
    connector: passpost.Connector, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    message = passpost.Message("Ada.Lovelace@example.com", "SignIn", {"code": "493817"})
    words = "550 5.1.1 <ada.lovelace@example.com>: rejected (Ada.Lovelace%40example.com)"
    async with passpost.AsyncMailer(connector) as mailer:
        recorder.behave = raising(rejected(response=words))
        with caplog.at_level("DEBUG"), pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
        recorder.behave = lambda mail: passpost.Receipt("id-1", f"OK {mail.to}")
        receipt = await mailer.send(message)
    (attempt,) = caught.value.attempts
    assert caught.value.response == "550 5.1.1 <A…@example.com>: rejected (A…@example.com)"
    assert receipt.response == "OK A…@example.com"
    assert "lovelace" not in f"{caught.value!r} {attempt} {caplog.text} {receipt!r}".lower()


async def test_something_else_than_a_receipt_is_no_acceptance(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = lambda mail: None
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError, match="NoneType instead of a Receipt") as caught:
            await mailer.send(message)
    assert caught.value.outcome == "unknown"


async def test_a_connector_that_ignores_the_deadline_is_cancelled(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)
    cancelled = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    recorder.behave = lambda mail: hang()
    async with passpost.AsyncMailer(connector, policy=passpost.Policy(timeout=0.05)) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    assert cancelled.is_set()
    assert (caught.value.outcome, caught.value.temporary) == ("unknown", True)


async def test_a_mail_past_its_deadline_is_not_sent(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    late = passpost.Message(
        to="ada@example.com",
        usage="SignIn",
        payload={"code": "493817"},
        deadline=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1),
    )
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError, match="deadline") as caught:
            await mailer.send(late)
    assert (caught.value.outcome, recorder.mails) == ("rejected", [])


async def test_a_session_that_never_opens_is_rejected_at_the_deadline(
    recorder: Recorder, message: passpost.Message
) -> None:
    class Slow(Recorder):
        @passpost.hookimpl
        @asynccontextmanager
        async def open_session(self) -> AsyncIterator[str]:
            await asyncio.Event().wait()
            yield "never"

    host = passpost.Host(environ={})
    host.register(Slow())
    connector = host.configure(
        "recorder", {"templates": [{"usageType": "Generic", "subject": "s", "content": "c"}]}
    )
    async with passpost.AsyncMailer(connector, policy=passpost.Policy(timeout=0.05)) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    assert (caught.value.outcome, caught.value.scope, caught.value.temporary) == (
        "rejected", "network", True,
    )  # fmt: skip


async def test_closing_waits_for_the_sends_under_way(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    go_on, reached = asyncio.Event(), asyncio.Event()

    async def slow() -> passpost.Receipt:
        reached.set()
        await go_on.wait()
        return passpost.Receipt("late")

    recorder.behave = lambda mail: slow()
    mailer = passpost.AsyncMailer(connector)
    sending = asyncio.create_task(mailer.send(message))
    await reached.wait()
    closing = asyncio.create_task(mailer.aclose())
    await asyncio.sleep(0)
    with pytest.raises(passpost.MailerClosedError):
        await mailer.send(message)
    assert recorder.sessions == ["opened"]
    go_on.set()
    assert (await sending).provider_id == "late"
    await closing
    assert recorder.sessions == ["opened", "closed"]


async def test_a_plain_function_runs_in_a_thread(message: passpost.Message) -> None:
    threads = []

    class Blocking:
        connector_info = Recorder.connector_info
        parse_config = Recorder.parse_config
        id, capabilities = "recorder", Recorder.capabilities

        @passpost.hookimpl
        def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
            threads.append(threading.current_thread())
            return passpost.Receipt(mail.usage)

    host = passpost.Host(environ={})
    host.register(Blocking())
    connector = host.configure(
        "recorder", {"templates": [{"usageType": "SignIn", "subject": "s", "content": "c"}]}
    )
    async with passpost.AsyncMailer(connector) as mailer:
        assert (await mailer.send(message)).provider_id == "SignIn"
    assert threads != [threading.current_thread()]


def test_a_blocking_mailer_sends_the_same_email_again(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    identity = passpost.Identity("1", dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    with passpost.Mailer(connector) as mailer:
        for _ in range(2):
            mailer.send(passpost.Message(to="a@x.org", usage="Generic"), identity=identity)
    first, second = recorder.mails
    assert first.message_id == second.message_id
    assert first.date == second.date == identity.date


async def test_the_same_key_and_recipient_give_the_same_message_id(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        for to, key in (("a@x.org", "1"), ("a@x.org", "1"), ("b@x.org", "1"), ("a@x.org", None)):
            await mailer.send(passpost.Message(to=to, usage="Generic", idempotency_key=key))
    ids = [mail.message_id for mail in recorder.mails]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("capability", "asks"),
    [
        (passpost.Capability.HEADERS, {"headers": {"X-Flow": "1"}}),
        (passpost.Capability.REPLY_TO, {"reply_to": "help@example.com"}),
        (passpost.Capability.HTML, {"usage": "Generic"}),
        (passpost.Capability.SMTPUTF8, {"to": "用户@example.com"}),
    ],
)
async def test_what_a_connector_cannot_send_is_refused(
    recorder: Recorder,
    configure: Configure,
    capability: passpost.Capability,
    asks: Mapping[str, Any],
) -> None:
    recorder.capabilities -= {capability}
    arguments: dict[str, Any] = {
        "to": "ada@example.com", "usage": "SignIn", "payload": {"code": "1"}, **asks,
    }  # fmt: skip
    async with passpost.AsyncMailer(configure()) as mailer:
        with pytest.raises(passpost.SendError, match="this connector cannot") as caught:
            await mailer.send(passpost.Message(**arguments))
    assert (caught.value.outcome, recorder.mails) == ("rejected", [])


@pytest.mark.parametrize(
    ("part", "name"), [("sendFrom", "a sender"), ("replyTo", "a Reply-To address")]
)
async def test_local_parts_outside_of_ascii_are_refused_in_every_address(
    part: str, name: str, recorder: Recorder, configure: Configure
) -> None:
    recorder.capabilities -= {passpost.Capability.SMTPUTF8}
    template = {**TEMPLATES[0], part: "n <é@example.com>"}
    async with passpost.AsyncMailer(configure(templates=[template])) as mailer:
        with pytest.raises(passpost.SendError, match=f"cannot send {name} whose local") as caught:
            await mailer.send(passpost.Message("ada@example.com", "SignIn", {"code": "1"}))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")
    assert recorder.mails == []


async def test_a_connector_without_alternatives_sends_the_html(
    recorder: Recorder, configure: Configure
) -> None:
    recorder.capabilities -= {passpost.Capability.ALTERNATIVE}
    template = {
        "usageType": "Generic", "subject": "s", "content": "<p>c</p>", "text": "c",
        "contentType": "text/html",
    }  # fmt: skip
    async with passpost.AsyncMailer(configure(templates=[template])) as mailer:
        await mailer.send(passpost.Message(to="ada@example.com", usage="Generic"))
    assert (recorder.mails[0].html, recorder.mails[0].text) == ("<p>c</p>", None)


async def test_templates_at_the_provider_get_usage_payload_and_locale(recorder: Recorder) -> None:
    recorder.capabilities = frozenset({passpost.Capability.PROVIDER_TEMPLATES})
    host = passpost.Host(environ={})
    host.register(recorder)
    async with passpost.AsyncMailer(host.configure("recorder", {})) as mailer:
        await mailer.send(
            passpost.Message(to="a@x.org", usage="Any", payload={"code": "1"}, locale="zh-CN")
        )
    (mail,) = recorder.mails
    assert (mail.usage, dict(mail.payload), mail.locale) == ("Any", {"code": "1"}, "zh-CN")
    assert (mail.subject, mail.text, mail.html) == (None, None, None)


async def test_the_applications_templates_come_first(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    own = passpost.Template(usage_type="SignIn", subject="Ours {{code}}", content="…")
    async with passpost.AsyncMailer(connector, templates=[own]) as mailer:
        await mailer.send(message)
    assert recorder.mails[0].subject == "Ours 493817"


@pytest.mark.parametrize("usage", ["SignIn", "NoSuchUsage"])
async def test_reports_of_errors_show_nothing_of_a_message(
    usage: str, connector: passpost.Connector, recorder: Recorder
) -> None:
    recorder.behave = raising(rejected(response="no"))
    for payload in ({"code": "hidden"}, {"name": "hidden"}):
        message = passpost.Message("ada@example.com", usage, payload, headers={"X-A": "hidden"})
        async with passpost.AsyncMailer(connector) as mailer:
            with pytest.raises(passpost.PasspostError) as caught:
                await mailer.send(message)
        report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        own = [frame for frame in report.stack if frame.filename != __file__]
        assert own
        assert "hidden" not in str([frame.locals for frame in own])
        rich = io.StringIO()
        trace = caught.value.__traceback__
        assert trace is not None
        printed = Traceback.from_exception(
            type(caught.value), caught.value, trace.tb_next, show_locals=True, width=300
        )
        Console(file=rich, width=300).print(printed)
        assert "hidden" not in rich.getvalue()


async def test_a_message_without_a_template_or_a_variable_is_refused(
    configure: Configure, recorder: Recorder
) -> None:
    template = {"usageType": "SignIn", "subject": "s", "content": "{{code}}"}
    async with passpost.AsyncMailer(configure(templates=[template])) as mailer:
        with pytest.raises(passpost.TemplateNotFound):
            await mailer.send(passpost.Message(to="a@x.org", usage="Register"))
        with pytest.raises(passpost.MissingVariable):
            await mailer.send(passpost.Message(to="a@x.org", usage="SignIn"))
    assert recorder.mails == []


async def test_a_placeholder_in_the_settings_sends_nothing(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    connector = configure(fromEmail="< your-address >")
    assert any(warning.path == "fromEmail" for warning in connector.warnings)
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError, match="fromEmail") as caught:
            await mailer.send(message)
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "account")
    assert recorder.sessions == []


def test_a_mailer_wants_a_connector_and_a_template(configure: Configure) -> None:
    with pytest.raises(passpost.ConfigError, match="at least one connector") as caught:
        passpost.AsyncMailer()
    assert [problem.code for problem in caught.value.problems] == ["E105"]
    with pytest.raises(passpost.ConfigError, match="template"):
        passpost.AsyncMailer(configure(templates=[]))


def test_a_mailer_belongs_to_one_event_loop(
    connector: passpost.Connector, message: passpost.Message
) -> None:
    mailer = passpost.AsyncMailer(connector)
    asyncio.run(mailer.send(message))
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(mailer.send(message))


def test_reprs_show_names_only(connector: passpost.Connector) -> None:
    assert repr(passpost.AsyncMailer(connector)) == "<AsyncMailer: recorder>"
    assert repr(connector) == "<Connector 'recorder': recorder>"


async def test_findings_by_connector(recorder: Recorder) -> None:
    class Checkable(Recorder):
        @passpost.hookimpl
        async def check_connection(self, session: str) -> list[passpost.Finding]:
            return [passpost.Finding("sign-in", "ok", f"with {session}")]

    host = passpost.Host(environ={})
    host.register(Checkable())
    settings = {"templates": [{"usageType": "Generic", "subject": "s", "content": "c"}]}
    async with passpost.AsyncMailer(host.configure("recorder", settings, name="main")) as mailer:
        (found,) = (await mailer.check())["main"]
    assert (found.result, found.evidence) == ("ok", "with the session")


async def test_a_check_that_fails_says_so_without_the_text_of_the_defect(
    recorder: Recorder,
) -> None:
    class Faulty(Recorder):
        @passpost.hookimpl
        async def check_connection(self, session: str) -> list[passpost.Finding]:
            raise KeyError("s3cr3t")

    host = passpost.Host(environ={})
    host.register(Faulty())
    settings = {"templates": [{"usageType": "Generic", "subject": "s", "content": "c"}]}
    async with passpost.AsyncMailer(host.configure("recorder", settings)) as mailer:
        with pytest.raises(passpost.PluginError, match="KeyError at") as caught:
            await mailer.check()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


async def test_a_connectors_message_error_is_a_defect(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = raising(passpost.MessageError("too late for this", field="to"))
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
    assert caught.value.outcome == "unknown"


async def test_a_send_error_in_a_group_is_found(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = raising(ExceptionGroup("tasks", [rejected(hint="no key")]))
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.SendError, match="the provider said no"):
            await mailer.send(message)


async def test_a_failure_to_close_is_logged_and_harms_nobody(
    message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Recorder):
        @passpost.hookimpl
        @asynccontextmanager
        async def open_session(self) -> AsyncIterator[str]:
            yield "the session"
            raise OSError("493817")

    host = passpost.Host(environ={})
    host.register(Stubborn())
    settings = {"templates": [{"usageType": "Generic", "subject": "s", "content": "c"}]}
    async with passpost.AsyncMailer(host.configure("recorder", settings)) as mailer:
        await mailer.send(message)
    assert "closing failed: OSError" in caplog.text
    assert "493817" not in caplog.text
