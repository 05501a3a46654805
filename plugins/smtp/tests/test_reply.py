"""The reader of replies: the same replies however the bytes are cut, and bounds on everything."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost_smtp.ehlo import NOTHING, Offer, read_offer
from passpost_smtp.reply import MAX_LINE, MAX_LINES, MAX_REPLY, Reply, ReplyReader

TEXT = st.binary(max_size=60).map(lambda text: text.replace(b"\n", b"").rstrip(b"\r"))
REPLY = st.tuples(st.integers(200, 599), st.lists(TEXT, min_size=1, max_size=5))
# Bytes that look like SMTP now and then, which random ones never do.
NOISE = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from([b"250", b"250-", b"250 ok\r\n", b"550-", b"\r\n", b"\n", b"999 no\r\n"]),
        st.just(b"x" * (MAX_LINE // 2)),
    ),
    max_size=12,
).map(b"".join)


def wire(code: int, lines: list[bytes]) -> bytes:
    *first, last = lines
    return b"".join(b"%d-%b\r\n" % (code, line) for line in first) + b"%d %b\r\n" % (code, last)


def read(data: bytes, cuts: list[int]) -> tuple[list[Reply], str | None]:
    reader = ReplyReader()
    replies: list[Reply] = []
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        replies += reader.feed(data[start:end])
    return replies, str(reader.error) if reader.error else None


@given(st.lists(REPLY, max_size=4), st.lists(st.integers(0, 400), max_size=6))
def test_replies_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[int, list[bytes]]], cuts: list[int]
) -> None:
    data = b"".join(wire(code, lines) for code, lines in sent)
    replies, error = read(data, cuts)
    assert [(reply.code, list(reply.lines)) for reply in replies] == sent
    assert error is None


@given(NOISE, st.lists(st.integers(0, 4000), max_size=8))
def test_any_bytes_give_the_same_replies_and_complaint_however_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    whole = read(data, [])
    assert read(data, cuts) == whole
    assert read(data, list(range(len(data)))[:3000]) == whole


@given(st.binary(max_size=300))
def test_what_a_reply_says_of_itself_never_fails(text: bytes) -> None:
    reply = Reply(550, (text,))
    assert reply.text.isprintable()
    assert reply.status.startswith("550")
    assert "\x1b" not in repr(reply)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "reply code"),
        (b"25 ok\r\n", "reply code"),
        (b"150 ok\r\n", "reply code"),
        (b"600 ok\r\n", "reply code"),
        (b"250ok\r\n", "space or hyphen"),
        (b"\r\n", "reply code"),
        (b"250-one\r\n251 two\r\n", "different codes"),
        (b"250-one\r\n\r\n", "reply code"),
        (b"2\xb250 ok\r\n", "reply code"),
    ],
)
def test_what_is_no_reply_is_named(data: bytes, complaint: str) -> None:
    replies, error = read(data, [])
    assert replies == []
    assert complaint in (error or "")


def test_replies_before_the_fault_are_kept_and_nothing_after_it_is_read() -> None:
    reader = ReplyReader()
    replies = reader.feed(b"250 one\r\nnonsense\r\n250 two\r\n")
    assert [reply.text for reply in replies] == ["one"]
    assert reader.error is not None
    assert reader.feed(b"250 three\r\n") == []


def test_an_endless_line_is_given_up_within_its_bound() -> None:
    reader = ReplyReader()
    for _ in range(1000):
        reader.feed(b"250 " + b"x" * 100)
    assert "octets" in str(reader.error)
    assert not reader.pending


def test_a_line_of_the_greatest_length_is_read() -> None:
    line = b"250 " + b"x" * (MAX_LINE - 5) + b"\r"
    assert len(line) == MAX_LINE
    assert read(line + b"\n", [7])[1] is None
    assert read(b"2" + line + b"\n", [7])[1] is not None


@pytest.mark.parametrize("text", [b"", b"x" * 1000])
def test_an_endless_continuation_is_given_up_within_its_bound(text: bytes) -> None:
    reader = ReplyReader()
    lines = 0
    while reader.error is None:
        assert reader.feed(b"250-" + text + b"\r\n") == []
        lines += 1
    assert lines == min(MAX_LINES, MAX_REPLY // len(text) + 1 if text else MAX_LINES)


def test_a_bare_line_feed_ends_a_line_too() -> None:
    assert read(b"250-one\n250 two\n", []) == ([Reply(250, (b"one", b"two"))], None)


def test_pending_tells_of_a_part_of_a_reply() -> None:
    reader = ReplyReader()
    seen = [reader.pending]
    for data in (b"250-one\r\n", b"250 two\r\n", b"2"):
        reader.feed(data)
        seen.append(reader.pending)
    assert seen == [False, True, False, True]


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        (b"5.7.8 no", "5.7.8"),
        (b"4.7.123", "4.7.123"),
        (b"5.7.8x", None),
        (b"3.1.1 no", None),
        (b"no 5.7.8", None),
        (b"", None),
    ],
)
def test_the_enhanced_code_is_read_where_it_stands_first(text: bytes, enhanced: str | None) -> None:
    assert Reply(550, (text,)).enhanced == enhanced


def test_a_reply_is_shown_without_its_words() -> None:
    assert repr(Reply(535, (b"5.7.8 wrong password hunter2",))) == "Reply(535 5.7.8)"


def test_codes_have_their_meaning() -> None:
    assert Reply(354, (b"",)).positive
    assert not Reply(421, (b"",)).positive
    assert Reply(421, (b"",)).closing
    assert not Reply(450, (b"",)).closing


def offer(*lines: str) -> Offer:
    return read_offer(Reply(250, tuple(line.encode() for line in ("mail.example.test", *lines))))


def test_an_offer_is_read() -> None:
    made = offer(
        "PIPELINING",
        "size 1000",
        "8bitmime",
        "SMTPUTF8",
        "CHUNKING",
        "STARTTLS",
        "AUTH PLAIN login",
    )
    assert made == Offer(
        starttls=True,
        pipelining=True,
        chunking=True,
        eight_bit=True,
        smtputf8=True,
        takes_size=True,
        size=1000,
        auth=("PLAIN", "LOGIN"),
    )
    assert made.names == (
        "STARTTLS", "PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "SIZE 1000",
        "AUTH PLAIN LOGIN",
    )  # fmt: skip


def test_mechanisms_of_the_drafts_form_count_too_and_each_once() -> None:
    assert offer("AUTH=LOGIN PLAIN", "AUTH PLAIN CRAM-MD5").auth == ("PLAIN", "CRAM-MD5", "LOGIN")


@pytest.mark.parametrize("size", ["", "0", "x", "-5", "9" * 30, "\u0663"])
def test_a_size_that_is_no_limit_limits_nothing(size: str) -> None:
    made = offer(f"SIZE {size}")
    assert made.takes_size
    assert made.size == 0


def test_the_servers_name_is_no_extension() -> None:
    assert not read_offer(Reply(250, (b"PIPELINING",))).pipelining
    assert NOTHING.names == ()


def test_the_same_words_again_are_read_as_the_first_time() -> None:
    batch = b"250 sender\r\n250 recipient\r\n354 go\r\n"
    reader = ReplyReader()
    expected = [Reply(250, (b"sender",)), Reply(250, (b"recipient",)), Reply(354, (b"go",))]
    assert list(reader.feed(batch)) == list(reader.feed(batch)) == expected
    # In the middle of a reply they are that reply's.
    reader.feed(b"250-first\r\n")
    assert list(reader.feed(batch)) == [Reply(250, (b"first", b"sender")), *expected[1:]]
    # Where nothing is understood any more, neither are they.
    reader.feed(b"nonsense\r\n")
    assert list(reader.feed(batch)) == []
