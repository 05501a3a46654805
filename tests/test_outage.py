"""A server that ends under load, and another one beside it: no email is lost or doubled.

`make outage` does the same for longer, and in more ways.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from .conftest import ROOT


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import outage_postfix  # noqa: PLC0415 - a benchmark is a script, not in a package

    return outage_postfix


def measure(outage: Any, name: str, *, threads: bool) -> Any:
    try:
        return outage.measure(name, outage.QUICK, threads=threads)
    except outage.postfix.CannotRunError as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


@pytest.mark.parametrize(("name", "threads"), [("killed", False), ("stopped", True)])
def test_a_server_that_ends_under_load_costs_no_email(
    name: str, threads: bool, outage: Any
) -> None:
    result = measure(outage, name, threads=threads)
    assert len(result.load.tries) == 800
    assert (result.lost, result.doubled, result.ghosts) == (0, 0, 0)
    assert result.of("rejected") == []
    # What was on a connection when it ended: whether the server has it, nobody can tell.
    assert len(result.of("unknown")) <= outage.ON_CONNECTIONS
    assert {each.connector for each in result.of("accepted")} == {"first", "second"}
