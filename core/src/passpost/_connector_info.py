"""What a connector says of itself: its info, its presets, its guides, its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs

if TYPE_CHECKING:
    import ssl

LANGUAGES: Final = ("en", "zh-CN")
"""The languages in which names, descriptions and guides are written in, as BCP 47 tags."""

Texts = Mapping[str, str]
"""A text in several languages, by BCP 47 tag; English (``en``) is always there."""


class Capability(StrEnum):
    """What a connector can send; an email that requires more is rejected."""

    TEXT = "text"
    """It sends plain text."""
    HTML = "html"
    """It sends HTML."""
    ALTERNATIVE = "alternative"
    """It sends HTML and plain text in one email (``multipart/alternative``)."""
    REPLY_TO = "reply_to"
    """It sets the Reply-To address."""
    HEADERS = "headers"
    """It adds headers that the application asks for."""
    SENDER = "sender"
    """A template may name a sender other than the config's."""
    MESSAGE_ID = "message_id"
    """The email arrives with the Message-ID that passpost gave it."""
    SMTPUTF8 = "smtputf8"
    """It delivers to local parts outside of ASCII (RFC 6531)."""
    PROVIDER_TEMPLATES = "provider_templates"
    """Templates are stored at the provider: it needs usage, payload and locale, and no content."""
    CHECK_CONNECTION = "check_connection"
    """It can check its connection without sending an email."""


@attrs.frozen
class Preset:
    """Settings to start from for one provider, with the secrets left out.

    Attributes:
        id: A short name: ``gmail``.
        name: The provider's name by language.
        settings: Settings that parse once its ``<placeholders>`` are filled in.
    """

    id: str
    name: Texts
    settings: Mapping[str, Any]


def _capabilities(capabilities: Iterable[Capability]) -> frozenset[Capability]:
    given: Any = capabilities
    # Text is iterable as well. What is wrong is said by passpost, which knows whose mistake it is.
    if not isinstance(given, set | frozenset | tuple | list):
        return cast("frozenset[Capability]", given)
    try:
        return frozenset(given)
    except TypeError:
        return cast("frozenset[Capability]", given)


@attrs.frozen(kw_only=True)
class ConnectorInfo:
    """What a connector says of itself.

    Attributes:
        id: The name of its entry point: ``smtp``.
        name: Its name by language, for people.
        description: One sentence by language.
        config_class: The attrs class that `parse_config` returns.
        guide: How to set it up, as Markdown by language; see `guides`.
        presets: Settings to start from.
        capabilities: What it can send.
        stand_in: ``module:class`` of a stand-in: a server on loopback with the provider's protocol,
            for the demonstration and for tests; imported only when asked for.
        repeatable_for: Seconds for which the provider recognizes a repeated request by
            `Mail.delivery_key`, and sends the email once; 0 for a provider that does not. After an
            unknown outcome such a connector is asked again without any risk. If only the operator
            knows, give the config a setting of this name, whose value then counts.
        marks_departure: Whether `send_mail` calls `passpost.wire.about_to_send` before its first
            byte that can make the provider send, or sends through `passpost.http` alone. What it
            raises before that moment, and a deadline that ends it, then count as ``rejected``.
        deliveries: Where the provider shows what became of an accepted email, by language, as in
            ``{"en": "Activity in Acme's console"}``; empty if nowhere.
    """

    id: str
    name: Texts
    description: Texts
    config_class: type[Any]
    guide: Texts = attrs.field(factory=lambda: MappingProxyType({}), repr=False)
    presets: tuple[Preset, ...] = attrs.field(default=(), repr=False)
    capabilities: frozenset[Capability] = attrs.field(
        default=(Capability.TEXT, Capability.HTML), converter=_capabilities
    )
    stand_in: str | None = None
    repeatable_for: float = 0.0
    marks_departure: bool = False
    deliveries: Texts = attrs.field(factory=lambda: MappingProxyType({}), repr=False)


@attrs.frozen
class Finding:
    """One result of a check of the connection.

    Attributes:
        subject: What was checked: ``TLS``, ``sign-in``, ``sender``.
        result: ``ok``, ``warning`` or ``error``.
        evidence: What was found, without secrets.
        remedy: What to do about it; empty if there is nothing to do.
        id: What it is, for programs: ``auth.rejected``. It stays the same when the words change.
            An area before the dot that ``passpost doctor`` has looked at itself (``dns``,
            ``connect``, ``tls``, ``smtp``) is repeated there only for an error.
    """

    subject: str
    result: Literal["ok", "warning", "error"]
    evidence: str
    remedy: str = ""
    id: str = ""


@attrs.frozen(kw_only=True)
class Server:
    """A server that a connector sends through: what a check of the way to it has to know.

    Attributes:
        host: Its name in ASCII, or its IP address without brackets.
        port: Its port.
        protocol: What it speaks.
        security: How connections are encrypted. ``implicit``: TLS from the first byte.
            ``starttls``: STARTTLS is required. ``opportunistic``: STARTTLS if the server offers it.
            ``none``: not encrypted.
        server_name: The name that its certificate must be for; `host` by default.
        local_address: The address of this machine to connect from; None leaves it to the system.
        proxy: ``host:port`` of the proxy that connections go through; empty for none.
        tls_context: Makes the context that verifies its certificate; the system's by default.
    """

    host: str
    port: int
    protocol: Literal["smtp", "http"]
    security: Literal["implicit", "starttls", "opportunistic", "none"] = "implicit"
    server_name: str = attrs.field(default=attrs.Factory(lambda self: self.host, takes_self=True))
    local_address: str | None = None
    proxy: str = ""
    tls_context: Callable[[], ssl.SSLContext] | None = attrs.field(
        default=None, repr=False, eq=False
    )


@attrs.frozen
class InstalledConnector:
    """An installed connector, described from package metadata without importing it.

    Attributes:
        id: The name of its entry point.
        distribution: The package that brings it; empty for one registered in the process.
        version: That package's version.
        module: The module that holds its hooks.
        error: Why it cannot be used, where that is known already.
    """

    id: str
    distribution: str
    version: str
    module: str
    error: str | None = None


class _Guides(Mapping[str, str]):
    """Reads a guide when it is asked for, so that describing a connector costs no I/O."""

    def __init__(self, package: str, files: Mapping[str, str]) -> None:
        self._package = package
        self._files = files

    def __getitem__(self, language: str) -> str:
        from importlib import resources  # noqa: PLC0415 - costs 28 ms that only readers need to pay

        name = self._files[language]
        packaged = resources.files(self._package) / name
        if packaged.is_file():
            return packaged.read_text("utf-8")
        # In an editable installation the guide is beside src/, where GitHub shows it.
        from pathlib import Path  # noqa: PLC0415 - only a source checkout gets here

        return (Path(str(packaged)).parents[2] / name).read_text("utf-8")

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def guides(package: str, **files: str) -> Texts:
    """Return a package's guides: ``README.md`` in English, ``README.zh-CN.md`` in Chinese.

    Args:
        package: The import name of the package that holds the files.
        files: File names by language where they differ, with ``_`` for ``-`` in the tag.
    """
    names = {tag.replace("_", "-"): name for tag, name in files.items()}
    return _Guides(package, names or {"en": "README.md", "zh-CN": "README.zh-CN.md"})
