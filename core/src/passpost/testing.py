"""The test kit under its earlier name: every name of `pytest_passpost`, if that is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# By name: core itself knows nothing of the test kit. Type checkers read testing.pyi.
try:
    _KIT = import_module("pytest_passpost")
except ModuleNotFoundError as error:
    if error.name != "pytest_passpost":
        raise
    missing = "the test kit is not installed: pip install 'passpost[testing]'"
    raise ModuleNotFoundError(missing, name=error.name) from None


def __getattr__(name: str) -> Any:
    return getattr(_KIT, name)


def __dir__() -> list[str]:
    return dir(_KIT)
