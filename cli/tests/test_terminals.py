"""Real processes: terminals, pipes, encodings, interrupts and what outlives them."""

from __future__ import annotations

import codecs
import fcntl
import io
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest
from rich.cells import cell_len

from passpost_cli import pretty, terminal
from passpost_cli.program import make

Write = Callable[..., Path]
Run = Callable[..., click.testing.Result]
Spawn = Callable[..., subprocess.CompletedProcess[bytes]]
Command = Callable[..., list[str]]
Look = Callable[..., tuple[int, str]]

ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


@pytest.fixture
def look(command: Command) -> Look:
    """Return a function that runs a command on a terminal. It returns status and output."""

    def looked(*arguments: object, columns: int = 80, **environ: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        usual = {"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": ""}
        env = {**os.environ, **usual, **environ}
        process = subprocess.Popen(
            command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=env
        )
        os.close(theirs)
        written = b"".join(iter(lambda: read(ours), b""))
        os.close(ours)
        return process.wait(timeout=60), written.decode().replace("\r\n", "\n")

    return looked


def read(terminal_side: int) -> bytes:
    try:
        return os.read(terminal_side, 65536)
    except OSError:
        # What Linux says of a terminal that everybody has left.
        return b""


def test_a_preview_fits_the_terminal_and_reads_no_markup(look: Look, own: Write) -> None:
    template = {
        "usageType": "Generic",
        "subject": "[bold]Hello[/bold] :smile:",
        "content": "<p>[red]您的验证码是 {{code}}[/red] and" + " a very long line" * 5 + "</p>",
        "contentType": "text/html",
        "text": "[link=https://x.example]{{code}}[/link]",
    }
    status, raw = look(
        "preview", own(templates=[template]), "--connector", "acme", "--usage", "Generic",
        "--code", "739206",
    )  # fmt: skip
    plain = ANSI.sub("", raw)
    assert status == 0
    assert "[bold]Hello[/bold] :smile:" in plain
    assert "[link=https://x.example]739206[/link]" in plain
    assert "[red]您的验证码是 739206[/red]" in plain
    assert "\x1b[" in raw
    rows = plain.splitlines()
    assert rows[0].startswith("╭─ Generic by acme ─")
    assert all(cell_len(row) == 80 for row in rows)


def test_a_wide_terminal_is_not_filled(look: Look, own: Write) -> None:
    _, raw = look(
        "preview", own(), "--connector", "acme", "--usage", "Generic", "--code", "1", columns=200
    )
    assert {cell_len(row) for row in ANSI.sub("", raw).splitlines()} == {100}


def test_a_guide_is_laid_out_on_a_terminal(look: Look) -> None:
    status, raw = look("guide", "acme")
    assert status == 0
    assert "# Acme" not in raw
    assert "\\x1b[2J" in raw
    assert "\x1b[2J" not in raw


GUIDE = """
# Acme

中文版：[README.zh-CN.md](README.zh-CN.md)

| key | value |
|---|---|
| `key` | `https://oauth2.example.com/long/address/that/no/column/has/room/for?x=1234567` |

```json
{
  "content": "a line of source that is much longer than any terminal of eighty columns has room for"
}
```

1. Do this:

   ```json
   {"nested": "a line of source that is longer than the terminal, and is within an item of a list"}
   ```
2. Then that.
"""


@pytest.fixture
def long_guide(acme: Path) -> None:
    """Write a guide with long lines for the test's connector."""
    module = acme / "passpost_acme.py"
    source = module.read_text("utf-8")
    before = source.index('"en": "# Acme Mail')
    after = source.index('"zh-CN": "# ')
    text = f'{source[:before]}"en": {GUIDE!r},\n            {source[after:]}'
    module.write_text(text, "utf-8")


@pytest.mark.usefixtures("long_guide")
@pytest.mark.parametrize("columns", [40, 80])
def test_the_source_in_a_guide_can_be_copied_and_no_cell_is_cut(look: Look, columns: int) -> None:
    status, raw = look("guide", "acme", columns=columns, PAGER="")
    rows = ANSI.sub("", raw).splitlines()
    assert status == 0
    for fence in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL):
        for line in fence.rstrip().splitlines():
            assert line in rows
    assert "…" not in raw
    # Broken into lines, and whole.
    address = "https://oauth2.example.com/long/address/that/no/column/has/room/for?x=1234567"
    assert address in "".join("".join(rows).split())
    assert "passpost guide acme --lang zh-CN" in ANSI.sub("", raw).replace("\n", " ")


