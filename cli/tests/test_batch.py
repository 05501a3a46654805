"""``passpost send --batch``."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click.testing
import pytest

from passpost_cli.batch import arguments, progress
from passpost_cli.batch.journal import Journal

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

PAYLOAD = b'"payload": {"code": "1", "user": {"name": "Ada; Countess"}}'
HEADER = "to,usage,code,user.name\n"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def batch(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Return a function that writes a batch file."""

    def written(content: str | bytes, name: str = "users.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


@pytest.fixture
def send(run: Run, own: Write, outbox: Path) -> Run:
    """Return a function that sends a batch through the test's own connector."""

    def sent(
        file: Path | str, *options: str, stdin: str | None = None, **settings: Any
    ) -> click.testing.Result:
        settings = {"outbox": str(outbox), "behave": "by-recipient", **settings}
        return run(
            "send", own(**settings), "--connector", "acme", "--batch", file, *options, stdin=stdin
        )

    return sent


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the waits before an email is sent again."""
    monkeypatch.setattr(arguments, "Pace", lambda **given: PACE(first_wait=0.0, **given))


PACE = arguments.Pace


def mails(outbox: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outbox.read_text().splitlines()] if outbox.exists() else []


def recipients(outbox: Path) -> list[str]:
    return sorted(mail["to"] for mail in mails(outbox))


def table(*names: str) -> str:
    return HEADER + "".join(f"{name}@example.com,SignIn,739206,Ada\n" for name in names)


def journal(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{file}.journal").read_text().splitlines()]


# What is sent.


def test_each_line_is_an_email(send: Run, batch: Write, outbox: Path) -> None:
    result = send(batch(table("ada", "bob", "eve")))
    assert result.exit_code == 0, result.output
    assert recipients(outbox) == ["ada@example.com", "bob@example.com", "eve@example.com"]
    assert mails(outbox)[0]["text"] == "Ada: 739206\n"
    first, *numbers, _time = result.stdout.splitlines()
    assert first.endswith("users.csv: 3 of 3 emails accepted")
    assert [line.split()[-1] for line in numbers] == ["3", "0", "0", "0"]
    assert result.stderr == ""


def test_the_journal_has_nothing_of_the_emails(send: Run, batch: Write) -> None:
    file = batch(table("ada", "bob"))
    send(file)
    path = Path(f"{file}.journal")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for secret in ("ada", "example.com", "739206", "SignIn"):
        assert secret not in text
    header, *records = journal(file)
    assert set(header) == {"passpost_batch", "id", "salt", "fingerprint"}
    assert sorted(map(str, records)) == sorted(
        str(record)
        for line in (2, 3)
        for record in ({"begin": line}, {"end": line, "outcome": "accepted"})
    )


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbfto;usage;code;user.name\r\nada@example.com;SignIn;1;"Ada; Countess"\r\n',
        b"To\tUsage\tpayload.code\tuser.name\n\nada@example.com\tSignIn\t1\tAda; Countess\n",
        b'to,usage,code,user.name\nada@example.com,SignIn,1,"Ada; Countess"',
        b'{"to": "ada@example.com", "usage": "SignIn", %s}\n\n' % PAYLOAD,
        b'\xef\xbb\xbf{"to": "ada@example.com", "usage": "SignIn", "locale": null, %s} // so\n'
        % PAYLOAD,
    ],
)
def test_forms_of_a_file(send: Run, batch: Write, outbox: Path, content: bytes) -> None:
    result = send(batch(content))
    assert result.exit_code == 0, result.output
    assert [mail["text"] for mail in mails(outbox)] == ["Ada; Countess: 1\n"]


def test_a_value_may_have_several_lines(send: Run, batch: Write, outbox: Path) -> None:
    rows = 'a@example.com,1,"so\nto ""speak"""\n', "b@example.com,2,\n"
    file = batch("to,code,note\n" + "".join(rows))
    result = send(file, "--usage", "Generic")
    assert result.exit_code == 0, result.output
    assert recipients(outbox) == ["a@example.com", "b@example.com"]
    assert {record.get("begin") for record in journal(file)} == {None, 2, 4}


def test_options_fill_in_what_a_line_lacks(send: Run, batch: Write, outbox: Path) -> None:
    file = batch("to,code,usage,locale\na@example.com,1,,zh-CN\nb@example.com,2,Generic,\n")
    options = ("--usage", "SignIn", "--locale", "en", "--set", "user.name=you")
    assert send(file, *options).exit_code == 0
    assert {mail["subject"] for mail in mails(outbox)} == {"验证码 1", "Hello"}


def test_the_fields_of_a_message(send: Run, batch: Write) -> None:
    line = {
        "to": "a@example.com", "usage": "Generic", "payload": {"code": "1"}, "locale": ["zh", "en"],
        "idempotency_key": "first", "deadline": "2099-01-31T12:00:00Z",
        "reply_to": "help@example.com", "headers": {"X-Batch": "1"},
    }  # fmt: skip
    assert send(batch(json.dumps(line), "users.jsonl")).exit_code == 0


def test_standard_input_is_checked_and_resumed_as_a_file_is(
    send: Run, outbox: Path, tmp_path: Path
) -> None:
    options = ("--journal", str(tmp_path / "a.journal"))
    text = table("ada", "busy")
    assert send("-", *options, stdin=text).exit_code == 1
    result = send("-", *options, "--resume", stdin=text, behave="accept")
    assert result.exit_code == 0, result.output
    assert recipients(outbox) == ["ada@example.com", "busy@example.com"]
    assert send("-", stdin=text).exit_code == 2


def test_a_pipe_is_read_as_standard_input_is(
    send: Run, batch: Write, outbox: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = table("ada")
    writing = threading.Thread(target=lambda: pipe.write_text(content))
    writing.start()
    result = send(pipe)
    writing.join()
    assert result.exit_code == 0, result.output
    assert recipients(outbox) == ["ada@example.com"]


def test_one_key_may_name_an_email_to_each_recipient(send: Run, batch: Write) -> None:
    rows = "ada@example.com,Generic,1,k\nbob@example.com,Generic,1,k\n"
    assert send(batch("to,usage,code,idempotency_key\n" + rows)).exit_code == 0


# What is wrong with a file.


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (HEADER + "a@example.com,SignIn,1,Ada\n@example.com,SignIn,1,Ada\n", "3:1 E506"),
        (b"to,usage\nA\xff@example.com,SignIn\n", "2:2 E500"),
        ("email,usage\na@example.com,SignIn\n", "1:1 E502"),
        ("to,code,code\n", "1:9 E503"),
        ("to,user,user.name\n", "1:9 E503"),
        ("to,,code\n", "1:4 E503"),
        ("to,code\na@example.com,1,2\n", "2:1 E504"),
        ('to,code\n"a@example.com" x,1\n', "2:1 E504"),
        ('to,"code\n', "1:1 E504"),
        ('to,code\na@example.com,"1\n', "2:1 E504"),
        (HEADER + 'ada,SignIn,"1\n2",Ada\n', "2:1 E506"),
        ('code,user.name,to,usage\n"1\n2",Ada,ada,SignIn\n', "3:8 E506"),
        (HEADER + "ada@example.com,,1,Ada\n", "2:17 E507"),
        (HEADER + ",SignIn,1,Ada\n", "2:1 E507"),
        (HEADER + "ada@example.com,SignIn,,Ada\n", "2:24 E508"),
        ("to,usage,deadline\na@example.com,Generic,tomorrow\n", "2:23 E506"),
        ("to,usage,deadline\na@example.com,Generic,2099-01-31T12:00:00\n", "2:23 E506"),
        ('{"to": "a@example.com", "usage": "Generic", "code": "1"}', "1:53 E505"),
        ('\n{"to": "ada", "usage": "Generic"}', "2:8 E506"),
        ('{"to": "a@example.com", "usage": "Generic", "payload": 1}', "1:56 E506"),
        ('{"to": "a@example.com", "usage": "Generic", "payload": {}}', "1:56 E508"),
        ('{"to": "a@example.com", "to": "b@example.com"}', "1:25 E012"),
        ('[{"to": "a@example.com"}]', "1:1 E003"),
        ("[" * 100_000, "1:"),
        ("to,usage,idempotency_key\n" + "a@example.com,Generic,k\n" * 2, "3:23 E509"),
        ("to,code\n" + "x" * (1 << 20) + "x", "2:1 E501"),
        ('to,code\nx,"' + "x\n" * (1 << 20), "2:1 E501"),
    ],
)  # fmt: skip
def test_a_line_that_is_invalid_has_its_place(
    send: Run, batch: Write, outbox: Path, content: str | bytes, place: str
) -> None:
    file = batch(content)
    result = send(file)
    assert result.exit_code == 1
    where, _, code = place.partition(" ")
    lines = result.stderr.splitlines()
    assert any(line.startswith(f"{file}:{where}") and code in line for line in lines), lines[:3]
    assert not outbox.exists()
    assert not Path(f"{file}.journal").exists()


