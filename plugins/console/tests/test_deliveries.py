"""What became of emails: from a log that may be large, rotated or half-written, or an outbox."""

from __future__ import annotations

import json
import logging
import secrets
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from console_driving import Client

import passpost
from passpost_console import Console, deliveries
from passpost_console.charts import Chart, chart, percentile
from passpost_console.deliveries import Delivery, read_log

HOST: Final = passpost.Host(environ={}, installed_extensions=())
FACTS: Final = {
    "outcome": "accepted", "connector": "primary", "usage": "SignIn",
    "recipient": "a…@example.com", "attempts": 1, "milliseconds": 212,
}  # fmt: skip


def line(time: Any = "2026-11-22T01:02:03+00:00", **facts: Any) -> str:
    return json.dumps({"time": time, "message": "canary-message", **FACTS, **facts})


def written(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_text("\n".join(lines) + end, "utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "deliveries.jsonl"


@pytest.fixture
def client(file: Path, log: Path) -> Client:
    return Client(Console(file, allow=lambda scope: True, host=HOST, log=log))


def usages(path: Path) -> list[str]:
    return [one.usage for one in read_log(path).deliveries]


def test_the_newest_email_comes_first(log: Path) -> None:
    written(log, line(usage="first"), line(usage="second"))
    assert usages(log) == ["second", "first"]


@pytest.mark.parametrize(
    "other",
    [
        "", "plain text", "{", "[]", "null", '{"outcome": "accepted"}', '{"outcome": 7}', "\0",
        line(outcome="sent"), line(usage=None), line(recipient=["a"]), '"outcome"' + "[" * 9_000,
        '{"passpost": 7, "outcome": "accepted"}', '{"outcome": ' + "9" * 5_000 + "}",
        line(usage="x" * 70_000),
    ],
    ids=range(15),
)  # fmt: skip
def test_other_lines_are_passed_over(log: Path, other: str) -> None:
    written(log, line(usage="before"), other, line(usage="after"))
    assert usages(log) == ["after", "before"]


def test_a_line_that_is_being_written_is_left_for_later(log: Path) -> None:
    written(log, line(usage="whole"), line(usage="half")[:-1], end="")
    assert usages(log) == ["whole"]
    # It may look whole, and go on: `"code": 5` becomes `"code": 550`.
    written(log, line(usage="whole"), line(usage="half"), end="")
    assert usages(log) == ["whole"]


def test_bytes_that_are_not_text_do_no_harm(log: Path) -> None:
    log.write_bytes(b'\xff\xfe"outcome"\n' + line().encode() + b"\n")
    assert usages(log) == ["SignIn"]


def test_a_rotated_log_continues_in_the_file_before(log: Path) -> None:
    written(log.with_name(f"{log.name}.2"), line(usage="1"))
    written(log.with_name(f"{log.name}.1"), line(usage="2"))
    written(log, line(usage="3"))
    assert usages(log) == ["3", "2", "1"]


def test_of_a_huge_log_the_end_is_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_MOST_BYTES", 3 * len(line(usage="10")))
    written(log, *(line(usage=str(number)) for number in range(10, 99)))
    written(log.with_name(f"{log.name}.1"), line(usage="older"))
    read = read_log(log)
    assert [one.usage for one in read.deliveries] == ["98", "97"]
    assert read.is_part


def test_no_more_emails_are_read_than_a_page_looks_at(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST", 3)
    written(log, *(line(usage=str(number)) for number in range(5)))
    read = read_log(log)
    assert [one.usage for one in read.deliveries] == ["4", "3", "2"]
    assert read.is_part


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    assert read_log(Path("/dev/zero")).deliveries == ()
    assert read_log(tmp_path).deliveries == ()


def test_the_facts_of_passposts_own_records_are_read(
    log: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class JsonLines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps({"time": record.created, **getattr(record, "passpost", {})})

    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("passpost")
    logger.addHandler(handler)
    try:
        settings = {"host": "127.0.0.1", "port": 1, "secure": False, "fromEmail": "a@example.com"}
        settings["templates"] = [{"usageType": "Generic", "subject": "s", "content": "{{code}}"}]
        with (
            passpost.Mailer(HOST.configure("smtp", settings)) as mailer,
            pytest.raises(passpost.SendError),
        ):
            mailer.send(passpost.Message("ada@example.com", "SignIn", {"code": "canary-code"}))
    finally:
        logger.removeHandler(handler)
        handler.close()
    (one,) = read_log(log).deliveries
    assert (one.outcome, one.usage, one.recipient) == ("rejected", "SignIn", "a…@example.com")
    assert (one.connector, one.scope) == ("smtp", "network")
    assert one.at is not None
    assert one.milliseconds is not None


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-11-22T01:02:03+00:00", 1795309323), ("2026-11-22T01:02:03Z", 1795309323),
        (1795309323.5, 1795309323.5), (None, None), ("soon", None), (1e300, None), ([], None),
        (float("nan"), None), (-1e18, None), ({}, None),
    ],
)  # fmt: skip
def test_a_time_is_read_where_there_is_one(log: Path, time: Any, at: float | None) -> None:
    written(log, line(time))
    (one,) = read_log(log).deliveries
    assert one.at == at


@pytest.mark.parametrize("value", [-1, 1e300, "fast", None, True, float("nan"), [1]])
def test_a_duration_that_is_none_is_left_out(log: Path, client: Client, value: Any) -> None:
    written(log, line(milliseconds=value))
    assert read_log(log).deliveries[0].milliseconds is None
    assert client.get("/deliveries").status_code == 200


def test_the_page_shows_neither_content_nor_address(log: Path, client: Client) -> None:
    written(log, line(recipient="canary-local@example.com", payload={"code": "canary-code"}))
    page = client.get("/deliveries").text
    assert "c…@example.com" in page
    assert "canary" not in page


def test_what_a_log_says_is_text(log: Path, client: Client) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[2J"
    written(log, line(usage=hostile, connector=hostile, scope=hostile, code=hostile))
    page = client.get("/deliveries", params={"recipient": '"><script>'}).text
    page += client.get("/deliveries").text
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, "ABC"), ({"usage": "Register"}, "B"), ({"connector": "backup"}, "C"),
        ({"outcome": "unknown"}, "C"), ({"recipient": "B…"}, "B"), ({"usage": "None"}, ""),
        ({"connector": "backup", "outcome": "accepted"}, ""),
    ],
)  # fmt: skip
def test_emails_are_filtered(log: Path, client: Client, query: Any, shown: str) -> None:
    written(
        log,
        line(recipient="a…@A.example"),
        line(recipient="b…@B.example", usage="Register", outcome="rejected"),
        line(recipient="c…@C.example", connector="backup", outcome="unknown"),
    )
    page = client.get("/deliveries", params=query).text
    assert "".join(one for one in "ABC" if f"@{one}.example" in page) == shown


