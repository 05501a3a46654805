from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import quopri
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Address, Secret
from passpost._redaction.encodings import Budget, octets_in, views
from passpost._redaction.redactor import MAX_CLEANED, WITHHELD, Redactor

SECRET = "p+ä\"s\\w/ö&<rd>%41 'x😀\U0010ffff=?"
"""Holds something that each encoding changes."""


def b64(text: str, before: int = 0, after: int = 0) -> str:
    return base64.b64encode(b"\x01" * before + text.encode() + b"\xfe" * after).decode()


def lower_hex(text: str) -> str:
    return "".join(
        part if index % 2 == 0 else part[:2].lower() + part[2:] for index, part in _hexes(text)
    )


def _hexes(text: str) -> list[tuple[int, str]]:
    first, *rest = text.split("%")
    return [(0, first), *(pair for part in rest for pair in ((0, "%"), (1, part)))]


def folded(text: str, line_break: str) -> str:
    width = 24
    return line_break.join(text[start : start + width] for start in range(0, len(text), width))


def quoted_printable(text: str) -> str:
    return "".join(f"={octet:02X}" for octet in text.encode())


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it stands": str,
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote all in lower case": lambda text: lower_hex(quote(text, safe="")),
    "quote_plus": quote_plus,
    "quote in quote": lambda text: quote(quote(text, safe=""), safe=""),
    "quote in quote in lower case": lambda text: lower_hex(quote(lower_hex(quote(text)))),
    "quote_plus in quote": lambda text: quote(quote_plus(text)),
    "quote three times": lambda text: quote(quote(quote(text))),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in upper case": lambda text: json.dumps(text)[1:-1].replace(
        "\\ud83d\\ude00", "\\uD83D\\uDE00"
    ),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "HTML": html.escape,
    "HTML with numbers": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML with hexadecimal numbers": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "HTML in JSON": lambda text: json.dumps(html.escape(text))[1:-1],
    "repr": lambda text: ascii(text)[1:-1],
    "base64": b64,
    "base64, one before": lambda text: b64(text, 1),
    "base64, two before": lambda text: b64(text, 2),
    "base64, within more": lambda text: b64(text, 4, 5),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in quote": lambda text: quote(b64(text, 1), safe=""),
    "base64 over lines": lambda text: folded(b64(text, 1), "\r\n"),
    "base64 over lines with an indent": lambda text: folded(b64(text), "\n\t"),
    "base64 over lines that were joined": lambda text: folded(b64(text), " "),
    "base64 over lines that were made visible": lambda text: folded(b64(text), "\\r\\n"),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in upper case": lambda text: text.encode().hex().upper(),
    "hexadecimal with colons": lambda text: text.encode().hex(":"),
    "hexadecimal with hyphens": lambda text: text.encode().hex("-"),
    "hexadecimal with blanks": lambda text: text.encode().hex(" ", 2),
    "hexadecimal with commas": lambda text: text.encode().hex(","),
    "hexadecimal with wide blanks": lambda text: text.encode().hex(" ").replace(" ", " \t "),
    "hexadecimal as numbers": lambda text: ", ".join(f"0x{octet:02X}" for octet in text.encode()),
    "hexadecimal over lines": lambda text: folded(text.encode().hex(), "\r\n"),
    "hexadecimal, half an octet before": lambda text: "0" + text.encode().hex(),
    "backwards": lambda text: text[::-1],
    "backwards in quote": lambda text: quote(text[::-1]),
    "quoted-printable": quoted_printable,
    "quoted-printable with soft line breaks": lambda text: folded(quoted_printable(text), "=\r\n"),
    "quoted-printable of Python": lambda text: quopri.encodestring(text.encode()).decode(),
    "quoted-printable in JSON": lambda text: json.dumps(folded(quoted_printable(text), "=\n"))[
        1:-1
    ],
    "over lines": lambda text: folded(text, "\r\n "),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_text_is_masked_in_each_encoding(encode: Callable[[str], str]) -> None:
    encoded = encode(SECRET)
    text = f"<bad> {encoded}, see {encoded}."
    assert Redactor([SECRET]).clean(text) == "<bad> ***, see ***."


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(
    # Python's encoder writes line ends of its own, and no secret has any.
    secret=st.text(min_size=4, max_size=20).filter(lambda text: not set(text) & set("\r\n")),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
def test_no_text_shows_through(
    encode: Callable[[str], str], secret: str, before: str, after: str
) -> None:
    cleaned = Redactor([secret]).clean(f"{before} {encode(secret)} {after}")
    assert "***" in cleaned


@given(st.text(), st.lists(st.text(min_size=4, max_size=8), max_size=3), st.text())
def test_cleaned_text_holds_none_of_the_texts(before: str, secrets: list[str], after: str) -> None:
    cleaned = Redactor(secrets).clean(before + "".join(secrets) + after)
    for secret in secrets:
        # A mask in place of another text may happen to spell one that is made of asterisks.
        assert secret not in cleaned or set(secret) <= {"*"} or "*" in secret


def test_secrets_and_payload_are_masked() -> None:
    payload = {
        "code": "482913",
        "user": {"name": "Ada Lovelace", "tags": ["first", 77123]},
        "n": 1.25,
        "x": True,
    }
    redactor = Redactor(["hunter22", Secret("tok-en-99")], payload)
    text = "hunter22 tok-en-99 482913 Ada Lovelace first 77123 1.25 True none"
    assert redactor.clean(text) == "*** *** *** *** *** *** *** True none"


def test_payload_is_added_without_losing_the_secrets() -> None:
    secrets = Redactor(["hunter22"])
    both = secrets.with_payload({"code": "482913"})
    text = f"hunter22 482913 {b64('hunter22')} {b64('482913')}"
    assert both.clean(text) == "*** *** *** ***"
    assert secrets.clean(text) == f"*** 482913 *** {b64('482913')}"


def test_short_texts_are_left() -> None:
    assert Redactor(["", "abc"], {"n": 123, "t": "en"}).clean("abc 123 en") == "abc 123 en"
    assert Redactor(["abcd"]).clean("abcde") == "***e"


def test_nothing_to_mask() -> None:
    assert (
        Redactor().clean("550 5.1.1 no such user & <x> +1 %") == "550 5.1.1 no such user & <x> +1 %"
    )


ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(secret=ASCII, before=ASCII, after=ASCII, encode=st.sampled_from([str, b64, quote]))
def test_what_looks_harmless_is_masked_like_all_else(
    secret: str, before: str, after: str, encode: Callable[[str], str]
) -> None:
    redactor = Redactor().with_payload({"code": secret})
    text = f"{before}{encode(secret)}{after}"
    # A letter outside of ASCII has the text looked at in every way.
    assert redactor.clean(f"é{text}") == f"é{redactor.clean(text)}"


def test_texts_that_overlap_leave_no_rest() -> None:
    assert Redactor(["abcdef", "defghi"]).clean("x abcdefghi y") == "x *** y"
    assert Redactor(["abcabc"]).clean("xabcabcabcay") == "x***ay"
    assert Redactor(["abcd", "efgh"]).clean("abcdefgh") == "***"
    assert Redactor(["abcdefgh", "cdef"]).clean("abcdefgh abcd") == "*** abcd"


def test_texts_that_overlap_themselves_leave_no_rest() -> None:
    assert Redactor(["aaaa"]).clean("aaaaa") == "***"


def test_hexadecimal_beside_other_digits() -> None:
    assert Redactor(["0000"]).clean("00 30:30:30:30 beef 1") == "*** 1"


def test_base64_of_another_text_is_left() -> None:
    for other in ("hunter2a", "xunter22"):
        assert Redactor(["hunter22"]).clean(b64(other)) == b64(other)


def test_base64_around_a_text_goes_as_a_whole() -> None:
    plain = base64.b64encode(b"\0ada@example.org\0hunter22").decode()
    assert Redactor(["hunter22"]).clean(f"AUTH PLAIN {plain} refused") == "AUTH PLAIN *** refused"


def test_what_looks_like_an_encoding_and_is_none_is_kept() -> None:
    text = r"100% &unknown; &NotEqualTilde; &#9999999; \U99999999 %zz \q \u12 C:\temp a+b"
    assert Redactor(["hunter22"]).clean(text) == text


def test_text_of_an_entity_that_stands_for_two_characters() -> None:
    # "&NotEqualTilde;" is U+2242 U+0338; it is kept as it is, and what follows is still found.
    assert Redactor(["hunter<2"]).clean("&NotEqualTilde;hunter&lt;2") == "&NotEqualTilde;***"


def test_octets_that_are_no_utf8_do_not_hide_what_follows() -> None:
    assert Redactor(["hünter22"]).clean("%ff%fe" + quote("hünter22") + "%ff") == "%ff%fe***%ff"


def test_key_of_many_lines_is_known_by_each_line() -> None:
    lines = [f"{'MIIEvQ'[: index % 3 + 3]}{index:058d}" for index in range(30)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    redactor = Redactor([key])
    assert redactor.clean(f"bad line {lines[7]} in key") == "bad line *** in key"
    assert redactor.clean("not a -----BEGIN PRIVATE KEY----- block").startswith("not a -----BEGIN")
    assert redactor.clean(f"key: {key}.") == "key: ***."
    assert redactor.clean(f"key: {json.dumps(key)}.") == 'key: "***".'


def test_short_lines_are_no_keys() -> None:
    redactor = Redactor(["another\nanother1\nlast"])
    assert redactor.clean("another another1 last") == "another *** last"


def test_long_text_is_known_by_its_parts() -> None:
    long = "".join(f"{index:04d}" for index in range(100))
    redactor = Redactor([long])
    assert redactor.clean(f"a {long} b") == "a *** b"
    assert redactor.clean(f"a {quote_plus(long)} b") == "a *** b"
    # Also where it is one line of several.
    assert Redactor([f"one\n{long}\ntwo"]).clean(f"a {long} b") == "a *** b"
    cut = redactor.clean(f"a {long[:200]}… b")
    assert cut == f"a ***{long[192:200]}… b"


def test_control_characters_become_visible() -> None:
    text = "\x1b[31m550\r\n\tno\x00 \x9b2J\u202eevil\u2028x\ud800"
    assert Redactor().clean(text) == r"\x1b[31m550\r\n\tno\x00 \x9b2J\u202eevil\u2028x\ud800"


def test_text_with_control_characters_is_masked() -> None:
    assert Redactor(["ab\x1bcd\nef"]).clean("<ab\x1bcd\nef>") == "<***>"
    # Nor does making them visible spell a text that was not there.
    assert Redactor([r"ab\ncd"]).clean("<ab\ncd>") == "<***>"


def test_long_answers_are_cut_after_masking() -> None:
    redactor = Redactor(["hunter22"])
    exact = "x" * MAX_CLEANED
    assert redactor.clean(exact) == exact
    assert redactor.clean(exact + "y") == exact + "… (cut after 2000 characters)"
    straddling = "x" * (MAX_CLEANED - 4) + "hunter22"
    assert redactor.clean(straddling) == "x" * (MAX_CLEANED - 4) + "***"


@pytest.mark.parametrize("offset", range(-9, 10))
def test_endless_answers_hide_a_text_at_the_end_of_what_is_read(offset: int) -> None:
    redactor = Redactor(["hunter22", "s" * 60_000])
    answer = "s" * (6144 + offset - 8) + "hunter22" + "x" * 100_000
    cleaned = redactor.clean(answer)
    assert cleaned.endswith("… (cut after 2000 characters)")
    assert "hunt" not in cleaned


def test_huge_answers_are_cut() -> None:
    redactor = Redactor(["a" * 100, "%61" * 10, "hunter22"])
    for piece in ("a", "%61", "%2561", "&#97;", "\\u0061", "+", "A+/="):
        assert len(redactor.clean(piece * (1_000_000 // len(piece)))) < 2100


ADA = Address("ada.lovelace@example.net")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 <ada.lovelace@example.net>: rejected", "550 <a…@example.net>: rejected"),
        ("no ADA.Lovelace@Example.NET here", "no a…@example.net here"),
        ("ada.lovelace%40example.net unknown", "a…@example.net unknown"),
        ("%3Cada.lovelace%40example.net%3E", "%3Ca…@example.net%3E"),
        ("ada.lovelace=40example.net, é", "a…@example.net, é"),
        ("&lt;ada&#46;lovelace&#64;example.net&gt;", "&lt;a…@example.net&gt;"),
        ("b64 " + b64("x" + str(ADA.address), 3), "b64 ***"),
        ("ada.lovelace@example.org", "ada.lovelace@example.org"),
        ("grace@example.net", "grace@example.net"),
        ("482913 to ada.lovelace@example.net", "*** to a…@example.net"),
    ],
)
def test_recipient_is_shortened(text: str, expected: str) -> None:
    redactor = Redactor(["hunter22"]).for_email({"code": "482913"}, ADA)
    assert redactor.clean(text) == expected
    assert redactor.clean(expected) == expected


def test_recipient_with_a_domain_in_unicode() -> None:
    redactor = Redactor().for_email({}, Address("Ädä@Bücher.example"))
    text = "<ÄdÄ@bücher.example> <Ädä@XN--BCHER-KVA.example>"
    assert redactor.clean(text) == "<ÄdÄ@bücher.example> <Ä…@Bücher.example>"
    assert redactor.clean("<Ädä@BüCHER.example>") == "<Ä…@Bücher.example>"


def test_recipient_that_the_payload_repeats_is_masked() -> None:
    redactor = Redactor().for_email({"mail": ADA.address, "name": "lovelace"}, ADA)
    assert redactor.clean(f"<{ADA.address}>") == "<***>"
    assert redactor.with_secrets(["hunter22"]).clean(f"hunter22 {ADA.address}") == "*** ***"


def test_secrets_learnt_later_are_masked_as_well() -> None:
    redactor = Redactor(["hunter22"]).with_secrets([Secret("tok-en-99"), "another"])
    assert redactor.clean("hunter22 tok-en-99 another") == "*** *** ***"


def hostile(size: int) -> str:
    piece = "%26%2361%3b+\\u0025&amp;#97;=3D%5c%5c=\r\n"
    return (piece * (size // len(piece) + 1))[:size]


@pytest.mark.parametrize(
    "payload",
    [
        {"code": "482913"},
        {"list": [f"text {index}" for index in range(10_000)]},
        {"text": "".join(map(str, range(200_000)))},
    ],
    ids=["one text", "10,000 texts", "1 MB of text"],
)
def test_work_has_an_end_at_which_nothing_is_shown(
    payload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = 0

    def counted(text: str, shortest: int) -> list[Any]:
        nonlocal searched
        searched += len(text)
        return octets_in(text, shortest)

    monkeypatch.setattr("passpost._redaction.redactor.octets_in", counted)
    redactor = Redactor(["hunter22"]).for_email(payload, ADA)
    for answer in (hostile(16_000), "hunter22 482913 " + hostile(2_500)):
        assert redactor.clean(answer) == WITHHELD
    assert searched < 400_000


def test_answers_of_honest_servers_are_within_bounds() -> None:
    redactor = Redactor(["hunter22"]).for_email({"code": "482913", "name": "Ada"}, ADA)
    page = "<p>caf&eacute; 100%25 a+b \\n =3D</p>\r\n" * 5
    cleaned = redactor.clean(f"{page} hunter22")
    assert cleaned.startswith("<p>caf&eacute; 100%25 a+b")
    assert cleaned.endswith("***")


def test_redactor_shows_and_hands_out_nothing() -> None:
    redactor = Redactor(["hunter22"], {"code": "482913"})
    assert repr(redactor) == "Redactor(2 texts)"
    with pytest.raises(TypeError, match="contains secrets"):
        pickle.dumps(redactor)
    with pytest.raises(TypeError, match="contains secrets"):
        copy.copy(redactor)


def test_blanks_are_looked_at_once() -> None:
    # Would not end within minutes if each blank began a look at all that follow.
    blanks = " " * 300_000
    assert [view.text for view in views(blanks, Budget(1 << 40))] == [blanks]
