"""The servers of connectors over HTTP: their stand-ins, where those are installed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost_console.inbox.faults import STATUSES, Faults, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN: Final = "smtp"
_RESERVED: Final = frozenset((
    "from", "to", "subject", "reply-to", "message-id", "date", "mime-version", "content-type",
    "content-transfer-encoding",
))  # fmt: skip
_FORGET: Final = 100

Keep = Callable[[str, str, tuple[str, ...], bytes], object]
"""Keeps an email: connector, envelope sender, envelope recipients, source."""


@attrs.frozen
class Offer:
    """Settings of a connector that lead to the inbox.

    Attributes:
        connector: The connector's ID.
        settings: Its settings, but for templates. They contain no secret of anybody.
    """

    connector: str
    settings: Mapping[str, Any]


class StandIns:
    """The stand-ins of the installed connectors over HTTP, each a server at a port of its own.

    Args:
        host: Where connectors are looked up.
        keep: Keeps an email.
        faults: What goes wrong.
    """

    def __init__(self, host: passpost.Host, keep: Keep, faults: Faults) -> None:
        self._host = host
        self._keep = keep
        self._faults = faults

    def start(self, stack: ExitStack) -> tuple[Offer, ...]:
        """Start them, to be stopped by the stack, and return the settings that lead to them."""
        return tuple(self._started(stack))

    def _started(self, stack: ExitStack) -> Iterator[Offer]:
        for installed in self._host.installed():
            made = self._made(installed.id)
            if made is None:
                continue
            made.hand_over(self._taker(installed.id, made))
            server = stack.enter_context(made)
            yield Offer(installed.id, dict(server.settings))

    def _made(self, connector: str) -> Any:
        if connector == _OWN:
            return None
        try:
            named = self._host.info(connector).stand_in
            module, _, name = (named or "").partition(":")
            made = getattr(import_module(module), name)() if module else None
        # A stand-in is a package of its own, which few have installed.
        except (passpost.PluginError, ImportError, AttributeError):
            return None
        # The protocol of stand-ins has no such method, so one of another make is left out.
        return made if hasattr(made, "hand_over") else None

    def _taker(self, connector: str, stand_in: Any) -> Callable[[Any, Any], Awaitable[Any]]:
        count = 0

        async def take(mail: Any, answer: Any) -> Any:
            nonlocal count
            count += 1
            if count % _FORGET == 0:
                stand_in.server.forget()
            fault = self._faults.strike((mail.recipient,))
            if fault is not None and fault.kind in STATUSES:
                return type(answer)(STATUSES[fault.kind], b"")
            if fault is not None and fault.kind is Kind.DROP:
                return type(answer)(fault="reset")
            self._keep(connector, _address(mail.sender), (mail.recipient,), source_of(mail))
            if fault is not None:
                await asyncio.sleep(fault.seconds)
            return answer

        return take


def _address(shown: str) -> str:
    return shown.rpartition("<")[2].rstrip(">")


def source_of(mail: Any) -> bytes:
    """Return the source of an email that came as the provider's own document."""
    message = EmailMessage()
    lines = {
        "From": mail.sender,
        "To": mail.recipient,
        "Subject": mail.subject,
        "Reply-To": mail.reply_to,
        "Message-ID": mail.message_id,
        "Date": formatdate(usegmt=True),
    }
    others = {k: v for k, v in mail.headers.items() if k.lower() not in _RESERVED}
    for name, value in {**lines, **others}.items():
        if value:
            _add(message, name, str(value))
    if mail.text is not None or mail.html is None:
        message.set_content(mail.text or "")
    if mail.html is not None and mail.text is not None:
        message.add_alternative(mail.html, subtype="html")
    elif mail.html is not None:
        message.set_content(mail.html, subtype="html")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def _add(message: EmailMessage, name: str, value: str) -> None:
    one_line = " ".join(value.splitlines())
    try:
        message[name] = one_line
    # A display name that is not an address, or an address beyond ASCII.
    except (ValueError, IndexError):
        message[name] = str(Address(display_name=one_line))
