"""The policy's tests notice the mistakes that a change could bring."""

from __future__ import annotations

import importlib
import inspect

import pytest
from mutants import MUTANTS, Mutant


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}: {mutant.wrong[:40]}"
)
def test_a_mistake_is_noticed_by_its_test(mutant: Mutant, caplog: pytest.LogCaptureFixture) -> None:
    module, _, name = mutant.test.partition(":")
    test = getattr(importlib.import_module(module), name)
    case = dict(mutant.case)
    if "caplog" in inspect.signature(test).parameters:
        case["caplog"] = caplog
    test(**case)
    caplog.clear()
    with mutant.alive(), pytest.raises(BaseException) as caught:  # noqa: PT011 - each has its own
        test(**case)
    # The test's own words, or what the policy's own checks raise; not a mutant that cannot run.
    assert not isinstance(caught.value, NameError | SyntaxError | LookupError | TypeError)


def test_there_are_many_mistakes() -> None:
    assert len({(mutant.module, mutant.right, mutant.wrong) for mutant in MUTANTS}) >= 50
