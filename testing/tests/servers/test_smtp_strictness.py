"""What a client must not do is rejected and noted."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from pytest_passpost import Fault, Hold, SmtpServer

MAIL = b"MAIL FROM:<a@example.com>\r\n"
RCPT = b"RCPT TO:<b@example.com>\r\n"
LONG = b"a" * 300 + b"@" + b"b" * 300 + b".com"


@pytest.mark.parametrize(
    ("said", "codes", "what"),
    [
        (b"NOOP\n", "500", "bare LF"),
        (b"NOOP a\rb\r\n", "500", "control character"),
        (b"NOOP a\0b\r\n", "500", "control character"),
        (b"NOOP \xff\r\n", "500", "not UTF-8"),
        (b"NOOP " + b"x" * 506 + b"\r\n", "500", "more than 512 octets"),
        (b"x" * 65537, "500", "without an end"),
        (b"TURN\r\n", "500", "does not know"),
        (b"EHLO\r\n", "501", "not a domain"),
        (b"EHLO b\xc3\xbccher.example\r\n", "501", "not a domain"),
        (b"EHLO a_b\r\n", "501", "not a domain"),
        (b"STARTTLS\r\n", "502", "not offered"),
        (b"AUTH PLAIN\r\n", "538", "not offered"),
        (b"QUIT now\r\n", "501", "QUIT with an argument"),
        (b"RSET now\r\n", "501", "RSET with an argument"),
        (b"MAIL FROM: <a@example.com>\r\n", "501", "not written as it must be"),
        (b"MAIL FROM:a@example.com\r\n", "501", "not written as it must be"),
        (b"MAIL FROM:<a@example.com>  SIZE=1\r\n", "501", "not written as it must be"),
        (b"MAIL TO:<a@example.com>\r\n", "501", "not written as it must be"),
        (b"MAIL FROM:<a>\r\n", "501", "without a local part or a domain"),
        (b"MAIL FROM:<" + LONG[:250] + b"@example.com>\r\n", "501", "more than 254 octets"),
        (b"MAIL FROM:<" + LONG + b">\r\n", "500", "more than 565 octets"),
        (b"MAIL FROM:<a@example.com> RET=HDRS\r\n", "555", "not offered"),
        (b"MAIL FROM:<a@example.com> SIZE=x\r\n", "555", "not offered"),
        (b"MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n", "555", "not offered"),
        (b"MAIL FROM:<a@example.com> SMTPUTF8=yes\r\n", "555", "not offered"),
        (b"MAIL FROM:<a@example.com> AUTH=<>\r\n", "555", "not offered"),
        (b"MAIL FROM:<\xc3\xa9@example.com>\r\n", "553", "beyond ASCII without SMTPUTF8"),
        (MAIL + b"RCPT TO:<\xc3\xa9@example.com>\r\n", "250 553", "beyond ASCII without SMTPUTF8"),
        (MAIL + b"RCPT TO:<>\r\n", "250 501", "without a local part or a domain"),
        (MAIL + b"RCPT TO:<b@example.com> NOTIFY=NEVER\r\n", "250 555", "not offered"),
        (MAIL + b"RCPT TO:<b@example.com>,<c@example.com>\r\n", "250 501", "not written"),
        (MAIL + MAIL, "250 503", "amid a transaction"),
        (b"BDAT x LAST\r\n", "501", "BDAT requires a number"),
        (MAIL + RCPT + b"DATA now\r\n", "250 250 501", "DATA with an argument"),
        (MAIL + RCPT + b"BDAT 2\r\n\r\nDATA\r\n", "250 250 250 503", "DATA and BDAT in one"),
    ],
)
def test_a_command_that_is_wrong(
    said: bytes, codes: str, what: str, greeted: Callable[[SmtpServer], Any]
) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(said)
        assert [wire.reply()[:3] for _ in codes.split()] == codes.split()
        assert [what in violation.what for violation in server.violations] == [True]
        assert server.mails == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (b"MAIL FROM:<a@example.com>\r\n", "before EHLO"),
        (b"STARTTLS\r\n", "not offered"),
        (b"AUTH PLAIN\r\n", "before EHLO"),
        (b"BDAT 0 LAST\r\n", "BDAT that was not offered"),
    ],
)
def test_a_command_before_ehlo(said: bytes, what: str, dial: Callable[[int], Any]) -> None:
    with SmtpServer(tls="starttls", auth={}, auth_in_clear=True) as server:
        wire = dial(server.port)
        wire.reply()
        wire.send(said)
        assert wire.reply()[:3] in {"502", "503"}
        assert what in server.violations[0].what


@pytest.mark.parametrize("verb", ["RCPT TO:<b@example.com>", "DATA", "BDAT 0 LAST"])
def test_out_of_order_where_no_group_explains_it(
    verb: str, greeted: Callable[[SmtpServer], Any]
) -> None:
    with SmtpServer(extensions=["CHUNKING"]) as server:
        assert greeted(server).ask(verb).startswith("503")
        assert "without MAIL" in server.violations[0].what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"bare\nLF\r\n", "bare CR or LF"),
        (b"bare\rCR\r\n", "bare CR or LF"),
        (b"smuggled\n.\r\nMAIL FROM:<c@example.com>\r\n", "bare CR or LF"),
        (b"smuggled\n.\nMAIL FROM:<c@example.com>\r\n", "bare CR or LF"),
        (b"nul\0\r\n", "a NUL"),
        (b"Subject: \xc3\xa9\r\n\r\n", "without SMTPUTF8"),
        (b"Subject: x\r\n\r\n\xc3\xa9\r\n", "without BODY=8BITMIME"),
        (b"x" * 999 + b"\r\n", "more than 1000 octets"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_content_that_may_not_be_sent(
    content: bytes, what: str, chunked: bool, greeted: Callable[[SmtpServer], Any]
) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        if chunked:
            wire.send(MAIL + RCPT + b"BDAT %d LAST\r\n" % len(content) + content)
            wire.reply()
            wire.reply()
        else:
            wire.send(MAIL + RCPT + b"DATA\r\n")
            assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
            wire.send(content + b".\r\n")
        assert wire.reply().startswith("554 5.6.0")
        assert wire.ask("NOOP").startswith("250")
        verbs = ["EHLO", "MAIL", "RCPT", "BDAT" if chunked else "DATA", "NOOP"]
        assert server.connections[0].verbs == verbs
        assert [what in violation.what for violation in server.violations] == [True]
        assert server.mails == []


def test_a_chunk_whose_last_line_has_no_end(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(MAIL + RCPT + b"BDAT 1 LAST\r\nx")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "554"]
        assert "last line without CRLF" in server.violations[0].what


def test_a_dot_that_was_not_stuffed(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(MAIL + RCPT + b"DATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        wire.send(b".hidden\r\n.\r\n")
        assert wire.reply().startswith("554")
        assert "not dot-stuffed" in server.violations[0].what


@pytest.mark.parametrize(
    ("on_the_wire", "meant"),
    [
        (b"", b""),
        (b"..\r\n", b".\r\n"),
        (b"...\r\n", b"..\r\n"),
        (b"x.\r\n..\r\n..y\r\n", b"x.\r\n.\r\n.y\r\n"),
    ],
)
def test_dots_that_were_stuffed(
    on_the_wire: bytes, meant: bytes, greeted: Callable[[SmtpServer], Any]
) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(MAIL + RCPT + b"DATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        for octet in on_the_wire + b".\r\n":
            wire.send(bytes((octet,)))
        assert wire.reply().startswith("250")
        assert server.mails[0].data == meant
        assert server.violations == []


@pytest.mark.parametrize(
    ("parameters", "content"),
    [
        ("BODY=8BITMIME", "Subject: x\r\n\r\né\r\n"),
        ("SMTPUTF8", "Subject: é\r\n\r\nx\r\n"),
        ("SMTPUTF8 BODY=8BITMIME", "Subject: é\r\n\r\né\r\n"),
    ],
)
def test_eight_bits_that_were_announced(
    parameters: str, content: str, greeted: Callable[[SmtpServer], Any]
) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        assert wire.ask(f"MAIL FROM:<a@example.com> {parameters}").startswith("250")
        assert wire.ask("RCPT TO:<b@example.com>").startswith("250")
        assert wire.ask("DATA").startswith("354")
        assert wire.ask(content + ".").startswith("250")
        assert server.mails[0].data == content.encode()
        assert server.violations == []


@pytest.mark.parametrize(
    ("extensions", "said", "replies", "ahead_of"),
    [
        (["PIPELINING"], MAIL + RCPT + b"RSET\r\n" + MAIL, 4, None),
        (["PIPELINING"], b"NOOP\r\n" + MAIL, 2, "NOOP"),
        (["PIPELINING"], b"EHLO x\r\n" + MAIL, 2, "EHLO"),
        (["PIPELINING"], b"VRFY x\r\n" + MAIL, 2, "VRFY"),
        (["PIPELINING"], b"QUIT\r\n" + MAIL, 1, "QUIT"),
        (["PIPELINING"], MAIL + RCPT + b"DATA\r\nx\r\n.\r\n", 4, "DATA"),
        ([], MAIL + RCPT, 2, "MAIL"),
    ],
)
def test_what_is_sent_ahead_of_a_reply(
    extensions: list[str],
    said: bytes,
    replies: int,
    ahead_of: str | None,
    greeted: Callable[[SmtpServer], Any],
) -> None:
    with SmtpServer(extensions=extensions) as server:
        wire = greeted(server)
        wire.send(said)
        for _ in range(replies):
            wire.reply()
        expected = [f"more came before the reply to {ahead_of} (RFC 2920 section 3.1)"]
        assert [violation.what for violation in server.violations] == expected * bool(ahead_of)


def test_a_mail_behind_the_end_of_another_is_no_violation(
    greeted: Callable[[SmtpServer], Any],
) -> None:
    with SmtpServer() as server:
        wire = greeted(server)
        wire.send(MAIL + RCPT + b"DATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        wire.send(b"x\r\n.\r\n" + MAIL + RCPT + b"QUIT\r\n")
        assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]
        assert server.violations == []


def test_a_client_that_speaks_first(dial: Callable[[int], Any]) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("connect", hold)]) as server:
        wire = dial(server.port)
        wire.send(b"EHLO x\r\n")
        hold.release()
        assert [wire.reply()[:3] for _ in range(2)] == ["220", "250"]
        assert "before the reply to connect" in server.violations[0].what


def test_commands_behind_starttls_are_noted_and_dropped(
    greeted: Callable[[SmtpServer], Any], client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls="starttls") as server:
        wire = greeted(server)
        wire.send(b"STARTTLS\r\nRSET\r\n")
        assert wire.reply().startswith("220")
        wire.secure(client_context)
        assert wire.ask("NOOP").startswith("250")
        assert [violation.line for violation in server.violations] == ["STARTTLS"]
        assert server.connections[0].verbs == ["EHLO", "STARTTLS", "NOOP"]


def test_what_was_said_in_clear_is_forgotten_under_tls(
    greeted: Callable[[SmtpServer], Any], client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls="starttls") as server:
        wire = greeted(server)
        wire.ask("STARTTLS")
        wire.secure(client_context)
        assert wire.ask("MAIL FROM:<a@example.com>").startswith("503")
        assert "STARTTLS" not in wire.ask("EHLO x")
        assert wire.ask("STARTTLS").startswith("503")
        assert wire.ask("STARTTLS now").startswith("501")


def test_what_no_server_knows_is_masked(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer() as server:
        assert greeted(server).ask("c2VjcmV0 c2VjcmV0").startswith("500")
        assert "c2VjcmV0" not in f"{server.connections}{server.violations}".replace(
            "C2VJCMV0", "c2VjcmV0"
        )
