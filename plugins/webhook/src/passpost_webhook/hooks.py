"""The hooks of the connector ``webhook``: one signed POST for each email."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from passpost import Capability, ConnectorInfo, Mail, Preset, Receipt, SendError, guides, hookimpl
from passpost import config as _config
from passpost.http import Fault, HttpClient, Response, identifier
from passpost_webhook import _, __version__
from passpost_webhook.config import WebhookConfig
from passpost_webhook.signature import signatures

_LOOK: Final = _("Check in the service's log, by webhook-id, whether it accepted the email.")
_SIGNATURE: Final = _(
    "The service rejected the signature. Use the same secret on both sides, and synchronize both "
    "clocks with NTP."
)
_PLACE: Final = _("The service does not exist at this URL, or accepts no more emails. Check url.")
_MOVED: Final = _("passpost does not follow redirects. Set url to the final URL.")
_CONTENT: Final = _("The service rejected this email. Check its log.")

_IN_PROGRESS: Final = 409
"""An earlier request with the same key is not over yet, if the service looks at keys."""

_FAULTS: Final[Mapping[int, Fault]] = {
    400: Fault("message", _CONTENT),
    401: Fault("account", _SIGNATURE),
    403: Fault("account", _SIGNATURE),
    404: Fault("account", _PLACE),
    405: Fault("account", _PLACE),
    410: Fault("account", _PLACE),
    422: Fault("message", _CONTENT),
    500: Fault("provider", _LOOK, temporary=True, outcome="unknown"),
    502: Fault("provider", _LOOK, temporary=True, outcome="unknown"),
    504: Fault("provider", _LOOK, temporary=True, outcome="unknown"),
    **dict.fromkeys((301, 307, 308), Fault("account", _MOVED)),
    # A service that responds like this may have accepted the email, and shows a page of its own.
    **dict.fromkeys((302, 303), Fault("account", _MOVED, outcome="unknown")),
}


@hookimpl
def connector_info() -> ConnectorInfo:
    """Describe the connector."""
    return ConnectorInfo(
        id="webhook",
        name={"en": "Webhook", "zh-CN": "Webhook"},
        description={
            "en": "Forwards usage, recipient and payload to your own service, which sends.",
            "zh-CN": "把用途、收件人和数据交给你自己的服务，由它发送邮件。",
        },
        config_class=WebhookConfig,
        guide=guides("passpost_webhook"),
        presets=(
            Preset(
                "own-service",
                {"en": "Your own service", "zh-CN": "自建服务"},
                {"url": "<your-url>", "secret": "<your-signing-secret>"},
            ),
        ),
        # It forwards any address; the service knows which it can reach.
        capabilities={Capability.PROVIDER_TEMPLATES, Capability.SMTPUTF8},
        stand_in="passpost_webhook_stand_in:StandIn",
        marks_departure=True,
    )


@hookimpl
def parse_config(settings: Mapping[str, Any]) -> WebhookConfig:
    """Return the config."""
    return _config.parse(WebhookConfig, settings)


@hookimpl
def open_session(config: WebhookConfig) -> HttpClient:
    """Open the HTTP client that all sends share."""
    if any(_config.is_placeholder(secret.reveal()) for secret in config.secrets):
        raise SendError(
            _("the signing secret is still a placeholder"), outcome="rejected", scope="account"
        )
    return HttpClient(config, config.url, f"passpost-webhook/{__version__}")


@hookimpl
async def send_mail(config: WebhookConfig, session: HttpClient, mail: Mail) -> Receipt:
    """Forward one email to the service, once."""
    body = json.dumps(_document(mail), ensure_ascii=False, separators=(",", ":")).encode()
    headers = _headers(config, mail, body)
    response = await session.post("", body, headers, seconds_left=mail.seconds_left())
    if response.is_success and _is_service(response):
        return Receipt(provider_id=identifier(response.document().get("id")))
    fault = _FAULTS.get(response.status)
    if response.status == _IN_PROGRESS and config.repeatable_for:
        fault = Fault("provider", _LOOK, temporary=True, outcome="unknown")
    raise response.error(_("the service"), fault)


def _headers(config: WebhookConfig, mail: Mail, body: bytes) -> dict[str, str]:
    # The same for each attempt at the same email, so that the service can detect a duplicate. A
    # period in it would let another ID and time have the same signature.
    key = mail.delivery_key
    id_ = f"msg_{key[:32]}"
    seconds = int(time.time())
    return {
        "content-type": "application/json",
        "idempotency-key": key,
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signatures(config.secrets, id_, seconds, body),
    }


def _document(mail: Mail) -> dict[str, Any]:
    return {
        "usage": mail.usage,
        "to": mail.to.wire,
        "locale": mail.locale,
        "payload": dict(mail.payload),
        "messageId": mail.message_id,
        "timestamp": mail.date.isoformat(timespec="milliseconds"),
        "idempotencyKey": mail.idempotency_key,
    }


def _is_service(response: Response) -> bool:
    """Return whether a response comes from the service: the page of a gateway accepts nothing."""
    if response.body == b"":
        return True
    try:
        document = json.loads(response.body or b"?", parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    # A status of success with an error in the body may be either.
    contradicted = document is False
    if isinstance(document, dict):
        contradicted = bool(document.get("error") or document.get("errors"))
    return not contradicted


def _refuse(constant: str) -> None:
    raise ValueError(constant)
