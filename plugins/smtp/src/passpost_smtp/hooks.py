"""The connector's hooks; see `passpost.hookspecs` for what each has to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from passpost import Address, Capability, ConnectorInfo, Finding, Mail, Receipt, guides, hookimpl
from passpost import config as settings_to_config
from passpost_smtp.config import SmtpConfig
from passpost_smtp.context import prepare_context
from passpost_smtp.presets import PRESETS
from passpost_smtp.session import SmtpSession


@hookimpl
def connector_info() -> ConnectorInfo:
    """Describe the connector."""
    return ConnectorInfo(
        id="smtp",
        name={"en": "SMTP", "zh-CN": "SMTP"},
        description={
            "en": "Sends through any server that speaks SMTP: Gmail, SendGrid, Aliyun, your own.",
            "zh-CN": "通过任何支持 SMTP 的邮件服务器发信：Gmail、SendGrid、阿里云或自建服务器。",
        },
        config_class=SmtpConfig,
        guide=guides("passpost_smtp"),
        presets=PRESETS,
        capabilities=frozenset(
            {
                Capability.TEXT,
                Capability.HTML,
                Capability.ALTERNATIVE,
                Capability.REPLY_TO,
                Capability.HEADERS,
                Capability.SENDER,
                Capability.MESSAGE_ID,
                Capability.SMTPUTF8,
                Capability.CHECK_CONNECTION,
            }
        ),
        stand_in="passpost_smtp_stand_in:StandIn",
        marks_departure=True,
    )


@hookimpl
def parse_config(settings: Mapping[str, Any]) -> SmtpConfig:
    """Turn settings into the config."""
    return settings_to_config.parse(SmtpConfig, settings)


@hookimpl
@asynccontextmanager
async def open_session(
    config: SmtpConfig, register_secret: Callable[[str], None]
) -> AsyncIterator[SmtpSession]:
    """Return the session; its connections are opened as emails need them."""
    # The system's certificates take some 18 ms to read, which would hold up all else on the loop.
    context = await asyncio.to_thread(prepare_context, config, register_secret)
    session = SmtpSession(context)
    session.start()
    try:
        yield session
    finally:
        await session.aclose()


@hookimpl
async def send_mail(session: SmtpSession, mail: Mail) -> Receipt:
    """Send one email."""
    return await session.send(mail)


@hookimpl
async def check_connection(session: SmtpSession, recipient: Address | None) -> Sequence[Finding]:
    """Go through all steps but the message itself."""
    from passpost_smtp.check import check  # noqa: PLC0415 - sending does not need it

    return await check(session.context, recipient)
