"""The stand-in is held to the official SDK, and what the connector sends to what the SDK sends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from alibabacloud_dm20151123.client import Client
from alibabacloud_dm20151123.models import (
    DescAccountSummaryRequest,
    QueryMailAddressByParamRequest,
    SingleSendMailRequest,
)
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions

from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm_stand_in.server import SENDER, StandIn

# What the SDK signs with: its default, and the older algorithm of RPC version 1.0.
ALGORITHMS = {"3": None, "1.0": "v2"}

HARD = "Grüße +&=%~* 您好 \U0001f4ec \"'<b>"


def sdk(settings: Any, version: str) -> Client:
    return Client(
        Config(
            access_key_id=settings["accessKeyId"],
            access_key_secret=settings["accessKeySecret"],
            security_token=settings.get("securityToken"),
            endpoint=settings["endpoint"].removeprefix("http://"),
            protocol="HTTP",
            signature_algorithm=ALGORITHMS[version],
        )
    )


def request(**parts: Any) -> SingleSendMailRequest:
    return SingleSendMailRequest(
        account_name=SENDER,
        address_type=1,
        reply_to_address=False,
        to_address="ada@example.com",
        subject=HARD,
        from_alias="Example",
        headers='{"Message-ID": "<0123456789abcdef@mail.example.com>"}',
        **parts,
    )


@pytest.fixture(params=["permanent", "temporary"])
def settings(request: pytest.FixtureRequest, aliyun: StandIn) -> Any:
    return aliyun.settings if request.param == "permanent" else aliyun.temporary_settings


@pytest.mark.parametrize("version", ALGORITHMS)
def test_the_stand_in_accepts_what_the_sdk_signs(
    aliyun: StandIn, settings: Any, version: str
) -> None:
    client = sdk(settings, version)
    answers = [
        client.single_send_mail_with_options(request(text_body=HARD), RuntimeOptions()),
        asyncio.run(
            client.single_send_mail_with_options_async(request(html_body=HARD), RuntimeOptions())
        ),
    ]
    assert all(answer.body.env_id for answer in answers)
    assert [(mail.signature, mail.text, mail.html) for mail in aliyun.received] == [
        (version, HARD, None),
        (version, None, HARD),
    ]


@pytest.mark.parametrize("version", ALGORITHMS)
def test_the_stand_in_refuses_the_sdk_with_a_wrong_secret(aliyun: StandIn, version: str) -> None:
    client = sdk(aliyun.wrong_settings, version)
    with pytest.raises(DaraException) as caught:
        client.single_send_mail_with_options(request(text_body="x"), RuntimeOptions())
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("version", ALGORITHMS)
def test_the_stand_in_answers_what_the_sdk_looks_up(
    aliyun: StandIn, settings: Any, version: str
) -> None:
    client = sdk(settings, version)
    summary = client.desc_account_summary(DescAccountSummaryRequest()).body
    assert (summary.user_status, summary.daily_quota) == (0, 2000)
    found = client.query_mail_address_by_param(QueryMailAddressByParamRequest(key_word=SENDER)).body
    assert [entry.account_name for entry in found.data.mail_address] == [SENDER]


@pytest.mark.anyio
@pytest.mark.parametrize("version", ALGORITHMS)
@pytest.mark.parametrize("kind", ["text", "html"])
async def test_the_connector_sends_the_parameters_that_the_sdk_sends(
    aliyun: StandIn, configure: Any, make_mail: Any, version: str, kind: str
) -> None:
    config = configure(
        signatureVersion=version,
        replyTo="Help <help@example.com>",
        tagName="a-tag",
        clickTrace=True,
    )
    async with DirectMail(config) as session:
        await session.send(make_mail(**{"subject": HARD, "html": None, kind: HARD}))
    theirs = request(
        **{f"{kind}_body": HARD},
        reply_address="help@example.com",
        reply_address_alias="Help",
        tag_name="a-tag",
        click_trace="1",
    )
    client = sdk(aliyun.settings, version)
    await client.single_send_mail_with_options_async(theirs, RuntimeOptions())
    ours, sdks = (dict(mail.parameters) for mail in aliyun.received)
    # Python's bool, written by the SDK as it is; the service does not mind the case.
    assert sdks.pop("ReplyToAddress") == "False"
    assert ours.pop("ReplyToAddress") == "false"
    assert ours == sdks
