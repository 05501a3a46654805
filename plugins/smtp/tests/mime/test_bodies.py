import re
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passpost import Address, SendError
from passpost.wire import refused_in_body
from passpost_smtp.mime import MailBuilder, dot_stuff

# Lines that encodings, mailbox files, dots and boundaries stumble over, at the lengths that matter.
awkward = st.sampled_from([
    "\n", "\r\n", "\r", " \n", "\t\n", ".\n", "..\n", ".", "From ", "\nFrom x", "\n>From",
    "--", "--=_", "=", "=\n", "=20", "\u2028", "您", "é", "😀", "\t", "a" * 73, "a" * 74, "a" * 75,
    "a" * 76, "您" * 25, "b" * 997, "b" * 998, "b" * 999, "您" * 332, "您" * 333,
])  # fmt: skip
any_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
ascii_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=100)
body_text = (
    st.lists(awkward | any_text | ascii_text, max_size=12)
    .map("".join)
    .filter(lambda text: refused_in_body(text) is None)
)


def asked(text: str) -> str:
    """The text with its lines ended as every reader gives them, and the last one ended too."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else lines + "\n"


def content(part: EmailMessage) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def encoding(data: bytes) -> str:
    """The only Content-Transfer-Encoding in a message."""
    (found,) = re.findall(rb"\r\nContent-Transfer-Encoding: (.*)\r\n", data)
    return str(found.decode())


def body(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


@given(text=body_text, eight_bit=st.booleans(), html=st.booleans())
def test_text_reads_back_to_the_letter(text: str, eight_bit: bool, html: bool, kit: Any) -> None:
    made = kit.mail(html=text) if html else kit.mail(text=text)
    built = kit.build(made, eight_bit=eight_bit)
    kit.conforms(built.data, eight_bit=eight_bit)
    assert built.eight_bit is (not built.data.isascii())
    message = kit.parse(built.data)
    assert message.get_content_type() == ("text/html" if html else "text/plain")
    assert message.get_content_charset() == "utf-8"
    assert content(message) == asked(text) == content(kit.standard(made))
    assert not message.defects


@given(text=body_text, html=body_text, eight_bit=st.booleans())
def test_alternatives_read_back_to_the_letter(
    text: str, html: str, eight_bit: bool, kit: Any
) -> None:
    made = kit.mail(text=text, html=html)
    built = kit.build(made, eight_bit=eight_bit)
    kit.conforms(built.data, eight_bit=eight_bit)
    for message in (kit.parse(built.data), kit.standard(made)):
        assert message.get_content_type() == "multipart/alternative"
        plain, rich = message.iter_parts()
        assert isinstance(plain, EmailMessage)
        assert isinstance(rich, EmailMessage)
        assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
        assert (content(plain), content(rich)) == (asked(text), asked(html))
        assert not message.defects


@given(text=body_text, eight_bit=st.booleans())
def test_no_line_looks_like_the_start_of_a_mail(text: str, eight_bit: bool, kit: Any) -> None:
    assert b"\nFrom " not in kit.build(kit.mail(text=text), eight_bit=eight_bit).data


@given(text=body_text)
def test_encoded_lines_have_at_most_76_characters(text: str, kit: Any) -> None:
    data = kit.build(kit.mail(text=text)).data
    if encoding(data) in ("quoted-printable", "base64"):
        lines = body(data).split(b"\r\n")
        assert max(map(len, lines)) <= 76
        assert not any(line.endswith((b" ", b"\t")) for line in lines)


@given(text=body_text)
@settings(max_examples=50)
def test_dots_do_not_end_the_mail(text: str, kit: Any) -> None:
    data = kit.build(kit.mail(text=text), eight_bit=True).data
    sent = dot_stuff(data)
    assert sent.count(b"\r\n.\r\n") == 1
    assert re.sub(rb"(?m)^\.", b"", sent.removesuffix(b".\r\n")) == data


@pytest.mark.parametrize(
    ("text", "with_eight_bit", "without"),
    [
        ("", "7bit", "7bit"),
        ("Your code is 123456\n", "7bit", "7bit"),
        ("a" * 998, "7bit", "7bit"),
        ("a" * 999, "quoted-printable", "quoted-printable"),
        ("x\n" + "a" * 998 + "\n" + "b" * 998, "7bit", "7bit"),
        ("x\n" * 600 + "a" * 999 + "\n" + "b" * 998, "quoted-printable", "quoted-printable"),
        ("Grüße", "8bit", "base64"),
        ("Viele Grüße an alle", "8bit", "quoted-printable"),
        ("您的验证码", "8bit", "base64"),
        ("您" * 332, "8bit", "base64"),
        ("您" * 333, "base64", "base64"),
        ("ü" * 40 + "a" * 460, "8bit", "quoted-printable"),
        ("ü" * 60 + "a" * 460, "8bit", "base64"),
        ("From the team", "quoted-printable", "quoted-printable"),
        ("x\nFrom the team", "quoted-printable", "quoted-printable"),
        ("x\n>From the From team", "7bit", "7bit"),
    ],
)
def test_transfer_encoding(text: str, with_eight_bit: str, without: str, kit: Any) -> None:
    assert encoding(kit.build(kit.mail(text=text), eight_bit=True).data) == with_eight_bit
    assert encoding(kit.build(kit.mail(text=text), eight_bit=False).data) == without


@given(data=st.data())
def test_the_shorter_encoding_is_chosen(data: st.DataObject, kit: Any) -> None:
    marks = data.draw(st.integers(0, 120))
    width = data.draw(st.integers(20, 120))
    text = "ü" * marks + "a" * (500 - marks)
    text = "\n".join(text[start : start + width] for start in range(0, 500, width)) + "ü\n"
    message = kit.parse(kit.build(kit.mail(text=text)).data)
    chosen = len(str(message.get_payload()))
    octets = text.replace("\n", "\r\n").encode()
    other = -(-len(octets) // 3) * 4
    other += 2 * -(-other // 76)
    assert chosen <= other
    if message["Content-Transfer-Encoding"] == "base64":
        assert chosen == other


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # binascii.b2a_qp alone makes 77 octets of this line.
        (f"{'a' * 74} \nü", f"{'a' * 74}=\r\n=20\r\n=C3=BC"),
        (f"{'a' * 73}\t\nü", f"{'a' * 73}=\r\n=09\r\n=C3=BC"),
        (f"{'a' * 20}ü. \t", f"{'a' * 20}=C3=BC. =09"),
        (f"From {'a' * 20}ü", f"=46rom {'a' * 20}=C3=BC"),
        (f"From \n{'a' * 20}ü", f"From=20\r\n{'a' * 20}=C3=BC"),
        (f"{'a' * 20}ü=", f"{'a' * 20}=C3=BC=3D"),
        # A soft line break must not put "From " at the start of a line either.
        (f"ü{'a' * 69}From b", f"=C3=BC{'a' * 69}=\r\n=46rom b"),
    ],
)
def test_quoted_printable_on_the_wire(text: str, line: str, kit: Any) -> None:
    data = kit.build(kit.mail(text=text)).data
    assert encoding(data) == "quoted-printable"
    assert body(data) == f"{line}\r\n".encode()


def test_base64_fills_its_lines(kit: Any) -> None:
    for characters in (18, 19, 37, 38):
        lines = body(kit.build(kit.mail(text="您" * characters + "\n")).data).split(b"\r\n")
        assert all(len(line) == 76 for line in lines[:-2])
        assert (lines[-2] != b"", lines[-1]) == (True, b"")


@pytest.mark.parametrize("octet", range(0x20))
def test_control_characters_do_no_harm(octet: int, kit: Any) -> None:
    # passpost rejects them; whatever an email holds, the wire is right.
    for text in (f"a{chr(octet)}b From c", f"{'a' * 40}ü{chr(octet)} \nFrom "):
        data = kit.build(kit.mail(text=text)).data
        kit.conforms(data)
        assert content(kit.parse(data)) == asked(text)


def test_boundary_occurs_in_no_part(kit: Any) -> None:
    builder = MailBuilder(Address("f@example.com"), None, {})

    def boundary(text: str) -> tuple[str, EmailMessage]:
        data = builder.build(kit.mail(text=text, html="<p>"), eight_bit=True, smtputf8=False).data
        message = kit.parse(data)
        return str(message.get_boundary()), message

    usual, _ = boundary("x")
    assert re.fullmatch(r"=_[0-9a-f]{24}", usual)
    attack = f"x\n--{usual}\nContent-Type: text/html\n\nforged\n--{usual}--\n"
    other, message = boundary(attack)
    assert other != usual
    plain, _ = message.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert content(plain) == attack


def test_parts_say_whether_they_are_eight_bit(kit: Any) -> None:
    for html, eight_bit, encodings in (
        ("<p>é", True, [b"8bit", b"7bit", b"8bit"]),
        ("<p>é", False, [b"7bit", b"7bit", b"quoted-printable"]),
        ("<p>", True, [b"7bit", b"7bit", b"7bit"]),
    ):
        built = kit.build(kit.mail(text="x", html=html), eight_bit=eight_bit)
        assert re.findall(rb"Content-Transfer-Encoding: (.*)\r\n", built.data) == encodings
        assert built.eight_bit is (b"8bit" in encodings)


def test_lone_surrogate_is_refused_without_the_text(kit: Any) -> None:
    with pytest.raises(SendError, match="surrogate") as caught:
        kit.build(kit.mail(text="code 123456 \udc80"))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")
    assert caught.value.__context__ is None


def test_mail_without_content_is_refused(kit: Any) -> None:
    with pytest.raises(SendError, match="neither text nor HTML") as caught:
        kit.build(kit.mail(text=None))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")
