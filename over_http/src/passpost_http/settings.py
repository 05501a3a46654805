"""The settings that connectors over HTTP share, and their types."""

# No postponed annotations here: the types of settings are looked up at run time.
import ipaddress
import re
from collections.abc import Iterator
from typing import ClassVar, Final, Self
from urllib.parse import SplitResult, urlsplit

import attrs

from passpost._config.fields import field, rule
from passpost._config.values import HostName, is_placeholder
from passpost._connector_info import Server
from passpost._messages.addresses import Address
from passpost._problems import Invalid, Problem
from passpost._secret import Secret
from passpost._settings.connector_config import ConnectorConfig
from passpost._text import refused_in_line
from passpost_http.destinations import refused_host
from passpost_http.environment import proxy_for, trusted
from passpost_http.phrases import _

_HOST_REMEDY: Final = _("write a hostname, perhaps with a port: `mail.example.com:8443`")
_URL_REMEDY: Final = _("write the whole URL: `https://mail.example.com/hooks/mail`")

# The characters of a path (RFC 3986 section 3.3), with whole percent-encodings only.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


class ApiKey(Secret):
    """A secret that goes into an HTTP header: visible ASCII characters only."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check a key.

        Raises:
            Invalid: It is not a key; the error does not repeat it.
        """
        if not isinstance(value, str):
            raise Invalid(_("must be text"), _("put it in double quotes"), code="E103")
        visible = value.isascii() and value.isprintable() and " " not in value
        if not value or not (visible or is_placeholder(value)):
            remedy = _("copy the key again: visible ASCII characters, without spaces")
            raise Invalid(_("not a valid API key"), remedy, code="E320")
        return cls(value)


class Endpoint(str):
    """A host, a host with a port, or an ``https`` URL without path.

    ``http`` is for this machine itself, where a test's server listens: anywhere else the email and
    the code in it would cross a network unencrypted.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check an endpoint.

        Raises:
            Invalid: It is not an endpoint.
        """
        text = _text(value)
        invalid = Invalid(_("not a valid endpoint"), _HOST_REMEDY, code="E321")
        parts = _split(text if "://" in text else f"https://{text}", invalid)
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            message = _("not a valid endpoint: a path or a query is not supported")
            raise Invalid(message, _HOST_REMEDY, code="E321")
        return cls(_origin(parts, invalid))

    @property
    def host(self) -> str:
        """The hostname or IP address, without brackets."""
        return urlsplit(self).hostname or ""


class WebAddress(str):
    """A whole ``https`` URL with its path, for a service of the operator's own.

    It has no query: HTTP clients log URLs, and a query often contains a key. ``http`` is for this
    machine itself, as with `Endpoint`. A placeholder is valid, and gets a warning later.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check a URL.

        Raises:
            Invalid: It is not a URL.
        """
        text = _text(value)
        if is_placeholder(text):
            return cls(text)
        invalid = Invalid(_("not a valid URL"), _URL_REMEDY, code="E321")
        parts = _split(text, invalid)
        if parts.query or parts.fragment:
            message = _("a query or a fragment is not supported: logs show URLs")
            raise Invalid(message, _("remove everything from `?` or `#` on"), code="E322")
        if not _PATH.fullmatch(parts.path):
            message = _("not a valid URL: its path has characters that are not allowed")
            raise Invalid(message, _("percent-encode them: `%20` for a space"), code="E321")
        return cls(_origin(parts, invalid) + (parts.path or "/"))


