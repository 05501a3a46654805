"""The settings of the store in PostgreSQL, for those who do not use it as well: no driver."""

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
class PostgresSettings:
    """Tables of PostgreSQL.

    Attributes:
        url: The server's URL, which may contain a password.
        timeout: Seconds that an operation may take.
        schema: The schema of the tables.
        synchronous_commit: Whether an operation is on disk when it returns.
    """

    title: ClassVar = {"en": "with `postgres`", "zh-CN": "使用 `postgres` 时"}

    url: Secret = config.field(
        example="${DATABASE_URL}",
        title={"en": "URL", "zh-CN": "URL"},
        description={
            "en": "URL of the database: `postgresql://…`, or a connection string of libpq.",
            "zh-CN": "数据库的 URL：`postgresql://…`，或 libpq 的连接字符串。",
        },
    )
    timeout: float = config.field(
        default=3.0,
        above=0,
        maximum=60,
        unit="s",
        title={"en": "Timeout", "zh-CN": "超时"},
        description={
            "en": "Maximum time of one operation, connecting included.",
            "zh-CN": "单次操作的总时限，包括建立连接。",
        },
    )
    schema: str | None = config.field(
        default=None,
        pattern=r"[a-z_][a-z0-9_]{0,62}",
        title={"en": "Schema", "zh-CN": "Schema"},
        description={
            "en": "Schema of the tables; by default, the first of the search path.",
            "zh-CN": "表所在的 schema；默认为搜索路径中的第一个。",
        },
    )
    synchronous_commit: Literal["on", "off"] = config.field(
        default="on",
        title={"en": "Synchronous commit", "zh-CN": "同步提交"},
        description={
            "en": "With `off`, a server that crashes may lose emails, or send them twice.",
            "zh-CN": "设为 `off` 时，数据库崩溃可能丢失邮件或重复发送。",
        },
    )

    @config.rule("url", "schema", "timeout", "synchronous_commit")
    def _usable(self) -> Iterator[Problem]:
        try:
            self.open_store(Path())
        except ImportError:
            yield missing_extra("postgres")
        except ValueError:
            message = _("not a valid URL of a PostgreSQL server")
            remedy = _('write "postgresql://db.example.com/app"')
            yield Problem("url", message, remedy, code="E432")

    def open_store(self, folder: Path) -> OutboxStore:
        """Return the store; see `StoreSettings`."""
        del folder
        # Here, so that only those who use it import psycopg.
        from passpost_outbox.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore(
            self.url,
            timeout=self.timeout,
            schema=self.schema,
            synchronous_commit=self.synchronous_commit,
        )
