from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import passpost
from passpost import Capability, Host, SendError
from passpost.config import LANGUAGES, placeholders, reference_table, warnings
from passpost_aliyun_dm import hooks
from passpost_aliyun_dm.config import AliyunDmConfig
from passpost_aliyun_dm_stand_in.server import StandIn

INFO = hooks.connector_info()
TEMPLATES = [
    {"usageType": usage, "subject": "Your code {{code}}", "content": "<p>{{code}}</p>"}
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
]


@pytest.fixture
def host() -> Host:
    made = Host(environ={})
    made.register(hooks)
    return made


def test_it_describes_itself() -> None:
    assert INFO.id == "aliyun-dm"
    assert INFO.config_class is AliyunDmConfig
    assert Capability.ALTERNATIVE not in INFO.capabilities
    for texts in (INFO.name, INFO.description, INFO.guide):
        assert all(texts[language] for language in LANGUAGES)


def test_every_setting_is_explained_in_every_language() -> None:
    for language in LANGUAGES:
        table = reference_table(AliyunDmConfig, language)
        for key in ("accessKeyId", "endpoint", "totalTimeout"):
            assert f"`{key}`" in table


@pytest.mark.parametrize("preset", INFO.presets, ids=lambda preset: preset.id)
def test_presets_parse(preset: Any) -> None:
    config = hooks.parse_config({**preset.settings, "templates": TEMPLATES})
    assert {problem.path for problem in warnings(config)} == {
        "accessKeyId", "accessKeySecret", "accountName", "fromAlias",
    }  # fmt: skip
    assert placeholders(config)
    assert all(preset.name[language] for language in LANGUAGES)


def test_parsing_leaves_the_settings_alone() -> None:
    settings: Mapping[str, Any] = {
        "accessKeyId": "a", "accessKeySecret": "b", "accountName": "a@example.com",
    }  # fmt: skip
    before = dict(settings)
    hooks.parse_config(settings)
    assert settings == before


def test_it_sends_through_the_host(aliyun: StandIn, host: Host) -> None:
    connector = host.configure("aliyun-dm", {**aliyun.settings, "templates": TEMPLATES})
    message = passpost.Message(to="ada@example.com", usage="SignIn", payload={"code": "123456"})
    with passpost.Mailer(connector) as mailer:
        receipt = mailer.send(message)
    (mail,) = aliyun.received
    assert (mail.subject, mail.html) == ("Your code 123456", "<p>123456</p>")
    assert mail.headers["Message-ID"] == receipt.message_id
    assert receipt.provider_id


def test_it_sends_what_its_capabilities_say(aliyun: StandIn, host: Host) -> None:
    template = {
        "usageType": "Generic",
        "subject": "a",
        "content": "b",
        "contentType": "text/plain",
        "replyTo": "help@example.com",
        "sendFrom": "Accounts <accounts@mail.example.com>",
    }
    connector = host.configure("aliyun-dm", {**aliyun.settings, "templates": [template]})
    message = passpost.Message(to="ada@example.com", usage="Generic", headers={"X-User-Id": "7"})
    with passpost.Mailer(connector) as mailer:
        mailer.send(message)
    (mail,) = aliyun.received
    assert mail.sender == "Accounts <accounts@mail.example.com>"
    assert mail.text == "b"
    assert mail.parameters["ReplyAddress"] == "help@example.com"
    assert mail.headers["X-User-Id"] == "7"


def test_a_wrong_key_is_said_with_its_cure(aliyun: StandIn, host: Host) -> None:
    connector = host.configure("aliyun-dm", {**aliyun.wrong_settings, "templates": TEMPLATES})
    message = passpost.Message(to="ada@example.com", usage="SignIn", payload={"code": "123456"})
    with passpost.Mailer(connector) as mailer, pytest.raises(SendError) as caught:
        mailer.send(message)
    assert caught.value.provider_code == "SignatureDoesNotMatch"
    assert "accessKeySecret" in (caught.value.hint or "")


@pytest.mark.anyio
async def test_it_checks_through_the_host(aliyun: StandIn, host: Host) -> None:
    connector = host.configure("aliyun-dm", {**aliyun.settings, "templates": TEMPLATES})
    async with connector.hooks.open_session(connector.config, list[str]().append) as session:
        found = await connector.hooks.check_connection(connector.config, session)
    assert [finding.result for finding in found] == ["ok", "ok", "ok"]
