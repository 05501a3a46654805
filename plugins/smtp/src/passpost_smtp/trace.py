"""What goes over a connection, as a log may show it: verbs and codes, and nothing that was said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig
    from passpost_smtp.reply import Reply

log: Final = logging.getLogger("passpost_smtp")

Trace = Callable[[str, "Sequence[Reply]"], None]
"""Takes what was written, as `describe`, and the replies to it."""

_VERBS: Final = frozenset(
    (b"EHLO", b"HELO", b"STARTTLS", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET", b"QUIT")
)
_BATCH: Final = 3
"""Commands in one write, at most."""


def tracer(config: SmtpConfig) -> Trace | None:
    """Return what logs each exchange with level DEBUG; None unless the settings say ``debug``."""
    if not config.debug:
        return None

    def trace(what: str, replies: Sequence[Reply]) -> None:
        codes = ", ".join(reply.status for reply in replies)
        log.debug("%s: %s: %s", config.server, what, codes or "no reply")

    return trace


def event(config: SmtpConfig, what: str) -> None:
    """Log what happens to a connection; with level INFO where the settings say ``logger``."""
    log.log(logging.INFO if config.logger else logging.DEBUG, "%s: %s", config.server, what)


def describe(data: bytes) -> str:
    """Name the commands at the beginning of what was written, and count the octets of the rest."""
    return " ".join(_parts(data))


def _parts(data: bytes) -> Iterator[str]:
    start = 0
    for line in data.split(b"\r\n", _BATCH)[:_BATCH]:
        verb = line.partition(b" ")[0]
        if verb not in _VERBS:
            break
        yield verb.decode("ascii")
        start += len(line) + 2
    if start < len(data):
        yield f"({len(data) - start} octets)"
