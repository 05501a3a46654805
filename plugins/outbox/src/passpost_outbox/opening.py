"""Makes outboxes and workers for the section ``outbox`` of a settings file."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from passpost import AsyncMailer, Host, config, load
from passpost_outbox.keys import Keys
from passpost_outbox.settings import OutboxSettings
from passpost_outbox.store import OutboxStore

log: Final = logging.getLogger("passpost.outbox")

Watch: TypeAlias = Callable[[OutboxStore], OutboxStore]


class OutboxFromFile:
    """The base of both outboxes: `from_file`."""

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        host: Host | None = None,
        *,
        watch: Watch | None = None,
        **parts: Any,
    ) -> Self:
        """Return an outbox for the section ``outbox`` of an application's settings file.

        Nothing else of the file is read: the process needs no provider's secret.

        Args:
            path: The file: JSON with comments.
            host: Follows references such as ``${NAME}``; a new `passpost.Host` by default.
            watch: Returns what the outbox uses in place of the store, such as
                `passpost_otel.Telemetry.watch`.
            parts: Other arguments of the outbox; they replace what the file says.

        Raises:
            ConfigError: The file cannot be read, or the section is missing or wrong.
            StoreError: The keys cannot be read.
        """
        settings = read_outbox(path, host)
        store, keys = opened_parts(settings, path)
        given: dict[str, Any] = {"lifetime": settings.lifetime}
        if settings.priorities is not None:
            given["priorities"] = settings.priorities
        make: Any = cls
        watched = store if watch is None else watch(store)
        outbox: Self = make(watched, keys, secret=settings.secret, **{**given, **parts})
        return outbox


class WorkerFromFile:
    """The base of the worker: `from_file`."""

    @classmethod
    @asynccontextmanager
    async def from_file(
        cls,
        path: str | os.PathLike[str],
        host: Host | None = None,
        *,
        watch: Watch | None = None,
        observe: Callable[[AsyncMailer], object] | None = None,
        **parts: Any,
    ) -> AsyncIterator[Self]:
        """Return a worker for an application's settings file, as a context.

        Whether an email is sent once more where nobody knows whether it was sent, the file's
        ``delivery.onUnknown`` says. The store and the mailer are closed when the context ends::

            async with Worker.from_file("passpost.jsonc") as worker:
                await worker.run()

        Args:
            path: The file: JSON with comments.
            host: Where its connectors are looked up; a new `passpost.Host` by default.
            watch: Returns what the worker uses in place of the store, such as
                `passpost_otel.Telemetry.watch`.
            observe: Called with the mailer, such as `passpost_otel.Telemetry.observe`.
            parts: Other arguments of the worker.

        Raises:
            ConfigError: The file cannot be read, or its settings are wrong.
            StoreError: The keys cannot be read.
        """
        host = host or Host()
        # Its problems are those of the whole file, the section's among them.
        application = load(path, host)
        for problem in application.warnings:
            log.warning("%s", problem)
        store, keys = opened_parts(read_outbox(path, host), path)
        given = {"on_unknown": application.policy.on_unknown, **parts}
        make: Any = cls
        async with AsyncMailer(*application.connectors, **application.options()) as mailer:
            if observe is not None:
                observe(mailer)
            try:
                yield make(store if watch is None else watch(store), keys, mailer, **given)
            finally:
                await store.aclose()


def read_outbox(path: str | os.PathLike[str], host: Host | None = None) -> OutboxSettings:
    """Return the section ``outbox`` of a settings file, without reading the others.

    Raises:
        ConfigError: The file cannot be read, or the section is missing or wrong.
    """
    return config.load_section(path, "outbox", OutboxSettings, host)


def opened_parts(
    settings: OutboxSettings, path: str | os.PathLike[str]
) -> tuple[OutboxStore, Keys]:
    """Return the store and the keys of a section; relative paths begin at the settings file."""
    folder = Path(path).parent
    return settings.open_store(folder), settings.keys.open_keys(folder)
