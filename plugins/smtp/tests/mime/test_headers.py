import datetime as dt
import email
import re
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Address, SendError
from passpost.wire import refused_in_line
from passpost_smtp.mime import MailBuilder

# Text that folding, quoting or decoding could harm, between text of any kind.
awkward = st.sampled_from([
    "=?utf-8?q?x?=", "=?", "?=", "=20", "_", " ", "  ", '"', "\\", "(", ")", ",", "<", "@", ";",
    ":", ".", "您", "é", "😀", "e\u0301", "\u00a0", "\u3000", "a" * 80, " " * 80, "word ",
])  # fmt: skip
any_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ascii_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
line_text = (
    st.lists(awkward | any_text | ascii_text, max_size=10)
    .map("".join)
    .filter(lambda text: refused_in_line(text) is None)
)
ENCODED = re.compile(rb"=\?utf-8\?([bq])\?([^? ]*)\?=")


def field(data: bytes, name: str) -> bytes:
    """One field of the header, as it is on the wire."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = re.findall(rb"(?m)^%b:(?:.*\r\n)(?:[ \t].*\r\n)*" % name.encode(), head)
    assert len(found) == 1
    return bytes(found[0])


def words_are_whole(text: bytes, longest: int = 76) -> None:
    """Assert the limits of RFC 2047 section 2 and 5: each word alone is valid UTF-8 within 75."""
    for found in ENCODED.finditer(text):
        assert len(found.group()) <= 75
        (word, charset), *more = decode_header(found.group().decode())
        assert (charset, more) == ("utf-8", [])
        assert word.decode("utf-8")
    for one in text.split(b"\r\n"):
        assert not ENCODED.search(one) or len(one) <= longest


def display_name(data: bytes) -> str:
    # The parser of the policy `default` keeps the space between two encoded words of a name until
    # Python 3.13.2, and merges spaces inside of one: here the older functions are the exact ones.
    raw = "".join(email.message_from_bytes(data)["From"].splitlines())
    return str(make_header(decode_header(parseaddr(raw)[0])))


@given(subject=line_text)
def test_subject_reads_back_to_the_letter(subject: str, kit: Any) -> None:
    data = kit.build(kit.mail(subject=subject)).data
    kit.conforms(data)
    assert str(kit.parse(data)["Subject"]) == subject
    raw = field(data, "Subject")
    words_are_whole(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78


@given(name=line_text)
def test_display_name_reads_back_to_the_letter(name: str, kit: Any) -> None:
    data = kit.build(
        kit.mail(), sender=Address("f@example.com", name), reply_to=Address("r@b.example")
    ).data
    kit.conforms(data)
    assert display_name(data) == name
    message = kit.parse(data)
    assert [a.addr_spec for a in message["From"].addresses] == ["f@example.com"]
    assert [a.addr_spec for a in message["To"].addresses] == ["ada@example.org"]
    raw = field(data, "From")
    words_are_whole(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    if len(ENCODED.findall(raw)) < 2 and not re.search(r"\s\s", name):
        assert message["From"].addresses[0].display_name == name


@given(name=st.from_regex(r"X-[A-Za-z0-9-]{0,74}", fullmatch=True), value=line_text)
def test_custom_header_reads_back_to_the_letter(name: str, value: str, kit: Any) -> None:
    for data in (
        kit.build(kit.mail(), headers={name: value}).data,
        kit.build(kit.mail(headers={name: value})).data,
    ):
        kit.conforms(data)
        assert kit.parse(data).get_all(name) == [value]
        # After a long name a single character is all that its first line has to hold.
        words_are_whole(field(data, name), max(76, len(name) + 26))


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("Your code is 123456", "Your code is 123456"),
        ("", ""),
        ("Café 123456", "=?utf-8?q?Caf=C3=A9_123456?="),
        ("您的验证码", "=?utf-8?b?5oKo55qE6aqM6K+B56CB?="),
        ("a  b", "=?utf-8?q?a__b?="),
        (" a", "=?utf-8?q?_a?="),
        ("a ", "=?utf-8?q?a_?="),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?="),
        ("What =? 2 ?= 3_4, is it so", "=?utf-8?q?What_=3D=3F_2_=3F=3D_3=5F4,_is_it_so?="),
        # 69 characters fit on the line, 70 do not.
        ("a " + "b" * 67, "a " + "b" * 67),
        ("a " + "b" * 68, "a\r\n " + "b" * 68),
        (f"{'a' * 35} {'b' * 33} c", f"{'a' * 35} {'b' * 33}\r\n c"),
        (f"{'a' * 35} {'b' * 34} c", f"{'a' * 35}\r\n {'b' * 34} c"),
        ("a" * 69, "a" * 69),
        ("a" * 70, "=?utf-8?q?" + "a" * 55 + "?=\r\n =?utf-8?q?" + "a" * 15 + "?="),
        ("a " * 20 + "b " + "c" * 77, "a " * 20 + "b\r\n " + "c" * 77),
    ],
)
def test_subject_on_the_wire(subject: str, line: str, kit: Any) -> None:
    assert (
        field(kit.build(kit.mail(subject=subject)).data, "Subject")
        == f"Subject: {line}\r\n".encode()
    )


def test_mail_without_subject_has_an_empty_one(kit: Any) -> None:
    assert field(kit.build(kit.mail(subject=None)).data, "Subject") == b"Subject: \r\n"


def test_characters_are_never_split_between_words(kit: Any) -> None:
    for text in ("验" * 100, "é" * 100, "a" * 60 + "é" * 40, "😀" * 50):
        for shift in range(4):
            raw = field(kit.build(kit.mail(subject="x" * shift + text)).data, "Subject")
            assert len(ENCODED.findall(raw)) > 1
            words_are_whole(raw)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "f@example.com"),
        ("Ada Lovelace", "Ada Lovelace <f@example.com>"),
        ("Ada, Countess", '"Ada, Countess" <f@example.com>'),
        ('Ada "Lady" \\', '"Ada \\"Lady\\" \\\\" <f@example.com>'),
        ("J. Doe", '"J. Doe" <f@example.com>'),
        (" a  b ", '" a  b " <f@example.com>'),
        ("Café", "=?utf-8?b?Q2Fmw6k=?= <f@example.com>"),
        ("Café Central!", "=?utf-8?q?Caf=C3=A9_Central!?= <f@example.com>"),
        ("Café, Central", "=?utf-8?q?Caf=C3=A9=2C_Central?= <f@example.com>"),
        ("a, é", "=?utf-8?b?YSwgw6k=?= <f@example.com>"),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <f@example.com>"),
        (
            f"a{' ' * 80}b",
            f"=?utf-8?q?a{'_' * 57}?=\r\n =?utf-8?q?{'_' * 23}b?= <f@example.com>",
        ),
        ("a" * 54, "a" * 54 + " <f@example.com>"),
        ("a" * 55, "a" * 55 + "\r\n <f@example.com>"),
        ("a" * 70 + " b", "a" * 70 + " b\r\n <f@example.com>"),
        ("a" * 70 + " b c", "a" * 70 + " b\r\n c <f@example.com>"),
        ("a" * 73, "=?utf-8?q?" + "a" * 58 + "?=\r\n =?utf-8?q?" + "a" * 15 + "?= <f@example.com>"),
    ],
)
def test_display_name_on_the_wire(name: str, line: str, kit: Any) -> None:
    data = kit.build(kit.mail(), sender=Address("f@example.com", name)).data
    assert field(data, "From") == f"From: {line}\r\n".encode()


def test_long_url_in_a_header_stays_as_it_is(kit: Any) -> None:
    url = "<https://example.com/" + "u" * 900 + ">"
    raw = field(kit.build(kit.mail(headers={"List-Unsubscribe": url})).data, "List-Unsubscribe")
    assert raw == f"List-Unsubscribe: {url}\r\n".encode()


def test_word_too_long_for_any_line_is_encoded(kit: Any) -> None:
    fits, too_long = "u" * 993, "u" * 994
    for value, encoded in ((fits, False), (too_long, True)):
        data = kit.build(kit.mail(headers={"X-U": value})).data
        assert bool(ENCODED.search(field(data, "X-U"))) is encoded
        assert kit.parse(data)["X-U"] == value


def test_long_name_leaves_room_for_one_character(kit: Any) -> None:
    name = "X-" + "n" * 74
    raw = field(kit.build(kit.mail(headers={name: "éé"})).data, name)
    assert raw == f"{name}: =?utf-8?b?w6k=?=\r\n =?utf-8?b?w6k=?=\r\n".encode()


def test_long_words_stand_on_lines_of_their_own(kit: Any) -> None:
    value = f"{'a' * 90} b {'c' * 90} d"
    raw = field(kit.build(kit.mail(headers={"X-L": value})).data, "X-L")
    assert raw == f"X-L: {'a' * 90}\r\n b\r\n {'c' * 90}\r\n d\r\n".encode()


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (dt.datetime(2026, 1, 2, 3, 4, 5, 999999, dt.UTC), "Fri, 02 Jan 2026 03:04:05 +0000"),
        (dt.datetime(2024, 12, 31, 23, 59, 59, 0, dt.UTC), "Tue, 31 Dec 2024 23:59:59 +0000"),
        (
            dt.datetime(2026, 3, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=8))),
            "Sat, 28 Feb 2026 16:30:00 +0000",
        ),
    ],
)
def test_date_is_in_utc(date: dt.datetime, text: str, kit: Any) -> None:
    assert field(kit.build(kit.mail(date=date)).data, "Date") == f"Date: {text}\r\n".encode()


@given(date=st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(9999, 1, 1)))  # noqa: DTZ001 - zoned below
def test_date_reads_back(date: dt.datetime, kit: Any) -> None:
    moment = date.replace(tzinfo=dt.UTC)
    assert kit.parse(kit.build(kit.mail(date=moment)).data)["Date"].datetime == moment.replace(
        microsecond=0
    )


@pytest.mark.parametrize("wrong", ["", "a@b", "<a@b", "<a@b>>", "<a b@c>", "<é@b>", "<a\r\n b@c>"])
def test_message_id_is_in_brackets_and_ascii(wrong: str, kit: Any) -> None:
    with pytest.raises(SendError) as caught:
        kit.build(kit.mail(message_id=wrong))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")


def test_headers_of_the_config(kit: Any) -> None:
    headers = {"X-One": "1", "X-Two": ["a", "b"], "x-two": ("c",), "X-None": []}
    message = kit.parse(kit.build(kit.mail(), headers=headers).data)
    assert message.get_all("X-One") == ["1"]
    assert message.get_all("X-Two") == ["a", "b", "c"]
    assert "X-None" not in message


def test_header_of_the_message_replaces_that_of_the_config(kit: Any) -> None:
    headers = {"X-Two": ["a", "b"], "X-Kept": "k"}
    data = kit.build(kit.mail(headers={"x-tWO": "mine", "X-New": "n"}), headers=headers).data
    message = kit.parse(data)
    assert message.get_all("X-Two") == ["mine"]
    assert (message["X-Kept"], message["X-New"]) == ("k", "n")


def test_mails_are_marked_as_automatic(kit: Any) -> None:
    def said(**k: Any) -> Any:
        return kit.parse(kit.build(kit.mail(**k.pop("mail", {})), **k).data).get_all(
            "Auto-Submitted"
        )

    assert said() == ["auto-generated"]
    assert said(headers={"auto-submitted": "no"}) == ["no"]
    assert said(mail={"headers": {"AUTO-SUBMITTED": "auto-replied"}}) == ["auto-replied"]


@pytest.mark.parametrize("name", ["To", "bcc", "Content-Type", "a b", "a:", "é", "", "X-A\r\nBcc"])
def test_reserved_and_malformed_names_are_refused(name: str, kit: Any) -> None:
    with pytest.raises(SendError) as caught:
        kit.build(kit.mail(headers={name: "x"}))
    assert caught.value.scope == "message"
    with pytest.raises(SendError) as caught:
        MailBuilder(Address("f@example.com"), None, {name: "x"})
    assert caught.value.scope == "account"


@pytest.mark.parametrize("value", ["v" * 2001, "v\n"])
def test_values_that_no_header_may_have_are_refused(value: str, kit: Any) -> None:
    with pytest.raises(SendError, match="X-A") as caught:
        kit.build(kit.mail(headers={"X-A": value}))
    assert caught.value.scope == "message"
    with pytest.raises(SendError, match="X-A") as caught:
        MailBuilder(Address("f@example.com"), None, {"X-A": ["fine", value]})
    assert caught.value.scope == "account"


def test_reply_to_and_sender_of_the_mail_come_first(kit: Any) -> None:
    config = Address("r@example.com", "Help")
    message = kit.parse(kit.build(kit.mail(), reply_to=config).data)
    assert str(message["Reply-To"]) == "Help <r@example.com>"
    own = kit.mail(sender=Address("own@example.net", "Own"), reply_to=Address("x@example.net"))
    built = kit.build(own, reply_to=config, headers={"X-Kept": "k"})
    message = kit.parse(built.data)
    assert message.get_all("From") == ["Own <own@example.net>"]
    assert message.get_all("Reply-To") == ["x@example.net"]
    assert (built.sender, message["X-Kept"]) == ("own@example.net", "k")
    assert "Reply-To" not in kit.parse(kit.build(kit.mail()).data)