def test_all_lines_are_checked_before_the_first_email(
    send: Run, batch: Write, outbox: Path
) -> None:
    file = batch(table("ada") + "bob,SignIn,canary,x\n" * 3 + "eve@example.com,SignIn,,x\n")
    result = send(file, "--json")
    problems = json.loads(result.stdout)["error"]["problems"]
    assert [problem["line"] for problem in problems] == [3, 4, 5, 6]
    assert "canary" not in result.output
    assert not outbox.exists()


def test_no_more_problems_are_shown_than_anybody_reads(send: Run, batch: Write) -> None:
    result = send(batch(HEADER + "bob,SignIn,1,x\n" * 1_000), "--json")
    assert len(json.loads(result.stdout)["error"]["problems"]) == 100


def test_a_file_that_cannot_be_read(send: Run, tmp_path: Path) -> None:
    result = send(tmp_path / "nowhere.csv")
    assert result.exit_code == 1
    assert "nowhere.csv: No such file" in result.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.csv", ""),
        ("users.csv", HEADER),
        ("users.csv", "\n\n"),
        ("users.jsonl", ""),
        ("users.jsonl", "\n\n"),
    ],
)
def test_a_file_without_emails_is_a_warning(
    send: Run, batch: Write, outbox: Path, name: str, content: str
) -> None:
    result = send(batch(content, name))
    assert result.exit_code == 0
    assert "0 of 0 emails accepted" in result.stdout
    assert "warning: the file contains no emails" in result.stderr
    assert not outbox.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "a@example.com"), ("--code", "1"), ("--resend-unknown",), ("--concurrency", "0"),
        ("--concurrency", "many"), ("--rate", "fast"), ("--journal", '{"a": 1}'),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(send: Run, batch: Write, options: tuple[str, ...]) -> None:
    assert send(batch(table("ada")), *options).exit_code == 2


