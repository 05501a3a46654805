"""Fixtures for tests of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from passpost import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from passpost import Problem


def _refused(function: Callable[..., object], *args: Any, **kwargs: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        function(*args, **kwargs)
    error = caught.value
    # An exception that is kept along would carry what it was working on.
    assert error.__cause__ is None
    assert error.__context__ is None
    return error.problems


@pytest.fixture
def refused() -> Callable[..., tuple[Problem, ...]]:
    """Return the problems of the ConfigError that a call raises."""
    return _refused
