"""Passwords, tokens and codes: in no log, no error, no traceback, no repr."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import Coroutine, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from passpost import AsyncMailer, Host, Message, Policy, Receipt, SendError
from passpost_smtp.check import check
from passpost_smtp.context import prepare_context
from passpost_smtp.opening import Opening
from pytest_passpost import Action, Fault, Hold, SmtpServer, reply

PASSWORD = "canary-Pässword-8471"
TOKEN = "ya29.canary-token-5512"
CODE = "canary-314159"
CANARIES = (PASSWORD, TOKEN, CODE)


def forms(text: str) -> Iterator[str]:
    """Return a text as it is and in the encodings that servers may echo."""
    yield text
    yield quote(text)
    for start in range(3):
        encoded = base64.b64encode(b"\0" * start + text.encode()).decode()
        yield encoded[4:-4]


def assert_clean(*texts: object, canaries: tuple[str, ...] = CANARIES) -> None:
    for text in texts:
        for canary in canaries:
            for form in forms(canary):
                assert form not in str(text)


def everything_about(error: SendError) -> str:
    return "\n".join(
        [
            str(error),
            repr(error),
            repr(error.facts()),
            "".join(traceback.format_exception(error)),
            repr(error.__context__),
            repr(error.__cause__),
        ]
    )


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def failure(settings: dict[str, Any]) -> SendError:
    """Return the error that an application gets for an email that does not go through."""
    template = {"usageType": "Generic", "subject": "s", "content": "Your code is {{code}}."}
    connector = Host().configure("smtp", {**settings, "templates": [template]})
    message = Message("ada@example.org", "Generic", {"code": CODE, "token": TOKEN})
    async with AsyncMailer(connector, policy=Policy(attempts=1)) as mailer:
        with pytest.raises(SendError) as caught:
            await mailer.send(message)
    return caught.value


def parrot(code: str) -> Action:
    """A server that repeats what it should not, unencrypted and encoded."""
    plain = base64.b64encode(f"\0ada\0{PASSWORD}".encode()).decode()
    body = base64.b64encode(f"Your code is {CODE}.\r\n".encode()).decode()
    echoed = f"{PASSWORD} {TOKEN} {CODE} {quote(PASSWORD)} {plain} {body}"
    return reply(f"{code} I heard {echoed}")


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["auth", "mail", "rcpt", "final"])
@pytest.mark.parametrize("code", ["535 5.7.8", "454 4.7.0", "421 4.3.2"])
async def test_what_a_server_repeats_is_masked(
    phase: Any, code: str, debug: pytest.LogCaptureFixture, kit: Any
) -> None:
    users, login = {"ada": PASSWORD}, {"user": "ada", "pass": PASSWORD}
    faults = [Fault(phase, parrot(code), times=None)]
    with SmtpServer(tls="starttls", auth=users, faults=faults) as server:
        error = await failure(kit.settings(server, auth=login, debug=True, logger=True))
        assert "I heard ***" in str(error)
        assert_clean(everything_about(error), debug.text)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "login", [{"user": "ada", "pass": PASSWORD}, {"user": "ada", "accessToken": TOKEN}]
)
async def test_no_credential_is_in_what_is_said_of_a_refused_sign_in(
    login: dict[str, str], debug: pytest.LogCaptureFixture, kit: Any
) -> None:
    secret = login.get("pass") or login["accessToken"]
    encoded = base64.b64encode(f"\0ada\0{secret}".encode()).decode()
    faults = [Fault("auth", reply(f"535 5.7.8 no: {secret} {encoded}"), times=None)]
    with SmtpServer(tls="starttls", auth={"ada": "other"}, faults=faults) as server:
        error = await failure(kit.settings(server, auth=login, debug=True))
        assert "no: ***" in str(error)
        assert_clean(everything_about(error), debug.text)


@pytest.mark.anyio
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_the_log_tells_what_happens_and_nothing_more(
    mechanism: str, debug: pytest.LogCaptureFixture, kit: Any
) -> None:
    users, login = {"ada": PASSWORD}, {"user": "ada", "pass": PASSWORD}
    with SmtpServer(tls="starttls", auth=users, mechanisms=[mechanism]) as server:
        config = kit.config(server, auth=login, debug=True, logger=True)
        mail = kit.mail(payload={"code": CODE}, text=f"Your code is {CODE}.\n", subject=CODE)
        assert isinstance(await kit.send(config, mail), Receipt)
    ours = [record for record in debug.records if record.name == "passpost_smtp"]
    text = "\n".join(record.getMessage() for record in ours)
    for word in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "BDAT", "235", "250", "TLSv1.3"):
        assert word in text
    assert {record.levelno for record in ours} == {logging.DEBUG, logging.INFO}
    assert_clean(debug.text)
    assert "ada@example.org" not in debug.text


@pytest.mark.anyio
async def test_the_log_is_quiet_unless_it_is_asked_for(
    debug: pytest.LogCaptureFixture, kit: Any
) -> None:
    with SmtpServer() as server:
        assert isinstance(await kit.send(kit.config(server)), Receipt)
    ours = [record for record in debug.records if record.name == "passpost_smtp"]
    assert all(record.levelno == logging.DEBUG for record in ours)
    assert "MAIL" not in "".join(record.getMessage() for record in ours)


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["connect", "ehlo", "auth", "mail", "final"])
@pytest.mark.parametrize("action", ["reset", "garbage", "close"])
async def test_no_traceback_keeps_a_secret(phase: Any, action: Any, kit: Any) -> None:
    if phase == "connect" and action == "garbage":
        return
    users, login = {"ada": PASSWORD}, {"user": "ada", "pass": PASSWORD}
    faults = [Fault(phase, action, times=None)]
    with SmtpServer(tls="starttls", auth=users, faults=faults) as server:
        mail = kit.mail(payload={"code": CODE}, text=f"Your code is {CODE}.\n")
        error = await kit.refusal(kit.config(server, auth=login), mail)
        assert error.__context__ is None
        assert error.__cause__ is None
        assert_clean(everything_about(error))


@pytest.mark.anyio
async def test_no_object_shows_a_secret(kit: Any) -> None:
    users, login = {"ada": PASSWORD}, {"user": "ada", "pass": PASSWORD}
    with SmtpServer(tls="starttls", auth=users) as server:
        config = kit.config(server, auth=login)
        context = prepare_context(config, kit.registered.append)
        opening = Opening(context, 1e12)
        async with kit.session(config) as session:
            await session.send(kit.mail(payload={"code": CODE}))
            assert_clean(repr(config), repr(context), repr(opening), repr(vars(opening)))
            assert_clean(repr(session), repr(session._pool._idle), repr(vars(session._pool)))


async def frames_when_cancelled(waiting: Coroutine[Any, Any, Any], hold: Hold) -> str:
    """Cancel what waits for a server, as a web framework's timeout does; gives all locals."""
    task = asyncio.ensure_future(waiting)
    await asyncio.to_thread(hold.reached.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    hold.release()
    text = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    # The innermost frame that waits is there, and those of the connection have nothing to show.
    assert "transaction.py" in text or "opening.py" in text
    return text


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["mail", "final"])
@pytest.mark.parametrize(
    "extensions", [(), ("PIPELINING",), ("PIPELINING", "CHUNKING")], ids="-".join
)
@pytest.mark.parametrize("proven", [True, False])
async def test_no_frame_of_a_send_that_is_cancelled_holds_the_message(
    extensions: tuple[str, ...], phase: Any, kit: Any, *, proven: bool
) -> None:
    hold = Hold()
    with SmtpServer(extensions=extensions, faults=[Fault(phase, hold)]) as server:
        mail = kit.mail(payload={"code": CODE}, text=f"Your code is {CODE}.\n", subject=CODE)
        async with kit.session(kit.config(server), proven=proven) as session:
            frames = await frames_when_cancelled(session.send(mail), hold)
    assert_clean(frames)
    assert "ada@example.org" not in frames


@pytest.mark.anyio
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("after", [0, 1])
async def test_no_frame_of_a_check_that_is_cancelled_holds_the_password(
    mechanism: str, after: int, kit: Any
) -> None:
    hold = Hold()
    after = 0 if mechanism == "PLAIN" else after
    users, login = {"ada": PASSWORD}, {"user": "ada", "pass": PASSWORD}
    faults = [Fault("auth", hold, after=after)]
    with SmtpServer(tls="starttls", auth=users, mechanisms=[mechanism], faults=faults) as server:
        context = prepare_context(kit.config(server, auth=login), kit.registered.append)
        assert_clean(await frames_when_cancelled(check(context), hold))
