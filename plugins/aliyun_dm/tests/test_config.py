from __future__ import annotations

from typing import Any

import pytest

from passpost import ConfigError
from passpost.config import placeholders, warnings
from passpost_aliyun_dm.hooks import parse_config
from passpost_aliyun_dm.regions import REGIONS

TEMPLATES = [
    {"usageType": usage, "subject": "Your code", "content": "<p>{{code}}</p>"}
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
]
SETTINGS: dict[str, Any] = {
    "accessKeyId": "LTAI5tExample",
    "accessKeySecret": "KeptToItself",
    "accountName": "no-reply@mail.example.com",
    "templates": TEMPLATES,
}


def problems(**settings: Any) -> list[tuple[str, str]]:
    """Return path and severity of all that is wrong with settings."""
    try:
        config = parse_config({**SETTINGS, **settings})
    except ConfigError as error:
        return [(problem.path, problem.severity) for problem in error.problems]
    return [(problem.path, problem.severity) for problem in warnings(config)]


def test_the_least_settings() -> None:
    config = parse_config(SETTINGS)
    assert warnings(config) == ()
    assert config.base == "https://dm.aliyuncs.com"
    assert config.sender.address == "no-reply@mail.example.com"
    assert config.signature_version == "3"
    assert config.reply_to is None
    assert config.default_content_type == "text/html"
    assert "KeptToItself" not in repr(config)


@pytest.mark.parametrize("region", REGIONS)
def test_known_regions_have_their_endpoints(region: str) -> None:
    expected = "dm.aliyuncs.com" if region == "cn-hangzhou" else f"dm.{region}.aliyuncs.com"
    assert parse_config({**SETTINGS, "regionId": region}).base == f"https://{expected}"
    assert problems(regionId=region) == []


def test_an_unknown_region_is_a_warning_with_the_nearest() -> None:
    config = parse_config({**SETTINGS, "regionId": "ap-southeast1"})
    assert config.base == "https://dm.ap-southeast1.aliyuncs.com"
    (warning,) = warnings(config)
    assert (warning.path, warning.severity) == ("regionId", "warning")
    assert "`ap-southeast-1`" in warning.remedy


def test_an_endpoint_stands_in_for_any_region() -> None:
    settings = {"regionId": "cn-shanghai", "endpoint": "dm-vpc.cn-shanghai.aliyuncs.com"}
    assert problems(**settings) == []
    assert parse_config({**SETTINGS, **settings}).base == "https://dm-vpc.cn-shanghai.aliyuncs.com"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"regionId": "cn hangzhou"}, ("regionId", "error")),
        ({"regionId": "evil.example/"}, ("regionId", "error")),
        ({"regionId": ""}, ("regionId", "error")),
        ({"regionId": "mars-north-1"}, ("regionId", "warning")),
        ({"endpoint": "http://dm.aliyuncs.com"}, ("endpoint", "error")),
        ({"accessKeyId": ""}, ("accessKeyId", "error")),
        ({"accessKeyId": "a,b"}, ("accessKeyId", "error")),
        ({"accessKeyId": " LTAI5t"}, ("accessKeyId", "error")),
        ({"accessKeyId": "LTAI\r\nX: y"}, ("accessKeyId", "error")),
        ({"accessKeyId": "STS.abc"}, ("accessKeyId", "warning")),
        ({"accessKeySecret": "a b"}, ("accessKeySecret", "error")),
        ({"accessKeySecret": "é"}, ("accessKeySecret", "error")),
        ({"accessKeySecret": 7}, ("accessKeySecret", "error")),
        ({"securityToken": "a b"}, ("securityToken", "error")),
        ({"securityToken": "a\nb"}, ("securityToken", "error")),
        ({"accountName": "Name <a@example.com>"}, ("accountName", "error")),
        ({"accountName": "a@example.com,b@example.com"}, ("accountName", "error")),
        ({"fromAlias": "x" * 16}, ("fromAlias", "error")),
        ({"fromAlias": "a\u2028b"}, ("fromAlias", "error")),
        ({"replyTo": "nobody"}, ("replyTo", "error")),
        ({"tagName": "a b"}, ("tagName", "error")),
        ({"tagName": "x" * 129}, ("tagName", "error")),
        ({"clickTrace": True}, ("clickTrace", "warning")),
        ({"clickTrace": "true"}, ("clickTrace", "error")),
        ({"signatureVersion": "2"}, ("signatureVersion", "error")),
        ({"connectTimeout": 0}, ("connectTimeout", "error")),
        ({"readTimeout": "soon"}, ("readTimeout", "error")),
        ({"totalTimeout": 10_000_000}, ("totalTimeout", "error")),
    ],
)
def test_what_is_wrong_is_said(settings: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in problems(**settings)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("x" * 100, []),
        ("x" * 101, [("templates[0].subject", "warning")]),
        ("x" * 257, [("templates[0].subject", "error")]),
        ("x" * 95 + "{{user.name}} {{code}}", []),
        ("x" * 256, [("templates[0].subject", "warning")]),
    ],
)
def test_long_subjects_are_noticed(subject: str, expected: list[tuple[str, str]]) -> None:
    templates = [{**TEMPLATES[0], "subject": subject}, *TEMPLATES[1:]]
    assert problems(templates=templates) == expected


def test_all_problems_come_at_once() -> None:
    wrong = problems(
        accessKeyId="a,b", fromAlias="x" * 16, regionId="?", endpoint="ftp://x", unknown=1
    )
    assert {path for path, _ in wrong} == {
        "accessKeyId", "fromAlias", "regionId", "endpoint", "unknown",
    }  # fmt: skip


def test_numbers_may_be_text() -> None:
    assert parse_config({**SETTINGS, "readTimeout": "2500"}).read_timeout == 2500


def test_placeholders_parse_and_are_named() -> None:
    settings = {
        "accessKeyId": "< your-access-key-id >",
        "accessKeySecret": "<your-access-key-secret>",
        "accountName": "< your-sender-address >",
        "fromAlias": "< your-very-long-name >",
        "tagName": "< your tag >",
    }
    config = parse_config({**SETTINGS, **settings})
    assert {problem.path for problem in placeholders(config)} == {
        "accessKeyId", "accessKeySecret", "accountName", "fromAlias", "tagName",
    }  # fmt: skip
    assert {problem.path for problem in warnings(config)} == set(settings)
