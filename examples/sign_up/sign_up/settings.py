"""What all processes of the application know, from the environment that `sign_up.__main__` sets."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Final

from passpost_outbox import Engine

STATE: Final = Path(os.environ.get("SIGN_UP_STATE", "."))
"""The folder with the settings file, the pepper and the application's database."""

FILE: Final = STATE / "passpost.json"
"""The settings file of passpost."""


def make_engine() -> Engine | None:
    """Return what brings emails to workers, or None where workers look for them."""
    name = os.environ.get("SIGN_UP_ENGINE")
    if name not in {"celery", "procrastinate"}:
        return None
    engine: Engine = import_module(f"sign_up.with_{name}").engine
    return engine
