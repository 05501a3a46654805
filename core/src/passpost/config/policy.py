"""How an application's mails are delivered, whichever connector delivers them."""

from __future__ import annotations

import math
from typing import Any

import attrs

from passpost.config.fields import field


def _check_timeout(_instance: Any, _attribute: Any, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError("timeout is a number of seconds greater than 0")


@attrs.frozen(kw_only=True)
class Policy:
    """The delivery policy: ``delivery`` in an application's settings.

    Attributes:
        timeout: Seconds that one send may take in all, from the call to its receipt or error.
    """

    timeout: float = field(
        default=60.0,
        above=0,
        validator=_check_timeout,
        unit="s",
        title={"en": "Timeout", "zh-CN": "超时"},
        description={
            "en": "How long one send may take in all; a message's own deadline may end it sooner.",
            "zh-CN": "一次发送总共允许的时间；消息自身的截止时间可以更早结束它。",
        },
    )
