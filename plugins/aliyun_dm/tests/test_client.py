from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest

from passpost import Address, Receipt, SendError
from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm_stand_in.server import StandIn
from passpost_http import client as client_module
from passpost_http import environment
from pytest_passpost import Action, Answer, CertificateAuthority, Channel, Fault, Hold, HttpServer

pytestmark = pytest.mark.anyio

ACCEPTED = Answer.json({"EnvId": "600000000001", "RequestId": "A1B2C3D4-0000"})
SHORT = {"connectTimeout": 300, "readTimeout": 200, "totalTimeout": 400}


@attrs.frozen(eq=False)
class End(Action):
    """Ends the connection, and tells when it did."""

    done: threading.Event = attrs.field(factory=threading.Event)

    async def run(self, channel: Channel, honest: bytes) -> bool:
        channel.end()
        self.done.set()
        await channel.drain()
        return False


@pytest.mark.parametrize("version", ["3", "1.0"])
async def test_a_mail_arrives(
    aliyun: StandIn, configure: Any, make_mail: Any, version: str
) -> None:
    async with DirectMail(configure(signatureVersion=version)) as session:
        receipt = await session.send(make_mail())
    assert receipt.provider_id == "600000000001"
    assert receipt.response is not None
    assert receipt.response.startswith("RequestId ")
    (mail,) = aliyun.received
    assert mail.signature == version
    assert mail.sender == "Example <no-reply@mail.example.com>"
    assert mail.recipient == "ada@example.com"
    assert mail.subject == "Your code"
    assert mail.html == "<p>Your code is 123456</p>"
    assert mail.text is None
    assert mail.headers == {"Message-ID": "<0123456789abcdef@mail.example.com>"}


@pytest.mark.parametrize("version", ["3", "1.0"])
async def test_temporary_credentials_are_used(
    aliyun: StandIn, configure: Any, make_mail: Any, version: str
) -> None:
    config = configure(**aliyun.temporary_settings, signatureVersion=version)
    async with DirectMail(config) as session:
        assert (await session.send(make_mail())).provider_id


