"""The group of all commands: help, invalid command lines, defects and extensions."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import click.testing
import pytest

import passpost
import passpost_cli as cli_package
from passpost_cli import extensions, program
from passpost_cli.failures import failure_of

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]


def test_help_lists_all_commands_and_statuses(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name, summary in program.SUMMARIES.items():
        assert f"  {name:<10}  {summary}\n" in result.stdout
    assert "3    unknown: the email may have been sent" in result.stdout


@pytest.mark.parametrize("name", program.SUMMARIES)
def test_a_commands_help_says_the_same_as_the_list(run: Run, name: str) -> None:
    command = importlib.import_module(f"passpost_cli.commands.{name}").command
    assert command.get_short_help_str(limit=200) == program.SUMMARIES[name]
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: passpost {name} ")
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", ["check", "send", "preview", "connectors"])
def test_the_shape_of_the_json_is_in_the_help(run: Run, name: str) -> None:
    help_text = run(name, "--help").stdout
    assert '{"ok": true, ' in help_text


def test_the_version_is_the_packages(run: Run) -> None:
    first, *others = run("--version").stdout.splitlines()
    assert first == f"passpost {passpost.__version__}"
    assert "connector acme (passpost-acme 1.2)" in others


def test_help_imports_click_and_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from passpost_cli.program import make\n"
        # An extension of this environment is looked for in metadata, and imports what it likes.
        "try: make()(['--no-extensions', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in\n"
        "  ('rich', 'asyncio', 'attr', 'attrs', 'pluggy', 'json', 'email', 'difflib', 'anyio')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["739206"], "unknown command"),
        (["nothing"], "unknown command `nothing`"),
        (["--code", "739206"], "unknown option --code"),
        (["check", "--foo"], "unknown option --foo"),
        (["send", "-c739206"], "unknown option -c"),
        (["send", "f", "739206", "--to", "a", "--usage", "b"], "too many arguments"),
        (
            ["send", "f", "--to", "a", "--usage", "b", "--timeout", "739206x"],
            "'--timeout': not a number",
        ),
        (
            ["send", "f", "--to", "a", "--usage", "b", "--timeout", "nan"],
            "'--timeout': not a number",
        ),
        (
            ["send", "f", "--to", "a", "--usage", "b", "--timeout", "0"],
            "'--timeout': not a number",
        ),
        (["send", "f", "--code"], "'--code' requires an argument"),
        (["send", "--code", "739206"], "missing argument 'FILE'"),
    ],
)
def test_an_invalid_command_line_repeats_no_argument(
    run: Run, arguments: Sequence[str], problem: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("passpost")
    assert f"error: {problem}" in result.stderr or problem in result.stderr
    assert re.search(r"^  help: passpost( send| check)? --help$", result.stderr, re.MULTILINE)
    assert "739206" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (["chek"], "unknown command `chek`", "did you mean `check`?"),
        (["chec7"], "unknown command", "did you mean `check`?"),
        (["send", "--code739206"], "unknown option", "did you mean `--code`?"),
        (["send", "--cod=739206"], "unknown option --cod", "did you mean `--code`?"),
    ],
)
def test_a_name_that_is_near_is_suggested(
    run: Run, arguments: Sequence[str], problem: str, remedy: str
) -> None:
    stderr = run(*arguments).stderr
    assert stderr.endswith(f": error: {problem}\n  help: {remedy}\n")


def test_an_invalid_command_line_is_json_for_programs(run: Run) -> None:
    result = run("send", "--json", "--code739206")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "ok": False,
        "error": {"kind": "usage", "message": "unknown option", "remedy": "did you mean `--code`?"},
    }


def test_an_invalid_command_line_of_a_command_without_json_is_no_json(run: Run) -> None:
    assert run("guide", "--json").stdout == ""


def test_click_is_left_alone_where_it_is_asked_to(acme: Path) -> None:
    with pytest.raises(click.UsageError):
        program.make().main(["chek"], standalone_mode=False)


def test_completion_knows_all_commands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PASSPOST_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "passpost ")
    monkeypatch.setenv("COMP_CWORD", "1")
    result = run()
    assert [line.partition(",")[2] for line in result.stdout.splitlines()] == list(
        program.SUMMARIES
    )


def test_completion_passes_over_commands_that_are_not_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_PASSPOST_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "passpost nowhere ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().stderr == ""


# Defects.


def test_a_connectors_defect_is_one_line_without_its_text(run: Run, own: Write) -> None:
    result = run("check", own(behave="crash"), "--connector", "acme", "--connect", "--json")
    assert result.exit_code == 1
    assert "ValueError at passpost_acme.py:" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert json.loads(result.stdout)["error"]["kind"] == "plugin"


def test_any_other_error_of_ours_is_a_refusal() -> None:
    error = passpost.MailerClosedError("the mailer is closed")
    failure = failure_of(error)
    assert (failure.kind, failure.message, failure.exit_code) == ("refused", str(error), 1)


# Extensions.

EXTENSION = """
import click, passpost

@click.command("stats")
def stats():
    "Count mails.\x1b[2J"
    raise {raises}

@click.command("send")
def send():
    "Not ours."

@passpost.hookimpl
def register_commands(cli):
    cli.add_command(stats)
    {more}
