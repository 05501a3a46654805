"""The settings of the stores, as an application's file has them."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs

from passpost import Problem, Secret, config
from passpost.stores import Stores
from passpost_redis.cooldowns import RedisCooldowns
from passpost_redis.idempotency import RedisIdempotency
from passpost_redis.rates import RedisRates
from passpost_redis.server import TIMEOUT, RedisServer, _, place_of


@attrs.frozen(kw_only=True)
class RedisSettings:
    """Where the stores are, and how long they may take.

    Attributes:
        url: The server's URL, which may contain a password.
        timeout: Seconds that an operation may take.
        prefix: What the names of all keys begin with.
    """

    url: Secret = config.field(
        title={"en": "URL", "zh-CN": "URL"},
        description={
            "en": "URL of the server: `redis://`, `rediss://` for TLS, or `unix://`.",
            "zh-CN": "服务器的 URL：`redis://`，使用 TLS 时为 `rediss://`，或 `unix://`。",
        },
        example="${REDIS_URL}",
    )
    timeout: float = config.field(
        default=TIMEOUT,
        above=0,
        maximum=60,
        unit="s",
        title={"en": "Timeout", "zh-CN": "超时"},
        description={
            "en": "Maximum time of one operation, connecting included.",
            "zh-CN": "单次操作的总时限，包括建立连接。",
        },
    )
    prefix: str = config.field(
        default="passpost:",
        maximum=64,
        title={"en": "Prefix", "zh-CN": "前缀"},
        description={
            "en": "Beginning of all keys. Applications that share a server need different ones.",
            "zh-CN": "所有键的前缀；共用一台服务器的不同应用需使用不同的前缀。",
        },
    )

    @config.rule("url")
    def _valid_url(self) -> Iterator[Problem]:
        try:
            place_of(self.url)
        except ValueError:
            remedy = _('write "redis://cache.example.com:6379/0"')
            message = _("not a valid URL of a Redis server")
            yield Problem("url", message, remedy, code="E432")

    def open_stores(self, folder: Path) -> Stores:
        """Return the stores; they connect when they are first used.

        Args:
            folder: Where relative paths begin; there is none.
        """
        del folder
        server = RedisServer(self.url, timeout=self.timeout, prefix=self.prefix)
        return Stores(
            idempotency=RedisIdempotency(server),
            rates=RedisRates(server),
            cooldowns=RedisCooldowns(server),
        )


def open_stores(
    url: str | Secret,
    *,
    secret: bytes,
    on_failure: Literal["reject", "send"] = "reject",
    timeout: float = TIMEOUT,
    prefix: str = "passpost:",
) -> Stores:
    """Return the stores of a server, for a mailer; they connect when they are first used.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password if needed.
        secret: Keys the hashes that the server sees; the same for all processes of the fleet.
        on_failure: Whether an email is rejected (``reject``) or sent (``send``) where the server
            cannot be asked.
        timeout: Seconds that an operation may take.
        prefix: What the names of all keys begin with.

    Raises:
        ValueError: The URL is not valid.
    """
    hidden = url if isinstance(url, Secret) else Secret(url)
    place_of(hidden)
    settings = RedisSettings(url=hidden, timeout=timeout, prefix=prefix)
    return attrs.evolve(settings.open_stores(Path()), secret=secret, on_failure=on_failure)
