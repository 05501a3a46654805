"""The settings of the ``smtp`` connector as a whole."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import attrs

from passpost import Address, Secret
from passpost.config import ConnectorConfig, HostName, field
from passpost_smtp.config.auth import Auth, LoginAuth, choose_auth
from passpost_smtp.config.leaves import EhloName, IpAddress, address_literal, is_domain, said
from passpost_smtp.config.pool import PoolSettings
from passpost_smtp.config.rules import IMPLICIT_PORT, SmtpRules, provider_of
from passpost_smtp.config.tls import TlsSettings

Security = Literal["implicit", "starttls", "opportunistic", "none"]
"""How TLS comes up.

``implicit``: before everything. ``starttls``: by STARTTLS, or nothing is sent. ``opportunistic``:
by STARTTLS where the server offers it. ``none``: not at all.
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
            "Host", "主机", "The server's name or IP address.", "SMTP 服务器的主机名或 IP 地址。"
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
            "587 with STARTTLS, or 465 with TLS from the first byte. Without it: 465 where secure "
            "is true, else 587.",
            "587 使用 STARTTLS，465 从第一个字节起使用 TLS。"
            "不填时：secure 为 true 则为 465，否则为 587。",
        ),
    )
    secure: bool | None = field(
        default=None,
        **said(
            "TLS from the start",
            "直接使用 TLS",
            "Whether TLS comes before everything. Without it: true on port 465, else false, and "
            "then STARTTLS is required.",
            "是否从一开始就使用 TLS。不填时：端口 465 为 true，否则为 false 并要求 STARTTLS。",
        ),
    )
    require_tls: bool | None = field(
        default=None,
        key="requireTLS",
        **said(
            "Require STARTTLS",
            "要求 STARTTLS",
            "Write false to go on in clear where the server offers no STARTTLS; a password is "
            "never sent in clear then.",
            "设为 false 时，若服务器不提供 STARTTLS 则以明文继续；此时绝不会明文发送密码。",
        ),
    )
    ignore_tls: bool = field(
        default=False,
        key="ignoreTLS",
        **said(
            "Without TLS",
            "不使用 TLS",
            "Do not use TLS even if the server offers it, and send passwords in clear if need be.",
            "即使服务器提供 TLS 也不使用；必要时以明文发送密码。",
        ),
    )
    servername: HostName | None = field(
        default=None,
        **said(
            "Server name",
            "服务器名称",
            "The name that the server's certificate must be for, where it is not the host.",
            "服务器证书应当匹配的名称（与主机名不同时填写）。",
        ),
    )
    tls: TlsSettings = field(
        factory=TlsSettings,
        **said("TLS", "TLS", "How the server's certificate is checked.", "如何检查服务器证书。"),
    )
    auth: Auth | None = field(
        default=None,
        choose=choose_auth,
        **said(
            "Sign-in",
            "登录方式",
            "A user name with a password, or OAuth2; leave it out for a relay that trusts this "
            "machine's address.",
            "用户名加密码，或 OAuth2；若中继服务器信任本机地址则不填。",
        ),
    )
    username: str | None = field(
        default=None,
        **said(
            "User name (older form)",
            "用户名（旧格式）",
            "As user in auth; settings of 2022 have it here.",
            "等同于 auth 中的 user；2022 年的配置写在此处。",
        ),
    )
    password: Secret | None = field(
        default=None,
        **said(
            "Password (older form)",
            "密码（旧格式）",
            "As pass in auth; settings of 2022 have it here.",
            "等同于 auth 中的 pass；2022 年的配置写在此处。",
        ),
    )
    from_email: Address = field(
        example="Example <no-reply@example.com>",
        **said(
            "Sender",
            "发件人",
            "Who mails come from: an address, with or without a name before it.",
            "邮件的发件人：邮箱地址，前面可以带名称。",
        ),
    )
    reply_to: Address | None = field(
        default=None,
        example="support@example.com",
        **said(
            "Reply-To",
            "回复地址",
            "Where answers go, if not to the sender.",
            "回复邮件的收件地址。",
        ),
    )
    custom_headers: Mapping[str, str | tuple[str, ...]] = field(
        default=MappingProxyType({}),
        maximum=50,
        example={"X-Application": "accounts"},
        **said(
            "Headers",
            "自定义邮件头",
            "Headers for every mail: a text, or a list of texts, by name.",
            "每封邮件附加的邮件头：以名称对应一个文本或文本列表。",
        ),
    )
    name: EhloName | None = field(
        default=None,
        example="app.example.com",
        **said(
            "EHLO name",
            "EHLO 名称",
            "The name that this machine gives itself; its host name where this is left out.",
            "本机在 EHLO 中使用的名称；不填则使用主机名。",
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
            "How long looking up the host may take.",
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
            "How long connecting may take, and the TLS handshake again as long.",
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
            "How long the server may take to say its first word.",
            "等待服务器首个问候的最长时间。",
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
            "How long the server may take to answer a command.",
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
            "How long the network may take to carry the message.",
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
            "The longest wait for any answer; the one to the whole message may take as long.",
            "等待任何应答的最长时间；对整封邮件的应答可长达此时限。",
        ),
    )
    pool: PoolSettings = field(
        factory=PoolSettings,
        **said("Pool", "连接池", "How connections are kept.", "连接的保持与复用方式。"),
    )
    logger: bool = field(
        default=False,
        **said(
            "Log",
            "日志",
            "Whether connections are logged with level INFO rather than DEBUG.",
            "是否以 INFO（而非 DEBUG）级别记录连接日志。",
        ),
    )
    debug: bool = field(
        default=False,
        **said(
            "Debug",
            "调试",
            "Whether commands and replies are logged with level DEBUG, without credentials, "
            "recipients and content.",
            "是否以 DEBUG 级别记录命令与应答（不含凭据、收件人和内容）。",
        ),
    )
    disable_file_access: bool | None = field(
        default=None,
        **said(
            "No files",
            "禁止文件访问",
            "Accepted and of no effect: passpost puts no file into a mail.",
            "可填写但无效果：passpost 不会把文件放入邮件。",
        ),
    )
    disable_url_access: bool | None = field(
        default=None,
        **said(
            "No URLs",
            "禁止 URL 访问",
            "Accepted and of no effect: passpost fetches no URL for a mail.",
            "可填写但无效果：passpost 不会为邮件获取任何 URL。",
        ),
    )

    @property
    def sender(self) -> Address:
        """Who emails come from."""
        return self.from_email

    @property
    def port_number(self) -> int:
        """The port, as set or as `secure` has it."""
        if self.port is not None:
            return self.port
        return IMPLICIT_PORT if self.secure else SUBMISSION_PORT

    @property
    def security(self) -> Security:
        """How TLS comes up."""
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
        """The name that the certificate must be for."""
        return (self.servername or self.tls.servername or self.host).ascii

    @property
    def login(self) -> Login | None:
        """User name and password, where there are any."""
        if self.auth is None:
            user, password = self.username, self.password
        elif isinstance(self.auth, LoginAuth):
            user, password = self.auth.user, self.auth.pass_
        else:
            return None
        return Login(user, password) if user is not None and password is not None else None

    @property
    def uses_oauth2(self) -> bool:
        """Whether to sign in with a token."""
        return self.auth is not None and not isinstance(self.auth, LoginAuth)

    @property
    def signs_in(self) -> bool:
        """Whether to sign in at all."""
        return self.uses_oauth2 or self.login is not None

    @property
    def provider(self) -> str:
        """The provider behind the host where it is known: ``gmail``, ``aliyun``, ``sendgrid``."""
        return provider_of(self.host)

    def ehlo_name(self, local_ip: str) -> str:
        """Return the name for EHLO: as set, else this machine's, else the connection's address."""
        if self.name is not None:
            return self.name
        name = socket.gethostname()
        return name if "." in name and is_domain(name) else address_literal(local_ip)
