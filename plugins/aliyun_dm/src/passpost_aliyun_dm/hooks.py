"""The hooks of the connector ``aliyun-dm``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from passpost import Capability, ConnectorInfo, Finding, Mail, Preset, Receipt, guides, hookimpl
from passpost import config as _config
from passpost_aliyun_dm.check import findings
from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm.config import AliyunDmConfig

_CAPABILITIES: Final = frozenset(
    {
        Capability.TEXT,
        Capability.HTML,
        Capability.REPLY_TO,
        Capability.HEADERS,
        Capability.SENDER,
        Capability.MESSAGE_ID,
        Capability.CHECK_CONNECTION,
    }
)


def _preset(id_: str, english: str, chinese: str, region: str) -> Preset:
    settings = {
        "accessKeyId": "<your-access-key-id>",
        "accessKeySecret": "<your-access-key-secret>",
        "accountName": "<your-sender-address>",
        "fromAlias": "<your-name>",
        "regionId": region,
    }
    return Preset(id_, {"en": english, "zh-CN": chinese}, settings)


@hookimpl
def connector_info() -> ConnectorInfo:
    """Describe the connector."""
    return ConnectorInfo(
        id="aliyun-dm",
        name={"en": "Aliyun Direct Mail", "zh-CN": "阿里云邮件推送"},
        description={
            "en": "Sends emails through the API of Aliyun (Alibaba Cloud) Direct Mail.",
            "zh-CN": "通过阿里云邮件推送 API 发送邮件。",
        },
        config_class=AliyunDmConfig,
        guide=guides("passpost_aliyun_dm"),
        presets=(
            _preset("china", "China (Hangzhou)", "中国（杭州）", "cn-hangzhou"),
            _preset("singapore", "Singapore", "新加坡", "ap-southeast-1"),
            _preset("germany", "Germany (Frankfurt)", "德国（法兰克福）", "eu-central-1"),
            _preset("us", "US (Virginia)", "美国（弗吉尼亚）", "us-east-1"),
        ),
        capabilities=_CAPABILITIES,
        stand_in="passpost_aliyun_dm_stand_in:StandIn",
        marks_departure=True,
        deliveries={
            "en": "Data Statistics (数据统计) in the console of Direct Mail",
            "zh-CN": "邮件推送控制台的“数据统计”",
        },
    )


@hookimpl
def parse_config(settings: Mapping[str, Any]) -> AliyunDmConfig:
    """Return the config."""
    return _config.parse(AliyunDmConfig, settings)


@hookimpl
@asynccontextmanager
async def open_session(config: AliyunDmConfig) -> AsyncIterator[DirectMail]:
    """Open the HTTP client that all sends share."""
    async with DirectMail(config) as session:
        yield session


@hookimpl
async def send_mail(session: DirectMail, mail: Mail) -> Receipt:
    """Send one email, once."""
    return await session.send(mail)


@hookimpl
async def check_connection(config: AliyunDmConfig, session: DirectMail) -> Sequence[Finding]:
    """Check the access key, the account and the sender address."""
    return await findings(config, session)
