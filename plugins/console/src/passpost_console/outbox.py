"""What became of the emails of an outbox, where the settings file has one.

passpost-outbox need not be installed, so nothing of it is imported: its section of the settings
file brings a class that opens the store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import passpost
from passpost import config
from passpost._plugins.defects import describe_defect
from passpost._plugins.discovery import entry_points
from passpost_console.deliveries import MOST, OUTCOMES, Delivery, Read
from passpost_console.phrases import _

if TYPE_CHECKING:
    from pathlib import Path

SECTION: Final = "outbox"
"""The section of the settings file."""

_SECONDS: Final = 5
_AT_A_TIME: Final = 500


class CannotRead(Exception):  # noqa: N818 - it says what happened
    """The outbox cannot be read; the text says why, without secrets."""


def read_outbox(path: Path, host: passpost.Host) -> Read:
    """Return the latest emails of the outbox of a settings file.

    Raises:
        CannotRead: Its package, its settings or its store cannot be used.
    """
    found = (one for one in entry_points("passpost.sections") if one.name == SECTION)
    entry = next(found, None)
    if entry is None:
        raise CannotRead(_("`passpost-outbox` is not installed beside the console"))
    reason: str
    try:
        settings: Any = config.load_section(path, SECTION, entry.load(), host)
        return asyncio.run(_latest(settings, path.parent))
    except passpost.ConfigError as error:
        first = error.problems[0]
        reason = _("{path}: {message}", path=first.path, message=first.message)
    except TimeoutError:
        reason = _("its store does not answer")
    # The store is one of many kinds, and its texts may show where it is.
    except Exception as error:  # noqa: BLE001
        reason = describe_defect(error)
    raise CannotRead(reason)


async def _latest(settings: Any, folder: Path) -> Read:
    async with asyncio.timeout(_SECONDS):
        store = settings.open_store(folder)
        try:
            return await _read(store)
        finally:
            await store.aclose()


async def _read(store: Any) -> Read:
    found: list[Delivery] = []
    last: str | None = None
    while len(found) < MOST:
        records = await store.list(before=last, limit=_AT_A_TIME)
        found += [_delivery(one) for one in records if one.state in OUTCOMES]
        if len(records) < _AT_A_TIME:
            return Read(tuple(found))
        last = records[-1].id
    return Read(tuple(found[:MOST]), is_part=True)


def _delivery(record: Any) -> Delivery:
    result, ended = record.result, record.finished_at
    return Delivery(
        at=ended / 1_000 if ended is not None else None,
        usage=record.usage,
        recipient=record.shown,
        connector=(result.connector or "") if result else "",
        outcome=record.state,
        # From the request to the end: in an outbox, waiting is part of it.
        milliseconds=float(ended - record.queued_at) if ended is not None else None,
        scope=(result.scope or "") if result else "",
        code=(result.provider_code or "") if result else record.reason,
    )