@pytest.mark.parametrize("option", ["--resume", "--resend-unknown", "--rate=1/s", "--journal=x"])
def test_options_of_a_batch_alone(run: Run, own: Write, option: str) -> None:
    result = run("send", own(), "--connector", "acme", "--to", "a@example.com", option)
    assert result.exit_code == 2
    assert "requires --batch" in result.stderr


# What comes of it.


def test_failures_in_the_middle_cost_the_others_nothing(
    send: Run, batch: Write, outbox: Path
) -> None:
    file = batch(table("ada", "nobody", "bob", "unknown", "busy", "eve"))
    result = send(file)
    assert result.exit_code == 3
    assert recipients(outbox) == ["ada@example.com", "bob@example.com", "eve@example.com"]
    assert f"{file}:3: error: rejected: acme: 550 5.1.1 No such user" in result.stderr
    assert f"{file}:5: error: unknown: acme: the connection broke" in result.stderr
    assert "  hint: Is it a typo?\n" in result.stdout
    # What is missing is sent: neither what was accepted, nor what will be rejected each time, nor
    # what may have been sent.
    result = send(file, "--resume", "--json", behave="accept")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    numbers = [document[name] for name in ("accepted", "rejected", "unknown", "earlier")]
    assert numbers == [4, 1, 1, 5]
    assert document["error"]["kind"] == "batch"
    assert recipients(outbox)[2:] == ["busy@example.com", "eve@example.com"]
    assert f"{file}:5: warning: unknown: an earlier run" in result.stderr
    assert send(file, "--resume", "--resend-unknown", behave="accept").exit_code == 1
    assert len(mails(outbox)) == len(set(recipients(outbox))) == 5


