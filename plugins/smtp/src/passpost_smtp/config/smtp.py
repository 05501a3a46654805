"""The settings of the connector ``smtp`` as a whole."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, Literal

import attrs

from passpost import Address, Secret, Server
from passpost.config import ConnectorConfig, HostName, field
from passpost_smtp.config.auth import Auth, LoginAuth, choose_auth
from passpost_smtp.config.leaves import EhloName, IpAddress, address_literal, is_domain, said
from passpost_smtp.config.pool import PoolSettings
from passpost_smtp.config.rules import IMPLICIT_PORT, SmtpRules, provider_of
from passpost_smtp.config.tls import TlsSettings, make_tls_context

Security = Literal["implicit", "starttls", "opportunistic", "none"]
"""How a connection is encrypted.

``implicit``: TLS from the first byte. ``starttls``: STARTTLS is required. ``opportunistic``:
STARTTLS if the server offers it. ``none``: not encrypted.
"""

SUBMISSION_PORT: Final = 587
"""The port for emails from programs, with STARTTLS (RFC 6409)."""

_HOUR: Final = 3_600_000


@attrs.frozen
class Login:
    """A user name and its password."""

    user: str
    password: Secret


@attrs.frozen(kw_only=True)
class SmtpConfig(SmtpRules, ConnectorConfig):
    """How to reach one SMTP server, and who emails come from."""

    host: HostName = field(
        example="smtp.example.com",
        **said(
            "Host",
            "主机",
            "The server's hostname or IP address.",
            "SMTP 服务器的主机名或 IP 地址。",
        ),
    )
    port: int | None = field(
        default=None,
        minimum=1,
        maximum=65535,
        example=587,
        **said(
            "Port",
            "端口",
            "587 with STARTTLS, or 465 with TLS from the first byte. Default: 465 if `secure` is "
            "true, otherwise 587.",
            "587 使用 STARTTLS，465 从第一个字节起使用 TLS。"
            "默认值：`secure` 为 true 时为 465，否则为 587。",
        ),
    )
    secure: bool | None = field(
        default=None,
        **said(
            "TLS from the start",
            "直接使用 TLS",
            "Use TLS from the first byte (implicit TLS). Default: true on port 465; otherwise "
            "false, and STARTTLS is required.",
            "从第一个字节起使用 TLS（隐式 TLS）。"
            "默认值：端口 465 为 true；其他端口为 false，并要求 STARTTLS。",
        ),
    )
    require_tls: bool | None = field(
        default=None,
        key="requireTLS",
        **said(
            "Require STARTTLS",
            "要求 STARTTLS",
            "Set to false to continue unencrypted if the server does not offer STARTTLS. Passwords "
            "are still never sent unencrypted.",
            "设为 false 时，如果服务器不提供 STARTTLS，则以明文继续；此时仍不会以明文发送密码。",
        ),
    )
    ignore_tls: bool = field(
        default=False,
        key="ignoreTLS",
        **said(
            "Without TLS",
            "不使用 TLS",
            "Never use TLS, even if the server offers it. Passwords are sent unencrypted then.",
            "即使服务器提供 TLS 也不使用；此时密码以明文发送。",
        ),
    )
    servername: HostName | None = field(
        default=None,
        **said(
            "Server name",
            "服务器名称",
            "The name that the server's certificate must be for, if it is not `host`.",
            "服务器证书应当匹配的名称（与主机名不同时填写）。",
        ),
    )
    tls: TlsSettings = field(
        factory=TlsSettings,
        **said("TLS", "TLS", "How to verify the server's certificate.", "如何检查服务器证书。"),
    )
    auth: Auth | None = field(
        default=None,
        choose=choose_auth,
        **said(
            "Authentication",
            "认证方式",
            "User name and password, or OAuth2. Omit it for a relay that authorizes this machine "
            "by its IP address.",
            "用户名加密码，或 OAuth2；如果中继按 IP 地址信任本机，则不填。",
        ),
    )
    username: str | None = field(
        default=None,
        deprecated=True,
        **said(
            "User name (older form)",
            "用户名（旧格式）",
            "Same as `auth.user`; kept for older settings files.",
            "等同于 `auth.user`。兼容旧版配置；新配置请写在 auth 中。",
        ),
    )
    password: Secret | None = field(
        default=None,
        deprecated=True,
        **said(
            "Password (older form)",
            "密码（旧格式）",
            "Same as `auth.pass`; kept for older settings files.",
            "等同于 `auth.pass`。兼容旧版配置；新配置请写在 auth 中。",
        ),
    )
    from_email: Address = field(
        example="Example <no-reply@example.com>",
        **said(
            "Sender",
            "发件人",
            "The sender: an email address, alone or with a name before it.",
            "邮件的发件人：邮箱地址，前面可以带名称。",
        ),
    )
    reply_to: Address | None = field(
        default=None,
        example="support@example.com",
        **said(
            "Reply-To",
            "回复地址",
            "The address for replies. Default: the sender's.",
            "收件人回复时的地址。默认值：发件人地址。",
        ),
    )
    custom_headers: Mapping[str, str | tuple[str, ...]] = field(
        default=MappingProxyType({}),
        maximum=50,
        example={"X-Application": "accounts"},
        **said(
            "Headers",
            "自定义邮件头",
            "Headers for every email: names with a text or a list of texts.",
            "每封邮件附加的邮件头：键为名称，值为文本或文本列表。",
        ),
    )
    name: EhloName | None = field(
        default=None,
        example="app.example.com",
        **said(
            "EHLO name",
            "EHLO 名称",
            "Name sent in EHLO. Default: this machine's hostname.",
            "EHLO 中发送的名称。默认值：本机的主机名。",
        ),
    )
    local_address: IpAddress | None = field(
        default=None,
        example="192.0.2.1",
        **said(
            "Local address",
            "本地地址",
            "The IP address of this machine to connect from.",
            "发起连接所用的本机 IP 地址。",
        ),
    )
    dns_timeout: int = field(
        default=5_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "DNS timeout",
            "DNS 超时",
            "Maximum time to look up the server's address.",
            "解析主机名的最长时间。",
        ),
    )
    connection_timeout: int = field(
        default=10_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "Connection timeout",
            "连接超时",
            "Maximum time to connect; the TLS handshake has the same time again.",
            "建立连接的最长时间；TLS 握手另计同样时长。",
        ),
    )
    greeting_timeout: int = field(
        default=15_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "Greeting timeout",
            "问候超时",
            "Maximum time to wait for the server's greeting (220).",
            "等待服务器问候消息（220）的最长时间。",
        ),
    )
    command_timeout: int = field(
        default=20_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "Command timeout",
            "命令超时",
            "Maximum time to wait for the reply to a command.",
            "等待服务器应答命令的最长时间。",
        ),
    )
    data_timeout: int = field(
        default=30_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "Data timeout",
            "数据超时",
            "Maximum time to transfer the email's content.",
            "传输邮件内容的最长时间。",
        ),
    )
    socket_timeout: int = field(
        default=60_000,
        minimum=1,
        maximum=_HOUR,
        unit="ms",
        **said(
            "Socket timeout",
            "套接字超时",
            "Maximum time to wait for any reply; the reply to the whole email may take as long.",
            "等待任何应答的最长时间；等待整封邮件的应答时也以此为限。",
        ),
    )
    pool: PoolSettings = field(
        factory=PoolSettings,
        **said("Pool", "连接池", "How to keep and reuse connections.", "连接的保持与复用方式。"),
    )
    logger: bool = field(
        default=False,
        **said(
            "Log",
            "日志",
            "Log connections with level INFO instead of DEBUG.",
            "以 INFO（而非 DEBUG）级别记录连接日志。",
        ),
    )
    debug: bool = field(
        default=False,
        **said(
            "Debug",
            "调试",
            "Log commands and replies with level DEBUG, without credentials, recipients and "
            "content.",
            "以 DEBUG 级别记录命令与应答（不含凭证、收件人和内容）。",
        ),
    )
    disable_file_access: bool | None = field(
        default=None,
        **said(
            "No files",
            "禁止文件访问",
            "No effect; kept for older settings files. passpost never puts files into an email.",
            "仅为兼容旧配置而保留，不起作用：passpost 不会把文件内容放入邮件。",
        ),
    )
    disable_url_access: bool | None = field(
        default=None,
        **said(
            "No URLs",
            "禁止 URL 访问",
            "No effect; kept for older settings files. passpost never fetches URLs for an email.",
            "仅为兼容旧配置而保留，不起作用：passpost 不会为邮件获取任何 URL。",
        ),
    )

    @property
    def sender(self) -> Address:
        """Who emails come from."""
        return self.from_email

    @property
    def servers(self) -> tuple[Server, ...]:
        """The server that emails go to."""
        return (
            Server(
                host=self.host.ascii,
                port=self.port_number,
                protocol="smtp",
                security=self.security,
                server_name=self.server_name,
                local_address=self.local_address,
                tls_context=partial(make_tls_context, self.tls),
            ),
        )

    @property
    def port_number(self) -> int:
        """The port: as set, or the default of `secure`."""
        if self.port is not None:
            return self.port
        return IMPLICIT_PORT if self.secure else SUBMISSION_PORT

    @property
    def security(self) -> Security:
        """How connections are encrypted."""
        if self.secure if self.secure is not None else self.port == IMPLICIT_PORT:
            return "implicit"
        if self.ignore_tls:
            return "none"
        return "opportunistic" if self.require_tls is False else "starttls"

    @property
    def server(self) -> str:
        """The server for people: ``smtp.example.com:587``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port_number}"

    @property
    def server_name(self) -> str:
        """The name that the certificate must be valid for."""
        return (self.servername or self.tls.servername or self.host).ascii

    @property
    def login(self) -> Login | None:
        """User name and password, if both are set."""
        if self.auth is None:
            user, password = self.username, self.password
        elif isinstance(self.auth, LoginAuth):
            user, password = self.auth.user, self.auth.pass_
        else:
            return None
        return Login(user, password) if user is not None and password is not None else None

    @property
    def uses_oauth2(self) -> bool:
        """Whether to authenticate with a token."""
        return self.auth is not None and not isinstance(self.auth, LoginAuth)

    @property
    def signs_in(self) -> bool:
        """Whether to authenticate at all."""
        return self.uses_oauth2 or self.login is not None

    @property
    def provider(self) -> str:
        """The provider behind the hostname; see `provider_of`."""
        return provider_of(self.host)

    def ehlo_name(self, local_ip: str) -> str:
        """Return the name for EHLO: as set, else this machine's, else the connection's address."""
        if self.name is not None:
            return self.name
        name = socket.gethostname()
        return name if "." in name and is_domain(name) else address_literal(local_ip)
