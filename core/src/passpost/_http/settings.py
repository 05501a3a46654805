"""The settings that all connectors over HTTP have."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator
from typing import Self

import attrs

from passpost._config.fields import field, rule
from passpost._config.values import is_placeholder
from passpost._http.endpoint import Endpoint
from passpost._messages.addresses import Address
from passpost._problems import Invalid, Problem
from passpost._secret import Secret
from passpost._settings.connector_config import ConnectorConfig


class ApiKey(Secret):
    """A secret that goes into an HTTP header: visible ASCII characters only."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check a key.

        Raises:
            Invalid: It is none; the error does not repeat it.
        """
        if not isinstance(value, str):
            raise Invalid("must be text", "put it in double quotes")
        visible = value.isascii() and value.isprintable() and " " not in value
        if not value or not (visible or is_placeholder(value)):
            raise Invalid("must be visible ASCII characters", "copy it again, without spaces")
        return cls(value)


# Without slots, so that it can stand beside another base that has some.
@attrs.frozen(kw_only=True, slots=False)
class Timeouts:
    """How long a connector over HTTP waits: the base of a config that has no templates.

    Attributes:
        connect_timeout: Milliseconds for connecting, TLS included.
        read_timeout: Milliseconds that the provider may be silent.
        total_timeout: Milliseconds for one attempt in all.
    """

    connect_timeout: int = field(
        default=5_000,
        minimum=100,
        maximum=120_000,
        unit="ms",
        title={"en": "Connect timeout", "zh-CN": "连接超时"},
        description={
            "en": "How long a connection, TLS included, may take.",
            "zh-CN": "建立连接（含 TLS 握手）的最长时间。",
        },
    )
    read_timeout: int = field(
        default=10_000,
        minimum=100,
        maximum=600_000,
        unit="ms",
        title={"en": "Read timeout", "zh-CN": "读取超时"},
        description={
            "en": "How long the service may be silent.",
            "zh-CN": "等待服务端数据的最长时间。",
        },
    )
    total_timeout: int = field(
        default=15_000,
        minimum=100,
        maximum=600_000,
        unit="ms",
        title={"en": "Total timeout", "zh-CN": "总超时"},
        description={
            "en": "How long one attempt may take in all.",
            "zh-CN": "一次发送尝试的最长总时间。",
        },
    )


@attrs.frozen(kw_only=True)
class HttpConfig(Timeouts, ConnectorConfig):
    """The base of the config of a connector that sends over HTTP.

    Attributes:
        endpoint: Where requests go in place of the provider's public host.
    """

    endpoint: Endpoint | None = field(
        default=None,
        title={"en": "Endpoint", "zh-CN": "接入地址"},
        description={
            "en": "A host to use in place of the provider's public one.",
            "zh-CN": "代替服务商公网接入地址的主机。",
        },
        example="mail-gateway.example.com",
    )

    def url(self, default: str) -> str:
        """Give the base of all URLs, without a slash at its end.

        Args:
            default: The provider's public base: ``https://api.example.com``.
        """
        return str(self.endpoint or default)


@attrs.frozen(kw_only=True)
class SenderConfig(HttpConfig):
    """The same for providers that are told the sender with each mail.

    Attributes:
        from_email: The address that mails come from where their template names none.
        reply_to: Where answers go where neither the message nor its template says.
    """

    from_email: Address = field(
        title={"en": "Sender", "zh-CN": "发件人"},
        description={
            "en": "The sender, which the provider wants to have verified.",
            "zh-CN": "发件人，须在服务商处验证过。",
        },
        example="Example <no-reply@example.com>",
    )
    reply_to: Address | None = field(
        default=None,
        title={"en": "Reply-To", "zh-CN": "回信地址"},
        description={
            "en": "Where answers go if a template does not say.",
            "zh-CN": "模板未指定时的回信地址。",
        },
        example="Support <support@example.com>",
    )

    @property
    def sender(self) -> Address:
        """The address that mails come from."""
        return self.from_email

    @rule("from_email", "reply_to")
    def _addresses_in_ascii(self) -> Iterator[Problem]:
        # Hardly any provider over HTTP knows SMTPUTF8 (RFC 6531), and none for the sender.
        for name, address in (("fromEmail", self.from_email), ("replyTo", self.reply_to)):
            if address is not None and address.needs_smtputf8:
                yield Problem(
                    name,
                    "has characters outside of ASCII before its @, which the provider cannot take",
                    "choose another address",
                )