def test_unknown_ones_are_sent_again_past_a_store(
    run: Run, application: Write, batch: Write, outbox: Path, tmp_path: Path
) -> None:
    file = batch(table("unknown", "ada"))

    def sent(behave: str, *options: str) -> click.testing.Result:
        settings = application(primary={"outbox": str(outbox), "behave": behave})
        document = json.loads(settings.read_text())
        store = {"use": "sqlite", "secret": "s" * 32}
        document["stores"] = {**store, "settings": {"path": str(tmp_path / "sends.sqlite")}}
        settings.write_text(json.dumps(document))
        return run("send", settings, "--batch", file, *options)

    assert sent("by-recipient").exit_code == 3
    assert sent("accept", "--resume").exit_code == 3
    result = sent("accept", "--resume", "--resend-unknown")
    assert result.exit_code == 0, result.output
    assert recipients(outbox) == ["ada@example.com", "unknown@example.com"]


@pytest.mark.parametrize("missing", ["journal's end", "line"])
def test_what_a_store_knows_to_be_accepted_is_never_sent_again(
    run: Run, application: Write, batch: Write, outbox: Path, tmp_path: Path, missing: str
) -> None:
    file = batch("to,usage,code,idempotency_key\nada@example.com,Generic,1,k\n")
    settings = application(primary={"outbox": str(outbox)})
    document = json.loads(settings.read_text())
    store = {"use": "sqlite", "secret": "s" * 32}
    document["stores"] = {**store, "settings": {"path": str(tmp_path / "sends.sqlite")}}
    settings.write_text(json.dumps(document))
    assert run("send", settings, "--batch", file).exit_code == 0
    path = Path(f"{file}.journal")
    kept = 2 if missing == "journal's end" else 1
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:kept]))
    result = run("send", settings, "--batch", file, "--resume", "--resend-unknown")
    assert result.exit_code == 0, result.output
    assert "replayed" in result.stdout
    assert len(mails(outbox)) == 1


@pytest.mark.parametrize(
    ("names", "code"), [(("ada",), 0), (("nobody", "ada"), 1), (("nobody", "unknown"), 3)]
)
def test_the_exit_code_says_what_it_came_to(
    send: Run, batch: Write, names: tuple[str, ...], code: int
) -> None:
    assert send(batch(table(*names))).exit_code == code


