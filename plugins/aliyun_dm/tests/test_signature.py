from __future__ import annotations

import hashlib
import string
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Secret
from passpost_aliyun_dm.signature import (
    Credentials,
    SignatureVersion,
    Stamp,
    acs3_signature,
    canonical_query,
    canonical_request,
    percent_encode,
    rpc_signature,
    sign,
)

STAMP = Stamp("2026-01-02T03:04:05Z", "0123456789abcdef")
KEY = Credentials("LTAI5tExample", Secret("secret"))
TEMPORARY = Credentials("STS.Example", Secret("secret"), Secret("tok/en=="))
ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]))


def test_version_1_0_gives_the_published_signature() -> None:
    parameters = {
        "AccessKeyId": "testid",
        "AccountName": "<a%b'>",
        "Action": "SingleSendMail",
        "AddressType": "1",
        "Format": "XML",
        "HtmlBody": "4",
        "RegionId": "cn-hangzhou",
        "ReplyToAddress": "true",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "c1b2c332-4cfb-4a0f-b8cc-ebe622aa0a5c",
        "SignatureVersion": "1.0",
        "Subject": "3",
        "TagName": "2",
        "Timestamp": "2016-10-20T06:27:56Z",
        "ToAddress": "1@test.com",
        "Version": "2015-11-23",
    }
    canonical = canonical_query(parameters)
    assert rpc_signature(canonical, Secret("testsecret")) == "llJfXJjBW3OacrVgxxsITgYaYm0="


def test_version_3_gives_the_published_signature() -> None:
    body_hash = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": body_hash,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
    query = canonical_query({"RegionId": "cn-shanghai", "ImageId": image}).decode()
    canonical, signed = canonical_request("POST", "/", query, headers, body_hash)
    assert signed == (
        "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    )
    assert hashlib.sha256(canonical.encode()).hexdigest() == (
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    )
    assert acs3_signature(canonical, Secret("YourAccessKeySecret")) == (
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@given(ENCODABLE)
def test_encoding_is_that_of_rfc_3986(text: str) -> None:
    assert percent_encode(text).decode() == quote(text, safe="~")


def test_every_octet_is_encoded_or_left_alone() -> None:
    unreserved = string.ascii_letters + string.digits + "-_.~"
    every = "".join(map(chr, range(256)))
    assert percent_encode(unreserved).decode() == unreserved
    assert percent_encode(every).decode() == quote(every, safe="~")
    assert percent_encode(" +%2B") == b"%20%2B%252B"


@given(st.dictionaries(ENCODABLE.filter(bool), ENCODABLE, min_size=1))
def test_a_form_says_what_was_put_into_it(parameters: dict[str, str]) -> None:
    body = canonical_query(parameters).decode()
    assert dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True)) == parameters


@pytest.mark.parametrize("version", ["3", "1.0"])
def test_signing_is_pure(version: SignatureVersion) -> None:
    made = [sign(version, KEY, STAMP, host="h", action="A", form={"B": "ü &=%"}) for _ in range(2)]
    assert made[0] == made[1]


def test_version_3_keeps_the_body_to_the_parameters() -> None:
    signed = sign("3", KEY, STAMP, host="dm.aliyuncs.com", action="SingleSendMail", form={"A": "1"})
    assert signed.body == b"A=1"
    assert signed.query == ""
    assert signed.headers["x-acs-content-sha256"] == hashlib.sha256(b"A=1").hexdigest()
    assert signed.headers["authorization"].startswith(
        "ACS3-HMAC-SHA256 Credential=LTAI5tExample,SignedHeaders=content-type;host;x-acs-action;"
    )


def test_version_1_0_has_everything_in_the_body() -> None:
    signed = sign("1.0", KEY, STAMP, host="h", action="A", form={"B": "2"}, query={"C": "3"})
    form = dict(parse_qsl(signed.body.decode()))
    assert signed.headers == {"host": "h", "content-type": "application/x-www-form-urlencoded"}
    assert signed.query == ""
    assert form.pop("Signature")
    assert form == {
        "AccessKeyId": "LTAI5tExample",
        "Action": "A",
        "B": "2",
        "C": "3",
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": STAMP.nonce,
        "SignatureVersion": "1.0",
        "Timestamp": STAMP.time,
        "Version": "2015-11-23",
    }


def test_a_token_is_signed_with_either_version() -> None:
    signed = sign("3", TEMPORARY, STAMP, host="h", action="A")
    assert signed.headers["x-acs-security-token"] == "tok/en=="
    assert ";x-acs-accesskey-id;" in signed.headers["authorization"]
    assert ";x-acs-security-token;" in signed.headers["authorization"]
    assert (
        b"&SecurityToken=tok%2Fen%3D%3D&"
        in sign("1.0", TEMPORARY, STAMP, host="h", action="A").body
    )


def test_stamps_differ() -> None:
    stamps = {Stamp.fresh().nonce for _ in range(100)}
    assert len(stamps) == 100
    assert Stamp.fresh().time.endswith("Z")


def test_nothing_of_a_signed_request_shows() -> None:
    signed = sign("3", TEMPORARY, STAMP, host="h", action="A", form={"Code": "123456"})
    assert "123456" not in repr(signed)
    assert "tok/en" not in repr(signed)
    assert "tok/en" not in repr(TEMPORARY)
