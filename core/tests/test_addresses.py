from __future__ import annotations

import subprocess
import sys
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Address
from passpost._messages import addresses
from passpost._messages.addresses import ascii_domain, refuse_controls, shortened, split_name

LONGEST_LOCAL = "l" * 64
LONGEST_DOMAIN = ".".join(["d" * 63, "d" * 63, "d" * 63, "d" * 56, "org"])


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "a.b+tag@example.org",
        "!#$%&'*+/=?^_`{|}~-@example.org",
        "o'brien@localhost",
        "ada@EXAMPLE.org",
        "ада@example.org",
        "用户@例子.广告",
        "ada@bücher.example",
        "ada@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com",
        "ada@xn--bcher-kva.example",
        "ada@[192.0.2.1]",
        "ada@[IPv6:2001:db8::1]",
        "ada@1.example",
        f"{LONGEST_LOCAL}@example.org",
        f"a@{LONGEST_DOMAIN}",
        f"{'ü' * 32}@example.org",
    ],
)
def test_addresses_that_are_one(address: str) -> None:
    assert Address.plain(address) == Address.parse(address) == Address(address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "no @"),
        ("ada", "no @"),
        ("@example.org", "nothing before its @"),
        ("ada@", "after its @ is not a valid domain"),
        ("a@b@example.org", "more than one address"),
        ("a@b.org,c@d.org", "more than one address"),
        ("a@b.org;c@d.org", "more than one address"),
        ("a@b.org c@d.org", "more than one address"),
        (".a@b.org", "not allowed there"),
        ("a.@b.org", "not allowed there"),
        ("a..b@b.org", "not allowed there"),
        ('"a b"@b.org', "not allowed there"),
        ("a(b)@b.org", "not allowed there"),
        ("a\\b@b.org", "not allowed there"),
        ("<a@b.org>", "not allowed there"),
        ("a:b@b.org", "not allowed there"),
        (" a@b.org", "not allowed there"),
        ("a\xa0b@b.org", "not allowed there"),
        ("a\u3000b@b.org", "not allowed there"),
        ("a\u200bb@b.org", "not allowed there"),
        ("a\u202eb@b.org", "not allowed there"),
        ("a\ufeff@b.org", "not allowed there"),
        ("a\uff20evil.org\uff0cb@b.org", "more than one address"),
        ("a\ufe52@b.org", "not allowed there"),
        (f"{LONGEST_LOCAL}l@b.org", "longer than 64 octets"),
        (f"{'ü' * 33}@b.org", "longer than 64 octets"),
        ("a@b.org ", "not a valid domain"),
        ("a@b..org", "not a valid domain"),
        ("a@b.org.", "not a valid domain"),
        ("a@-b.org", "not a valid domain"),
        ("a@b-.org", "not a valid domain"),
        ("a@b_c.org", "not a valid domain"),
        ("a@b.org,c", "not a valid domain"),
        ("a@b.org>", "not a valid domain"),
        ("a@" + "d" * 64 + ".org", "not a valid domain"),
        ("a@" + "d." * 127 + "org", "not a valid domain"),
        ("a@" + "ü" * 256, "not a valid domain"),
        ("a@bü cher.org", "not a valid internationalized domain"),
        ("a@bü＠cher.org", "not a valid internationalized domain"),
        ("a@-ü.org", "not a valid internationalized domain"),
        ("a@b\u200bü.org", "invisible characters"),
        ("a@b\xadc.org", "invisible characters"),
        ("=?utf-8?q?ada?=@b.org", "not allowed there"),
        ("=?utf-8?q?ä?=@b.org", "not allowed there"),
        ("a=?x?B?b@b.org", "not allowed there"),
        ("a\u3164@b.org", "not allowed there"),
        ("a\u115fb@b.org", "not allowed there"),
        ("a\u2800b@b.org", "not allowed there"),
        ("a\u034fb@b.org", "not allowed there"),
        ("a\ufe0f@b.org", "not allowed there"),
        ("a\U000e0100@b.org", "not allowed there"),
        ("a@b\u034fü.org", "invisible characters"),
        ("a@[IPv6:fe80::1%eth0]", "not a valid address literal"),
        ("a@[IPv6:fe80::1%25eth0]", "not a valid address literal"),
        ("a@[192.0.2.256]", "not a valid address literal"),
        ("a@[192.0.2.1", "not a valid address literal"),
        ("a@[2001:db8::1]", "not a valid address literal"),
        ("a@[IPv6:192.0.2.1]", "not a valid address literal"),
        ("a@[IPv6:x]", "not a valid address literal"),
        ("a@[]", "not a valid address literal"),
        (f"ab@{LONGEST_DOMAIN}", "longer than 254 octets"),
        # 200 octets as written, more in ASCII.
        ("l" * 64 + "@" + ".".join(["ü" * 20] * 4 + ["x" * 60] * 2), "longer than 254 octets"),
    ],
)
def test_addresses_that_are_not(address: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Address.plain(address)
    error = caught.value
    assert address == "" or address not in str(error)
    # What caused it would repeat the address in a traceback.
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    "character",
    ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u760a", "\u760d", "\ud800"],
)
@pytest.mark.parametrize(
    "form", ["a{}b@c.org", "ab@c.{}org", "ab@c.org{}", "{}ab@c.org", "A{}B <ab@c.org>"]
)
def test_control_characters_are_refused_and_named(character: str, form: str) -> None:
    place = f"U\\+{ord(character):04X} at character {form.index('{') + 1} is not allowed"
    with pytest.raises(ValueError, match=place):
        Address.parse(form.format(character))
    with pytest.raises(ValueError, match=place):
        refuse_controls(form.format(character))
    if "<" not in form:
        with pytest.raises(ValueError, match=place):
            Address.plain(form.format(character))


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Ada <ada@example.org>", "Ada", "ada@example.org"),
        ("  Ada   Lovelace  <ada@example.org>  ", "Ada   Lovelace", "ada@example.org"),
        ("Ada<ada@example.org>", "Ada", "ada@example.org"),
        ("<ada@example.org>", "", "ada@example.org"),
        ('"" <ada@example.org>', "", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "Lovelace, Ada", "ada@example.org"),
        ('"a <b@c.org>" <ada@example.org>', "a <b@c.org>", "ada@example.org"),
        (r'"\"Ada\" \\ Co" <ada@example.org>', r'"Ada" \ Co', "ada@example.org"),
        ("Acme, Inc. <ada@example.org>", "Acme, Inc.", "ada@example.org"),
        ("艾达 <ada@example.org>", "艾达", "ada@example.org"),
        ("  ada@example.org ", "", "ada@example.org"),
    ],
)
def test_name_beside_an_address(text: str, name: str, address: str) -> None:
    assert Address.parse(text) == Address(address, name)
    assert split_name(text) == (name, address)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ada <ada>", "no @"),
        ("Ada <>", "no @"),
        ("Ada ada@example.org", "not allowed there"),
        ("Ada <ada@example.org", "not allowed there"),
        ("ada@example.org>", "not a valid domain"),
        ("Ada <ada@example.org> x", "not allowed there"),
        ("Ada < ada@example.org>", "not allowed there"),
        ("Ada <<ada@example.org>", "more than one address"),
        ("Ada <ada@example.org>>", "not a valid domain"),
        ("A <a@b.org>, C <c@d.org>", "more than one address"),
        ("a@b.org, C <c@d.org>", "more than one address"),
        ('Ada "Countess" Lovelace <ada@example.org>', "quotes other than around the whole"),
        ('"Ada <ada@example.org>', "quotes other than around the whole"),
        ('"a"b" <ada@example.org>', "quotes other than around the whole"),
        ('"a\\" <ada@example.org>', "quotes other than around the whole"),
    ],
)
def test_texts_that_are_no_named_address(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Address.parse(text)


NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)


