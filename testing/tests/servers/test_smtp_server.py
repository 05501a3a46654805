"""The SMTP server as clients of others know it."""

from __future__ import annotations

import smtplib
import ssl
import threading
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from pytest_passpost import SmtpServer

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
CANARY = "canary-Pa55word"


def by_smtplib(server: SmtpServer, tls: str | None, context: ssl.SSLContext) -> smtplib.SMTP:
    if tls == "implicit":
        return smtplib.SMTP_SSL("localhost", server.port, context=context, timeout=10)
    client = smtplib.SMTP("localhost", server.port, timeout=10)
    if tls == "starttls":
        client.starttls(context=context)
    return client


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_smtplib_signs_in_and_sends(
    tls: Any, mechanism: str, mail: EmailMessage, client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls=tls, auth={"ada": CANARY}, mechanisms=[mechanism]) as server:
        with by_smtplib(server, tls, client_context) as client:
            client.login("ada", CANARY)
            client.send_message(mail)
        server.wait_closed()
        received = server.mails[0]
        assert (received.sender, received.recipients) == (
            "no-reply@example.com",
            ("ada@example.com",),
        )
        assert (received.user, received.tls) == ("ada", tls is not None)
        assert received.ehlo == client.local_hostname
        assert (received.subject, received.text) == (
            "验证码 123456",
            "Code: 123456\n.a line with a dot\n",
        )
        assert received.html == "<p>Code: <b>123456</b></p>\n"
        assert server.violations == []
        assert [(c.mechanism, c.user, c.accepted) for c in server.credentials] == [
            (mechanism, "ada", True)
        ]


@pytest.mark.anyio
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
async def test_aiosmtplib_signs_in_and_sends(
    tls: Any, mechanism: str, mail: EmailMessage, client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls=tls, auth={"ada": CANARY}, mechanisms=[mechanism]) as server:
        await aiosmtplib.send(
            mail,
            hostname="localhost",
            port=server.port,
            use_tls=tls == "implicit",
            start_tls=tls == "starttls",
            tls_context=client_context if tls else None,
            username="ada",
            password=CANARY,
        )
        assert server.mails[0].text == "Code: 123456\n.a line with a dot\n"
        assert server.violations == []
        connection = server.connections[0]
        assert connection.server_name == ("localhost" if tls else None)
        assert connection.tls_version == ("TLSv1.3" if tls else None)


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_smtputf8_by_smtplib(tls: Any, client_context: ssl.SSLContext) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "用户@example.com", "主题"
    mail.set_content("内容\n")
    with SmtpServer(tls=tls) as server:
        with by_smtplib(server, tls, client_context) as client:
            client.send_message(mail)
        assert server.mails[0].recipients == ("用户@example.com",)
        assert server.mails[0].smtputf8
        assert server.violations == []


def test_a_wrong_password_is_refused_and_shown_nowhere() -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                client.login("ada", CANARY)
            assert caught.value.smtp_code == 535
        assert [c.accepted for c in server.credentials] == [False] * len(MECHANISMS)
        assert server.credentials[1].secret.reveal() == CANARY
        shown = f"{server.connections}{server.credentials}{server.violations}"
        assert CANARY not in shown
        assert "AUTH PLAIN ***" in server.connections[0].commands


def test_a_received_mail_shows_nothing_of_its_content(mail: EmailMessage) -> None:
    with SmtpServer() as server:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.send_message(mail)
        assert "123456" not in repr(server.mails)
        assert "ada@" not in repr(server.mails)
        assert b"123456" in server.mails[0].data


def test_no_mail_before_signing_in(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        assert greeted(server).ask("MAIL FROM:<a@example.com>").startswith("530 5.7.0")
        assert server.violations == []


def test_a_relay_for_whom_signing_in_is_free(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}, require_auth=False) as server:
        assert greeted(server).ask("MAIL FROM:<a@example.com>").startswith("250")


