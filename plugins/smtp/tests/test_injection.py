"""What must not reach the wire does not: a raw socket counts the bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from passpost import Address, ConfigError, Receipt, SendError
from pytest_passpost import SmtpServer

# Controls, what looks like them to some readers, and what becomes them when cut to 8 bits.
BAD = ["\r", "\n", "\r\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
BAD += ["\u760a", "\u760d", "\ud800"]


class Counter:
    """Accepts connections, says nothing, and counts what comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.octets = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            with sock:
                self.connections += 1
                sock.sendall(b"220 hello\r\n")
                self.octets += len(sock.recv(65536))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def counting() -> Iterator[Counter]:
    counter = Counter()
    try:
        yield counter
    finally:
        counter.close()


@pytest.mark.parametrize("bad", BAD, ids=ascii)
@pytest.mark.parametrize(
    "settings",
    [
        lambda bad: {"host": f"mail{bad}.example.com"},
        lambda bad: {"name": f"mail{bad}.example.com"},
        lambda bad: {"servername": f"mail{bad}.example.com"},
        lambda bad: {"localAddress": f"127.0.0.1{bad}"},
        lambda bad: {"fromEmail": f"no-reply{bad}@example.com"},
        lambda bad: {"fromEmail": f"Exa{bad}mple <no-reply@example.com>"},
        lambda bad: {"replyTo": f"a@example.com{bad}"},
        lambda bad: {"customHeaders": {"X-Tag": f"a{bad}b"}},
        lambda bad: {"customHeaders": {f"X{bad}Tag": "b"}},
        lambda bad: {"auth": {"user": f"a{bad}", "pass": "p"}},
        lambda bad: {"auth": {"user": "a", "pass": f"p{bad}"}},
        lambda bad: {"username": f"a{bad}", "password": "p"},
    ],
)
def test_no_setting_lets_them_through(settings: Any, bad: str, kit: Any) -> None:
    with pytest.raises(ConfigError):
        kit.config(25, **settings(bad))


@pytest.mark.anyio
@pytest.mark.parametrize("bad", BAD, ids=ascii)
@pytest.mark.parametrize(
    "fields",
    [
        lambda bad: {"to": Address(f"ada{bad}@example.org")},
        # In a domain a code point beyond ASCII would become harmless; controls stay what they are.
        lambda bad: {"to": Address(f"ada@example{bad[0] if bad < '~' else '~'}.org")},
        lambda bad: {"sender": Address(f"no-reply{bad}@example.com")},
        lambda bad: {"sender": Address("no-reply@example.com", f"Exa{bad}mple")},
        lambda bad: {"reply_to": Address(f"a{bad}@example.com")},
        lambda bad: {"reply_to": Address("a@example.com", f"{bad}a")},
        lambda bad: {"subject": f"Your{bad}code"},
        lambda bad: {"message_id": f"<1{bad}2@example.com>"},
        lambda bad: {"headers": {"X-Tag": f"a{bad}b"}},
        lambda bad: {"headers": {f"X{bad}Tag": "b"}},
    ],
)
async def test_no_part_of_a_mail_lets_them_through(fields: Any, bad: str, kit: Any) -> None:
    # passpost checks an email before it hands it over; the connector does not rely on that.
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            before = server.bytes_received
            with pytest.raises(SendError) as caught:
                await session.send(kit.mail(**fields(bad)))
            assert caught.value.outcome == "rejected"
            assert bad not in str(caught.value)
            assert server.bytes_received == before
            # The connection has not been touched.
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert server.connection_count == 1
        assert server.violations == []


@pytest.mark.anyio
async def test_nothing_but_ehlo_has_gone_out_before_the_mail_is_looked_at(kit: Any) -> None:
    with counting() as counter:
        config = kit.config(counter.port, socketTimeout=200)
        error = await kit.refusal(
            config, kit.mail(to=Address("ada@example.org\r\nRCPT TO:<eve@b>"))
        )
        assert error.outcome == "rejected"
    assert counter.octets == len(b"EHLO [127.0.0.1]\r\n")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org,eve@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org;eve@example.org",
        "ada@example.org> SIZE=1\r\nRCPT TO:<eve@example.org",
        "<ada@example.org>",
        '"ada@example.org,eve"@example.org',
        "Ada <ada@example.org>",
        "ada@example.org eve@example.org",
        "@relay.example:ada@example.org",
        "",
    ],
)
async def test_one_recipient_stays_one(address: str, kit: Any) -> None:
    with SmtpServer() as server:
        error = await kit.refusal(kit.config(server), kit.mail(to=Address(address)))
        assert (error.outcome, error.scope) == ("rejected", "recipient")
        assert not {"MAIL", "RCPT"} & set(server.connections[0].verbs)


@pytest.mark.anyio
@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING"), ("PIPELINING",), ()])
@pytest.mark.parametrize(
    "text",
    [
        ".\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\nboo\r\n.\r\n",
        "one\n.\nMAIL FROM:<eve@example.org>\nRCPT TO:<eve@example.org>\nDATA\nboo\n.\n",
        "one\r.\rMAIL FROM:<eve@example.org>\r",
        "one\n.\r\nMAIL FROM:<eve@example.org>\n",
        "one\r\n.\nMAIL FROM:<eve@example.org>\n",
        "..\n.\n..\n",
        "QUIT\nRSET\nBDAT 0 LAST\n",
    ],
)
async def test_a_body_is_a_body_whatever_it_looks_like(
    text: str, extensions: tuple[str, ...], kit: Any
) -> None:
    with SmtpServer(extensions=extensions) as server:
        assert isinstance(await kit.send(kit.config(server), kit.mail(text=text)), Receipt)
        (mail,) = server.mails
        assert mail.recipients == ("ada@example.org",)
        assert (mail.text or "").splitlines() == text.splitlines()
        assert "MAIL FROM:<eve@example.org>" not in server.connections[0].commands
        assert b"\n" not in mail.data.replace(b"\r\n", b"")
        assert b"\r" not in mail.data.replace(b"\r\n", b"")
        assert server.violations == []


@pytest.mark.anyio
async def test_an_address_beyond_ascii_goes_where_it_is_understood(kit: Any) -> None:
    to = Address("用户@例子.测试")
    with SmtpServer() as server:
        assert isinstance(await kit.send(kit.config(server), kit.mail(to=to)), Receipt)
        (mail,) = server.mails
        assert mail.recipients == ("用户@xn--fsqu00a.xn--0zwm56d",)
        assert mail.smtputf8
        assert server.violations == []
    with SmtpServer(extensions=["PIPELINING", "8BITMIME"]) as server:
        error = await kit.refusal(kit.config(server), kit.mail(to=to))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "recipient", False)
        assert "SMTPUTF8" in (error.hint or "")
        assert "MAIL" not in server.connections[0].verbs


@pytest.mark.anyio
async def test_a_domain_beyond_ascii_goes_everywhere(kit: Any) -> None:
    with SmtpServer(extensions=[]) as server:
        to = Address("ada@例子.测试")
        assert isinstance(await kit.send(kit.config(server), kit.mail(to=to)), Receipt)
        assert server.mails[0].recipients == ("ada@xn--fsqu00a.xn--0zwm56d",)
        assert not server.mails[0].smtputf8
