"""Checks that secrets, codes and payload show in no log, error, traceback or output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from passpost import SendError
from pytest_passpost.suite.instruments.bench import SHORT
from pytest_passpost.suite.instruments.canaries import Canaries, LogRecords, shown

if TYPE_CHECKING:
    from pytest_passpost.suite.instruments.bench import Bench, Result

situations = pytest.mark.parametrize(
    "situation", ["accepted", "refused", "broken", "silent", "not-there"]
)


class SecrecyChecks:
    """Whatever happens, nothing shows that must not."""

    @situations
    def test_errors_hide_secrets(self, bench: Bench, situation: str) -> None:
        canaries = Canaries(bench.secrets(bench.config()) + _wrong(bench))
        result = _in(bench, situation)
        texts = shown(result) if isinstance(result, SendError) else (repr(result),)
        assert canaries.found_in(*texts) == [], "an error, or its traceback, shows what it must not"

    @situations
    def test_logs_hide_secrets(
        self, bench: Bench, situation: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        canaries = Canaries(bench.secrets(bench.config()) + _wrong(bench))
        with LogRecords() as logged:
            _in(bench, situation)
        assert canaries.found_in(*logged.texts) == [], "a log record shows what it must not"
        assert canaries.found_in(*capfd.readouterr()) == [], "something is printed"

    def test_session_hides_secrets(self, bench: Bench) -> None:
        config = bench.config()
        canaries = Canaries(bench.secrets(config))

        async def look() -> list[str]:
            async with bench.opened(config) as session:
                await bench.result(config, session)
                return canaries.found_in(repr(session), str(session))

        assert bench.run(look) == [], "the session's repr shows what it must not"


def _wrong(bench: Bench) -> list[tuple[str, str]]:
    if bench.wrong_settings is None:
        return []
    return bench.secrets(bench.config(bench.wrong_settings))


def _in(bench: Bench, situation: str) -> Result:
    match situation:
        case "refused":
            return bench.send(settings=bench.wrong_settings)
        case "broken":
            return bench.send_broken("taken", "reset")
        case "silent":
            return bench.send_broken("taken", "silence", seconds=SHORT)
        case "not-there":
            return bench.send_broken("connect", "reset")
        case _:
            return bench.send()