# Without slots, so that a class can have another base that has some.
@attrs.frozen(kw_only=True, slots=False)
class Timeouts:
    """The timeouts of a connector over HTTP: the base of a config that has no templates.

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
            "en": "The limit for connecting, including TLS.",
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
            "en": "The limit for waiting for data from the provider.",
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
            "en": "The limit for one attempt in total.",
            "zh-CN": "一次发送尝试的最长总时间。",
        },
    )


@attrs.frozen(kw_only=True)
class HttpConfig(Timeouts, ConnectorConfig):
    """The base of the config of a connector that sends over HTTP.

    Attributes:
        endpoint: A host to use in place of the provider's public host.
    """

    public_url: ClassVar[str] = ""
    """The base of the provider's public URLs: ``https://api.example.com``."""

    endpoint: Endpoint | None = field(
        default=None,
        title={"en": "Endpoint", "zh-CN": "接入地址"},
        description={
            "en": "A host to use in place of the provider's public host.",
            "zh-CN": "代替服务商公网接入地址的主机。",
        },
        example="mail-gateway.example.com",
    )

    def url(self, default: str) -> str:
        """Return the base of all URLs, without a slash at its end.

        Args:
            default: The provider's public base: ``https://api.example.com``.
        """
        return str(self.endpoint or default)

    @property
    def base(self) -> str:
        """The base of all URLs, for a config class that has a `public_url`."""
        return self.url(self.public_url)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The server of the provider."""
        return server_at(self.base)


@attrs.frozen(kw_only=True)
class SenderConfig(HttpConfig):
    """The same for providers that get the sender with each email.

    Attributes:
        from_email: The sender of emails whose template does not name one.
        reply_to: The address for replies if neither the message nor its template has one.
    """

    from_email: Address = field(
        title={"en": "Sender", "zh-CN": "发件人"},
        description={
            "en": "The sender, which must be verified at the provider.",
            "zh-CN": "发件人，必须已在服务商处通过验证。",
        },
        example="Example <no-reply@example.com>",
    )
    reply_to: Address | None = field(
        default=None,
        title={"en": "Reply-To", "zh-CN": "回复地址"},
        description={
            "en": "The address for replies if a template does not have one.",
            "zh-CN": "模板未指定时的回复地址。",
        },
        example="Support <support@example.com>",
    )

    @property
    def sender(self) -> Address:
        """The sender of emails whose template does not name one."""
        return self.from_email

    @rule("from_email", "reply_to")
    def _addresses_in_ascii(self) -> Iterator[Problem]:
        # Hardly any provider over HTTP knows SMTPUTF8 (RFC 6531), and none for the sender.
        for name, address in (("fromEmail", self.from_email), ("replyTo", self.reply_to)):
            if address is not None and address.needs_smtputf8:
                yield Problem(
                    name,
                    _(
                        "characters outside of ASCII before the `@` are not supported by the "
                        "provider"
                    ),
                    _("use another address"),
                    code="E326",
                )


def server_at(url: str) -> tuple[Server, ...]:
    """Return the server of a URL, and the proxy that the environment names for it."""
    parts = urlsplit(url)
    if not parts.hostname or is_placeholder(parts.hostname):
        return ()
    secure = parts.scheme == "https"
    proxy = proxy_for(parts) if secure else None
    return (
        Server(
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            protocol="http",
            security="implicit" if secure else "none",
            proxy=proxy.netloc.rpartition("@")[2] if proxy else "",
            tls_context=trusted,
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(_("must be text"), _("put it in double quotes"), code="E103")
    # Before anything else: urlsplit drops line ends and tabs without a word.
    if refused := refused_in_line(value):
        raise Invalid(
            _("{what} is not allowed in a URL", what=refused),
            _("remove the character"),
            code="E321",
        )
    return value


def _split(text: str, invalid: Invalid) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    # urlsplit accepts a backslash, which a browser would read as a slash, and the port 0.
    if parts is None or port == 0 or "\\" in text or text != text.strip():
        raise invalid
    if "@" in parts.netloc:
        message = _("a URL must not contain credentials")
        raise Invalid(message, _("move them to settings of their own"), code="E323")
    if parts.scheme not in ("https", "http"):
        raise Invalid(_("the scheme is not `https`"), _("write `https://`"), code="E324")
    return parts


def _origin(parts: SplitResult, invalid: Invalid) -> str:
    """Return scheme, host in ASCII, and port if there is one."""
    host = _host(parts, invalid)
    if kind := refused_host(host):
        message = _("{kind} is not allowed", kind=kind)
        raise Invalid(message, _("write the public hostname of the service"), code="E325")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid(_("`http` would send emails unencrypted"), _("write `https://`"), code="E324")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port is not None else "")


def _host(parts: SplitResult, invalid: Invalid) -> str:
    name = parts.hostname or ""
    # A zone (RFC 6874) concerns one machine only, and a placeholder is not a host yet.
    if "%" not in name and not is_placeholder(name):
        try:
            return HostName.from_setting(name).ascii
        except ValueError:
            pass
    raise invalid


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
