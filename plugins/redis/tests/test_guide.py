"""The guides: their program sends, and what it remembers is in Redis."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost_smtp_stand_in import StandIn

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_program_remembers_sends_in_redis(name: str, server: Any) -> None:
    (program,) = BLOCK.findall((Path(__file__).parents[1] / name).read_text("utf-8"))
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(program, name, "exec", dont_inherit=True), names)  # noqa: S102 - the page's own
    template = {"usageType": "Generic", "subject": "Your code", "content": "{{code}}"}
    message = passpost.Message(
        "ada@example.com", "Generic", {"code": "493817"}, idempotency_key="the sign-in of Ada"
    )
    with StandIn() as provider:
        smtp = passpost.Host().configure("smtp", {**provider.settings, "templates": [template]})
        for _ in ("one process", "another"):
            with names["make_mailer"](smtp, server.url, b"k" * 16) as mailer:
                mailer.send(message)
        assert len(provider.received) == 1
