"""The settings of the store in Redis, as an application's file has them."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import attrs

from passpost import Problem, Secret, config
from passpost.phrases import Phrases
from passpost_outbox.settings import missing_extra
from passpost_outbox.store import OutboxStore

_ = Phrases("passpost_outbox")


@attrs.frozen(kw_only=True)
class RedisOutboxSettings:
    """A Redis server that web processes and workers of many machines share.

    Attributes:
        url: The server's URL, which may contain a password.
        durability: What is on disk when an operation returns; see `RedisStore`.
        timeout: Seconds that a step of an operation may take.
        prefix: What the names of all keys begin with.
    """

    title: ClassVar = {"en": "with `redis`", "zh-CN": "使用 `redis` 时"}

    url: Secret = config.field(
        title={"en": "URL", "zh-CN": "URL"},
        description={
            "en": "URL of the server: `redis://`, `rediss://` for TLS, or `unix://`.",
            "zh-CN": "服务器的 URL：`redis://`，使用 TLS 时为 `rediss://`，或 `unix://`。",
        },
        example="${REDIS_URL}",
    )
    durability: Literal["always", "waitaof", "everysec", "unchecked"] = config.field(
        default="always",
        title={"en": "Durability", "zh-CN": "持久性"},
        description={
            "en": "What the server must promise; a server that promises less is rejected.",
            "zh-CN": "服务器必须作出的持久性保证；达不到的服务器会被拒绝使用。",
        },
    )
    timeout: float = config.field(
        default=2.0,
        above=0,
        maximum=60,
        unit="s",
        title={"en": "Timeout", "zh-CN": "超时"},
        description={
            "en": "Maximum time of one step of an operation, connecting included.",
            "zh-CN": "操作中每一步的总时限，包括建立连接。",
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

    @config.rule("url", "durability", "timeout", "prefix")
    def _usable(self) -> Iterator[Problem]:
        try:
            self.open_store(Path())
        except ImportError:
            yield missing_extra("redis")
        except ValueError:
            remedy = _('write "redis://cache.example.com:6379/0"')
            message = _("not a valid URL of a Redis server")
            yield Problem("url", message, remedy, code="E432")

    def open_store(self, folder: Path) -> OutboxStore:
        """Return the store; it connects when it is first used.

        Args:
            folder: Where relative paths begin; there is none.
        """
        # Here, so that the settings can be described without the extra.
        from passpost_outbox.redis import RedisStore  # noqa: PLC0415

        del folder
        return RedisStore(
            self.url, durability=self.durability, timeout=self.timeout, prefix=self.prefix
        )
