"""What a connector returns and raises reaches the application checked and cleared."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import passpost

from .conftest import TEMPLATES, Recorder

pytestmark = pytest.mark.anyio

CODE = "493817"
SECRET = "s3cr3t-key"
Configure = Callable[..., passpost.Connector]


def raising(error: BaseException) -> Callable[[passpost.Mail], Any]:
    def behave(mail: passpost.Mail) -> Any:
        raise error

    return behave


async def sent(connector: passpost.Connector, message: passpost.Message) -> passpost.Receipt:
    async with passpost.AsyncMailer(connector) as mailer:
        return await mailer.send(message)


async def failure(connector: passpost.Connector, message: passpost.Message) -> passpost.SendError:
    with pytest.raises(passpost.SendError) as caught:
        await sent(connector, message)
    return caught.value


async def test_hint_and_provider_id_are_cleared(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    connector = configure(key=SECRET)
    recorder.behave = raising(
        passpost.SendError(
            f"code {CODE}", outcome="rejected", scope="account", hint=f"your code {CODE}, {SECRET}"
        )
    )
    error = await failure(connector, message)
    assert (str(error), error.hint) == ("code ***", "your code ***, ***")
    recorder.behave = lambda mail: passpost.Receipt(f"SG.{SECRET}", f"OK {CODE}")
    receipt = await sent(connector, message)
    assert (receipt.provider_id, receipt.response) == ("SG.***", "OK ***")
    assert CODE not in repr(receipt)


async def test_the_log_tells_the_author_the_way_to_a_defect(
    configure: Configure,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look_up(mail: passpost.Mail) -> Any:
        return {}[mail.payload["code"]]

    def behave(mail: passpost.Mail) -> Any:
        try:
            look_up(mail)
        except KeyError as error:
            raise RuntimeError(CODE) from error

    recorder.behave = behave
    await failure(configure(), message)
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    told = record.getMessage()
    lines = re.escape("test_reports.py:") + r"\d+"
    assert re.search(
        rf"RuntimeError at {lines} \(conftest.py:\d+ in Recorder.send_mail > {lines}", told
    )
    assert re.search(rf"behave; caused by KeyError at {lines}\)$", told)
    assert CODE not in caplog.text


def test_a_note_tells_the_author_the_way_to_a_defect(recorder: Recorder) -> None:
    class Faulty(Recorder):
        @passpost.hookimpl
        def parse_config(self, settings: Any) -> Any:
            raise KeyError(settings["key"])

    host = passpost.Host(environ={})
    host.register(Faulty())
    with pytest.raises(passpost.PluginError, match="KeyError at test_reports") as caught:
        host.configure("recorder", {"key": SECRET})
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"raised in test_reports\.py:\d+ in .*Faulty\.parse_config", note)


async def test_the_application_gets_the_receipt_that_the_connector_made(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    made = passpost.Receipt("id-7", "queued")
    recorder.behave = lambda mail: made
    connector = configure()
    first = await sent(connector, message)
    assert first is made
    # Returned once more, it stays what it is: that of the first email.
    second = await sent(connector, message)
    assert (second.provider_id, second.response) == ("id-7", "queued")
    assert first.message_id == recorder.mails[0].message_id
    assert second.message_id == recorder.mails[1].message_id
    assert (first.connector, len(first.attempts)) == ("recorder", 1)


@pytest.mark.parametrize(
    ("receipt", "provider_id", "response"),
    [
        (passpost.Receipt(response=5), None, None),  # type: ignore[arg-type]
        (passpost.Receipt(b"id", "fine"), None, "fine"),  # type: ignore[arg-type]
        (passpost.Receipt("id", accepted_at="now"), "id", None),  # type: ignore[arg-type]
        (passpost.Receipt("id", accepted_at=dt.datetime(2026, 1, 1)), "id", None),  # noqa: DTZ001 - no time zone is the point
        (passpost.Receipt("", ""), None, None),
    ],
)
async def test_an_acceptance_stands_whatever_the_receipt_says(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
    receipt: passpost.Receipt,
    provider_id: str | None,
    response: str | None,
) -> None:
    recorder.behave = lambda mail: receipt
    accepted = await sent(connector, message)
    assert (accepted.provider_id, accepted.response) == (provider_id, response)
    assert accepted.accepted_at.tzinfo is not None
    if receipt.provider_id != "":
        assert "is defective: a receipt" in caplog.text


class Odd(passpost.SendError):
    """An error whose attributes cannot be read."""

    @property
    def response(self) -> str | None:
        raise ZeroDivisionError(CODE)

    @response.setter
    def response(self, value: str | None) -> None:
        pass


def send_error(message: Any = "no", **facts: Any) -> passpost.SendError:
    given: dict[str, Any] = {"outcome": "rejected", "scope": "account", **facts}
    return passpost.SendError(message, **given)


def without_arguments() -> passpost.SendError:
    error = send_error()
    error.args = ()
    return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (send_error(5), {"outcome": "rejected"}),
        (without_arguments(), {"outcome": "rejected"}),
        (send_error(outcome="sent"), {"outcome": "unknown"}),
        (send_error(outcome=["rejected"]), {"outcome": "unknown"}),
        (send_error(scope="moon"), {"scope": "provider"}),
        (send_error(temporary="yes"), {"temporary": False}),
        (send_error(retry_after="soon"), {"retry_after": None}),
        (send_error(retry_after=float("nan")), {"retry_after": None}),
        (send_error(retry_after=-1), {"retry_after": None}),
        (send_error(retry_after=10**400), {"retry_after": None}),
        (send_error(provider_code=5), {"provider_code": None}),
        (send_error(hint=b"x"), {"hint": None}),
        (Odd("no", outcome="rejected", scope="account"), {"outcome": "unknown"}),
    ],
)
async def test_a_fact_of_the_wrong_type_is_left_out_and_reported(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
    raised: passpost.SendError,
    expected: dict[str, Any],
) -> None:
    recorder.behave = raising(raised)
    error = await failure(connector, message)
    assert {name: getattr(error, name) for name in expected} == expected
    assert "is defective" in caplog.text
    assert CODE not in caplog.text


@pytest.mark.parametrize(
    ("scope", "level"),
    [("account", logging.WARNING), ("network", logging.WARNING), ("recipient", logging.INFO)],
)
async def test_failures_that_the_operator_has_to_see_to_are_warnings(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
    scope: str,
    level: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder.behave = raising(send_error(scope=scope, hint="Use an app password."))
    await failure(connector, message)
    (record,) = [record for record in caplog.records if "no connector accepted" in record.message]
    assert record.levelno == level
    assert "Use an app password." in record.message


class Learns(Recorder):
    """Fetches a token when its session opens, and repeats it."""

    token: Any = "access-token-1"

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self, register_secret: Callable[[str], None]) -> AsyncIterator[str]:  # type: ignore[override]  # pluggy calls with the arguments that a hook names
        register_secret(self.token)
        yield "the session"

    @passpost.hookimpl
    async def check_connection(self) -> list[passpost.Finding]:
        return [passpost.Finding("sign-in", "ok", f"with {self.token}", f"replace {self.token}")]


def learning(plugin: Learns) -> passpost.Connector:
    host = passpost.Host(environ={})
    host.register(plugin)
    return host.configure("recorder", {"templates": TEMPLATES})


async def test_words_learned_at_run_time_are_masked(message: passpost.Message) -> None:
    learns = Learns()
    learns.behave = lambda mail: passpost.Receipt("id", f"token {learns.token}")
    async with passpost.AsyncMailer(learning(learns)) as mailer:
        assert (await mailer.send(message)).response == "token ***"
        learns.behave = raising(send_error(response=f"bad token {learns.token}"))
        with pytest.raises(passpost.SendError) as caught:
            await mailer.send(message)
        assert caught.value.response == "bad token ***"
        (finding,) = (await mailer.check())["recorder"]
    assert (finding.evidence, finding.remedy) == ("with ***", "replace ***")


async def test_a_learned_word_that_is_not_text_is_the_connectors_defect(
    message: passpost.Message,
) -> None:
    learns = Learns()
    learns.token = 5
    error = await failure(learning(learns), message)
    assert (error.outcome, "TypeError at" in str(error)) == ("rejected", True)


async def generator() -> AsyncIterator[None]:
    yield


async def coroutine() -> None: ...


@pytest.mark.parametrize("context", [coroutine, generator, 5])
async def test_a_session_of_the_wrong_type_is_the_connectors_defect(
    context: Any, message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    class Opens(Learns):
        @passpost.hookimpl
        def open_session(self) -> Any:  # type: ignore[override]  # as above
            return context() if callable(context) else context

    error = await failure(learning(Opens()), message)
    assert error.outcome == "rejected"
    assert "open_session returned" in str(error)
    assert "@contextlib.asynccontextmanager" in caplog.text


@pytest.mark.parametrize(
    "findings",
    [
        5,
        "ok",
        ["x"],
        [passpost.Finding("a", "fine", "b")],  # type: ignore[arg-type]
        [passpost.Finding("a", "ok", 5)],  # type: ignore[arg-type]
    ],
)
async def test_findings_of_the_wrong_type_are_the_connectors_defect(findings: Any) -> None:
    class Checks(Learns):
        @passpost.hookimpl
        async def check_connection(self) -> Any:
            return findings

    async with passpost.AsyncMailer(learning(Checks())) as mailer:
        with pytest.raises(
            passpost.PluginError, match=r"the check of \w+ failed: check_connection"
        ):
            await mailer.check()
