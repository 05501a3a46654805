"""What each fault on the way means: the table of `passpost_aliyun_dm.errors`, over real sockets."""

from __future__ import annotations

import json
import socket
from typing import Any

import attrs
import pytest

from passpost import Mail, Receipt, SendError
from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm_stand_in.server import StandIn
from pytest_passpost import (
    Answer,
    Drip,
    EndlessBody,
    EndlessHead,
    Fault,
    HttpServer,
    SlowHead,
    Truncated,
    WrongLength,
    accept_then,
)

pytestmark = pytest.mark.anyio

SHORT = {"connectTimeout": 1000, "readTimeout": 200, "totalTimeout": 1500}
ENVELOPE = {"EnvId": "600000000001", "RequestId": "A1B2C3D4-0000"}


async def attempt(config: Any, mail: Mail) -> Receipt | SendError:
    async with DirectMail(config) as session:
        try:
            return await session.send(mail)
        except SendError as error:
            return error


def judged(result: Receipt | SendError) -> tuple[str, str, bool]:
    assert isinstance(result, SendError)
    return result.outcome, result.scope, result.temporary


def unbroken(error: BaseException | None) -> bool:
    """Whether an error leads to no other one, in whose frames and attributes the request is."""
    return error is not None and error.__cause__ is None and error.__context__ is None


UNKNOWN = ("unknown", "network", True)
UNREACHED = ("rejected", "network", True)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        # The request goes out at once, so a server that hangs up or is silent may have read it.
        (Fault("connect", "close"), UNKNOWN),
        (Fault("connect", "silence"), UNKNOWN),
        (Fault("request", "close"), UNKNOWN),
        (Fault("request", "reset"), UNKNOWN),
        (Fault("request", "silence"), UNKNOWN),
        (Fault("request", "garbage"), UNKNOWN),
        (Fault("answer", "close"), UNKNOWN),
        (Fault("answer", accept_then("reset")), UNKNOWN),
        (Fault("answer", accept_then("silence")), UNKNOWN),
        (Fault("answer", "drip"), UNKNOWN),
        (Fault("answer", "garbage"), UNKNOWN),
        (Fault("answer", "long-line"), UNKNOWN),
        (Fault("answer", SlowHead()), UNKNOWN),
        (Fault("answer", EndlessHead()), UNKNOWN),
        (Fault("answer", Truncated()), UNKNOWN),
        (Fault("answer", WrongLength()), UNKNOWN),
        (Fault("answer", WrongLength("no number")), UNKNOWN),
        (Fault("answer", EndlessBody()), ("unknown", "provider", False)),
    ],
    ids=lambda value: f"{value.phase}-{value.action}" if isinstance(value, Fault) else "",
)
async def test_a_broken_exchange(
    aliyun: StandIn, configure: Any, make_mail: Any, fault: Fault, verdict: tuple[str, str, bool]
) -> None:
    aliyun.break_with(attrs.evolve(fault, times=None))
    error = await attempt(configure(**SHORT), make_mail())
    assert judged(error) == verdict
    assert isinstance(error, SendError)
    assert unbroken(error)
    assert error.hint


