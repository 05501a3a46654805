"""The SMTP server of the inbox: what it accepts, what it rejects, and its faults."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator

import pytest
from inbox_driving import mailer_of, message_to, opened, send

import passpost
from passpost_console.inbox import smtp
from passpost_console.inbox.faults import Fault, Kind
from passpost_console.inbox.reading import read
from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Wanted


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with opened() as inbox:
        yield inbox


def talk(inbox: Inbox, *parts: bytes) -> bytes:
    """Send lines, and return all that is replied until the server hangs up."""
    with socket.create_connection((inbox.address, inbox.port), timeout=10) as sock:
        for part in parts:
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def codes(said: bytes) -> list[str]:
    return [line[:3].decode() for line in said.splitlines() if line[3:4] == b" "]


ENVELOPE = b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<ada@example.com>\r\n"


def test_an_email_of_passpost_arrives_as_it_was_sent(inbox: Inbox) -> None:
    with mailer_of(inbox) as mailer:
        mailer.send(message_to("ada@example.com"))
    (email,) = inbox.emails.find(Wanted())
    reading = read(email.source)
    assert (email.via, email.recipients, email.subject) == ("smtp", ("ada@example.com",), "你好")
    assert email.shown_sender == "Example <no-reply@example.com>"
    assert reading.text == "Your code is 493817.\n"
    assert reading.html == "<p>Your code is <b>493817</b></p>\n"
    assert reading.code == "493817"


def test_dots_lines_and_chunks_stay_as_they_are(inbox: Inbox) -> None:
    body = b"Subject: x\r\n\r\n.\r\n..two\r\nthree.\r\n"
    stuffed = body.replace(b"\r\n.", b"\r\n..")
    said = talk(inbox, ENVELOPE + b"DATA\r\n", stuffed[:20], stuffed[20:] + b".\r\nQUIT\r\n")
    assert codes(said) == ["220", "250", "250", "250", "354", "250", "221"]
    chunks = b"BDAT 10\r\n%sBDAT %d LAST\r\n%sQUIT\r\n" % (body[:10], len(body) - 10, body[10:])
    assert codes(talk(inbox, ENVELOPE, chunks))[4:] == ["250", "250", "221"]
    assert [one.source for one in inbox.emails.find(Wanted())] == [body, body]


@pytest.mark.parametrize("cut", range(1, 6))
def test_the_end_of_an_email_may_come_in_pieces(inbox: Inbox, cut: int) -> None:
    end = b"\r\n.\r\n"
    with socket.create_connection((inbox.address, inbox.port), timeout=10) as sock:
        file = sock.makefile("rb")
        sock.sendall(ENVELOPE + b"DATA\r\n")
        while not file.readline().startswith(b"354"):
            pass
        sock.sendall(b"Subject: x\r\n\r\nhello" + end[:cut])
        sock.sendall(end[cut:])
        assert file.readline().startswith(b"250")
        file.close()
    assert [one.source for one in inbox.emails.find(Wanted())] == [b"Subject: x\r\n\r\nhello\r\n"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"WHAT\r\n", ["500"]),
        (b"MAIL FROM:x\r\n", ["501"]),
        (b"RCPT TO:<ada@example.com>\r\n", ["503"]),
        (b"DATA\r\n", ["503"]),
        (b"BDAT 3 LAST\r\nabcNOOP\r\n", ["503", "250"]),
        (b"BDAT x\r\n", ["501"]),
        (b"A" * 20_000, ["500"]),
        (b"NO\r\n" * 30, ["500"] * 20 + ["421"]),
        (b"AUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\n", ["235", "334", "334", "235"]),
        (b"AUTH GUESS\r\nVRFY x\r\nRSET\r\n", ["504", "252", "250"]),
    ],
)
def test_what_is_wrong_is_said(inbox: Inbox, said: bytes, expected: list[str]) -> None:
    assert codes(talk(inbox, said))[1:] == expected
    assert len(inbox.emails) == 0


def test_an_email_that_is_too_large_is_rejected_and_the_next_is_not(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MOST_BYTES", 1_000)
    large = b"x" * 70 + b"\r\n"
    said = talk(inbox, ENVELOPE + b"DATA\r\n", large * 100, b".\r\n")
    assert codes(said)[-1] == "552"
    said = talk(inbox, ENVELOPE, b"BDAT 5000\r\n" + b"x" * 5_000 + b"BDAT 0 LAST\r\nNOOP\r\n")
    assert codes(said)[4:] == ["552", "552", "250"]
    assert len(inbox.emails) == 0
    send(inbox)
    assert len(inbox.emails) == 1


def test_many_small_chunks_are_put_together(inbox: Inbox) -> None:
    # Each of them with all before copied again would take minutes.
    body = b"x" * (8 << 20)
    said = talk(
        inbox, ENVELOPE, b"BDAT %d\r\n%s" % (len(body), body), b"BDAT 1\r\ny" * 50_000,
        b"BDAT 0 LAST\r\nQUIT\r\n",
    )  # fmt: skip
    assert codes(said)[-2:] == ["250", "221"]
    assert inbox.emails.find(Wanted())[0].source == body + b"y" * 50_000


def test_who_reads_no_reply_is_not_answered_on_and_on(inbox: Inbox) -> None:
    with socket.socket() as sock:
        # So that little is on its way between the two.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        sock.connect((inbox.address, inbox.port))
        sock.settimeout(0)
        sent = 0
        while sent < 16 << 20 and select.select((), (sock,), (), 2)[1]:
            sent += sock.send(b"EHLO me\r\n" * 1_000)
        assert sent < 16 << 20
        (session,) = inbox._smtp._sessions
        assert session._transport.get_write_buffer_size() < 1 << 20
        assert session.pending < 1 << 20
        # As soon as it reads, it goes on.
        sock.settimeout(10)
        sock.shutdown(socket.SHUT_WR)
        said = sum(len(part) for part in iter(lambda: sock.recv(1 << 20), b""))
        assert said > 10 * sent


def test_connections_share_what_emails_may_take_before_they_end(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MOST_PENDING", 3 << 20)
    part = b"x" * (2 << 20)
    with socket.create_connection((inbox.address, inbox.port), timeout=10) as sock:
        sock.sendall(ENVELOPE + b"BDAT %d\r\n" % len(part) + part)
        said = b""
        while b"250 2.0.0" not in said:
            said += sock.recv(1 << 16)
        said = talk(inbox, ENVELOPE, b"BDAT %d LAST\r\n" % len(part), part)
        assert codes(said)[-1] == "452"
        sock.sendall(b"BDAT 0 LAST\r\nQUIT\r\n")
        assert b"221" in b"".join(iter(lambda: sock.recv(1 << 16), b""))
    assert [len(one.source) for one in inbox.emails.find(Wanted())] == [len(part)]


def test_an_address_that_nobody_has_is_rejected(inbox: Inbox) -> None:
    said = talk(
        inbox, b"MAIL FROM:<a@example.com>\r\nRCPT TO:<%s@example.com>\r\n" % (b"x" * 1_000)
    )
    assert codes(said)[1:] == ["250", "501"]


def test_each_fault_is_what_passpost_says_of_it(inbox: Inbox) -> None:
    struck = []
    with mailer_of(inbox) as mailer:
        for kind in (Kind.REJECT, Kind.LATER, Kind.DROP):
            inbox.faults.switch(Fault(kind, times=1))
            with pytest.raises(passpost.SendError) as caught:
                mailer.send(message_to("ada@example.com"))
            struck.append((caught.value.outcome, caught.value.scope, caught.value.temporary))
        mailer.send(message_to("ada@example.com"))
    assert [(str(outcome), str(scope)) for outcome, scope, _ in struck] == [
        ("rejected", "recipient"), ("rejected", "provider"), ("unknown", "network"),
    ]  # fmt: skip
    assert [temporary for _, _, temporary in struck[:2]] == [False, True]
    assert len(inbox.emails) == 1


def test_a_fault_strikes_the_recipient_that_it_is_for(inbox: Inbox) -> None:
    inbox.faults.switch(Fault(Kind.REJECT, to="Bob@example.com"))
    with mailer_of(inbox) as mailer:
        mailer.send(message_to("ada@example.com"))
        with pytest.raises(passpost.SendError):
            mailer.send(message_to("bob@example.com"))
    assert inbox.faults.current is not None


def test_a_delayed_reply_comes_after_the_email_is_there(inbox: Inbox) -> None:
    inbox.faults.switch(Fault(Kind.DELAY, seconds=60))
    with socket.create_connection((inbox.address, inbox.port), timeout=10) as sock:
        sock.sendall(ENVELOPE + b"DATA\r\n")
        said = b""
        while b"354" not in said:
            said += sock.recv(1000)
        sock.sendall(b"Subject: x\r\n\r\n.\r\nNOOP\r\n")
        assert asyncio.run(inbox.emails.wait_for(Wanted(), 10, 1))
        sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            sock.recv(1000)


def test_the_delayed_reply_comes_and_the_rest_is_answered(inbox: Inbox) -> None:
    inbox.faults.switch(Fault(Kind.DELAY, seconds=0.01))
    said = talk(inbox, ENVELOPE + b"DATA\r\n", b"Subject: x\r\n\r\n.\r\nNOOP\r\nQUIT\r\n")
    assert codes(said)[-3:] == ["250", "250", "221"]