def test_nothing_in_clear_where_tls_is_required(greeted: Callable[[SmtpServer], Any]) -> None:
    rules: dict[str, Any] = {"tls": "starttls", "require_tls": True, "auth_in_clear": True}
    with SmtpServer(auth={"ada": "right"}, **rules) as server:
        wire = greeted(server)
        assert wire.ask("MAIL FROM:<a@example.com>").startswith("530 5.7.0 Must issue a STARTTLS")
        assert wire.ask("AUTH PLAIN AGFkYQBjYW5hcnk=").startswith("530 5.7.0 Must issue a STARTTLS")
        assert [(c.mechanism, c.accepted, c.tls) for c in server.credentials] == [
            ("PLAIN", False, False)
        ]


def test_auth_is_not_offered_before_starttls(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(tls="starttls", auth={"ada": "right"}) as server:
        wire = greeted(server)
        assert "AUTH" not in wire.ask("EHLO client.example.test")
        assert wire.ask("AUTH PLAIN AGFkYQBjYW5hcnk=").startswith("538")
        assert "AUTH that was not offered" in server.violations[0].what
        assert len(server.credentials) == 1


def test_what_is_offered_is_what_was_chosen(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(
        tls="starttls",
        auth={"ada": "right"},
        auth_in_clear=True,
        mechanisms=["login"],
        extensions=["size 1000", "pipelining"],
        name="mx.example.test",
    ) as server:
        assert greeted(server).ask("EHLO client.example.test").split("\n") == [
            "250-mx.example.test at your service",
            "250-SIZE 1000",
            "250-PIPELINING",
            "250-STARTTLS",
            "250 AUTH LOGIN",
        ]


def test_enhanced_codes_only_where_they_are_offered(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(extensions=[]) as server:
        assert greeted(server).ask("NOOP") == "250 Ok"


def test_helo_offers_nothing(dial: Callable[[int], Any]) -> None:
    with SmtpServer() as server:
        wire = dial(server.port)
        wire.reply()
        assert wire.ask("HELO client.example.test") == "250 mail.example.test"
        wire.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n")
        assert wire.reply().startswith("250")
        assert wire.reply().startswith("250")
        assert "RFC 2920" in server.violations[0].what


@pytest.mark.parametrize("command", ["MAIL FROM:<a@example.com> SIZE=1001", "DATA"])
def test_a_mail_too_big_is_refused(command: str, greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(extensions=["SIZE 1000"]) as server:
        wire = greeted(server)
        if command == "DATA":
            wire.ask("MAIL FROM:<a@example.com>")
            wire.ask("RCPT TO:<b@example.com>")
            assert wire.ask("DATA").startswith("354")
            assert wire.ask("x" * 500 + "\r\n" + "y" * 500 + "\r\n.").startswith("552")
        else:
            assert wire.ask(command).startswith("552")
        assert (server.mails, server.violations) == ([], [])


def test_a_mail_of_one_write(greeted: Callable[[SmtpServer], Any]) -> None:
    content = b"Subject: one\r\n\r\n.dot\r\n"
    with SmtpServer() as server:
        wire = greeted(server)
        trips = server.connections[0].round_trips
        for _ in range(2):
            wire.send(
                b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
                + f"BDAT {len(content)} LAST\r\n".encode()
                + content
            )
            assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "250"]
        assert server.connections[0].round_trips == trips + 2
        assert [(m.data, m.chunked) for m in server.mails] == [(content, True)] * 2
        assert server.violations == []


def test_a_mail_in_several_chunks(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(b"MAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nBDAT 13\r\nSubject: two\r")
        assert [wire.reply()[:3] for _ in range(2)] == ["250", "250"]
        assert wire.reply().startswith("250 2.0.0 13 octets")
        wire.send(b"BDAT 3\r\n\n\r\nBDAT 0 LAST\r\n")
        assert [wire.reply()[:3] for _ in range(2)] == ["250", "250"]
        assert server.mails[0].data == b"Subject: two\r\n\r\n"


def test_a_refused_recipient_takes_the_chunk_with_it(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<nobody>\r\nBDAT 4 LAST\r\nNOOP")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "501", "554"]
        assert wire.ask("RSET").startswith("250")
        assert wire.ask("MAIL FROM:<a@example.com>").startswith("250")
        assert server.connections[0].verbs == ["EHLO", "MAIL", "RCPT", "BDAT", "RSET", "MAIL"]


def test_a_refused_sender_is_no_violation_of_what_was_pipelined_behind_it(
    greeted: Callable[[SmtpServer], Any],
) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        wire.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["530", "503", "503"]
        assert server.violations == []


def test_ehlo_forgets_the_transaction(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        for said in ("MAIL FROM:<a@example.com>", "EHLO x", "MAIL FROM:<a@example.com>"):
            assert wire.ask(said).startswith("250")


def test_octets_are_counted(dial: Callable[[int], Any]) -> None:
    with SmtpServer() as server:
        wire = dial(server.port)
        wire.reply()
        assert (server.bytes_received, server.connection_count, server.open_connections) == (
            0,
            1,
            1,
        )
        wire.ask("NOOP")
        assert server.connections[0].bytes_received == len("NOOP\r\n")
        assert server.connections[0].bytes_sent > 0
        assert wire.ask("QUIT").startswith("221")
        assert wire.rest() == b""
        wire.sock.close()
        server.wait_closed()
        assert server.open_connections == 0


def test_a_mail_without_text_or_html(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        for said in ("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"):
            wire.ask(said)
        assert wire.ask("Content-Type: image/png\r\n\r\nx\r\n.").startswith("250")
        mail = server.mails[0]
        assert (mail.subject, mail.text, mail.html) == ("", None, None)
        assert mail.message is mail.message


def test_waiting_for_mails_that_come_from_elsewhere(mail: EmailMessage) -> None:
    seen = threading.Event()

    def send(server: SmtpServer) -> None:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.send_message(mail)
            client.send_message(mail)
            # The connection stays open, so that it is not its end which wakes who waits.
            seen.wait(10)

    with SmtpServer() as server:
        sender = threading.Thread(target=send, args=(server,))
        sender.start()
        assert len(server.wait_for(2)) == 2
        seen.set()
        sender.join()
        with pytest.raises(TimeoutError, match="waited 0 s for 3 emails: 2 arrived"):
            server.wait_for(3, timeout=0)


def test_waiting_for_connections_that_stay(dial: Callable[[int], Any]) -> None:
    with SmtpServer() as server:
        dial(server.port).reply()
        with pytest.raises(TimeoutError, match="closed"):
            server.wait_closed(timeout=0)


def test_leaving_the_block_ends_connections_and_thread(dial: Callable[[int], Any]) -> None:
    before = threading.active_count()
    with SmtpServer() as server:
        wire = dial(server.port)
        wire.reply()
        assert threading.active_count() == before + 1
    assert wire.rest() == b""
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        dial(server.port)


class Defective(SmtpServer):
    async def _accept(self) -> None:
        raise LookupError("no descriptor is left")


def test_a_defect_of_the_server_is_heard_of() -> None:
    server = Defective().__enter__()
    with pytest.raises(LookupError, match="no descriptor is left"):
        server.__exit__(None, None, None)
    server._socket.close()  # type: ignore[union-attr]  # the block was entered


def test_a_server_runs_once() -> None:
    with SmtpServer() as server:
        pass
    with pytest.raises(RuntimeError, match="runs once"), server:
        pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extensions": ["DSN"]}, "unknown extensions"),
        ({"extensions": ["SIZE many"]}, "no parameter 'MANY'"),
        ({"extensions": ["PIPELINING 1"]}, "no parameter '1'"),
        ({"mechanisms": ["GSSAPI"]}, "unknown mechanisms"),
        ({"tls": "implicit", "certificate": "none"}, "there is no certificate"),
    ],
)
def test_what_the_server_cannot_do_is_an_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SmtpServer(**arguments)