def test_a_provider_that_throttles_is_waited_for(
    send: Run, batch: Write, hasty: None, monkeypatch: pytest.MonkeyPatch, outbox: Path
) -> None:
    waits = []

    async def note(_batch: object, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("passpost_cli.batch.delivery.Batch._sleep", note)
    result = send(batch(table("throttle")), "--timeout", "0.5")
    assert result.exit_code == 1
    assert len(waits) == 5
    assert all(30 <= wait <= 33 for wait in waits)


def test_an_account_that_is_rejected_ends_the_batch(send: Run, batch: Write, outbox: Path) -> None:
    file = batch(table(*["reject"] * 50, "ada"))
    result = send(file, "--concurrency", "1")
    assert result.exit_code == 1
    assert "stopped after 10 failures in a row" in result.stderr
    assert len(journal(file)) == 1 + 2 * 10
    assert not outbox.exists()
    # None of these lines is at fault: all of them are sent once the account is mended.
    assert send(file, "--resume", behave="accept").exit_code == 0
    assert len(mails(outbox)) == 51


def test_a_deadline_that_has_passed_is_the_fault_of_its_line(send: Run, batch: Write) -> None:
    rows = "a@example.com,Generic,1,2001-01-01T00:00:00Z\n" * 12
    file = batch(f"to,usage,code,deadline\n{rows}ada@example.com,Generic,1,\n")
    result = send(file, "--json", "--concurrency", "1")
    document = json.loads(result.stdout)
    assert (document["accepted"], document["rejected"]) == (1, 12)


def test_a_rate_spreads_the_emails(
    send: Run, batch: Write, monkeypatch: pytest.MonkeyPatch, outbox: Path
) -> None:
    waits = []

    async def note(running: Any, seconds: float) -> None:
        waits.append(seconds)
        running._pace = PACE()

    monkeypatch.setattr("passpost_cli.batch.delivery.Batch._sleep", note)
    assert send(batch(table("ada", "bob", "eve")), "--rate", "2/h").exit_code == 0
    assert len(waits) == 1
    assert 3_500 < waits[0] <= 3_600


def test_a_defect_stops_the_batch_and_is_unknown(
    send: Run, batch: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise ValueError("canary")

    monkeypatch.setattr("passpost.AsyncMailer.send", crash)
    result = send(batch(table(*["ada"] * 9)), "--concurrency", "1")
    assert result.exit_code == 3
    assert "internal error: ValueError" in result.stderr
    assert "canary" not in result.output


def test_lines_now_and_then_without_a_terminal(
    send: Run, batch: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    result = send(batch(table("ada", "nobody")), "--concurrency", "1")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("1 of 2 emails, 0 failed, ")
    assert lines[0].endswith(" s left")
    assert any(line.startswith("2 of 2 emails, 1 failed, ") for line in lines)


# The journal.


def test_a_batch_is_begun_once(send: Run, batch: Write, outbox: Path, tmp_path: Path) -> None:
    file = batch(table("ada"))
    send(file)
    result = send(file)
    assert result.exit_code == 1
    assert "--resume" in result.stderr
    assert "--journal" in result.stderr
    assert len(mails(outbox)) == 1
    assert send(file, "--journal", str(tmp_path / "second")).exit_code == 0
    assert len(mails(outbox)) == 2


def test_what_was_not_begun_cannot_be_resumed(send: Run, batch: Write, outbox: Path) -> None:
    result = send(batch(table("ada")), "--resume")
    assert result.exit_code == 1
    assert "leave out --resume" in result.stderr
    assert not outbox.exists()


def test_a_journal_that_cannot_be_made(send: Run, batch: Write, tmp_path: Path) -> None:
    result = send(batch(table("ada")), "--journal", str(tmp_path / "nowhere/a.journal"))
    assert result.exit_code == 1
    assert "a.journal cannot be used: No such file or directory" in result.stderr
    assert "--resume" not in result.stderr


def test_another_file_is_not_resumed(send: Run, batch: Write) -> None:
    file = batch(table("ada", "busy"))
    send(file)
    # Of the same size.
    batch(table("bob", "busy"))
    result = send(file, "--resume")
    assert result.exit_code == 1
    assert "is the journal of another file" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"something else", b"something\n", b'{"passpost_batch": 2}\n', b"[1]\n", b"\xff\n",
        b'{"passpost_batch": 1, "id": "aa", "salt": "00", "fingerprint": "aa", "more": "aa"}\n',
        b'{"passpost_batch": 1, "id": "a\\n", "salt": "00", "fingerprint": "aa"}\n',
        b'{"passpost_batch": 1, "id": "aa", "salt": "zz", "fingerprint": "aa"}\n',
        b'{"passpost_batch": 1, "id": 1, "salt": 2, "fingerprint": 3}\n',
        b"5\n", b"[" * 4_000 + b"\n", b"[" * 100_000, b"\0" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_a_journal_stays_as_it_is(send: Run, batch: Write, content: bytes) -> None:
    file = batch(table("ada"))
    path = Path(f"{file}.journal")
    path.write_bytes(content)
    result = send(file, "--resume")
    assert result.exit_code == 1
    assert f"{path}:1: this is not a line of a journal" in result.stderr
    assert path.read_bytes() == content


def test_a_line_in_the_middle_is_not_passed_over(send: Run, batch: Write) -> None:
    file = batch(table("ada"))
    send(file)
    path = Path(f"{file}.journal")
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, '{"beg\n', *rest]))
    assert f"{path}:2: this is not a line" in send(file, "--resume").stderr


