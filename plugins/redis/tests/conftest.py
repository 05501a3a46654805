"""A Redis server of the tests' own."""

from __future__ import annotations

from passpost_redis.testing import redis_program, server  # noqa: F401 - fixtures