@pytest.mark.usefixtures("long_guide")
def test_a_guide_goes_through_the_pager_that_is_named(look: Look, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged\ncat\n")
    pager.chmod(0o755)
    status, raw = look("guide", "acme", PAGER=str(pager))
    assert status == 0
    assert raw.startswith("paged\n")
    assert "Then that." in ANSI.sub("", raw)


def test_the_demonstration_on_a_terminal(look: Look) -> None:
    status, raw = look("demo", ACME_STAND_IN="")
    plain = ANSI.sub("", raw)
    assert status == 0
    assert "│ Subject  登录验证码：705138 " in plain
    assert "with wrong credentials, on purpose" in plain
    assert "hint " in plain


def test_errors_are_coloured_on_terminals_unless_that_is_unwanted(look: Look, own: Write) -> None:
    file = own(fromEmail="nobody")
    _, raw = look("check", file, "--connector", "acme")
    assert "\x1b[1m" in raw
    _, raw = look("check", file, "--connector", "acme", NO_COLOR="1")
    assert "\x1b" not in raw


def test_a_dumb_terminal_gets_plain_text(look: Look, own: Write) -> None:
    arguments = ("preview", own(), "--connector", "acme", "--usage", "Generic", "--code", "1")
    _, raw = look(*arguments, TERM="dumb")
    assert raw.startswith("\n--- Generic by acme\n")
    assert "\x1b" not in raw


def test_no_line_is_broken_in_a_pipe(spawn: Spawn, own: Write) -> None:
    file = own(fromEmail="nobody", behave="x" * 500)
    ran = spawn("check", file, "--connector", "acme", environ={"COLUMNS": "20"})
    lines = ran.stderr.decode().splitlines()
    assert ran.returncode == 1
    assert all(line.startswith((f"{file}:1:", "  help: ", "  1 | ", "    | ")) for line in lines)
    assert any(len(line) > 80 for line in lines)


ENCODINGS = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii:strict"},
]


@pytest.mark.parametrize("environ", ENCODINGS)
def test_encodings_that_lack_characters_do_not_crash(
    spawn: Spawn, own: Write, environ: dict[str, str]
) -> None:
    arguments = ("preview", own(), "--connector", "acme", "--usage", "SignIn", "--code", "1")
    ran = spawn(*arguments, "--locale", "zh", environ=environ)
    assert ran.returncode == 0
    assert ran.stdout.replace(b"\r", b"").endswith(b"\n???? 1?\n")
    ran = spawn(*arguments, "--locale", "zh", "--json", environ=environ)
    assert json.loads(ran.stdout)["text"] == "验证码是 1。"
    ran = spawn("check", own(templates=[5]), "--connector", "acme", environ=environ)
    assert ran.returncode == 1
    assert b"{ ... }" in ran.stderr or "{ … }".encode("cp1252") in ran.stderr


def test_a_terminal_in_ascii_gets_frames_in_ascii(look: Look, own: Write) -> None:
    environ = {"PYTHONIOENCODING": "ascii"}
    arguments = ("preview", own(), "--connector", "acme", "--usage", "Generic", "--code", "1")
    status, raw = look(*arguments, **environ)
    assert status == 0
    assert ANSI.sub("", raw).startswith("+- Generic by acme -")


def test_json_is_readable_where_the_encoding_allows_it(spawn: Spawn, own: Write) -> None:
    arguments = ("--usage", "SignIn", "--code", "1", "--locale", "zh", "--json")
    ran = spawn("preview", own(), "--connector", "acme", *arguments, environ={"PYTHONUTF8": "1"})
    assert "验证码是" in ran.stdout.decode()