async def test_nothing_of_a_mail_is_in_the_url(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    for version in ("3", "1.0"):
        async with DirectMail(configure(signatureVersion=version)) as session:
            await session.send(make_mail())
    assert [request.target for request in aliyun.server.requests] == ["/", "/"]


async def test_all_sends_share_one_connection(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    async with DirectMail(configure()) as session:
        for _ in range(20):
            await session.send(make_mail())
    assert len(aliyun.received) == 20
    assert aliyun.server.connection_count == 1
    aliyun.server.wait_closed()


async def test_refusals_leave_the_connection_usable(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    aliyun.refuse("Throttling.User", times=3)
    async with DirectMail(configure()) as session:
        for _ in range(3):
            with pytest.raises(SendError):
                await session.send(make_mail())
        await session.send(make_mail())
    assert aliyun.server.connection_count == 1


async def test_many_at_once(aliyun: StandIn, configure: Any, make_mail: Any) -> None:
    async with DirectMail(configure()) as session:
        mails = [make_mail(subject=f"Mail {number}") for number in range(50)]
        receipts = await asyncio.gather(*map(session.send, mails))
    assert len({receipt.provider_id for receipt in receipts}) == 50
    assert {mail.subject for mail in aliyun.received} == {mail.subject for mail in mails}


async def test_no_request_is_repeated(aliyun: StandIn, configure: Any, make_mail: Any) -> None:
    aliyun.break_with(Fault("answer", "close"))
    async with DirectMail(configure()) as session:
        with pytest.raises(SendError):
            await session.send(make_mail())
        assert len(aliyun.server.requests) == 1
        assert aliyun.server.connection_count == 1


async def test_a_connection_that_closed_while_idle_is_not_used(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    end = End()
    aliyun.break_with(Fault("idle", end))
    async with DirectMail(configure()) as session:
        await session.send(make_mail())
        assert await asyncio.to_thread(end.done.wait, 5)
        await session.send(make_mail())
    assert len(aliyun.received) == 2
    assert aliyun.server.connection_count == 2


async def test_a_cancelled_send_leaves_the_session_usable(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    hold = Hold()
    aliyun.break_with(Fault("answer", hold))
    async with DirectMail(configure()) as session:
        sending = asyncio.create_task(session.send(make_mail(subject="cancelled")))
        await asyncio.to_thread(hold.reached.wait, 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        hold.release()
        assert isinstance(await session.send(make_mail()), Receipt)


async def test_the_deadline_of_a_mail_is_kept(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    aliyun.break_with(Fault("answer", "silence", times=None))
    async with DirectMail(configure()) as session:
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.5)
        with pytest.raises(SendError) as caught:
            await session.send(make_mail(deadline=soon))
    assert caught.value.outcome == "unknown"


async def test_after_the_deadline_nothing_is_sent(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    async with DirectMail(configure()) as session:
        await session.send(make_mail())
        for version in range(3):
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=version)
            with pytest.raises(SendError) as caught:
                await session.send(make_mail(deadline=past))
            assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")
    assert len(aliyun.server.requests) == 1


async def test_waiting_for_a_connection_ends(
    aliyun: StandIn, configure: Any, make_mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_CONNECTIONS", 1)
    hold = Hold()
    aliyun.break_with(Fault("answer", hold))
    async with DirectMail(configure(connectTimeout=150)) as session:
        first = asyncio.create_task(session.send(make_mail()))
        await asyncio.to_thread(hold.reached.wait, 5)
        with pytest.raises(SendError, match="no connection became free") as caught:
            await session.send(make_mail())
        assert (caught.value.outcome, caught.value.temporary) == ("rejected", True)
        hold.release()
        await first
    assert len(aliyun.server.requests) == 1


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateAuthority:
    made = CertificateAuthority()
    monkeypatch.setenv("SSL_CERT_FILE", str(made.write_pem(tmp_path / "authority.pem")))
    return made


async def test_certificates_are_verified(
    configure: Any, make_mail: Any, authority: CertificateAuthority
) -> None:
    with HttpServer(ACCEPTED, tls=True, authority=authority) as server:
        async with DirectMail(configure(endpoint=server.url)) as session:
            assert (await session.send(make_mail())).provider_id


@pytest.mark.parametrize(
    "certificate", ["self-signed", "expired", "other-host", "unknown-authority"]
)
async def test_a_certificate_that_is_not_trusted_ends_it(
    configure: Any, make_mail: Any, authority: CertificateAuthority, certificate: Any
) -> None:
    with HttpServer(ACCEPTED, tls=True, certificate=certificate, authority=authority) as server:
        async with DirectMail(configure(endpoint=server.url)) as session:
            with pytest.raises(SendError, match="certificate is not trusted") as caught:
                await session.send(make_mail())
        assert server.requests == []
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")
    assert not caught.value.temporary
    assert caught.value.__context__ is None


@pytest.mark.parametrize("action", ["garbage", "close", "reset", "silence"])
async def test_tls_that_does_not_come_about_ends_it(
    configure: Any, make_mail: Any, authority: CertificateAuthority, action: Any
) -> None:
    fault = Fault("tls", action, times=None)
    with HttpServer(ACCEPTED, tls=True, authority=authority, faults=[fault]) as server:
        async with DirectMail(configure(endpoint=server.url, **SHORT)) as session:
            with pytest.raises(SendError) as caught:
                await session.send(make_mail())
        assert server.requests == []
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")


async def test_one_tls_context_serves_all_connections(
    configure: Any, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ssl.SSLContext] = []
    original = environment.trusted

    def counted() -> ssl.SSLContext:
        made.append(original())
        return made[-1]

    monkeypatch.setattr(client_module, "trusted", counted)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with DirectMail(configure(endpoint="localhost")):
        pass
    assert len(made) == 1


async def test_a_proxy_of_the_environment_is_used(
    configure: Any, make_mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(Answer(403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://user:proxypass@"))
        async with DirectMail(configure(endpoint="dm.passpost.invalid")) as session:
            with pytest.raises(SendError, match="proxy rejected") as caught:
                await session.send(make_mail())
        (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "dm.passpost.invalid:443")
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")
    assert not caught.value.temporary
    assert "proxypass" not in f"{caught.value.facts()}{caught.value}"


@pytest.mark.parametrize(("status", "temporary"), [(407, False), (502, True), (503, True)])
async def test_what_a_proxy_says_is_understood(
    configure: Any, make_mail: Any, monkeypatch: pytest.MonkeyPatch, status: int, *, temporary: bool
) -> None:
    with HttpServer(Answer(status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with DirectMail(configure(endpoint="dm.passpost.invalid")) as session:
            with pytest.raises(SendError, match=f"HTTP status {status}") as caught:
                await session.send(make_mail())
    assert caught.value.temporary is temporary


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "gopher://user:proxypass@proxy"),
        ("HTTPS_PROXY", "http://user:proxypass@[::1"),
        ("ALL_PROXY", "socks5://user:proxypass@proxy"),
        ("SSL_CERT_FILE", "/nowhere/proxypass.pem"),
    ],
)
async def test_an_environment_that_cannot_be_used_is_said(
    configure: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(SendError, match="environment") as caught:
        DirectMail(configure(endpoint="dm.passpost.invalid"))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")
    assert caught.value.__context__ is None
    assert "proxypass" not in f"{caught.value}{caught.value.facts()}"


async def test_what_goes_to_this_machine_goes_through_no_proxy(
    aliyun: StandIn, configure: Any, make_mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(Answer(403)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with DirectMail(configure()) as session:
            await session.send(make_mail())
        assert proxy.connection_count == 0
    assert len(aliyun.received) == 1


async def test_cookies_are_neither_kept_nor_sent(configure: Any, make_mail: Any) -> None:
    answer = Answer(200, ACCEPTED.body, {"Set-Cookie": "a=b"})
    with HttpServer(answer) as server:
        async with DirectMail(configure(endpoint=server.url)) as session:
            await session.send(make_mail())
            await session.send(make_mail())
        assert all(request.header("cookie") is None for request in server.requests)


async def test_a_mail_that_is_too_large_is_not_sent(
    aliyun: StandIn, configure: Any, make_mail: Any
) -> None:
    async with DirectMail(configure()) as session:
        await session.send(make_mail(html="x" * 7_000_000))
        with pytest.raises(SendError, match="larger than the 8 MB") as caught:
            await session.send(make_mail(html="x" * 8_000_000))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")
    assert len(aliyun.server.requests) == 1


@pytest.mark.parametrize(
    ("part", "character"),
    [
        *itertools.product(
            ["to", "subject", "reply_to", "sender", "message_id"],
            ["\r\n", "\0", "\x85", "\u2028", "\u760a", "\u760d"],
        ),
        *itertools.product(["to", "reply_to", "sender"], [",", ";", " "]),
    ],
)
async def test_what_is_refused_puts_nothing_on_the_wire(
    aliyun: StandIn, configure: Any, make_mail: Any, part: str, character: str
) -> None:
    text = f"a@example.com{character}b@example.com"
    value = text if part in {"subject", "message_id"} else Address(text)
    async with DirectMail(configure()) as session:
        with pytest.raises(SendError) as caught:
            await session.send(make_mail(**{part: value}))
    assert caught.value.outcome == "rejected"
    assert aliyun.server.connection_count == 0


async def test_each_attempt_is_signed_anew(aliyun: StandIn, configure: Any, make_mail: Any) -> None:
    mail = make_mail()
    async with DirectMail(configure()) as session:
        await session.send(mail)
        await session.send(mail)
    nonces = {request.header("x-acs-signature-nonce") for request in aliyun.server.requests}
    assert len(nonces) == 2
