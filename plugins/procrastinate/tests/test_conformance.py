"""The contract of engines, through Procrastinate."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_program import PostgresProgram
from recording import Recorder

from passpost_outbox import Keys, SqliteStore, Worker
from passpost_outbox.testing import EngineSetup, OutboxEngineSuite
from passpost_procrastinate import ProcrastinateEngine


class Setup:
    """Procrastinate's tables, beside an outbox in a file: one may be gone without the other."""

    def __init__(self, postgres: PostgresProgram, url: str, folder: Path) -> None:
        self._postgres = postgres
        self._url = url
        self._file = folder / "sent"
        self._path = folder / "outbox.sqlite"
        self._recorder = Recorder(self._file)
        self.store = SqliteStore(self._path)
        self.keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
        self.engine = ProcrastinateEngine(url)

    @contextmanager
    def workers(self) -> Iterator[None]:
        """Run a worker in a thread: it looks for no signals there."""
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._work())
        thread = threading.Thread(target=loop.run_until_complete, args=(task,))
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
            loop.close()

    async def _work(self) -> None:
        store, engine = SqliteStore(self._path), ProcrastinateEngine(self._url)
        try:
            async with self._recorder.mailer() as mailer:
                options: dict[str, Any] = {
                    "engine": engine,
                    "poll": None,
                    "sweep_every": 0.5,
                    "republish": 1,
                }
                await engine.run(Worker(store, self.keys, mailer, **options))
        except asyncio.CancelledError:
            # Its end, as the test asked for.
            pass
        finally:
            await store.aclose()
            await engine.aclose()

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        self._postgres.pause()
        try:
            yield
        finally:
            self._postgres.go_on()

    def queued(self) -> bytes:
        with psycopg.connect(self._url) as connection:
            rows = connection.execute("SELECT procrastinate_jobs::text FROM procrastinate_jobs")
            return "\n".join(text for (text,) in rows).encode()

    def sent(self) -> Mapping[str, int]:
        return Counter(f"{name}@example.com" for name in self._file.read_text("utf-8").split())


class TestProcrastinate(OutboxEngineSuite):
    @pytest.fixture
    def setup(self, postgres: PostgresProgram, url: str, tmp_path: Path) -> EngineSetup:
        async def create_tables() -> None:
            engine = ProcrastinateEngine(url)
            await engine.create_tables()
            await engine.aclose()

        asyncio.run(create_tables())
        return Setup(postgres, url, tmp_path)
