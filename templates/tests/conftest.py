"""The browser of the tests across packages."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/browser"))

from chromium_browser import chromium  # noqa: F401 - a fixture
