"""What is wrong with a sender's domain is named, with the record that mends it."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import sys
from pathlib import Path

import pytest

from passpost.phrases import translated
from passpost_tools.doctor.diagnosis import Diagnosis
from passpost_tools.doctor.dmarc import read_dmarc
from passpost_tools.doctor.names import Names
from passpost_tools.doctor.sender import check_sender

sys.path.insert(0, str(Path(__file__).parent))
from name_server import Records, serving

MX = "MX 10 mx.example.com."
GMAIL = {
    "example.com": [MX, "TXT v=spf1 include:_spf.google.com ~all"],
    "_spf.google.com": ["TXT v=spf1 ip4:192.0.2.0/24 ~all"],
    "_dmarc.example.com": ["TXT v=DMARC1; p=none; rua=mailto:d@example.com"],
    "google._domainkey.example.com": [],
}


def key(octets: int) -> str:
    return base64.b64encode(b"x" * octets).decode()


def rsa(octets: int) -> list[str]:
    record = f"v=DKIM1; k=rsa; p={key(octets)}"
    return ["TXT " + '" "'.join(record[at : at + 200] for at in range(0, len(record), 200))]


GMAIL["google._domainkey.example.com"] = rsa(294)


def diagnose(
    records: Records,
    host: str = "smtp.gmail.com",
    domain: str = "example.com",
    addresses: tuple[str, ...] = (),
) -> list[Diagnosis]:
    async def run() -> list[Diagnosis]:
        async with serving(records) as (_, resolver):
            found = check_sender(domain, host, Names(resolver), addresses=addresses)
            return [one async for one in found]

    return asyncio.run(run())


def wrong(found: list[Diagnosis]) -> list[str]:
    return [one.id for one in found if one.result != "ok"]


def test_a_healthy_domain_has_no_findings() -> None:
    found = diagnose(GMAIL)
    assert wrong(found) == []
    assert {one.id for one in found} == {"domain.ok", "spf.ok", "dkim.ok", "dmarc.ok"}


def without(*names: str, **changed: list[str]) -> dict[str, list[str]]:
    kept = {name: list(found) for name, found in GMAIL.items() if name not in names}
    return {**kept, **{name.replace("__", "."): found for name, found in changed.items()}}


def spf(*records: str, **more: list[str]) -> dict[str, list[str]]:
    return {**GMAIL, "example.com": [MX, *(f"TXT {record}" for record in records)], **more}


def chain(count: int) -> dict[str, list[str]]:
    names = {
        f"s{n}.example.net": [f"TXT v=spf1 include:s{n + 1}.example.net ~all"] for n in range(count)
    }
    return {**names, f"s{count}.example.net": ["TXT v=spf1 -all"]}


GOOGLE = "include:_spf.google.com"
FAULTS = {
    "a domain that does not exist": ({}, "domain.missing"),
    "a domain that accepts no email": (
        spf(f"v=spf1 {GOOGLE} ~all") | {"example.com": ["MX 0 .", f"TXT v=spf1 {GOOGLE} ~all"]},
        "domain.null-mx",
    ),
    "no SPF": (spf(), "spf.missing"),
    "two SPF records": (spf(f"v=spf1 {GOOGLE} ~all", "v=spf1 -all"), "spf.several"),
    "another provider's SPF": (
        spf("v=spf1 mx ~all") | {"mx.example.com": ["A 192.0.2.1"]},
        "spf.provider",
    ),
    "everybody may send": (spf(f"v=spf1 {GOOGLE} +all"), "spf.open"),
    "eleven look-ups": (
        spf(f"v=spf1 {GOOGLE} include:s0.example.net ~all") | chain(9),
        "spf.lookups",
    ),
    "three void look-ups": (
        spf(f"v=spf1 {GOOGLE} a:v1.example.net a:v2.example.net exists:v3.example.net ~all"),
        "spf.void",
    ),
    "a loop": (
        spf(f"v=spf1 {GOOGLE} include:a.example.net ~all")
        | {"a.example.net": ["TXT v=spf1 include:example.com ~all"]},
        "spf.loop",
    ),
    "an include without a record": (
        spf(f"v=spf1 {GOOGLE} include:b.example.net ~all") | {"b.example.net": ["TXT hello"]},
        "spf.include",
    ),
    "a misspelt mechanism": (spf(f"v=spf1 {GOOGLE} ipv4:192.0.2.1 ~all"), "spf.syntax"),
    "an invalid address": (spf(f"v=spf1 {GOOGLE} ip4:192.0.2.256 ~all"), "spf.syntax"),
    "no DKIM key": (without("google._domainkey.example.com"), "dkim.missing"),
    "a withdrawn key": (
        GMAIL | {"google._domainkey.example.com": ["TXT v=DKIM1; p="]},
        "dkim.revoked",
    ),
    "a key of 512 bits": (GMAIL | {"google._domainkey.example.com": rsa(94)}, "dkim.weak"),
    "a key of 1024 bits": (GMAIL | {"google._domainkey.example.com": rsa(162)}, "dkim.short"),
    "a key that was cut off": (
        GMAIL | {"google._domainkey.example.com": ["TXT v=DKIM1; p=MIIBI*"]},
        "dkim.invalid",
    ),
    "no DMARC": (without("_dmarc.example.com"), "dmarc.missing"),
    "two DMARC records": (
        GMAIL | {"_dmarc.example.com": ["TXT v=DMARC1; p=none", "TXT v=DMARC1; p=reject"]},
        "dmarc.several",
    ),
    "a misspelt policy": (
        GMAIL | {"_dmarc.example.com": ["TXT v=DMARC1; p=quarantaine"]},
        "dmarc.syntax",
    ),
    "a chain without an end": (
        spf("v=spf1 redirect=r0.example.net")
        | {f"r{n}.example.net": [f"TXT v=spf1 redirect=r{n + 1}.example.net"] for n in range(60)},
        "spf.lookups",
    ),
    "a name server that fails": (GMAIL | {"_dmarc.example.com": ["SERVFAIL"]}, "dmarc.unanswered"),
}


@pytest.mark.parametrize(("records", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_by_its_cause(records: Records, expected: str) -> None:
    found = diagnose(records)
    # A domain without anything lacks the rest as well.
    assert wrong(found)[0] == expected
    if expected != "domain.missing":
        assert wrong(found) == [expected]
    first = next(one for one in found if one.id == expected)
    assert first.remedy or first.result == "skipped"
    assert translated(first.evidence, "zh-CN") != first.evidence
    assert "\u4e00" <= translated(first.remedy or "一", "zh-CN")[0] <= "\u9fff"


@pytest.mark.parametrize(
    "term",
    [
        "include:..", "include:", f"include:{'a' * 64}.com", "exists:ü.example.net", "redirect=",
        "a:", "a:/24", "a/33", "mx//129", "mx:a..b", "all:x",
    ],
)  # fmt: skip
def test_a_term_that_nobody_can_ask_for_is_named(term: str) -> None:
    found = diagnose(spf(f"v=spf1 {GOOGLE} {term} ~all"))
    assert wrong(found) == ["spf.syntax"]
    assert any(f"`{term[:60]}`" in one.evidence for one in found)


@pytest.mark.parametrize(
    "term", ["a/24", "mx//64", "a:b.example.net/8//32", "exists:%{d/}.x", "x=y"]
)
def test_a_term_that_is_valid_is_not_named(term: str) -> None:
    records = spf(f"v=spf1 {GOOGLE} {term} ~all")
    assert "spf.syntax" not in wrong(diagnose(records))


def test_a_name_that_ends_like_all_does_not_hide_a_redirect() -> None:
    more = {"firewall": ["A 192.0.2.1"], "s.example.net": [f"TXT v=spf1 {GOOGLE} ~all"]}
    assert wrong(diagnose(spf("v=spf1 a:firewall redirect=s.example.net", **more))) == []


def test_no_record_is_offered_that_changes_nothing() -> None:
    more = {"s.example.net": [f"TXT v=spf1 {GOOGLE} +all"]}
    found = diagnose(spf("v=spf1 redirect=s.example.net", **more))
    (fault,) = [one for one in found if one.result != "ok"]
    assert (fault.id, fault.record) == ("spf.open", "")
    assert "redirect=" in fault.remedy


def test_a_long_record_to_paste_is_in_parts_that_a_name_server_accepts() -> None:
    record = f"v=spf1 {' '.join(f'ip4:192.0.2.{n}' for n in range(30))} ~all"
    parts = '" "'.join(record[at : at + 100] for at in range(0, len(record), 100))
    found = diagnose(spf(parts))
    (written,) = [one.record for one in found if one.record]
    strings = re.findall(r'"([^"]*)"', written)
    assert max(map(len, strings)) == 255
    assert "".join(strings) == record.replace("~all", f"{GOOGLE} ~all")


def test_emails_that_fail_the_policy_are_an_error() -> None:
    records = spf("v=spf1 -all") | {"_dmarc.example.com": ["TXT v=DMARC1; p=reject"]}
    del records["google._domainkey.example.com"]
    found = diagnose(records)
    assert [(one.id, one.result) for one in found if one.result != "ok"] == [
        ("spf.provider", "warning"),
        ("dkim.missing", "warning"),
        ("dmarc.unaligned", "error"),
    ]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (spf(), 'example.com. IN TXT "v=spf1 include:_spf.google.com ~all"'),
        (
            spf("v=spf1 mx -all") | {"mx.example.com": ["A 192.0.2.1"]},
            'example.com. IN TXT "v=spf1 mx include:_spf.google.com -all"',
        ),
        (spf(f"v=spf1 {GOOGLE} +all"), f'example.com. IN TXT "v=spf1 {GOOGLE} ~all"'),
        (without("_dmarc.example.com"), '_dmarc.example.com. IN TXT "v=DMARC1; p=none"'),
    ],
)
def test_the_record_to_paste_mends_it(records: dict[str, list[str]], expected: str) -> None:
    found = diagnose(records)
    assert [one.record for one in found if one.record] == [expected]
    name, _, text = expected.partition(". IN TXT ")
    kept = [r for r in records.get(name, []) if not r.startswith("TXT v=spf1")]
    assert wrong(diagnose({**records, name: [*kept, f"TXT {text.strip(chr(34))}"]})) == []


def test_a_policy_above_is_found_by_the_tree_walk() -> None:
    deep = "a.b.c.d.e.f.g.h.i.example.com"

    async def run() -> list[str]:
        async with serving({"_dmarc.example.com": ["TXT v=DMARC1; p=reject; sp=none"]}) as (
            server,
            resolver,
        ):
            dmarc = await read_dmarc(deep, Names(resolver))
            assert dmarc is not None
            assert (dmarc.domain, dmarc.policy(deep), dmarc.policy("example.com")) == (
                "example.com",
                "none",
                "reject",
            )
            return server.asked

    asked = asyncio.run(run())
    assert asked[0] == f"TXT _dmarc.{deep}"
    assert asked[1] == "TXT _dmarc.e.f.g.h.i.example.com"
    assert len(asked) <= 8


def test_a_provider_with_a_return_path_of_its_own_needs_no_spf() -> None:
    records = {"example.com": [MX], "_dmarc.example.com": ["TXT v=DMARC1; p=reject"]}
    assert wrong(diagnose(records, "email-smtp.eu-west-1.amazonaws.com")) == []


def test_a_providers_own_domain_is_the_providers_business() -> None:
    records = {"gmail.com": ["MX 5 gmail-smtp-in.l.google.com."]}
    assert wrong(diagnose(records, "smtp.gmail.com", "gmail.com")) == []


def test_a_sending_address_needs_a_name_that_leads_back() -> None:
    records = {
        "example.com": [MX, "TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all"],
        "_dmarc.example.com": ["TXT v=DMARC1; p=none"],
        "1.2.0.192.in-addr.arpa": ["PTR mail.example.com."],
        "2.2.0.192.in-addr.arpa": ["PTR other.example.com."],
        "mail.example.com": ["A 192.0.2.1"],
    }
    found = diagnose(records, "mail.example.com", addresses=("192.0.2.1", "192.0.2.2"))
    assert wrong(found) == ["ptr.missing"]


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:0DB8::0001"])
def test_an_address_is_known_in_each_spelling(address: str) -> None:
    reverse = ipaddress.ip_address(address).reverse_pointer
    records = {
        "example.com": [MX, "TXT v=spf1 -all"],
        reverse: ["PTR mail.example.com."],
        "mail.example.com": ["AAAA 2001:db8::1"],
    }
    found = diagnose(records, "mail.example.com", addresses=(address,))
    assert "ptr.ok" in {one.id for one in found}


def test_an_address_with_a_zone_has_no_name() -> None:
    found = diagnose(GMAIL, addresses=("fe80::1%eth0",))
    assert wrong(found) == ["ptr.missing"]


def test_an_address_with_many_names_is_not_asked_of_each() -> None:
    async def run() -> int:
        many = {"1.2.0.192.in-addr.arpa": [f"PTR n{n}.example.net." for n in range(99)]}
        async with serving({**GMAIL, **many}) as (server, resolver):
            found = check_sender("example.com", "", Names(resolver), addresses=["192.0.2.1"])
            assert [one.id async for one in found][-1] == "ptr.missing"
            return sum(one.startswith("A n") for one in server.asked)

    assert asyncio.run(run()) == 10


def test_without_any_name_server_each_step_says_so() -> None:
    names = ("example.com", "_dmarc.example.com", "google._domainkey.example.com")
    silent = {name: ["SERVFAIL"] for name in names}
    found = diagnose(silent)
    assert {one.result for one in found} == {"skipped"}
    assert {one.id for one in found} == {
        f"{name}.unanswered" for name in ("domain", "spf", "dkim", "dmarc")
    }
