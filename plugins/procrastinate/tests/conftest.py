"""A PostgreSQL server, with the tables of the outbox and of Procrastinate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "outbox/tests/servers"))

from postgres_program import PostgresProgram


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProgram]:
    # Its machine does not lose its power, and tests end in half the time.
    with PostgresProgram(fsync="off") as program:
        yield program


@pytest.fixture
def url(postgres: PostgresProgram, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    postgres.execute(f"CREATE DATABASE {name}")
    return postgres.url.removesuffix("/postgres") + f"/{name}"