async def test_a_server_that_speaks_before_it_is_asked(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    aliyun.break_with(Fault("connect", "garbage", times=None))
    # Where it was heard in time, nothing was sent.
    assert judged(await attempt(configure(**SHORT), make_mail())) in (UNKNOWN, UNREACHED)


async def test_the_total_timeout_holds_while_octets_still_come(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    aliyun.break_with(Fault("answer", Drip(0.02)))
    error = await attempt(configure(readTimeout=5000, totalTimeout=300), make_mail())
    assert judged(error) == UNKNOWN
    assert len(aliyun.received) == 1


async def test_an_answer_in_pieces_is_put_together(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    aliyun.break_with(Fault("answer", "split"))
    assert isinstance(await attempt(configure(), make_mail()), Receipt)


async def test_a_port_where_nobody_listens(configure: Any, make_mail: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = await attempt(configure(endpoint=f"http://127.0.0.1:{port}"), make_mail())
    assert judged(error) == UNREACHED
    assert unbroken(error)  # type: ignore[arg-type]  # judged asserts that it is an error


async def test_a_name_that_cannot_be_resolved(configure: Any, make_mail: Any) -> None:
    error = await attempt(configure(endpoint="dm.passpost.invalid"), make_mail())
    assert judged(error) == UNREACHED
    assert "resolved" in str(error)


async def test_a_connection_that_is_never_accepted(configure: Any, make_mail: Any) -> None:
    # A full backlog: the handshake of the next connection is not answered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.settimeout(0)
            sock.connect_ex(("127.0.0.1", port))
        error = await attempt(configure(endpoint=f"http://127.0.0.1:{port}", **SHORT), make_mail())
        for sock in waiting:
            sock.close()
    assert judged(error) == UNREACHED
    assert "in time" in str(error)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, b"<html>fine</html>"), ("unknown", "provider", False)),
        (Answer(200, b""), ("unknown", "provider", False)),
        (Answer(200, b"x" * 65_537), ("unknown", "provider", False)),
        (Answer.json({"RequestId": "A1B2C3D4-0000"}), ("unknown", "provider", False)),
        (Answer.json({"EnvId": ""}), ("unknown", "provider", False)),
        (Answer.json({"EnvId": None}), ("unknown", "provider", False)),
        (Answer.json({"EnvId": True}), ("unknown", "provider", False)),
        (Answer.json({"EnvId": "x" * 500}), ("unknown", "provider", False)),
        (Answer.json({"EnvId": "a\nb"}), ("unknown", "provider", False)),
        (Answer.json([ENVELOPE]), ("unknown", "provider", False)),
        (Answer.json(ENVELOPE, 400), ("rejected", "provider", False)),
        (Answer(500, b"oops"), ("unknown", "provider", True)),
        (Answer(502, b"x" * 65_537), ("unknown", "provider", True)),
        (Answer(503, b"oops"), ("rejected", "provider", True)),
        (Answer(404, b"oops"), ("rejected", "account", False)),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Answer) else "",
)
async def test_an_answer_that_is_none(
    configure: Any, make_mail: Any, answer: Answer, verdict: tuple[str, str, bool]
) -> None:
    with HttpServer(answer) as server:
        error = await attempt(configure(endpoint=server.url), make_mail())
    assert judged(error) == verdict


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["{}/elsewhere", "http://[", "javascript:0", "//\x00"])
async def test_a_redirect_is_not_followed(
    configure: Any, make_mail: Any, status: int, target: str
) -> None:
    with HttpServer(Answer.json(ENVELOPE)) as elsewhere:
        redirect = Answer.redirect(target.format(elsewhere.url).replace("\x00", "x"), status)
        with HttpServer(redirect) as server:
            error = await attempt(configure(endpoint=server.url), make_mail())
        outcome = "unknown" if status in (302, 303) else "rejected"
        assert judged(error) == (outcome, "provider", False)
        assert elsewhere.connection_count == 0
        assert unbroken(error)  # type: ignore[arg-type]  # judged asserts that it is an error


async def test_an_id_that_is_a_number_is_an_id(configure: Any, make_mail: Any) -> None:
    with HttpServer(Answer.json({"EnvId": 600000000001})) as server:
        receipt = await attempt(configure(endpoint=server.url), make_mail())
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == "600000000001"
    assert receipt.response is None


async def test_a_compressed_answer_is_not_unpacked(configure: Any, make_mail: Any) -> None:
    import gzip  # noqa: PLC0415 - for this test alone

    body = gzip.compress(json.dumps(ENVELOPE).encode())
    with HttpServer(Answer(200, body, {"Content-Encoding": "gzip"})) as server:
        error = await attempt(configure(endpoint=server.url), make_mail())
        assert server.requests[0].header("accept-encoding") == "identity"
    assert judged(error) == ("unknown", "provider", False)


async def test_throttling_says_how_long_to_wait(configure: Any, make_mail: Any) -> None:
    throttled = Answer(
        400,
        b'{"Code": "Throttling.User", "RequestId": "A1B2C3D4-0000"}',
        {"X-Acs-Retry-After": "2500"},
    )
    with HttpServer(throttled) as server:
        error = await attempt(configure(endpoint=server.url), make_mail())
    assert judged(error) == ("rejected", "provider", True)
    assert isinstance(error, SendError)
    assert error.retry_after == 2.5
    assert error.provider_code == "Throttling.User"
    assert error.response == "RequestId A1B2C3D4-0000"