"""


def extended(install: Write, raises: str = "SystemExit(0)", more: str = "pass") -> None:
    source = EXTENSION.replace("{raises}", raises).replace("{more}", more)
    install(
        "passpost-stats",
        {"passpost.extensions": {"stats": "passpost_stats"}},
        passpost_stats=source,
    )


def test_an_extensions_commands_are_listed_and_run(run: Run, install: Write) -> None:
    extended(install)
    result = run("--help")
    own, _, added = result.stdout.partition("  demo        Send sign-in codes to servers")
    assert own
    assert "  stats       Count mails.\\x1b[2J\n" in added
    assert run("stats").exit_code == 0
    assert "did you mean `stats`?\n" in run("stat").stderr


def test_extensions_are_loaded_once(acme: Path, install: Write) -> None:
    more = 'sys.stderr.write("added once\\n")'
    extended(install, raises="click.exceptions.Exit(7)", more=f"import sys; {more}")
    group = program.make()
    results = [click.testing.CliRunner().invoke(group, ["stats"]) for _ in range(2)]
    assert [result.exit_code for result in results] == [7, 7]
    assert [result.stderr for result in results] == ["added once\n", ""]


@pytest.mark.parametrize(
    ("raises", "status", "text"),
    [
        (
            "ValueError('739206')",
            70,
            "passpost: error: internal error: ValueError at passpost_stats.py:7\n  help: ",
        ),
        ("passpost.PasspostError('no')", 1, "passpost: error: no\n"),
        ("click.ClickException('no')", 1, "passpost: error: no\n"),
        ("KeyboardInterrupt", 130, "passpost: error: interrupted\n"),
        ("BrokenPipeError", 141, ""),
    ],
)
def test_what_an_extensions_command_raises_becomes_a_status(
    run: Run, install: Write, raises: str, status: int, text: str
) -> None:
    extended(install, raises=raises)
    result = run("stats")
    assert result.exit_code == status
    assert text in result.stderr
    assert "739206" not in result.output


def test_the_result_of_an_extensions_command_is_no_status(run: Run, install: Write) -> None:
    source = EXTENSION.replace("raise {raises}", "return 5").replace("{more}", "pass")
    install(
        "passpost-stats",
        {"passpost.extensions": {"stats": "passpost_stats"}},
        passpost_stats=source,
    )
    assert run("stats").exit_code == 0


def test_no_extension_takes_the_place_of_a_command(run: Run, install: Write) -> None:
    extended(install, more="cli.add_command(send)")
    assert "Not ours" not in run("send", "--help").stdout
    result = run("--help")
    assert "Not ours" not in result.stdout
    assert "warning: an extension's command `send` is ignored: " in result.stderr


HOOK = "import passpost\n@passpost.hookimpl\ndef "


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("raise ValueError('739206')", "ValueError at torn.py:1"),
        ("raise SystemExit('739206')", "SystemExit at torn.py:1"),
        (HOOK + "register_comands(cli): ...", "breaks the contract"),
        (HOOK + "register_commands(cli): 1/0", "ZeroDivisionError at torn.py:3"),
    ],
)  # fmt: skip
def test_a_broken_extension_is_a_warning_and_the_rest_works(
    run: Run, install: Write, source: str, text: str
) -> None:
    extended(install)
    install("passpost-torn", {"passpost.extensions": {"torn": "torn"}}, torn=source)
    result = run("--help")
    assert result.exit_code == 0
    assert "  stats " in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("passpost: warning: the extension `torn`")
    assert line.endswith("; its commands are missing")
    assert text in line
    assert "739206" not in result.output


# Looking for extensions without importlib.metadata.


def test_folders_without_extensions_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-1.dist-info").mkdir()
    (tmp_path / "b-1.dist-info").mkdir()
    (tmp_path / "b-1.dist-info" / "entry_points.txt").write_text("[console_scripts]\na = b:c\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing")])
    assert not extensions.may_have_extensions()


def test_an_extension_in_a_folder_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-1.egg-info").mkdir()
    (tmp_path / "a-1.egg-info" / "entry_points.txt").write_text("[passpost.extensions]\na = b\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert extensions.may_have_extensions()


def test_the_working_directory_may_hold_extensions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-1.dist-info").mkdir()
    (tmp_path / "a-1.dist-info" / "entry_points.txt").write_text("[passpost.extensions]\na = b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [""])
    assert extensions.may_have_extensions()


def test_a_zip_file_and_a_foreign_finder_are_left_to_importlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.py", "")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert extensions.may_have_extensions()

    class Finder:
        def find_distributions(self) -> None: ...

        def find_spec(self, *_: object) -> None: ...

    monkeypatch.setattr(sys, "path", [])
    assert not extensions.may_have_extensions()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert extensions.may_have_extensions()


# Starting and ending.


def test_an_interrupt_while_click_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.cli, "run", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli_package.main()
    assert ended.value.code == 130


def interrupted() -> int:
    raise KeyboardInterrupt


def test_main_runs_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["passpost", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli_package.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"passpost {passpost.__version__}\n")


def test_click_is_as_new_as_the_extra_says() -> None:
    assert tuple(int(part) for part in version("click").split(".")[:2]) >= (8, 1)


def test_an_output_that_breaks_before_any_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.Program, "_extend", broken)
    assert program.make().run([]) == 141


def broken(*_: object) -> None:
    raise BrokenPipeError


def test_a_lingering_thread_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    # The process of the tests goes on, of course.
    monkeypatch.setattr("os._exit", sys.exit)
    monkeypatch.setattr(sys, "argv", ["passpost", "chek"])
    try:
        with pytest.raises(SystemExit) as left:
            cli_package.main()
    finally:
        ended.set()
        thread.join()
    assert left.value.code == 2
