"""The settings that connectors over HTTP share, and their types."""

# No postponed annotations here: the types of settings are looked up at run time.
import ipaddress
import re
from collections.abc import Iterator
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

import attrs

from passpost._config.fields import field, rule
from passpost._config.values import HostName, is_placeholder
from passpost._messages.addresses import Address
from passpost._network.reachable import refused_host
from passpost._problems import Invalid, Problem
from passpost._secret import Secret
from passpost._settings.connector_config import ConnectorConfig
from passpost._text import refused_in_line

_HOST_REMEDY: Final = "write a host such as mail.example.com, with :port or https:// if need be"
_URL_REMEDY: Final = "write a URL such as https://mail.example.com/hooks/mail"

# The characters of a path (RFC 3986 section 3.3), with whole percent-encodings only.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


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


class Endpoint(str):
    """A host, a host with a port, or an ``https`` URL without path.

    ``http`` is for this machine itself, where a test's server listens: anywhere else the mail and
    the code in it would cross a network in clear.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check an endpoint.

        Raises:
            Invalid: It is none.
        """
        text = _text(value, "an endpoint")
        parts = _split(text if "://" in text else f"https://{text}", "is no endpoint", _HOST_REMEDY)
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise Invalid("must be a host without path or query", _HOST_REMEDY)
        return cls(_origin(parts, _HOST_REMEDY))

    @property
    def host(self) -> str:
        """The host name or IP address, without brackets."""
        return urlsplit(self).hostname or ""

    @property
    def on_this_machine(self) -> bool:
        """Whether the host is a loopback address."""
        return _is_loopback(self.host)


class WebAddress(str):
    """A whole ``https`` URL with its path, for a service of the operator's own.

    It has no query: HTTP clients log URLs, and what stands in a query is often a key. ``http`` is
    for this machine itself, as with `Endpoint`. A placeholder passes, to be warned of later.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check an address.

        Raises:
            Invalid: It is none.
        """
        text = _text(value, "a URL")
        if is_placeholder(text):
            return cls(text)
        parts = _split(text, "is no URL", _URL_REMEDY)
        if parts.query or parts.fragment:
            raise Invalid(
                "must not have a query or a fragment",
                "logs show URLs: let the service know this sender by its signature",
            )
        if not _PATH.fullmatch(parts.path):
            raise Invalid("has a path with characters that no URL has", "percent-encode them")
        return cls(_origin(parts, _URL_REMEDY) + (parts.path or "/"))


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


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Invalid("must be text", "put it in double quotes")
    # Before anything else: urlsplit drops line ends and tabs without a word.
    if refused := refused_in_line(value):
        raise Invalid(f"{refused} is not allowed in {what}")
    return value


def _split(text: str, says: str, remedy: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    # urlsplit lets through what a browser would read as a slash, and a port that is none.
    if parts is None or port == 0 or "\\" in text or text != text.strip():
        raise Invalid(says, remedy)
    if parts.scheme not in ("https", "http"):
        raise Invalid("must be an https URL", remedy)
    if "@" in parts.netloc:
        raise Invalid("must not hold credentials", "put them into settings of their own")
    return parts


def _origin(parts: SplitResult, remedy: str) -> str:
    """Give scheme, host in ASCII, and port where one is named."""
    host = _host(parts, remedy)
    if kind := refused_host(host):
        raise Invalid(f"must not be {kind}", "write the public host of the service")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid("must use https: a mail must not cross a network in clear", "write https://")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port is not None else "")


def _host(parts: SplitResult, remedy: str) -> str:
    name = parts.hostname or ""
    # A zone (RFC 6874) is a matter of one machine, and a placeholder is no host yet.
    if "%" not in name and not is_placeholder(name):
        try:
            return HostName.from_setting(name).ascii
        except ValueError:
            pass
    raise Invalid("holds no host name", remedy)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
