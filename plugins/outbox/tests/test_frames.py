"""No frame of an error holds a secret or a key: trackers of errors send local variables."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passpost_outbox import AsyncOutbox, Keys, Outbox, SqliteStore

CANARY = b"canary-of-a-secret"
KEY = b"canary-of-a-key!" * 2
HERE = Path(__file__).name


def frames(make: Callable[[], object]) -> str:
    """Return what the frames of passpost show, where something is raised."""
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in shown.stack if Path(frame.filename).name != HERE]
    assert own, "nothing of passpost raised it"
    return "\n".join([str(shown), *(repr(frame.locals) for frame in own)])


@pytest.mark.parametrize("kind", [Outbox, AsyncOutbox])
@pytest.mark.parametrize(
    "options", [{"secret": b"canary"}, {"lifetime": 0}, {"engine": object(), "republish": 0}]
)
def test_an_outbox_that_cannot_be_made(tmp_path: Path, kind: Any, options: dict[str, Any]) -> None:
    keys, store = Keys({"a": KEY}, use="a"), SqliteStore(tmp_path / "outbox.sqlite")
    assert "canary" not in frames(lambda: kind(store, keys, **{"secret": CANARY, **options}))


@pytest.mark.parametrize("kind", [Outbox, AsyncOutbox])
def test_an_outbox_of_a_settings_file(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "passpost.json"
    section = {
        "store": {"use": "sqlite", "path": "outbox.sqlite"},
        "keys": {"use": "a", "values": {"a": KEY.hex()}},
        "secret": CANARY.decode(),
    }
    path.write_text(json.dumps({"connectors": {}, "outbox": section}), "utf-8")
    shown = frames(lambda: kind.from_file(path, engine=object(), republish=0))
    assert "canary" not in shown
    assert KEY.hex() not in shown


@pytest.mark.parametrize(
    ("keys", "use"), [({"a": KEY, "b": b"short"}, "a"), ({"a": KEY}, "b"), ({"a b": KEY}, "a b")]
)
def test_keys_that_are_not_valid(keys: dict[str, bytes], use: str) -> None:
    assert "canary" not in frames(lambda: Keys(keys, use=use))


def test_a_secret_of_any_bytes_makes_the_same_hashes(tmp_path: Path) -> None:
    keys, store = Keys({"a": KEY}, use="a"), SqliteStore(tmp_path / "outbox.sqlite")
    for secret in (bytes(range(256)), "é".encode() * 16, b"\xff" * 16):
        assert AsyncOutbox(store, keys, secret=secret)._secret == secret
