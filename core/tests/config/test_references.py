from __future__ import annotations

import copy
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from passpost.config import Referenced, Settings, Unresolved, read, resolve

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"HOST": "smtp.example.com", "EMPTY": "", "_x9": "${HOST}", "LINE": "a\n"}


def test_puts_variables_and_files_in_place(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    text = f'{{"a": ["${{HOST}}", {{"b": "${{file:{secret}}}"}}], "c": "${{_x9}}", "d": 1}}'
    settings, problems = resolve(read(text, "f"), environ=ENVIRON)
    assert problems == ()
    assert settings == {"a": ["smtp.example.com", {"b": "hunter2"}], "c": "${HOST}", "d": 1}
    assert settings.file == "f"
    assert settings.locate("a[1].b") == (1, 25)
    assert isinstance(settings["c"], Referenced)


def test_takes_a_plain_mapping() -> None:
    settings, problems = resolve({"a": ("${HOST}",)}, environ=ENVIRON)
    assert settings == {"a": ["smtp.example.com"]}
    assert problems == ()


@pytest.mark.parametrize(
    "text",
    ["pa${HOST}", "${HOST} ", " ${HOST}", "$HOST", "${HOST}${HOST}", "${{HOST}}", "${", "${HOST"],
)
def test_leaves_other_texts_alone(text: str) -> None:
    settings, problems = resolve({"a": text}, environ=ENVIRON)
    assert settings == {"a": text}
    assert problems == ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x", "x"),
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b"x\r", "x\r"),
        (b" x ", " x "),
        (b"\xef\xbb\xbfx", "x"),
        (b"x" * 65536, "x" * 65536),
    ],
)
def test_drops_one_line_end_of_a_file(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "f").write_bytes(data)
    settings, problems = resolve({"a": f"${{file:{tmp_path / 'f'}}}"}, environ={})
    assert problems == ()
    assert settings["a"] == text


def test_a_relative_path_starts_at_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    text = '{"a": "${file:secret}"}'
    settings, _ = resolve(read(text, str(tmp_path / "p.jsonc")), environ={})
    assert settings["a"] == "hunter2"
    _, (problem,) = resolve(read(text), environ={})
    assert "relative path" in problem.message


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${MISSING}", "environment variable `MISSING` is not set"),
        ("${EMPTY}", "environment variable `EMPTY` is empty"),
        ("${}", "not a valid reference"),
        ("${MY-VAR}", "not a valid reference"),
        ("${ HOST }", "not a valid reference"),
        ("${env:HOST}", "not a valid reference"),
        ("${file:}", "does not name a file"),
        ("${file:/nonexistent/passpost}", "no such file or directory"),
        ("${file:/}", "not a regular file"),
        ("${file:/dev/zero}", "not a regular file"),
        ("${file:/a\0b}", "not a valid file name"),
    ],
)
def test_says_what_cannot_be_followed(reference: str, message: str) -> None:
    text = {"a": [1, reference]}
    settings, (problem,) = resolve(text, environ=ENVIRON)
    assert problem.path == "a[1]"
    assert message in problem.message
    assert problem.remedy
    assert problem.severity == "error"
    assert isinstance(settings["a"][1], Unresolved)
    assert settings["a"][1].problem == problem


def test_says_where(tmp_path: Path) -> None:
    _, (problem,) = resolve(read('{\n "a": "${NO}"}', "f.jsonc"), environ={})
    assert str(problem).startswith("f.jsonc:2:7: error: a: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"hunter2\xff", "UTF-8"), (b"x" * 65537, "64 KiB")],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "f").write_bytes(data)
    _, (problem,) = resolve({"a": f"${{file:{tmp_path / 'f'}}}"}, environ={})
    assert message in problem.message
    assert "hunter2" not in repr(problem)


def test_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, (problem,) = resolve({"a": f"${{file:{tmp_path / 'pipe'}}}"}, environ={})
    assert "not a regular file" in problem.message


def test_does_not_wait_for_a_pipe_that_takes_the_place_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at is what was opened, not what had the name a moment before."""
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_text("x")
    os.mkfifo(pipe)
    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, flags: opened(pipe, flags))
    _, (problem,) = resolve({"a": f"${{file:{file}}}"}, environ={})
    assert "not a regular file" in problem.message


def test_does_not_wait_for_what_only_calls_itself_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel's log in /proc does: regular, and empty until there is news."""
    (tmp_path / "file").write_text("x")
    read = os.read

    def blocked(descriptor: int, size: int) -> bytes:
        assert not os.get_blocking(descriptor)
        raise BlockingIOError(11, "Resource temporarily unavailable") from None

    monkeypatch.setattr(os, "read", blocked)
    _, (problem,) = resolve({"a": f"${{file:{tmp_path / 'file'}}}"}, environ={})
    monkeypatch.setattr(os, "read", read)
    assert "resource temporarily unavailable" in problem.message


def test_says_that_a_home_folder_is_not_looked_up(tmp_path: Path) -> None:
    file = str(tmp_path / "p.jsonc")
    _, (problem,) = resolve(read('{"a": "${file:~/secret}"}', file), environ={})
    assert problem.remedy == "write the absolute path: `~` is not expanded"


def test_says_where_a_relative_path_starts(tmp_path: Path) -> None:
    file = str(tmp_path / "p.jsonc")
    _, (problem,) = resolve(read('{"a": "${file:secret}"}', file), environ={})
    assert f"relative to the folder of `{file}`" in problem.remedy


def test_reads_no_file_where_it_may_not(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hunter2")
    settings, (problem,) = resolve(
        {"a": f"${{file:{tmp_path / 'f'}}}", "b": "${HOST}"}, environ=ENVIRON, read_files=False
    )
    assert "not allowed here" in problem.message
    assert settings["b"] == "smtp.example.com"


def test_a_part_keeps_its_full_path() -> None:
    part = read('{"a": {"b": "${NO}"}}').sub("a")
    settings, (problem,) = resolve(part, environ={})
    assert problem.path == "a.b"
    assert settings.locate("b") == (1, 13)


def test_what_was_referenced_does_not_show() -> None:
    settings, _ = resolve({"a": "${HOST}"}, environ=ENVIRON)
    assert "smtp" not in repr(settings.data)
    assert f"{settings['a']}" == "smtp.example.com"


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))],  # noqa: S301 - our own
)
def test_what_is_unresolved_survives_copies(copied: Any) -> None:
    settings, (problem,) = resolve({"a": "${NO}"}, environ={})
    again = copied(settings["a"])
    assert again == "${NO}"
    assert again.problem == problem


def test_leaves_the_original_alone() -> None:
    original = Settings({"a": ["${HOST}"]})
    resolve(original, environ=ENVIRON)
    assert original == {"a": ["${HOST}"]}


def test_settings_that_hold_themselves_are_too_deep() -> None:
    data: dict[str, Any] = {"host": "${HOST}"}
    data["self"] = [data]
    settings, (problem,) = resolve(data, environ=ENVIRON)
    assert settings["host"] == "smtp.example.com"
    assert "nested deeper than 64" in problem.message
    assert problem.path.startswith("self[0].self[0]")


def test_resolving_twice_is_resolving_once() -> None:
    once, (problem,) = resolve({"a": "${_x9}", "b": "${NO}"}, environ=ENVIRON)
    assert once["a"] == "${HOST}"
    twice, again = resolve(once, environ=ENVIRON)
    assert twice == once
    assert again == (problem,)
