from typing import Any

import pytest

from passpost import Address, SendError
from passpost_smtp.mime import MailBuilder


def test_domains_are_ascii_in_envelope_and_header(kit: Any) -> None:
    built = kit.build(
        kit.mail(to=Address("ada@bücher.example")), sender=Address("f@例え.example", "F")
    )
    assert built.recipient == "ada@xn--bcher-kva.example"
    assert built.sender == "f@xn--r8jz45g.example"
    message = kit.parse(built.data)
    assert str(message["To"]) == "ada@xn--bcher-kva.example"
    assert str(message["From"]) == "F <f@xn--r8jz45g.example>"
    assert (built.smtputf8, built.eight_bit) == (False, False)


@pytest.mark.parametrize("address", ["a@[IPv6:::1]", "a@[127.0.0.1]"])
def test_an_address_literal_stands_in_angle_brackets(address: str, kit: Any) -> None:
    built = kit.build(
        kit.mail(to=Address(address)), sender=Address(address), reply_to=Address(address)
    )
    # Without them a reader may take the colon for that of a group, which has no recipient.
    for field in ("To", "From", "Reply-To"):
        assert f"\r\n{field}: <{address}>\r\n".encode() in built.data
    assert built.recipient == address


def test_local_part_outside_of_ascii_goes_as_utf8(kit: Any) -> None:
    built = kit.build(kit.mail(to=Address("jürgen@bücher.example"), subject="é"), smtputf8=True)
    assert built.recipient == "jürgen@xn--bcher-kva.example"
    assert (built.smtputf8, built.eight_bit) == (True, True)
    assert "\r\nTo: jürgen@xn--bcher-kva.example\r\n".encode() in built.data
    assert b"\r\nSubject: =?utf-8?b?w6k=?=\r\n" in built.data
    kit.conforms(built.data, eight_bit=True)


def test_smtputf8_is_not_asked_for_where_nothing_needs_it(kit: Any) -> None:
    offered = kit.build(kit.mail(subject="é"), smtputf8=True)
    assert (offered.smtputf8, offered.eight_bit) == (False, False)
    assert offered.data == kit.build(kit.mail(subject="é")).data


@pytest.mark.parametrize(
    ("fields", "config", "scope"),
    [
        ({"to": Address("é@example.org")}, {}, "recipient"),
        ({"reply_to": Address("é@example.org")}, {}, "message"),
        ({"sender": Address("é@example.org")}, {}, "message"),
        ({}, {"sender": Address("é@example.org")}, "account"),
        ({}, {"reply_to": Address("é@example.org")}, "account"),
    ],
)
def test_without_smtputf8_such_an_address_is_refused(
    fields: dict[str, Address], config: dict[str, Address], scope: str, kit: Any
) -> None:
    with pytest.raises(SendError, match="SMTPUTF8") as caught:
        kit.build(kit.mail(**fields), **config)
    assert (caught.value.outcome, caught.value.temporary) == ("rejected", False)
    assert caught.value.scope == scope
    assert "é@" not in str(caught.value)
    assert "RFC 6531" in (caught.value.hint or "")


# Addresses are checked when they are parsed. These were made without that check.
UNCHECKED = [
    "a@b.com,c@d.com", "a@b.com c@d.com", "a@b.com>,<c@d.com", "<a@b.com>", "a@b@c.com", "ada",
    "a@b.com\r\nBcc: c@d.com", "a\n@b.com", "a\0@b.com", "a@b.com\u2028", "a\u760d@b.com", "@b.com",
    '"a,b"@c.com', "a(x)@b.com", "g:a@b.com;", "a@", "a@b.com;", "\udc80@b.com", "a\u00a0b@c.com",
    "=?utf-8?q?c=40d.com=3e?=@b.com", "é@b_ü.com", "a@[127.0.0.1]\r\n",
]  # fmt: skip


@pytest.mark.parametrize("address", UNCHECKED)
def test_anything_but_one_mailbox_is_refused(address: str, kit: Any) -> None:
    for field, scope in (("to", "recipient"), ("sender", "message"), ("reply_to", "message")):
        with pytest.raises(SendError) as caught:
            kit.build(kit.mail(**{field: Address(address)}), smtputf8=True)
        error = caught.value
        assert (error.outcome, error.scope, error.temporary) == ("rejected", scope, False)
        assert address not in str(error)
        assert error.__context__ is None
    ours = Address("f@example.com")
    for sender, reply_to in (Address(address), None), (ours, Address(address)):
        with pytest.raises(SendError) as caught:
            MailBuilder(sender, reply_to, {})
        assert caught.value.scope == "account"


@pytest.mark.parametrize("address", ["a@[127.0.0.1]", "a@[IPv6:::1]", "a+b.{c}~|`'@x-y.example"])
def test_plain_addresses_pass(address: str, kit: Any) -> None:
    built = kit.build(kit.mail(to=Address.plain(address)))
    assert built.recipient == address
    assert [a.addr_spec for a in kit.parse(built.data)["To"].addresses] == [address]
