"""The servers of the tests of two packages."""

from __future__ import annotations

import sys
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"

sys.path += [str(PLUGINS / name / "tests/servers") for name in ("outbox", "celery")]
