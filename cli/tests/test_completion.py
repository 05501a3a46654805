"""What shells complete: in bash itself, and in zsh and fish as click asks for them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click.testing
import pytest

Run = Callable[..., click.testing.Result]
Spawn = Callable[..., subprocess.CompletedProcess[bytes]]
Complete = Callable[..., list[str]]

# Fails if anybody imports it.
MINED = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n"


@pytest.fixture
def bash(command: Callable[..., list[str]], tmp_path: Path) -> Complete:
    """Return a function that completes the last of some words in bash."""
    if (program := shutil.which("bash")) is None:
        assert "CI" not in os.environ, "bash is missing"
        pytest.skip("bash is missing")
    folder = tmp_path / "bin"
    folder.mkdir()
    started = folder / "passpost"
    started.write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
    started.chmod(0o755)

    def completed(*words: str) -> list[str]:
        line = shlex.join(["passpost", *words])
        script = f"""
            compopt() {{ echo "compopt $*"; }}
            eval "$(passpost completion bash)"
            COMP_WORDS=({line}) COMP_CWORD={len(words)}
            _passpost_completion passpost
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        done = subprocess.run(
            [program, "--norc", "-c", script],
            capture_output=True, text=True, check=True, timeout=60, env=env,
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.split()

    return completed


def test_bash_completes_commands_and_values(bash: Complete) -> None:
    assert bash("sch") == ["schema"]
    assert bash("send", "--us") == ["--usage"]
    assert bash("send", "--connector", "ac") == ["acme"]
    assert bash("send", "--usage", "Sig") == ["SignIn"]


def test_bash_itself_completes_files(bash: Complete) -> None:
    assert "compopt" in " ".join(bash("send", "pass"))


COMPLETED = [
    (["se"], ["send"]),
    (["c"], ["check", "connectors", "completion"]),
    (["--v"], ["--version"]),
    (["guide", "s"], ["sendgrid", "ses", "sluggish", "smtp"]),
    (["guide", "--lang", "z"], ["zh-CN"]),
    (["check", "--connector", "acm"], ["acme"]),
    (["preview", "--usage", "Forg"], ["ForgotPassword"]),
    (["completion", ""], ["bash", "zsh", "fish"]),
    (["send", "--code", ""], []),
]


@pytest.mark.parametrize(("words", "wanted"), COMPLETED)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_the_same(
    spawn: Spawn, shell: str, words: Sequence[str], wanted: list[str]
) -> None:
    # fish names the word that is completed, and zsh its place.
    place = words[-1] if shell == "fish" else str(len(words))
    line = " ".join(["passpost", *words])
    environ = {
        "_PASSPOST_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": place,
    }
    lines = spawn(environ=environ).stdout.decode().splitlines()
    found = lines[1::3] if shell == "zsh" else [one.partition(",")[2] for one in lines]
    assert [one.partition("\t")[0] for one in found if one] == wanted


def test_a_script_for_each_shell(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        result = run("completion", shell)
        assert result.exit_code == 0
        assert f"_PASSPOST_COMPLETE={shell}_complete" in result.stdout
    result = run("completion", "tcsh")
    assert result.exit_code == 2
    assert "the shell is one of bash, zsh, fish" in result.stderr


def test_no_plugin_is_imported_for_what_passpost_knows(
    spawn: Spawn, install: Callable[..., Path]
) -> None:
    mined = {"passpost.connectors": {"mined": "mined"}, "passpost.extensions": {"mined": "mined"}}
    site = install("passpost-mined", mined, mined=MINED)

    def complete(*words: str) -> bytes:
        line, place = " ".join(["passpost", *words]), str(len(words))
        names: dict[str, Any] = {"_PASSPOST_COMPLETE": "bash_complete"}
        return spawn(environ={**names, "COMP_WORDS": line, "COMP_CWORD": place}).stdout

    assert b"schema" in complete("s")
    assert b"mined" in complete("guide", "mi")
    assert b"mined" in spawn("--version").stdout
    assert not (site / "mined.imported").exists()
    # An extension may have a command of that name.
    complete("zebra")
    assert (site / "mined.imported").exists()
