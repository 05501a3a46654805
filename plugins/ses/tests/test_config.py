from __future__ import annotations

from typing import Any

import pytest

from passpost import ConfigError
from passpost.config import warnings
from passpost_ses import hooks
from passpost_ses.client import Ses
from passpost_ses.config import SesConfig

GOOD = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG",
    "region": "eu-central-1",
    "fromEmail": "Example <no-reply@example.com>",
}


def parse(**settings: Any) -> SesConfig:
    return hooks.parse_config({**GOOD, **settings})


def refused(**settings: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(**settings)
    return {p.path: p.remedy for p in caught.value.problems if p.severity == "error"}


def warned(**settings: Any) -> dict[str, str]:
    return {problem.path: problem.remedy for problem in warnings(parse(**settings))}


def test_where_requests_go() -> None:
    assert parse().base == "https://email.eu-central-1.amazonaws.com"
    assert parse(endpoint="vpce-1.email.example").base == "https://vpce-1.email.example"
    assert Ses(parse())._http.host == "email.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("accessKeyId", "AKIA"),
        ("accessKeyId", "AKIAIOSFODNN7 XAMPLE"),
        ("accessKeyId", "AKIAIOSFODNN7,XAMPLE"),
        ("secretAccessKey", "a b"),
        ("sessionToken", "a\u00e9"),
        ("region", "Frankfurt"),
        ("region", "eu-central-1.evil.example"),
        ("region", "eu-central-1/"),
        ("configurationSetName", "a b"),
        ("configurationSetName", "x" * 65),
        ("fromEmail", "jörg@example.com"),
    ],
)
def test_what_is_refused(key: str, value: str) -> None:
    assert set(refused(**{key: value})) == {key}


def test_a_region_that_was_misspelt_is_guessed() -> None:
    assert "eu-central-1" in refused(region="eu_central_1")["region"]
    assert "eu-central-1" in warned(region="eu-centrl-1")["region"]
    assert warned(region="xx-nowhere-1")["region"] == "choose a region in the AWS console"
    assert "region" not in warned(region="xx-nowhere-1", endpoint="h.example")


def test_a_temporary_key_wants_its_token() -> None:
    assert "sessionToken" in warned(accessKeyId="ASIAIOSFODNN7EXAMPLE")["accessKeyId"]
    assert warned(accessKeyId="ASIAIOSFODNN7EXAMPLE", sessionToken="t") == {}


def test_placeholders_may_stand_anywhere() -> None:
    names = ("accessKeyId", "secretAccessKey", "region", "fromEmail", "configurationSetName")
    found = warned(**dict.fromkeys(names, "<fill in>"))
    assert set(found) == set(names)


@pytest.mark.parametrize("preset", hooks.connector_info().presets, ids=lambda preset: preset.id)
def test_presets(preset: Any) -> None:
    found = {problem.path for problem in warnings(hooks.parse_config(preset.settings))}
    assert found == {"accessKeyId", "secretAccessKey", "fromEmail"}
