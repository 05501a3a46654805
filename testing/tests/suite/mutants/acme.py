"""The connector ``acme``: right in every respect, in methods that can be got wrong singly."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs

from passpost import Capability, ConnectorInfo, Finding, Mail, Preset, Receipt, hookimpl
from passpost import config as settings_to_config
from passpost.config import field
from passpost.http import Answer, ApiKey, Fault, HttpClient, SenderConfig

GUIDE = """# Acme

```jsonc
{
  "apiKey": "${ACME_KEY}", // from the console
  "fromEmail": "no-reply@example.com",
}
```
"""
CAPABILITIES = frozenset(
    {
        Capability.TEXT,
        Capability.HTML,
        Capability.ALTERNATIVE,
        Capability.REPLY_TO,
        Capability.HEADERS,
        Capability.SENDER,
        Capability.CHECK_CONNECTION,
    }
)
PRESET = Preset(
    "acme", {"en": "Acme", "zh-CN": "极致"}, {"apiKey": "<key>", "fromEmail": "<sender>"}
)
SLOW_DOWN = Fault("provider", "Send more slowly.", temporary=True)


@attrs.frozen(kw_only=True)
class AcmeConfig(SenderConfig):
    api_key: ApiKey = field(
        title={"en": "API key", "zh-CN": "API 密钥"},
        description={"en": "From the console.", "zh-CN": "在控制台中创建。"},
    )


class Acme:
    """Hooks as methods; each asks another method, which a mutant may have of its own."""

    name = {"en": "Acme", "zh-CN": "极致"}  # noqa: RUF012 - nobody changes it
    guide = {"en": GUIDE, "zh-CN": GUIDE}  # noqa: RUF012 - likewise
    presets: tuple[Preset, ...] = (PRESET,)
    capabilities = CAPABILITIES
    config_class: type[Any] = AcmeConfig
    path = "/mails"

    @hookimpl
    def connector_info(self) -> ConnectorInfo:
        return self.info()

    @hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Any:
        return self.parse(settings)

    @hookimpl
    def open_session(self, config: Any) -> AbstractAsyncContextManager[Any]:
        return self.session(config)

    @hookimpl
    async def send_mail(self, config: Any, session: Any, mail: Mail) -> Receipt:
        return await self.send(config, session, mail)

    @hookimpl
    async def check_connection(self, config: Any, session: Any) -> Sequence[Finding]:
        return await self.check(config, session)

    def info(self) -> ConnectorInfo:
        return ConnectorInfo(
            id="acme",
            name=self.name,
            description=self.name,
            config_class=self.config_class,
            guide=self.guide,
            presets=self.presets,
            capabilities=self.capabilities,
            stand_in="acme_stand_in:StandIn",
            marks_departure=True,
        )

    def parse(self, settings: Mapping[str, Any]) -> Any:
        return settings_to_config.parse(self.config_class, settings)

    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        async with self.client(config) as client:
            yield client

    def client(self, config: Any) -> Any:
        return HttpClient(config, config.url("https://api.acme.example"), "acme/1.0")

    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        return self.judged(await self.post(config, session, mail))

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        answer: Answer = await session.post_json(
            self.path, self.document(config, mail), self.headers(config), mail
        )
        return answer

    def headers(self, config: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {config.api_key.reveal()}"}

    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        document = {
            "to": self.recipients(mail),
            "from": str(mail.sender or config.from_email),
            "subject": self.subject(mail),
            "text": self.text(mail),
            "html": mail.html,
            "reply_to": mail.reply_to.address if mail.reply_to else None,
            "headers": dict(mail.headers),
        }
        return {key: value for key, value in document.items() if value}

    def recipients(self, mail: Mail) -> list[str]:
        return [mail.to.address]

    def subject(self, mail: Mail) -> str:
        return mail.subject or ""

    def text(self, mail: Mail) -> str | None:
        return mail.text

    def judged(self, answer: Answer) -> Receipt:
        accepted = answer.document().get("id") if answer.is_success else None
        if isinstance(accepted, str):
            return Receipt(provider_id=accepted)
        raise self.refusal(answer)

    def refusal(self, answer: Answer) -> Exception:
        code = answer.document().get("code")
        return answer.refusal("Acme", SLOW_DOWN if code == "slow_down" else None)

    async def check(self, config: Any, session: Any) -> Sequence[Finding]:
        answer = await session.post("/account", b"{}", self.headers(config))
        if answer.is_success:
            return [Finding("key", "ok", "Acme accepts it")]
        return [Finding("key", "error", "Acme refuses it", "take a new one from the console")]
