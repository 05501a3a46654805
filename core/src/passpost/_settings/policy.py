"""How an application's mails are delivered, whichever connector delivers them."""

from __future__ import annotations

from typing import Any, Final

import attrs

from passpost._config.fields import field
from passpost._wording import kind_of

MAX_TIMEOUT: Final = 86_400
"""Seconds that a send may take at most: a day."""


def _check_timeout(_instance: Any, _attribute: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout is a number of seconds, such as 20, not {kind_of(value)}")
    if not 0 < value <= MAX_TIMEOUT:
        raise ValueError(
            f"timeout is a number of seconds greater than 0, and at most {MAX_TIMEOUT} (a day)"
        )


@attrs.frozen(kw_only=True)
class Policy:
    """The delivery policy: ``delivery`` in an application's settings.

    Attributes:
        timeout: Seconds that one send may take in all, from the call to its receipt or error.
    """

    # Less than the 30 s after which gunicorn and many proxies give up a request: who sends within
    # one gets an error, and is not killed.
    timeout: float = field(
        default=25.0,
        above=0,
        maximum=MAX_TIMEOUT,
        validator=_check_timeout,
        unit="s",
        title={"en": "Timeout", "zh-CN": "超时"},
        description={
            "en": "How long one send may take in all; a message's own deadline may end it sooner.",
            "zh-CN": "一次发送总共允许的时间；消息自身的截止时间可以更早结束它。",
        },
    )
