"""The test kit under its earlier name: every name of `pytest_passpost`, if that is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import pytest_passpost
except ModuleNotFoundError as error:
    if error.name != "pytest_passpost":
        raise
    missing = "the test kit is not installed: pip install 'passpost[testing]'"
    raise ModuleNotFoundError(missing, name=error.name) from None

if TYPE_CHECKING:
    from pytest_passpost import *  # noqa: F403 - this module has every name of that one
else:

    def __getattr__(name: str) -> Any:
        return getattr(pytest_passpost, name)

    def __dir__() -> list[str]:
        return dir(pytest_passpost)
