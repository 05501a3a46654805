"""The rules between settings, and the known mistakes with each provider."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from passpost import Problem
from passpost.config import HostName, is_placeholder, rule
from passpost.wire import check_name, check_value
from passpost_smtp import _
from passpost_smtp.config.auth import Auth, LoginAuth, incomplete

if TYPE_CHECKING:
    from passpost import Address, Secret

IMPLICIT_PORT: Final = 465
"""The port with TLS from the first byte (RFC 8314)."""

_STARTTLS_PORTS: Final = frozenset((25, 80, 587, 2525))
_SIXTEEN_LETTERS: Final = re.compile(r"[A-Za-z]{16}")
_PROVIDERS: Final = {
    "smtp.gmail.com": "gmail",
    "smtp.googlemail.com": "gmail",
    "smtp.sendgrid.net": "sendgrid",
    "smtp.qq.com": "qq",
    "smtp.exmail.qq.com": "exmail",
    "hwsmtp.exmail.qq.com": "exmail",
    "smtp.163.com": "netease",
    "smtp.126.com": "netease",
    "smtp.yeah.net": "netease",
}


# What the password is at a provider that has its own kind: message, remedy and code.
_PASSWORDS: Final = {
    "gmail": (
        _("not a Gmail app password (16 letters)"),
        _("create one at https://myaccount.google.com/apppasswords"),
        "smtp-W7",
    ),
    "qq": (
        _("not a QQ Mail authorization code (16 letters)"),
        _("generate one in QQ Mail under Settings > Account (设置 > 账号 > 生成授权码)"),
        "smtp-W9",
    ),
}


def provider_of(host: HostName) -> str:
    """Return a short name of the provider behind a hostname; empty if it is not known."""
    name = host.lower().removesuffix(".")
    if name.startswith("smtpdm") and name.endswith((".aliyun.com", ".aliyuncs.com")):
        return "aliyun"
    return _PROVIDERS.get(name, "")


class SmtpRules:
    """The rules of `SmtpConfig`."""

    __slots__ = ()

    if TYPE_CHECKING:
        host: HostName
        port: int | None
        secure: bool | None
        require_tls: bool | None
        ignore_tls: bool
        auth: Auth | None
        username: str | None
        password: Secret | None
        from_email: Address
        custom_headers: Mapping[str, str | tuple[str, ...]]
        disable_file_access: bool | None
        disable_url_access: bool | None

    @rule("require_tls", "ignore_tls")
    def _starttls_is_required_or_ignored(self) -> Iterator[Problem]:
        if self.ignore_tls and self.require_tls:
            yield _contradiction("requireTLS")

    @rule("secure", "port", "require_tls", "ignore_tls")
    def _tls_modes_agree(self) -> Iterator[Problem]:
        implicit = self.secure if self.secure is not None else self.port == IMPLICIT_PORT
        if implicit and self.ignore_tls and not self.require_tls:
            yield _contradiction("secure" if self.secure else f"port: {IMPLICIT_PORT}")
        if implicit and self.require_tls is False:
            yield Problem(
                "requireTLS",
                _("no effect: `secure` starts TLS with the first byte"),
                _("remove `requireTLS`, or set `secure` to false"),
                "warning",
                code="smtp-W1",
            )

    @rule("secure", "port")
    def _port_fits(self) -> Iterator[Problem]:
        if self.secure and self.port in _STARTTLS_PORTS:
            yield Problem(
                "secure",
                _(
                    "port {port} starts unencrypted, so TLS fails with “wrong version number”",
                    port=self.port,
                ),
                _("set `secure` to false, or `port` to {port}", port=IMPLICIT_PORT),
                "warning",
                code="smtp-W2",
            )
        if self.secure is False and self.port == IMPLICIT_PORT:
            yield Problem(
                "secure",
                _(
                    "port 465 requires TLS from the first byte; without it, both sides wait until "
                    "the timeout"
                ),
                _("set `secure` to true, or `port` to 587"),
                "warning",
                code="smtp-W2",
            )

    @rule("auth", "username", "password")
    def _one_login(self) -> Iterator[Problem]:
        old = [key for key in ("username", "password") if getattr(self, key) is not None]
        if self.auth is not None and old:
            yield Problem(
                old[0],
                _("cannot be combined with `auth`"),
                _("keep `auth`, the newer form"),
                code="smtp-E2",
            )
        elif len(old) == 1:
            yield incomplete("password" if old == ["username"] else "username", old[0])

    @rule("auth", "username", "password", "ignore_tls", "host")
    def _password_unencrypted(self) -> Iterator[Problem]:
        local = self.host in {"localhost", "127.0.0.1", "::1"}
        if self.ignore_tls and self._user and not local:
            yield Problem(
                "ignoreTLS",
                _("the password may be sent unencrypted"),
                _("remove `ignoreTLS`, unless the network to the server is private"),
                "warning",
                code="smtp-W3",
            )

    @rule("host", "auth", "username", "from_email")
    def _aliyun_user(self) -> Iterator[Problem]:
        user = self._user
        if (
            provider_of(self.host) != "aliyun"
            or not user
            or _unfilled(user, self.from_email.address)
        ):
            return
        if user.lower() != self.from_email.address.lower():
            yield Problem(
                self._key("username", "auth.user"),
                _("Aliyun requires the sender address as the user name"),
                _(
                    "set it to `{address}`, as in `fromEmail`",
                    address=self.from_email.address,
                ),
                "warning",
                code="smtp-W5",
            )

    @rule("host", "auth", "username")
    def _sendgrid_user(self) -> Iterator[Problem]:
        user = self._user
        if provider_of(self.host) != "sendgrid" or not user or user == "apikey" or _unfilled(user):
            return
        yield Problem(
            self._key("username", "auth.user"),
            _("SendGrid requires the user name `apikey`"),
            _("set it to `apikey`, and the password to the API key"),
            "warning",
            code="smtp-W6",
        )

    @rule("host", "auth", "username", "password")
    def _password_of_provider(self) -> Iterator[Problem]:
        password, provider = self._password, provider_of(self.host)
        if provider not in _PASSWORDS or not password or is_placeholder(password.reveal()):
            return
        if not _SIXTEEN_LETTERS.fullmatch(password.reveal().replace(" ", "")):
            message, remedy, code = _PASSWORDS[provider]
            key = self._key("password", "auth.pass")
            yield Problem(key, message, remedy, "warning", code=code)

    @rule("custom_headers")
    def _headers_fit(self) -> Iterator[Problem]:
        for name, values in self.custom_headers.items():
            if reason := check_name(name):
                yield Problem(f"customHeaders.{name}", reason, code="smtp-E5")
            for value in (values,) if isinstance(values, str) else values:
                if reason := check_value(value):
                    yield Problem(f"customHeaders.{name}", reason, code="smtp-E5")
        names = [name.lower() for name in self.custom_headers]
        if len(set(names)) < len(names):
            yield Problem(
                "customHeaders",
                _("a header appears twice in different spellings"),
                _("keep one of them"),
                code="smtp-E5",
            )

    @rule("disable_file_access", "disable_url_access")
    def _nothing_to_disable(self) -> Iterator[Problem]:
        for key, value in (
            ("disableFileAccess", self.disable_file_access),
            ("disableUrlAccess", self.disable_url_access),
        ):
            if value is not None:
                yield Problem(
                    key,
                    _("no effect: passpost never adds a file or a URL to an email"),
                    _("remove `{key}`", key=key),
                    "warning",
                    code="smtp-W8",
                )

    @property
    def _user(self) -> str | None:
        return self.username if self.auth is None else self.auth.user

    @property
    def _password(self) -> Secret | None:
        if self.auth is None:
            return self.password
        return self.auth.pass_ if isinstance(self.auth, LoginAuth) else None

    def _key(self, old: str, new: str) -> str:
        return old if self.auth is None else new


def _unfilled(*texts: str) -> bool:
    return any(is_placeholder(text) for text in texts)


def _contradiction(other: str) -> Problem:
    return Problem(
        "ignoreTLS",
        _("contradicts `{other}`, which requires TLS", other=other),
        _("remove one of them"),
        code="smtp-E3",
    )
