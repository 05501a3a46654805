"""The stand-in is held to AWS's own client: what that sends, it accepts, and we send the same."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from passpost import Address
from passpost_ses import hooks
from passpost_ses_stand_in.server import CONFIGURATION_SET, StandIn

pytestmark = pytest.mark.anyio


def client(settings: Any) -> Any:
    return botocore.session.Session().create_client(
        "sesv2",
        region_name=settings["region"],
        endpoint_url=settings["endpoint"],
        aws_access_key_id=settings["accessKeyId"],
        aws_secret_access_key=settings["secretAccessKey"],
        aws_session_token=settings.get("sessionToken"),
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


MAIL: Any = {
    "FromEmailAddress": "Example <no-reply@example.com>",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "ReplyToAddresses": ["=?utf-8?b?5pSv5oyB?= <help@example.com>"],
    "Content": {
        "Simple": {
            "Subject": {"Data": "验证码", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "123456", "Charset": "UTF-8"},
                "Html": {"Data": "<p>123456</p>", "Charset": "UTF-8"},
            },
            "Headers": [
                {"Name": "Auto-Submitted", "Value": "auto-generated"},
                {"Name": "X-Note", "Value": "a"},
            ],
        }
    },
    "ConfigurationSetName": CONFIGURATION_SET,
}


@pytest.mark.parametrize("kind", ["settings", "temporary_settings"])
async def test_what_botocore_sends_is_accepted_and_ours_is_the_same(
    ses: StandIn, configure: Any, make_mail: Any, kind: str
) -> None:
    settings = getattr(ses, kind)
    assert client(settings).send_email(**MAIL)["MessageId"]
    config = configure(**settings, configurationSetName=CONFIGURATION_SET)
    mail = make_mail(
        subject="验证码",
        text="123456",
        html="<p>123456</p>",
        reply_to=Address("help@example.com", "支持"),
        headers={"X-Note": "a"},
    )
    async with hooks.open_session(config) as session:
        await hooks.send_mail(session, mail)
    theirs, ours = (mail.document for mail in ses.received)  # type: ignore[attr-defined]  # SES's own kind of email
    assert ours == theirs == MAIL


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda ses: {"wrong": True}, "InvalidSignatureException"),
        (lambda ses: ses.identities.clear(), "MessageRejected"),
        (lambda ses: ses.refuse("TooManyRequestsException", "x", 429), "TooManyRequestsException"),
        (lambda ses: setattr(ses, "sending", False), "SendingPausedException"),
    ],
)
def test_botocore_understands_the_errors(ses: StandIn, call: Any, code: str) -> None:
    wrong = call(ses)
    settings = ses.wrong_settings if wrong else ses.settings
    with pytest.raises(ClientError) as caught:
        client(settings).send_email(**MAIL)
    assert caught.value.response["Error"]["Code"] == code


def test_botocore_reads_the_account_and_identities(ses: StandIn) -> None:
    theirs = client(ses.settings)
    assert theirs.get_account()["ProductionAccessEnabled"] is True
    found = theirs.get_email_identity(EmailIdentity="success@simulator.example")
    assert found["VerifiedForSendingStatus"] is True
    with pytest.raises(ClientError, match="NotFoundException"):
        theirs.get_email_identity(EmailIdentity="nobody@example.net")
