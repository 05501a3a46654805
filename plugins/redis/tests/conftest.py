"""A Redis server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from passpost_redis.testing import RedisProgram


@pytest.fixture(scope="session")
def redis_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProgram]:
    program = RedisProgram(tmp_path_factory.mktemp("redis"))
    program.start()
    yield program
    program.kill()


@pytest.fixture
def server(redis_program: RedisProgram) -> Iterator[RedisProgram]:
    """The server, empty."""
    with redis_program.client() as client:
        client.flushall()
    yield redis_program
    # What a test that failed has left paused would hang those after it.
    redis_program.go_on()
