"""Connectors that are right, in other ways than Acme."""

from __future__ import annotations

from typing import Any

import anyio.from_thread
import attrs
from acme import Acme

from passpost import Capability, Mail, Receipt, hookimpl
from passpost.http import HttpConfig


class Hosted(Acme):
    """Acme whose templates live at Acme."""

    capabilities = frozenset({Capability.PROVIDER_TEMPLATES, Capability.CHECK_CONNECTION})

    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        hosted = {"usage": mail.usage, "locale": mail.locale, "payload": dict(mail.payload)}
        return {"to": self.recipients(mail), "from": str(config.from_email), "hosted": hosted}


class HtmlOnly(Acme):
    """Acme as it would be if it sent HTML and nothing else."""

    capabilities = frozenset({Capability.HTML, Capability.CHECK_CONNECTION})


class HasNoStandIn(Acme):
    """Acme of an author who has no stand-in yet."""

    def info(self) -> Any:
        return attrs.evolve(super().info(), stand_in=None)


class Plainly(Acme):
    """Acme with a plain function, which the host runs in a thread."""

    @hookimpl
    def send_mail(self, config: HttpConfig, session: Any, mail: Mail) -> Receipt:  # type: ignore[override]  # the other form of the hook
        return anyio.from_thread.run(self.send, config, session, mail)
