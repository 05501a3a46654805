"""What the tests across packages share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which every package of tests/distributions is installed."""
    target = tmp_path_factory.mktemp("distributions")
    sources = sorted(
        str(path.parent) for path in (ROOT / "tests/distributions").glob("*/pyproject.toml")
    )
    _pip("install", "--no-deps", "--no-build-isolation", "--target", str(target), *sources)
    return target


@pytest.fixture
def broken_connectors(distributions: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, on the path of this process."""
    monkeypatch.syspath_prepend(str(distributions))
    return distributions


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)
