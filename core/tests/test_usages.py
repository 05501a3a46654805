from __future__ import annotations

import pytest

from passpost._messages.usages import FLOW_USAGES, GENERIC, KNOWN_USAGES, canonical_usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [("Test", "Generic"), ("SignIn", "SignIn"), ("test", "test"), ("Mine", "Mine")],
)
def test_old_name_becomes_the_present_one(usage: str, expected: str) -> None:
    assert canonical_usage(usage) == expected


def test_flows_want_usages_that_are_known() -> None:
    assert FLOW_USAGES == ("Register", "SignIn", "ForgotPassword", "Generic")
    assert set(FLOW_USAGES) < set(KNOWN_USAGES)
    assert GENERIC in FLOW_USAGES
    assert len(set(KNOWN_USAGES)) == len(KNOWN_USAGES) == 9
    assert all(canonical_usage(usage) == usage for usage in KNOWN_USAGES)
