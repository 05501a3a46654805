"""The hooks of the connector ``ses``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from passpost import Capability, ConnectorInfo, Finding, Mail, Preset, Receipt, guides, hookimpl
from passpost import config as _config
from passpost_ses.check import findings
from passpost_ses.client import Ses
from passpost_ses.config import SesConfig

_CAPABILITIES: Final = frozenset(
    {
        Capability.TEXT,
        Capability.HTML,
        Capability.ALTERNATIVE,
        Capability.REPLY_TO,
        Capability.HEADERS,
        Capability.SENDER,
        Capability.CHECK_CONNECTION,
    }
)


def _preset(id_: str, english: str, chinese: str, region: str) -> Preset:
    settings = {
        "accessKeyId": "<your-access-key-id>",
        "secretAccessKey": "<your-secret-access-key>",
        "region": region,
        "fromEmail": "<your-verified-sender>",
    }
    return Preset(id_, {"en": english, "zh-CN": chinese}, settings)


@hookimpl
def connector_info() -> ConnectorInfo:
    """Describe the connector."""
    return ConnectorInfo(
        id="ses",
        name={"en": "Amazon SES", "zh-CN": "Amazon SES"},
        description={
            "en": "Sends emails through the Amazon SES API v2.",
            "zh-CN": "通过 Amazon SES 的 API v2 发送邮件。",
        },
        config_class=SesConfig,
        guide=guides("passpost_ses"),
        presets=(
            _preset("us", "US East (N. Virginia)", "美国东部（弗吉尼亚北部）", "us-east-1"),
            _preset("europe", "Europe (Frankfurt)", "欧洲（法兰克福）", "eu-central-1"),
            _preset(
                "singapore", "Asia Pacific (Singapore)", "亚太地区（新加坡）", "ap-southeast-1"
            ),
            _preset("tokyo", "Asia Pacific (Tokyo)", "亚太地区（东京）", "ap-northeast-1"),
        ),
        capabilities=_CAPABILITIES,
        stand_in="passpost_ses_stand_in:StandIn",
        marks_departure=True,
        deliveries={
            "en": "the events of the configuration set, if there is one",
            "zh-CN": "配置集的事件（如已设置配置集）",
        },
    )


@hookimpl
def parse_config(settings: Mapping[str, Any]) -> SesConfig:
    """Return the config."""
    return _config.parse(SesConfig, settings)


@hookimpl
def open_session(config: SesConfig) -> Ses:
    """Open the HTTP client that all sends share."""
    return Ses(config)


@hookimpl
async def send_mail(session: Ses, mail: Mail) -> Receipt:
    """Send one email, once."""
    return await session.send(mail)


@hookimpl
async def check_connection(config: SesConfig, session: Ses) -> Sequence[Finding]:
    """Check the access key, the account and the sender."""
    return await findings(config, session)
