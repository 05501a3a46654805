"""The setting ``pool``: how many connections there are, and how long they serve."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from passpost import Problem
from passpost.config import field, rule
from passpost_smtp.config.leaves import said


@attrs.frozen(kw_only=True)
class PoolSettings:
    """How connections are kept and used again."""

    max_connections: int = field(
        default=5,
        minimum=1,
        maximum=1000,
        **said(
            "Most connections",
            "最大连接数",
            "Connections at once; they are opened as mails need them.",
            "同时打开的连接数上限；按需建立。",
        ),
    )
    max_messages: int = field(
        default=1000,
        minimum=1,
        maximum=1_000_000,
        **said(
            "Mails per connection",
            "每个连接的邮件数",
            "Mails after which a connection is replaced by a new one.",
            "一个连接发送多少封邮件后换新。",
        ),
    )
    idle_timeout: int = field(
        default=120_000,
        minimum=1,
        maximum=86_400_000,
        unit="ms",
        **said(
            "Idle time",
            "空闲时间",
            "How long a connection is kept that has nothing to do.",
            "连接空闲多久后关闭。",
        ),
    )
    max_age: int = field(
        default=900_000,
        minimum=1,
        maximum=86_400_000,
        unit="ms",
        **said(
            "Longest life",
            "最长寿命",
            "How long a connection serves at most; the host's address is looked up anew then.",
            "一个连接最多使用多久；之后重新解析主机地址并重连。",
        ),
    )
    keep_warm: int = field(
        default=0,
        minimum=0,
        maximum=1000,
        **said(
            "Kept ready",
            "预备连接数",
            "Connections that are kept open even if there is nothing to send, so that the first "
            "mail after a quiet time is fast too.",
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
            "A connection that was idle for longer gets its next mail in two steps, so that one "
            "which died unseen costs no mail.",
            "空闲超过此时间的连接，下一封邮件分两步发送，以免连接已失效而丢失邮件。",
        ),
    )

    @rule("keep_warm", "max_connections")
    def _warm_ones_fit(self) -> Iterator[Problem]:
        if self.keep_warm > self.max_connections:
            yield Problem(
                "keepWarm",
                f"is more than the {self.max_connections} connections that there may be",
                "raise maxConnections, or lower keepWarm",
            )
