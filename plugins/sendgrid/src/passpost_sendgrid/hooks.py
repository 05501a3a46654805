"""The hooks of the connector ``sendgrid``: SendGrid's ``POST /v3/mail/send``."""

from collections.abc import Mapping
from typing import Any, Final

from passpost import Capability, ConnectorInfo, Mail, Preset, Receipt, guides, hookimpl
from passpost import config as _config
from passpost.http import HttpClient, ascii_headers, identifier, literal, mailbox
from passpost_sendgrid import __version__
from passpost_sendgrid.check import check_connection as check_connection  # noqa: PLC0414 - a hook
from passpost_sendgrid.config import SendGridConfig
from passpost_sendgrid.errors import fault_of

_PRESET: Final = {"apiKey": "<your-api-key>", "fromEmail": "<your-verified-sender>"}
_EU: Final = {**_PRESET, "endpoint": "api.eu.sendgrid.com"}


@hookimpl
def connector_info() -> ConnectorInfo:
    """Describe the connector."""
    return ConnectorInfo(
        id="sendgrid",
        name={"en": "SendGrid", "zh-CN": "SendGrid"},
        description={
            "en": "Sends emails through the SendGrid v3 API.",
            "zh-CN": "通过 SendGrid v3 API 发送邮件。",
        },
        config_class=SendGridConfig,
        guide=guides("passpost_sendgrid"),
        presets=(
            Preset("global", {"en": "Global", "zh-CN": "全球"}, _PRESET),
            Preset("eu", {"en": "European Union", "zh-CN": "欧盟"}, _EU),
        ),
        capabilities={
            Capability.TEXT, Capability.HTML, Capability.ALTERNATIVE, Capability.HEADERS,
            Capability.REPLY_TO, Capability.SENDER, Capability.CHECK_CONNECTION,
        },
        stand_in="passpost_sendgrid_stand_in:StandIn",
        marks_departure=True,
        deliveries={
            "en": "Activity in SendGrid's console, by the message ID",
            "zh-CN": "SendGrid 控制台的 *Activity*，按邮件 ID 查找",
        },
    )  # fmt: skip


@hookimpl
def parse_config(settings: Mapping[str, Any]) -> SendGridConfig:
    """Return the config."""
    return _config.parse(SendGridConfig, settings)


@hookimpl
def open_session(config: SendGridConfig) -> HttpClient:
    """Open the HTTP client that all sends share."""
    return HttpClient(config, config.base, f"passpost-sendgrid/{__version__}")


@hookimpl
async def send_mail(config: SendGridConfig, session: HttpClient, mail: Mail) -> Receipt:
    """Send one email, once."""
    headers = {"authorization": f"Bearer {config.api_key.reveal()}"}
    response = await session.post_json("/v3/mail/send", _body(config, mail), headers, mail)
    if response.status == 202:  # noqa: PLR2004 - Accepted: 200 would mean that nothing is queued
        return Receipt(provider_id=identifier(response.headers.get("x-message-id")))
    raise response.error("SendGrid", fault_of(response))


def _body(config: SendGridConfig, mail: Mail) -> dict[str, Any]:
    contents = (("text/plain", mail.text), ("text/html", mail.html))
    reply_to = mail.reply_to or config.reply_to
    return {
        "personalizations": [{"to": [mailbox(mail.to)]}],
        "from": mailbox(mail.sender or config.from_email),
        **({"reply_to": mailbox(reply_to)} if reply_to else {}),
        "subject": literal(mail.subject or ""),
        "content": [{"type": kind, "value": text} for kind, text in contents if text],
        "headers": ascii_headers(mail.headers, {"Auto-Submitted": "auto-generated"}),
        # Anyone who has the link can sign in, so that SendGrid must not rewrite it.
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }
