"""The setting ``auth``: how to authenticate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Literal

import attrs

from passpost import Problem, Secret
from passpost.config import field, rule
from passpost_smtp import _
from passpost_smtp.config.leaves import TokenUrl, said

GOOGLE_TOKENS: Final = TokenUrl("https://oauth2.googleapis.com/token")
"""The URL where Google issues tokens."""

_OAUTH2_TYPES: Final = ("oauth2", "OAuth2", "OAUTH2")
OAuth2Type = Literal["oauth2", "OAuth2", "OAUTH2"]

_USER: Final = said(
    "User name",
    "用户名",
    "The user name; at most providers the whole email address.",
    "认证用的用户名；多数服务商要求填写完整的邮箱地址。",
)


def incomplete(missing: str, there: str) -> Problem:
    """Return the problem of a user name without its password, or the other way round."""
    return Problem(
        missing,
        _("required, because `{there}` is set", there=there),
        _("set both, or remove both if the server requires no authentication"),
        code="smtp-E1",
    )


@attrs.frozen(kw_only=True)
class LoginAuth:
    """A user name and a password; without both, no authentication."""

    title: ClassVar[Mapping[str, str]] = {"en": "User name and password", "zh-CN": "用户名和密码"}

    type: Literal["login", "LOGIN"] = field(
        default="login",
        **said(
            "Kind",
            "类型",
            "login: authenticate with user name and password.",
            "login：使用用户名和密码认证。",
        ),
    )
    user: str | None = field(default=None, **_USER)
    pass_: Secret | None = field(
        default=None,
        key="pass",
        **said(
            "Password",
            "密码",
            "The password, or the credential that the provider requires instead: an authorization "
            "code, an app password, an API key.",
            "密码，或服务商要求使用的其他凭证：授权码、应用专用密码、API 密钥等。",
        ),
    )

    @rule("user", "pass_")
    def _both_or_none(self) -> Iterator[Problem]:
        if (self.user is None) != (self.pass_ is None):
            missing, there = ("user", "pass") if self.user is None else ("pass", "user")
            yield incomplete(missing, there)


@attrs.frozen(kw_only=True)
class TokenAuth:
    """An OAuth2 token, renewed with a refresh token."""

    title: ClassVar[Mapping[str, str]] = {"en": "OAuth2 token", "zh-CN": "OAuth2 令牌"}

    user: str = field(**_USER)
    type: OAuth2Type = field(
        default="oauth2",
        **said(
            "Kind",
            "类型",
            "oauth2: authenticate with an OAuth2 token.",
            "oauth2：使用 OAuth2 令牌认证。",
        ),
    )
    client_id: str | None = field(
        default=None,
        **said(
            "Client ID",
            "客户端 ID",
            "The application's client ID at the provider.",
            "应用在服务商处登记的客户端 ID。",
        ),
    )
    client_secret: Secret | None = field(
        default=None,
        **said(
            "Client secret",
            "客户端密钥",
            "The application's client secret at the provider.",
            "应用在服务商处的客户端密钥。",
        ),
    )
    refresh_token: Secret | None = field(
        default=None,
        **said(
            "Refresh token",
            "刷新令牌",
            "The token that fetches a new access token when the old one has expired.",
            "访问令牌过期后，用它换取新的访问令牌。",
        ),
    )
    access_token: Secret | None = field(
        default=None,
        **said(
            "Access token",
            "访问令牌",
            "The first access token; without a refresh token, it is used until it expires.",
            "初始访问令牌；没有刷新令牌时，只能用到它过期为止。",
        ),
    )
    expires: int | None = field(
        default=None,
        minimum=0,
        unit="ms",
        **said(
            "Expiry",
            "过期时间",
            "Time when the access token expires, in milliseconds since 1970.",
            "访问令牌的过期时间，自 1970 年起的毫秒数。",
        ),
    )
    access_url: TokenUrl = field(
        default=GOOGLE_TOKENS,
        **said(
            "Token URL",
            "令牌 URL",
            "URL where the provider issues access tokens.",
            "服务商发放访问令牌的 URL。",
        ),
    )

    @rule("client_id", "client_secret", "refresh_token", "access_token")
    def _some_token(self) -> Iterator[Problem]:
        if self.refresh_token is None:
            if self.access_token is None:
                yield Problem(
                    "",
                    _("OAuth2 requires `accessToken` or `refreshToken`"),
                    _("set one of them"),
                    code="smtp-E4",
                )
            return
        for key, value in (("clientId", self.client_id), ("clientSecret", self.client_secret)):
            if value is None:
                yield Problem(key, _("required with `refreshToken`"), code="smtp-E4")


@attrs.frozen(kw_only=True)
class EncryptedKey:
    """A private key that is encrypted with a passphrase."""

    key: Secret = field(
        multiline=True,
        **said("Key", "私钥", "The key as PEM text.", "PEM 格式的私钥。"),
    )
    passphrase: Secret = field(
        **said(
            "Passphrase", "口令", "The passphrase of the encrypted key.", "加密私钥所用的口令。"
        ),
    )


@attrs.frozen(kw_only=True)
class ServiceAccountAuth:
    """An OAuth2 token, requested with the key of a service account (Google Workspace)."""

    title: ClassVar[Mapping[str, str]] = {
        "en": "OAuth2 token of a service account",
        "zh-CN": "服务账号的 OAuth2 令牌",
    }

    user: str = field(**_USER)
    type: OAuth2Type = field(
        default="oauth2",
        **said(
            "Kind",
            "类型",
            "oauth2: authenticate with an OAuth2 token.",
            "oauth2：使用 OAuth2 令牌认证。",
        ),
    )
    service_client: str = field(
        **said(
            "Service account",
            "服务账号",
            "The service account's ID or address: client_id or client_email of its key file.",
            "服务账号的 ID 或地址，即密钥文件中的 client_id 或 client_email。",
        ),
    )
    private_key: Secret | EncryptedKey = field(
        multiline=True,
        **said(
            "Private key",
            "私钥",
            "The service account's key as PEM text, or an object with key and passphrase.",
            "服务账号的私钥（PEM 文本），或由 key 和 passphrase 组成的对象。",
        ),
    )
    access_url: TokenUrl = field(
        default=GOOGLE_TOKENS,
        **said(
            "Token URL",
            "令牌 URL",
            "URL where the provider issues access tokens.",
            "服务商发放访问令牌的 URL。",
        ),
    )


Auth = LoginAuth | TokenAuth | ServiceAccountAuth

_SERVICE_KEYS: Final = frozenset({"serviceClient", "privateKey"})
_TOKEN_KEYS: Final = frozenset({"accessToken", "refreshToken", "clientId", "clientSecret"})


def choose_auth(value: Any) -> type[Auth]:
    """Return the kind of authentication that settings name, by ``type`` and by their keys."""
    keys = set(value) if isinstance(value, Mapping) else set()
    if keys & _SERVICE_KEYS:
        return ServiceAccountAuth
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind in _OAUTH2_TYPES or (kind is None and keys & _TOKEN_KEYS):
        return TokenAuth
    return LoginAuth
