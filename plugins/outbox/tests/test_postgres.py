"""The store in PostgreSQL keeps the contract of stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from passpost_outbox import OutboxStore
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.testing import OutboxStoreSuite


class TestPostgres(OutboxStoreSuite):
    @pytest.fixture
    def connect(self, postgres_url: str) -> Callable[[], OutboxStore]:
        return lambda: PostgresStore(postgres_url)
