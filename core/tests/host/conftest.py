"""A connector of this process whose behavior each test chooses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

import passpost
from passpost import config


@attrs.frozen(kw_only=True)
class RecorderConfig(config.ConnectorConfig):
    key: passpost.Secret = config.field(default=passpost.Secret("k"), title={"en": "Key"})
    from_email: passpost.Address | None = config.field(default=None, title={"en": "Sender"})

    @property
    def sender(self) -> passpost.Address | None:
        return self.from_email


class Recorder:
    """A connector that keeps the emails it is given, and fails as it is told."""

    id = "recorder"
    capabilities = frozenset(passpost.Capability) - {passpost.Capability.PROVIDER_TEMPLATES}

    def __init__(self) -> None:
        self.mails: list[passpost.Mail] = []
        self.sessions: list[str] = []
        self.behave: Callable[[passpost.Mail], Any] = lambda mail: passpost.Receipt("id-1", "OK")
        self.opens: Callable[[], None] = lambda: None

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id=self.id,
            name={"en": "Recorder"},
            description={"en": "Keeps mails"},
            config_class=RecorderConfig,
            capabilities=self.capabilities,
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> RecorderConfig:
        return config.parse(RecorderConfig, settings)

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[str]:
        self.opens()
        self.sessions.append("opened")
        async with asyncio.TaskGroup():
            yield "the session"
        self.sessions.append("closed")

    @passpost.hookimpl
    async def send_mail(self, session: str, mail: passpost.Mail) -> Any:
        assert session == "the session"
        self.mails.append(mail)
        result = self.behave(mail)
        return await result if asyncio.iscoroutine(result) else result


TEMPLATES = [
    {"usageType": "SignIn", "subject": "Code {{code}}", "content": "Your code is {{code}}."},
    {
        "usageType": "SignIn",
        "subject": "验证码 {{code}}",
        "content": "您的验证码是 {{code}}。",
        "locale": "zh",
    },
    {
        "usageType": "Generic",
        "subject": "Hello",
        "content": "<p>Hello</p>",
        "contentType": "text/html",
    },
]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def connector(recorder: Recorder) -> passpost.Connector:
    """The recorder, configured."""
    host = passpost.Host(environ={})
    host.register(recorder)
    return host.configure("recorder", {"templates": TEMPLATES, "fromEmail": "no-reply@example.com"})


@pytest.fixture
def configure(recorder: Recorder) -> Callable[..., passpost.Connector]:
    """Configures the recorder with settings and extensions of the test's own."""

    def configured(*extensions: object, **settings: Any) -> passpost.Connector:
        host = passpost.Host(extensions, environ={})
        host.register(recorder)
        return host.configure("recorder", {"templates": TEMPLATES, **settings})

    return configured


@pytest.fixture
def message() -> passpost.Message:
    return passpost.Message(to="ada@example.com", usage="SignIn", payload={"code": "493817"})


Install = Callable[..., Path]

HEALTHY = """
import attrs, passpost
from passpost import config

@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    key: passpost.Secret | None = config.field(default=None)

@passpost.hookimpl
def connector_info():
    return passpost.ConnectorInfo(
        id="good", name={"en": "Good"}, description={"en": "Good"}, config_class=Config)

@passpost.hookimpl
def parse_config(settings):
    return config.parse(Config, settings)

@passpost.hookimpl
async def send_mail(mail):
    return passpost.Receipt()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs metadata unchanged, and modules."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def installed(
        folder: str, entries: bytes | str, metadata: bytes | None = b"", **modules: str
    ) -> Path:
        made = site / folder
        made.mkdir()
        name = folder.partition("-")[0].strip("~").replace("_", "-").encode()
        if metadata is not None:
            written = metadata or b"Metadata-Version: 2.1\nName: " + name + b"\nVersion: 1.0\n"
            (made / "METADATA").write_bytes(written)
        text = entries if isinstance(entries, bytes) else entries.encode()
        (made / "entry_points.txt").write_bytes(text)
        for module, source in modules.items():
            monkeypatch.delitem(sys.modules, module, raising=False)
            (site / f"{module}.py").write_text(source)
        return made

    return installed


@pytest.fixture
def good(install: Install) -> None:
    install("good_one-1.0.dist-info", "[passpost.connectors]\ngood = good_one\n", good_one=HEALTHY)
