"""The connector ``wire``: right, and over a protocol of its own: a line each way, under TLS."""

# No postponed annotations here: the types of settings are looked up at run time.
import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs

from passpost import Address, ConnectorInfo, Mail, Preset, Receipt, Secret, SendError, hookimpl
from passpost import config as settings_to_config
from passpost.config import HostName, field
from passpost.wire import about_to_send

GUIDE = """# Wire

```jsonc
{
  "connectors": {
    "first": {"use": "other", "settings": {"nothing": 1}},
    "second": {
      "use": "wire",
      "settings": {"host": "wire.example.com", "port": 25, "key": "${KEY}", "fromEmail": "a@b.c"}
    }
  }
}
```
"""
PRESET = Preset(
    "wire",
    {"en": "Wire", "zh-CN": "电报"},
    {"host": "<server>", "port": 2525, "key": "<key>", "fromEmail": "<sender>"},
)


def told(english: str, chinese: str) -> dict[str, Any]:
    texts = {"en": english, "zh-CN": chinese}
    return {"title": texts, "description": texts}


@attrs.frozen(kw_only=True)
class WireConfig(settings_to_config.ConnectorConfig):
    host: HostName = field(**told("Host", "主机"))
    port: int = field(**told("Port", "端口"))
    key: Secret = field(**told("Key", "密钥"))
    from_email: Address = field(**told("Sender", "发件人"))
    ca: str = field(default="", multiline=True, **told("Authority", "证书颁发机构"))


class Session:
    """One connection, and one email at a time on it."""

    def __init__(self, context: ssl.SSLContext, host: str, port: int) -> None:
        self._context = context
        self._address = (host, port)
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._begun = False

    async def ask(self, document: Mapping[str, Any], seconds: float | None) -> str:
        async with self._lock:
            self._begun = False
            try:
                async with asyncio.timeout(seconds):
                    return await self._exchange(json.dumps(document).encode() + b"\n")
            except ssl.SSLCertVerificationError:
                temporary = False
            except (OSError, EOFError):
                temporary = True
            finally:
                if self._begun:
                    self._drop()
            raise SendError(
                "the connection broke",
                outcome="unknown" if self._begun else "rejected",
                scope="network",
                temporary=temporary,
            )

    async def _exchange(self, line: bytes) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, ssl=self._context)
        reader, writer = self._streams
        about_to_send()
        self._begun = True
        writer.write(line)
        await writer.drain()
        answer = await reader.readuntil(b"\n")
        # Whole answers leave the connection as it was.
        self._begun = False
        return answer.decode("utf-8", "replace").strip()

    def _drop(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            # TLS would wait for a goodbye that may never come.
            streams[1].transport.abort()

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with suppress(OSError):
                await streams[1].wait_closed()


class Wire:
    verify = ssl.CERT_REQUIRED

    @hookimpl
    def connector_info(self) -> ConnectorInfo:
        return ConnectorInfo(
            id="wire",
            name=PRESET.name,
            description=PRESET.name,
            config_class=WireConfig,
            guide={"en": GUIDE, "zh-CN": GUIDE},
            presets=(PRESET,),
            capabilities=("text",),  # type: ignore[arg-type]  # as careless authors write it
            stand_in="wire_stand_in:StandIn",
            marks_departure=True,
        )

    @hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> WireConfig:
        return settings_to_config.parse(WireConfig, settings)

    @hookimpl
    @asynccontextmanager
    async def open_session(self, config: WireConfig) -> AsyncIterator[Session]:
        context = ssl.create_default_context(cadata=config.ca or None)
        context.check_hostname = self.verify is ssl.CERT_REQUIRED
        context.verify_mode = self.verify
        session = Session(context, str(config.host), config.port)
        try:
            yield session
        finally:
            await session.close()

    @hookimpl
    async def send_mail(self, config: WireConfig, session: Session, mail: Mail) -> Receipt:
        document = {
            "key": config.key.reveal(), "from": str(config.from_email), "to": mail.to.address,
            "subject": mail.subject, "text": mail.text,
        }  # fmt: skip
        answer = await session.ask(document, mail.seconds_left())
        verdict, _, words = answer.partition(" ")
        if verdict == "ok":
            return Receipt(provider_id=words)
        scopes: dict[str, Any] = {"key": "account", "slow": "provider"}
        raise SendError(
            "Wire refuses the mail",
            outcome="rejected" if words in scopes else "unknown",
            scope=scopes.get(words, "provider"),
            temporary=words == "slow",
            hint="Look at the key.",
        )