@pytest.mark.parametrize(
    "line",
    [
        b'{"begin": 999999999999999}', b'{"begin": 99999999999999999999999999}', b'{"begin": 3}',
        b'{"begin": -1}', b'{"begin": 0}', b'{"begin": true}', b'{"end": 2, "outcome": []}',
        b"5", b"{}", b'{"begin": 2, "x": "%s"}' % (b"x" * 5_000),
    ],
)  # fmt: skip
def test_a_line_that_somebody_has_changed(send: Run, batch: Write, line: bytes) -> None:
    file = batch(table("ada"))
    send(file)
    path = Path(f"{file}.journal")
    with path.open("ab") as written:
        written.write(line + b"\n")
    result = send(file, "--resume")
    assert f"{path}:4: this is not a line of a journal" in result.stderr


@pytest.mark.parametrize("zeros", [1, 5_000])
def test_zeros_after_a_power_failure_are_passed_over(
    send: Run, batch: Write, outbox: Path, zeros: int
) -> None:
    file = batch(table("ada", "bob", "eve"))
    send(file, "--concurrency", "1")
    path = Path(f"{file}.journal")
    first, *lines = path.read_bytes().splitlines(keepends=True)
    # The end of the first and the begin of the second are lost, and so is the last line.
    lost = b"\0" * zeros + b'in": 3}\n'
    path.write_bytes(b"".join([first, lines[0], lost, *lines[3:5], b"\0" * zeros]))
    outbox.unlink()
    result = send(file, "--resume", "--json")
    document = json.loads(result.stdout)
    assert (document["accepted"], document["unknown"]) == (1, 2)
    assert not outbox.exists()
    # What was appended reads well, too.
    assert send(file, "--resume", "--resend-unknown").exit_code == 0
    assert recipients(outbox) == ["ada@example.com", "eve@example.com"]


def test_two_processes_never_send_one_batch(send: Run, batch: Write, outbox: Path) -> None:
    file = batch(table("ada", "busy"))
    send(file)
    with Journal.resume(f"{file}.journal", _digest(file), 3):
        result = send(file, "--resume")
    assert result.exit_code == 1
    assert "another process is sending this batch" in result.stderr
    assert len(mails(outbox)) == 1