def test_names_of_files_that_are_no_text_do_not_crash(spawn: Spawn, tmp_path: Path) -> None:
    ran = spawn("check", os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m"))
    assert ran.returncode == 1
    assert rb"\udcff\x1b[31m: " in ran.stderr


WRITING = ["--help", "--version", "connectors", "connectors --json", "guide acme", "chek"]


@pytest.mark.parametrize("line", WRITING)
def test_a_reader_who_left_ends_the_program_quietly(spawn: Spawn, line: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    # An invalid command line writes to standard error, so that is the pipe to close there.
    broken = "stderr" if line == "chek" else "stdout"
    other = "stdout" if broken == "stderr" else "stderr"
    streams = {broken: write_end, other: subprocess.PIPE}
    ran = spawn(*line.split(), capture_output=False, **streams)
    os.close(write_end)
    assert ran.returncode == 141
    assert getattr(ran, other) == b""


def test_a_reader_who_left_a_terminal_ends_it_likewise() -> None:
    """rich's own answer to a broken pipe would be status 1: rejected."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = pretty.Terminal()
    console.file = Gone()
    with pytest.raises(BrokenPipeError):
        console.print("x")


def test_an_interrupt_while_sending_says_that_nobody_knows(command: Command, own: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bell:
        file = own(behave="wait", ring=bell.getsockname()[1])
        arguments = ("--to", "ada@example.com", "--usage", "Generic", "--code", "739206", "--json")
        process = subprocess.Popen(
            command("send", file, "--connector", "acme", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        bell.settimeout(60)
        bell.accept()[0].close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode() == f"{file}: error: interrupted: it is unknown whether the email was sent\n"
    assert json.loads(out)["error"] == {
        "kind": "interrupted",
        "message": "interrupted: it is unknown whether the email was sent",
        "remedy": "",
    }


def test_an_interrupt_of_another_command(command: Command, own: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bell:
        file = own(behave="wait", ring=bell.getsockname()[1])
        process = subprocess.Popen(
            command("check", file, "--connector", "acme", "--connect"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        bell.settimeout(60)
        bell.accept()[0].close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err.decode()) == (b"", f"{file}: error: interrupted\n")


def test_a_thread_past_its_deadline_does_not_hold_the_program(spawn: Spawn, own: Write) -> None:
    ran = spawn(
        "send", own(), "--connector", "sluggish", "--to", "ada@example.com", "--usage", "SignIn",
        "--timeout", "0.1", "--json",
    )  # fmt: skip
    assert ran.returncode == 3
    assert json.loads(ran.stdout)["error"]["outcome"] == "unknown"


def test_the_error_handler_is_for_writing_only() -> None:
    terminal.prepare_streams()
    handler = codecs.lookup_error("passpost")
    with pytest.raises(UnicodeDecodeError):
        handler(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"))


def test_streams_that_are_not_there_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    terminal.prepare_streams()


def test_what_is_buffered_for_nobody_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        stream.write("x")
        monkeypatch.setattr("sys.stdout", stream)
        terminal.silence()
        # Closing writes it; to nowhere by now.


def test_characters_that_an_encoding_lacks_are_replaced(acme: Path, own: Write) -> None:
    runner = click.testing.CliRunner(charset="ascii")
    file = own(templates=[5])
    result = runner.invoke(make(), ["check", str(file), "--connector", "acme"])
    assert "{ ... }" in result.stderr
    arguments = [
        "preview",
        str(own()),
        "--connector",
        "acme",
        "--usage",
        "SignIn",
        "--locale",
        "zh",
    ]
    result = runner.invoke(make(), [*arguments, "--code", "1"])
    assert result.stdout.endswith("\n???? 1?\n")


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is laid out on terminals is laid out in this process."""
    monkeypatch.setattr("passpost_cli.display.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "60")


@pytest.mark.usefixtures("on_terminal")
def test_frames_are_as_wide_as_the_terminal(run: Run, own: Write) -> None:
    arguments = ("preview", own(), "--connector", "acme", "--code", "1", "--usage")
    for usage in ("Register", "Generic"):
        result = run(*arguments, usage)
        assert {cell_len(row) for row in ANSI.sub("", result.stdout).splitlines()} == {60}


@pytest.mark.usefixtures("on_terminal")
def test_headings_and_facts_are_laid_out(run: Run) -> None:
    assert " with wrong credentials, on purpose" in ANSI.sub("", run("demo").stdout)


@pytest.mark.usefixtures("on_terminal")
def test_markdown_is_laid_out(run: Run) -> None:
    assert "# Acme" not in run("guide", "acme").stdout


def test_log_records_do_not_mix_with_errors(spawn: Spawn, own: Write) -> None:
    arguments = ("--to", "ada@example.com", "--usage", "Generic", "--code", "739206")
    ran = spawn("send", own(behave="crash"), "--connector", "acme", *arguments)
    first, *facts = ran.stderr.decode().splitlines()
    assert ran.returncode == 3
    assert "acme.jsonc: error: acme: the connector raised an unexpected exception" in first
    assert all(fact.startswith("  ") for fact in facts)


def test_a_batch_has_a_bar_that_leaves_the_terminal_as_it_was(
    look: Look, own: Write, tmp_path: Path
) -> None:
    rows = "nobody@example.com,Generic,1\n" + "ada@example.com,Generic,1\n" * 20
    (tmp_path / "users.csv").write_text(f"to,usage,code\n{rows}")
    file = own(behave="by-recipient")
    status, text = look(
        "send", file, "--connector", "acme", "--batch", tmp_path / "users.csv", columns=120
    )
    assert status == 1
    assert re.search(r"sending .*\d+/21", ANSI.sub("", text))
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    # The summary comes below, and the failure above the bar.
    assert "users.csv: 20 of 21 emails accepted" in text
    assert "users.csv:2" in ANSI.sub("", text)
