"""Stores in Redis, for mailers of many processes and machines.

::

    import passpost_redis

    stores = passpost_redis.open_stores("redis://cache.example.com:6379/0", secret=key)
    mailer = passpost.Mailer(smtp, stores=stores)
"""

from __future__ import annotations

from passpost_redis.checking import check as check_server
from passpost_redis.cooldowns import RedisCooldowns
from passpost_redis.idempotency import RedisIdempotency
from passpost_redis.rates import RedisRates
from passpost_redis.server import RedisServer
from passpost_redis.settings import RedisSettings, open_stores

__version__ = "0.1.0"

__all__ = [
    "RedisCooldowns",
    "RedisIdempotency",
    "RedisRates",
    "RedisServer",
    "RedisSettings",
    "__version__",
    "check_server",
    "open_stores",
]
