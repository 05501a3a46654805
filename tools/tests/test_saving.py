"""A settings file is replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from passpost_tools import saving
from passpost_tools.saving import ChangedMeanwhile, load, save


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "passpost.jsonc"
    assert not load(file).exists
    saved = save(load(file), "{}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert saved == load(file)
    assert names(tmp_path) == ["passpost.jsonc"]


def test_a_file_keeps_its_mode_and_one_copy(tmp_path: Path) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text("{}")
    file.chmod(0o640)
    for text in ('{"a": 1}', '{"a": "邮件"}'):
        save(load(file), text)
    assert file.read_text("utf-8") == '{"a": "邮件"}'
    backup = tmp_path / "passpost.jsonc.bak"
    assert backup.read_text("utf-8") == '{"a": 1}'
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    # It may contain a secret that the file no longer has.
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/passpost.jsonc").write_text("{}")
    link = tmp_path / "passpost.jsonc"
    link.symlink_to("real/passpost.jsonc")
    save(load(link), "{ }")
    assert link.is_symlink()
    assert (tmp_path / "real/passpost.jsonc").read_text("utf-8") == "{ }"


@pytest.mark.parametrize("now", ["{ }", None], ids=["edited", "removed"])
def test_a_file_that_changed_meanwhile_is_left_as_it_is(tmp_path: Path, now: str | None) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text("{}")
    before = load(file)
    file.unlink()
    if now is not None:
        file.write_text(now)
    with pytest.raises(ChangedMeanwhile):
        save(before, '{"mine": 1}')
    assert (file.read_text("utf-8") if file.exists() else None) == now


def test_a_file_that_appeared_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    before = load(tmp_path / "passpost.jsonc")
    (tmp_path / "passpost.jsonc").write_text("{}")
    with pytest.raises(ChangedMeanwhile):
        save(before, '{"mine": 1}')
    assert (tmp_path / "passpost.jsonc").read_text("utf-8") == "{}"


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_failure_leaves_the_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text("{}")
    before = load(file)

    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        save(before, '{"mine": 1}')
    assert file.read_text("utf-8") == "{}"
    assert names(tmp_path) == ["passpost.jsonc"]


def test_the_text_does_not_show() -> None:
    assert "hunter2" not in repr(saving.Loaded(Path("f"), '{"password": "hunter2"}', "v"))
