"""Emails that somebody made to harm an inbox: each is shown, and none keeps the others from it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from console_driving import Client
from inbox_driving import BEARER, client_of, opened

from passpost_console.inbox import reading, store
from passpost_console.inbox.caveats import caveats
from passpost_console.inbox.reading import read
from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Emails, Wanted

# What Python's codecs make of these is half a character.
HALF = {
    "subject": b"Subject: =?utf-7?q?+2AA-?=\r\n\r\nhello",
    "sender": b"From: =?raw_unicode_escape?b?XHVkODAw?= <a@example.com>\r\n\r\nhello",
    "text": b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
    "html": b"Content-Type: text/html; charset=utf-7\r\n\r\n<p>+2AA-</p>",
    "name": b"Content-Disposition: attachment; filename*=utf-7''%2B2AA-\r\n\r\nx",
    "header": b"X-Other: =?utf-7?q?+2AA-?=\r\n\r\nhello",
}


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with opened() as inbox:
        yield inbox


@pytest.fixture
def client(inbox: Inbox) -> Client:
    return client_of(inbox)


@pytest.mark.parametrize("source", HALF.values(), ids=HALF)
def test_half_a_character_breaks_no_page(client: Client, inbox: Inbox, source: bytes) -> None:
    inbox.emails.add("smtp", "\ud800@example.com", ("\ud800@example.com",), source)
    pages = ("", "/news", *(f"/emails/1?view={one}" for one in (
        "html", "text", "source", "headers", "caveats")))  # fmt: skip
    for page in pages:
        assert client.get(f"/inbox{page}").status_code == 200, page
    assert client.get("/inbox/emails/1/html").status_code in {200, 404}
    for path in ("/api/emails", "/api/emails/1"):
        assert client.get(path, headers=BEARER).status_code == 200, path


@pytest.mark.parametrize("codec", ["punycode", "unicode_escape", "IDNA"])
def test_a_codec_that_is_no_charset_is_not_used(codec: str) -> None:
    source = f"Content-Type: text/plain; charset={codec}\r\n\r\n\\x41-abc".encode()
    assert read(source).text == "\\x41-abc"


LONG = {
    "parts within parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(300)
    ) + b"\r\n" * 100_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 10_000,
    "short lines": b"\r\n" * (5 << 20),
}  # fmt: skip


@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_what_takes_long_to_take_apart_is_shown_as_it_came(source: bytes) -> None:
    assert read(source) is not None
    assert read(source).text == source.decode()
    assert read(source).headers == ()


def test_a_header_is_not_read_beyond_what_anybody_sends() -> None:
    source = b"Content-Type: text/plain; " + b"a=b; " * 10_000 + b"\r\n\r\nhello"
    found = read(source)
    assert found.text == "hello"
    assert len(found.headers[0][1]) <= reading._LONGEST_HEADER
    assert len(read(b"A: b\r\n" * 5_000 + b"\r\nhello").headers) == reading._MOST_HEADERS


def test_spaces_are_looked_at_once() -> None:
    # Each of them twice is a page that never comes.
    html = b"Content-Type: text/html\r\n\r\n<img src=" + b" " * 200_000
    assert list(caveats(read(html))) != []


def test_a_long_text_is_shown_in_part(client: Client, inbox: Inbox) -> None:
    inbox.emails.add("smtp", "", ("ada@example.com",), b"\r\n\r\n" + b"hello " * 200_000)
    page = client.get("/inbox/emails/1?view=text").text
    assert "Only the beginning is shown." in page
    assert len(page) < 600_000


def test_long_addresses_count_as_what_they_take() -> None:
    emails = Emails(most_bytes=1 << 20)
    for _ in range(100):
        emails.add("smtp", "", tuple(f"{n}{'x' * 1_000}@example.com" for n in range(100)), b"")
    assert len(emails) < 10


def test_a_search_reads_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MOST_BYTES_READ", 1 << 16)
    emails = Emails()
    for _ in range(3):
        emails.add("smtp", "", ("ada@example.com",), b"\r\n\r\nhello " + b"x" * 30_000)
    assert len(emails.find(Wanted(words="hello"))) == 2


def test_waiting_holds_nobody_up_and_reads_each_email_once(monkeypatch: pytest.MonkeyPatch) -> None:
    emails = Emails()
    emails.add("smtp", "", ("ada@example.com",), b"\r\n\r\nfirst")
    read_in: list[tuple[bytes, int]] = []
    begun = threading.Event()

    def noted(source: bytes) -> reading.Reading:
        read_in.append((source, threading.get_ident()))
        begun.set()
        return read(source)

    monkeypatch.setattr(store, "read", noted)

    async def waited() -> int:
        waiting = asyncio.create_task(emails.wait_for(Wanted(words="third"), 30, 10))
        assert await asyncio.to_thread(begun.wait, 30)
        for body in (b"second", b"third"):
            emails.add("smtp", "", ("ada@example.com",), b"\r\n\r\n" + body)
        (found,) = await waiting
        return found.id

    assert asyncio.run(waited()) == 3
    assert threading.get_ident() not in {thread for _, thread in read_in}
    assert [source for source, _ in read_in].count(b"\r\n\r\nfirst") == 1
