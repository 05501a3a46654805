"""The stores of passpost and of this package keep the contract of stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import passpost_redis
from passpost.stores import (
    MemoryCooldowns,
    MemoryIdempotency,
    MemoryRateLimiter,
    SqliteIdempotency,
    Stores,
)
from pytest_passpost import StoresSuite


class TestMemory(StoresSuite):
    @pytest.fixture
    def connect(self) -> Callable[[], Stores]:
        stores = Stores(
            idempotency=MemoryIdempotency(),
            rates=MemoryRateLimiter(),
            cooldowns=MemoryCooldowns(),
        )
        return lambda: stores


class TestSqlite(StoresSuite):
    provides = ("idempotency",)

    @pytest.fixture
    def connect(self, tmp_path: Path) -> Callable[[], Stores]:
        return lambda: Stores(idempotency=SqliteIdempotency(tmp_path / "sends.sqlite"))


class TestRedis(StoresSuite):
    @pytest.fixture
    def connect(self, server: Any) -> Callable[[], Stores]:
        return lambda: passpost_redis.open_stores(server.url, secret=b"s" * 16)
