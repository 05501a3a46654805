"""The test kit under its earlier name: `pytest_passpost`, if that is installed."""

from __future__ import annotations

from passpost._lazy import replace_by

# Type checkers read testing.pyi.
replace_by("pytest_passpost", "the test kit", module=__name__, install="passpost[testing]")
