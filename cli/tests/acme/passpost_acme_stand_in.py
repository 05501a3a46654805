"""Acme's stand-in: its network is a file, which is enough to see what the demonstration does."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Self

from pytest_passpost import ReadableMail

SETTINGS = {"apiKey": "canary-stand-in-key", "fromEmail": "Acme <no-reply@acme.example>"}


class StandIn:
    """What it does is told by the environment, since the command makes it without arguments."""

    def __init__(self) -> None:
        self._mode = os.environ.get("ACME_STAND_IN", "")

    @property
    def settings(self) -> dict[str, Any]:
        return {**SETTINGS, "outbox": str(self._outbox)}

    @property
    def wrong_settings(self) -> dict[str, Any] | None:
        if self._mode == "unrefusing":
            return None
        behave = "accept" if self._mode == "lenient" else "reject"
        return {**SETTINGS, "behave": behave}

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        if self._mode == "losing":
            return ()
        return tuple(_received(line) for line in self._outbox.read_text("utf-8").splitlines())

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._outbox = Path(self._folder.name) / "outbox"
        return self

    def __exit__(self, *exception: object) -> None:
        self._folder.cleanup()


def _received(line: str) -> ReadableMail:
    fields = json.loads(line)
    text = fields["text"] if os.environ.get("ACME_STAND_IN") != "html" else None
    return ReadableMail(
        sender=SETTINGS["fromEmail"],
        recipient=fields["to"],
        subject=fields["subject"],
        text=text,
        html=fields["html"],
    )