def test_without_a_log_the_page_says_how_to_have_one(file: Path, client: Client) -> None:
    assert "The log is not there yet" in client.get("/deliveries").text
    without = Client(Console(file, allow=lambda scope: True, host=HOST))
    assert "--log FILE" in without.get("/deliveries").text


def test_an_empty_log_is_one(log: Path, client: Client) -> None:
    written(log, end="")
    assert "no emails yet" in client.get("/deliveries").text


def delivery(at: float | None, outcome: str = "accepted", ms: float | None = 100) -> Delivery:
    return Delivery(
        at=at, usage="SignIn", recipient="a…@b.example", connector="primary", outcome=outcome,
        milliseconds=ms,
    )  # fmt: skip


def test_a_chart_counts_each_email_once() -> None:
    hour = 3_600.0
    ones = [delivery(hour * n, "accepted" if n % 3 else "unknown") for n in range(30)]
    made = chart([*ones, delivery(None)])
    assert isinstance(made, Chart)
    assert sum(sum(one.counts.values()) for one in made.columns) == 30
    for column in made.columns:
        assert all(bar.y >= 0 and bar.y + bar.height <= 120.01 for bar in column.bars)
        assert (column.median, column.slow) == (100, 100)


@pytest.mark.parametrize("times", [[0], [0, 4e9], [-6e10, 9e10], [5.0] * 9, [0, 1, 2]])
def test_a_chart_has_few_columns_whatever_the_times(times: list[float]) -> None:
    made = chart([delivery(at, ms=None) for at in times])
    assert made is not None
    assert 1 <= len(made.columns) <= 36
    assert max(one.x + one.width for one in made.columns) <= 720


def test_no_times_make_no_chart() -> None:
    assert chart([]) is None
    assert chart([delivery(None)]) is None


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(range(1, 101), 0.95) == 95


HASH_KEY: Final = secrets.token_hex(32)
OUTBOX: Final = """{
  "connectors": {"primary": {"use": "smtp", "settings": {"host": "h.example.com",
    "fromEmail": "a@b.example"}}},
  "templates": [{"usageType": "Generic", "subject": "s", "content": "{{code}}"}],
  "outbox": {"store": {"use": "sqlite", "path": "outbox.sqlite"},
    "keys": {"folder": "keys"}, "secret": "SECRET"},
}"""


@pytest.fixture
def outbox(file: Path, tmp_path: Path) -> Any:
    """An outbox in which a newer code has replaced an older one."""
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "one.key").write_text(secrets.token_hex(32), "ascii")
    (keys / "use").write_text("one", "ascii")
    file.write_text(OUTBOX.replace("SECRET", HASH_KEY), "utf-8")
    own = import_module("passpost_outbox").Outbox.from_file(file, HOST)
    for _ in range(2):
        message = passpost.Message("ada@example.com", "SignIn", {"code": "canary-code"})
        own.enqueue(message, supersedes=("ada@example.com", "SignIn"))
    return own


def test_without_a_log_an_outbox_shows_its_emails(file: Path, outbox: Any) -> None:
    page = Client(Console(file, allow=lambda scope: True, host=HOST)).get("/deliveries").text
    assert "a…@example.com" in page
    assert '<span class="badge expired">expired</span>' in page
    assert "emails: 1" in page
    assert "superseded" in page
    assert HASH_KEY not in page
    assert "canary-code" not in page


def test_log_and_outbox_are_beside_each_other(client: Client, log: Path, outbox: Any) -> None:
    written(log, line(recipient="z…@log.example"))
    assert "z…@log.example" in client.get("/deliveries").text
    assert "a…@example.com" in client.get("/deliveries?from=outbox").text
    assert "z…@log.example" in client.get("/deliveries?from=../../etc/passwd").text


def test_an_outbox_that_cannot_be_read_says_why(file: Path, outbox: Any) -> None:
    client = Client(Console(file, allow=lambda scope: True, host=HOST))
    text = file.read_text("utf-8")
    file.write_text(text.replace('"path"', '"file"'), "utf-8")
    page = client.get("/deliveries").text
    assert "The outbox cannot be read" in page
    assert HASH_KEY not in page
    file.write_text(text.replace("outbox.sqlite", "broken.sqlite"), "utf-8")
    (file.parent / "broken.sqlite").write_bytes(b"canary: not a database" * 99)
    page = client.get("/deliveries").text
    assert "The outbox cannot be read" in page
    assert "canary" not in page