@given(NAMES)
def test_written_address_is_read_back(name: str) -> None:
    address = Address("ada@example.org", name)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "a@b.org"),
        ("Ada", "Ada <a@b.org>"),
        ("Acme, Inc.", '"Acme, Inc." <a@b.org>'),
        ('"x" \\', '"\\"x\\" \\\\" <a@b.org>'),
        (" Ada", '" Ada" <a@b.org>'),
    ],
)
def test_name_is_quoted_where_it_must_be(name: str, written: str) -> None:
    assert str(Address("a@b.org", name)) == written


def test_parts_of_an_address() -> None:
    address = Address("用户@Bücher.example", "x")
    assert (address.local, address.domain) == ("用户", "Bücher.example")
    assert address.ascii_domain == "xn--bcher-kva.example"
    assert address.wire == "用户@xn--bcher-kva.example"
    assert address.needs_smtputf8
    assert not Address("ada@bücher.example").needs_smtputf8


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("Example.org", "Example.org"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例子。广告", "xn--fsqu00a.xn--4rr70v"),
    ],
)
def test_domains_in_ascii(domain: str, expected: str) -> None:
    assert ascii_domain(domain) == expected


@pytest.mark.parametrize("domain", ["ü..de", "-ü", "ü" * 64, "xn--ü"])
def test_domains_without_an_ascii_form(domain: str) -> None:
    with pytest.raises(ValueError, match="not a valid internationalized") as caught:
        ascii_domain(domain)
    shown = "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert repr(domain) not in shown


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("ada@example.org", "a…@example.org"),
        ("@example.org", "…@example.org"),
        ("ada", "a…"),
        ("", "…"),
    ],
)
def test_addresses_in_logs_are_short(address: str, short: str) -> None:
    assert shortened(address) == short


ANY = st.text() | st.text('ab@.,;<>"\\ \u3000\uff20\uff0c\u200b[]:1é', max_size=20)


@given(ANY)
def test_whatever_the_text_one_address_or_an_error(text: str) -> None:
    for read in (Address.plain, Address.parse):
        try:
            address = read(text)
        except ValueError:
            continue
        assert address.address.count("@") == 1
        assert not any(each in address.wire for each in ",; <>\r\n\0")
        assert len(address.wire.encode()) <= 254
        assert address.ascii_domain.isascii()


LIKELY = st.from_regex(r"[a-z.+'-]{1,66}@([a-z0-9-]{1,64}\.?){1,5}", fullmatch=True)


@given(LIKELY | st.emails())
def test_an_address_that_is_seen_to_be_common_would_pass_every_check(text: str) -> None:
    if addresses._COMMON.fullmatch(text) and len(text) <= addresses.MAX_ADDRESS:
        addresses._check_thoroughly(text)


def test_long_texts_take_no_time_of_their_own() -> None:
    for text in (
        " " * 1_000_000,
        "a" * 1_000_000,
        "<" * 1_000_000 + ">",
        "ü" * 1_000_000 + "@x.org",
        "a@" + "ü" * 1_000_000,
        '"' * 1_000_000 + "<a@b.org>",
        "\\" * 1_000_000 + " <a@b>",
    ):
        with pytest.raises(ValueError, match=r"its? |it "):
            Address.parse(text + "@")


def test_ascii_addresses_do_not_load_the_tables_of_idna() -> None:
    program = (
        "import sys; from passpost._messages.addresses import Address; "
        "print(Address.parse('Ada <ada@example.org>').wire, 'idna' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["ada@example.org", "False"]
