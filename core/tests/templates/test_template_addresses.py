from __future__ import annotations

import pickle
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Address, MessageError, MissingVariable
from passpost._templates.rendering import REPLY_TO, Missing
from passpost._templates.texts import TemplateAddress
from passpost.config import Invalid


def render(source: str, payload: dict[str, Any], missing: Missing = "error") -> Address:
    return TemplateAddress.from_setting(source).render(payload, REPLY_TO, missing)


@pytest.mark.parametrize(
    ("source", "address", "name"),
    [
        ("ada@example.org", "ada@example.org", ""),
        (" ada@example.org ", "ada@example.org", ""),
        ("<ada@example.org>", "ada@example.org", ""),
        ("Ada <ada@example.org>", "ada@example.org", "Ada"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org", "Lovelace, Ada"),
        ("{{n}} <ada@example.org>", "ada@example.org", "N"),
        ('"{{n}}, {{n}}" <{{l}}@{{d}}>', "ada@example.org", "N, N"),
        ("{{l}}@{{d}}", "ada@example.org", ""),
        ("{{m}}", "ada@example.org", ""),
        ("{{#n}}{{n}} of {{/n}}Acme <{{m}}>", "ada@example.org", "N of Acme"),
        ("{{^x}}Acme{{/x}} <ada@example.org>", "ada@example.org", "Acme"),
        ("{{! note }}Acme <ada{{! note }}@example.org>", "ada@example.org", "Acme"),
        ("{{#m}}{{.}}{{/m}}", "ada@example.org", ""),
    ],
)
def test_name_and_address_are_filled_in(source: str, address: str, name: str) -> None:
    payload = {"n": "N", "l": "ada", "d": "example.org", "m": "ada@example.org"}
    assert render(source, payload) == Address(address, name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "has no @"),
        ("nobody", "has no @"),
        ("< reply-address >", "has no @"),
        ("Ada <nobody>", "has no @"),
        ("{{n}} <nobody>", "has no @"),
        ("a@b.org, c@d.org", "more than one address"),
        ("A <a@b.org>, C <c@d.org>", "more than one address"),
        ('A "B" C <a@b.org>', "quotes other than around the whole"),
        ("a@b.org\nBcc: c@d.org", "U\\+000A at character 8"),
        ("{{n}", "not closed"),
        ("{{#n}}A <{{/n}}a@b.org>", "not closed"),
        ("{{=< >=}}<n> <a@b.org>", "more than one address"),
        ("{{! < }}a@b.org>", "more than one|not closed|has no @"),
    ],
)
def test_what_is_no_address_is_refused_when_it_is_read(source: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        TemplateAddress.from_setting(source)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [None, 5, ["a@b.org"], {}])
def test_setting_must_be_text(value: object) -> None:
    with pytest.raises(Invalid, match="must be text"):
        TemplateAddress.from_setting(value)


HOSTILE = [
    "eve@evil.org, ada",
    "eve@evil.org,",
    "eve@evil.org> <",
    "<eve@evil.org>",
    "Eve <eve@evil.org>",
    "eve@evil.org;ada",
    "eve@evil.org ",
    " ",
    "",
    "ada@",
    "@",
    '"eve@evil.org,"',
    "(x)ada",
    "ada\\",
    "eve＠evil.org，ada",
    "ada\u3000",
    "ada\u200b",
    "a..b",
    ".a",
    "[1.2.3.4]",
    "group: eve@evil.org;",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "source", ["{{v}}@example.org", "Ada <{{v}}@example.org>", "Ada <{{{v}}}@example.org>"]
)
def test_value_in_the_local_part_stays_one_local_part(source: str, value: str) -> None:
    with pytest.raises(MessageError) as caught:
        render(source, {"v": value})
    assert caught.value.field == "replyTo"
    assert "evil" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [v for v in HOSTILE if v != "[1.2.3.4]"])
@pytest.mark.parametrize("source", ["ada@{{v}}", "Ada <ada@{{v}}>"])
def test_value_in_the_domain_stays_one_domain(source: str, value: str) -> None:
    with pytest.raises(MessageError) as caught:
        render(source, {"v": value})
    assert caught.value.field == "replyTo"
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("value", [v for v in HOSTILE if v.strip() and v.strip("\u200b") == v])
def test_value_in_the_name_stays_in_the_name(value: str) -> None:
    for source in ("{{v}} <ada@example.org>", '"{{v}}" <ada@example.org>'):
        address = render(source, {"v": value})
        assert address == Address("ada@example.org", value.strip())


@pytest.mark.parametrize("value", ["ada\u200b", "\u202eada", "=?utf-8?q?eve?=", "a" * 999])
def test_value_in_the_name_shows_all_that_it_is(value: str) -> None:
    with pytest.raises(
        MessageError, match=r"is not allowed in the replyTo|more than 998"
    ) as caught:
        render("{{v}} <ada@example.org>", {"v": value})
    assert caught.value.field == "replyTo"


@given(st.text(), st.sampled_from(["{{v}} <ada@example.org>", "{{v}}", "{{v}}@example.org"]))
def test_whatever_the_value_one_address_comes_out(value: str, source: str) -> None:
    try:
        address = render(source, {"v": value})
    except MessageError:
        return
    assert Address.plain(address.address).address == address.address
    if "<" in source:
        assert address.address == "ada@example.org"
    # Python's own parser of headers reads one address too, also where the name is hostile.
    message = EmailMessage()
    message["Reply-To"] = str(address)
    assert [each.addr_spec for each in message["Reply-To"].addresses] == [address.address]


def test_missing_variable_of_the_address_is_always_refused() -> None:
    for missing in ("error", "keep", "blank"):
        with pytest.raises(MissingVariable):
            render("{{v}}@example.org", {}, missing)
        with pytest.raises(MissingVariable):
            render("Ada <{{v}}>", {"v": None}, missing)


def test_missing_variable_of_the_name_goes_by_the_mode() -> None:
    source = "{{ v }} <ada@example.org>"
    assert render(source, {}, "keep").name == "{{ v }}"
    assert render(source, {}, "blank").name == ""
    with pytest.raises(MissingVariable):
        render(source, {})


def test_address_is_a_value() -> None:
    address = TemplateAddress("{{n}} <ada@example.org>")
    assert address == TemplateAddress("{{n}} <ada@example.org>")
    assert address != TemplateAddress("{{m}} <ada@example.org>")
    assert address != "{{n}} <ada@example.org>"
    assert hash(address) == hash(TemplateAddress("{{n}} <ada@example.org>"))
    assert pickle.loads(pickle.dumps(address)) == address  # noqa: S301 - made on the same line
    assert str(address) == "{{n}} <ada@example.org>"
    assert repr(address) == "TemplateAddress('{{n}} <ada@example.org>')"
    assert address.variables == ("n",)
