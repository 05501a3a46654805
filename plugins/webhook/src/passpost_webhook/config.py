"""The settings of the connector ``webhook``."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator

import attrs

from passpost import Problem, Server
from passpost.config import field, rule
from passpost.http import Timeouts, WebAddress, server_at
from passpost_webhook import _
from passpost_webhook.signature import SigningSecret


@attrs.frozen(kw_only=True)
class WebhookConfig(Timeouts):
    """The settings of the webhook; each attribute's description is in its metadata.

    They contain no templates: those are the service's.
    """

    url: WebAddress = field(
        title={"en": "URL", "zh-CN": "URL"},
        description={
            "en": "The URL of the service: https, or http on this machine.",
            "zh-CN": "接收邮件请求的服务的 URL：https，或本机上的 http。",
        },
        example="https://mail.example.com/hooks/passpost",
    )
    secret: SigningSecret = field(
        title={"en": "Signing secret", "zh-CN": "签名密钥"},
        description={
            "en": "The secret that signs the requests; the service has the same one.",
            "zh-CN": "用于对请求签名的密钥，服务端须持有同一密钥。",
        },
        example="${WEBHOOK_SECRET}",
    )
    previous_secret: SigningSecret | None = field(
        default=None,
        title={"en": "Previous secret", "zh-CN": "旧密钥"},
        description={
            "en": "The old secret, while you replace it: requests are signed with both.",
            "zh-CN": "更换密钥期间的旧密钥，请求会同时用它签名。",
        },
        example="${WEBHOOK_PREVIOUS_SECRET}",
    )

    repeatable_for: int = field(
        default=0,
        minimum=0,
        maximum=604_800,
        unit="s",
        title={"en": "Recognizes repetitions for", "zh-CN": "识别重复请求的时长"},
        description={
            "en": "How long the service recognizes a repeated Idempotency-Key. 0: it does not.",
            "zh-CN": "服务识别重复 Idempotency-Key 的时长；0 表示不识别。",
        },
        example=86_400,
    )

    @property
    def servers(self) -> tuple[Server, ...]:
        """The server of the service."""
        return server_at(self.url)

    @property
    def secrets(self) -> tuple[SigningSecret, ...]:
        """All secrets that sign, the newest first."""
        return (
            (self.secret,) if self.previous_secret is None else (self.secret, self.previous_secret)
        )

    @rule("secret", "previous_secret")
    def _secrets_differ(self) -> Iterator[Problem]:
        if self.secret == self.previous_secret:
            yield Problem(
                "previousSecret",
                _("identical to `secret`"),
                _("remove `previousSecret`"),
                "warning",
                code="webhook-W1",
            )