def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def test_a_journal_cut_off_at_any_byte_sends_nothing_twice(
    send: Run, batch: Write, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same for all, since the fingerprint takes its time on purpose.
    monkeypatch.setattr("passpost_cli.batch.records._fingerprint", lambda *_: "f" * 64)
    names = ["ada", "bob"]
    file = batch(table(*names))
    path = Path(f"{file}.journal")
    send(file, "--concurrency", "2")
    whole = path.read_bytes()
    header = whole.index(b"\n")
    # A part of the header is as good as another.
    for size in (0, 1, 30, header, *range(header + 1, len(whole) + 1)):
        path.write_bytes(whole[:size])
        outbox.unlink(missing_ok=True)
        result = send(file, "--resume", "--json")
        complete = whole[:size].rpartition(b"\n")[0]
        records = [json.loads(line) for line in complete.splitlines()]
        begun = {record["begin"] for record in records if "begin" in record}
        unknown = begun - {record["end"] for record in records if "end" in record}
        assert json.loads(result.stdout)["unknown"] == len(unknown)
        assert result.exit_code == (3 if unknown else 0)
        missing = [name for line, name in enumerate(names, 2) if line not in begun]
        assert recipients(outbox) == [f"{name}@example.com" for name in missing]
        if unknown:
            # What was appended reads well, too.
            assert send(file, "--resume", "--resend-unknown").exit_code == 0


def test_an_email_waits_until_the_disk_has_its_begin(
    send: Run, batch: Write, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    file = batch(table(*["ada"] * 5))
    with monkeypatch.context() as broken:
        broken.setattr("passpost_cli.batch.journal._sync", fail)
        result = send(file, "--concurrency", "2")
    assert result.exit_code == 1
    assert "cannot be used: the disk is broken" in result.stderr
    assert not outbox.exists()
    assert send(file, "--resume").exit_code == 0
    assert len(mails(outbox)) == 5


# Signals and other accidents, in a process of its own.


@pytest.fixture
def waiting(
    own: Write, batch: Write, command: Callable[..., list[str]]
) -> Iterator[tuple[subprocess.Popen[str], list[socket.socket]]]:
    """A process with two emails under way, each of which waits for a byte."""
    with socket.create_server(("127.0.0.1", 0)) as bell:
        bell.settimeout(30)
        settings = own(behave="ask", ring=bell.getsockname()[1])
        file = batch(table("ada", "bob", "eve", "joe"))
        arguments = command(
            "send", settings, "--connector", "acme", "--batch", file, "--concurrency", "2", "--json"
        )
        pipe = subprocess.PIPE
        with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True) as process:
            emails = [bell.accept()[0] for _ in range(2)]
            yield process, emails
            for email in emails:
                email.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_what_is_under_way(
    waiting: tuple[subprocess.Popen[str], list[socket.socket]], number: signal.Signals
) -> None:
    process, emails = waiting
    process.send_signal(number)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("stopping once the emails under way have ended")
    for email in emails:
        email.sendall(b"x")
    stdout, _ = process.communicate(timeout=30)
    document = json.loads(stdout)
    assert process.returncode == 130
    assert (document["accepted"], document["not_attempted"]) == (2, 2)


def test_the_second_signal_cancels_it(
    waiting: tuple[subprocess.Popen[str], list[socket.socket]],
) -> None:
    process, _emails = waiting
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=30)
    document = json.loads(stdout)
    assert process.returncode == 130
    assert (document["unknown"], document["not_attempted"]) == (2, 2)


_LITTLE_ROOM = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from passpost_cli import main
main()
"""


@pytest.mark.parametrize("room", [10, 260, 275, 300, 340])
def test_a_full_disk_stops_the_batch_before_an_email_leaves(
    acme: Path, own: Write, batch: Write, outbox: Path, run: Run, room: int
) -> None:
    names = [f"user{number}" for number in range(9)]
    file, settings = batch(table(*names)), own(outbox=str(outbox))
    process = subprocess.run(
        [
            sys.executable, "-c", _LITTLE_ROOM, str(room), "send", str(settings), "--connector",
            "acme", "--batch", str(file), "--concurrency", "1",
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert process.returncode == 1, process.stderr
    assert "cannot be used: File too large" in process.stderr
    path = Path(f"{file}.journal")
    text = path.read_text()
    assert not text or text.endswith("\n")
    # Where the end of an email found no room, it is unknown.
    sent = recipients(outbox)
    result = run("send", settings, "--connector", "acme", "--batch", file, "--resume", "--json")
    document = json.loads(result.stdout)
    assert document["accepted"] + document["unknown"] == 9
    assert len(recipients(outbox)) == len(set(recipients(outbox))) == 9
    assert document["unknown"] <= 1
    assert len(sent) < 9


def test_a_file_that_is_changed_meanwhile_stops_the_batch(
    send: Run, batch: Write, monkeypatch: pytest.MonkeyPatch, outbox: Path
) -> None:
    file = batch(table("ada", "bob", "eve"))
    begin = Journal.begin

    async def disturb(self: Journal, line: int) -> None:
        await begin(self, line)
        os.utime(file, ns=(0, time.time_ns()))

    monkeypatch.setattr(Journal, "begin", disturb)
    result = send(file, "--concurrency", "1")
    assert result.exit_code == 1
    assert "was changed while it was sent" in result.stderr
    assert recipients(outbox) == ["ada@example.com"]
