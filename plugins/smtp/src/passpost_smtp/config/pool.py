"""The setting ``pool``: how many connections stay open, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from passpost import Problem
from passpost.config import field, rule
from passpost_smtp import _
from passpost_smtp.config.leaves import said


@attrs.frozen(kw_only=True)
class PoolSettings:
    """How connections are kept and reused."""

    max_connections: int = field(
        default=5,
        minimum=1,
        maximum=1000,
        **said(
            "Maximum connections",
            "最大连接数",
            "Maximum number of connections at the same time. They are opened on demand.",
            "同时打开的连接数上限；按需建立。",
        ),
    )
    max_messages: int = field(
        default=1000,
        minimum=1,
        maximum=1_000_000,
        **said(
            "Emails per connection",
            "每个连接的邮件数",
            "Number of emails after which a connection is replaced with a new one.",
            "一个连接发送多少封邮件后，换成新的连接。",
        ),
    )
    idle_timeout: int = field(
        default=120_000,
        minimum=1,
        maximum=86_400_000,
        unit="ms",
        **said(
            "Idle timeout",
            "空闲超时",
            "Time after which an idle connection is closed.",
            "连接空闲多久后关闭。",
        ),
    )
    max_age: int = field(
        default=900_000,
        minimum=1,
        maximum=86_400_000,
        unit="ms",
        **said(
            "Maximum age",
            "连接最长存活时间",
            "Maximum age of a connection. Then the server's address is looked up again.",
            "一个连接最多使用多久；之后重新解析主机地址并重连。",
        ),
    )
    keep_warm: int = field(
        default=0,
        minimum=0,
        maximum=1000,
        **said(
            "Connections kept open",
            "保持打开的连接数",
            "Number of connections to keep open while there is nothing to send, so that the first "
            "email after a quiet period is fast too.",
            "没有邮件时也保持打开的连接数，使空闲之后的第一封邮件同样快速。",
        ),
    )
    probe_after: int = field(
        default=10_000,
        minimum=0,
        maximum=86_400_000,
        unit="ms",
        **said(
            "Probe after",
            "探测间隔",
            "After this much idle time, probe the connection before sending, so that a dead "
            "connection loses no email.",
            "连接空闲超过此时间后，发送前先探测连接，以免连接已失效而丢失邮件。",
        ),
    )

    @rule("keep_warm", "max_connections")
    def _warm_ones_fit(self) -> Iterator[Problem]:
        if self.keep_warm > self.max_connections:
            yield Problem(
                "keepWarm",
                _(
                    "{count} is out of range: `maxConnections` is {most}",
                    count=self.keep_warm,
                    most=self.max_connections,
                ),
                _(
                    "set `maxConnections` to at least {count}, or lower `keepWarm`",
                    count=self.keep_warm,
                ),
                code="smtp-E7",
            )
