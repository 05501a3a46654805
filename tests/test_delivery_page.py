"""The page about several connectors: its settings parse, its programs run."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import config
from pytest_passpost import Fault, SmtpServer, reply

PAGE = (Path(__file__).parents[1] / "docs/en/how-to/delivery.md").read_text("utf-8")
WATCH = PAGE.partition("## Watch it\n")[2].partition("\n## ")[0]
NO_USER = Fault("rcpt", reply("550 5.1.1 No such user"))
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS.findall(PAGE) if found == language]


@pytest.fixture
def program() -> dict[str, Any]:
    names: dict[str, Any] = {"passpost": passpost}
    for block in blocks("python"):
        exec(compile(block, "delivery.md", "exec"), names)  # noqa: S102 - the page's own code
    return names


def settings(first: SmtpServer, second: SmtpServer) -> str:
    text, _ = blocks("jsonc")
    for host, server in (("smtp.example.com", first), ("smtp.example.org", second)):
        address = f'"127.0.0.1", "ignoreTLS": true, "port": {server.port}'
        text = text.replace(f'"{host}", "port": 587', address)
    return text


def test_the_settings_parse_as_they_are() -> None:
    text, _ = blocks("jsonc")
    parsed = config.parse_application(text)
    assert parsed.delivery.routes == {"SignIn": ("primary", "backup"), "*": ("backup",)}


def test_the_backup_helps_and_the_cooldown_tells_nobody(program: dict[str, Any]) -> None:
    down = Fault("mail", reply("421 4.3.2 Shutting down"), times=None)
    with SmtpServer(faults=[down]) as first, SmtpServer() as second:
        with passpost.Mailer.from_settings(settings(first, second)) as mailer:
            sign_in = program["sign_in"]
            assert "inbox" in sign_in(mailer, "ada@example.com", "493817")
            assert "inbox" in sign_in(mailer, "nobody@example.com", None)
            for address, code in (("ada@example.com", "112233"), ("nobody@example.com", None)):
                assert re.fullmatch(r"try again in (59|60) seconds", sign_in(mailer, address, code))
            assert not program["is_degraded"](mailer)
        assert len(second.mails) == 1


def test_a_repeated_send_returns_the_first_receipt(program: dict[str, Any], tmp_path: Path) -> None:
    with SmtpServer() as first, SmtpServer() as second:
        (tmp_path / "passpost.jsonc").write_text(settings(first, second), "utf-8")
        message = passpost.Message(
            "ada@example.com", "Register", {"code": "1"}, idempotency_key="a"
        )
        receipts = []
        for _ in range(2):
            with program["make_mailer"](str(tmp_path), b"k" * 32) as mailer:
                receipts.append(mailer.send(message))
                other = passpost.Message(
                    "ada@example.com", "Register", {"code": "2"}, idempotency_key="a"
                )
                with pytest.raises(passpost.MessageError, match="one key for one code"):
                    mailer.send(other)
        assert [receipt.replayed for receipt in receipts] == [False, True]
        assert receipts[0].message_id == receipts[1].message_id
        assert len(second.mails) == 1
        assert b"ada@" not in (tmp_path / "sends.sqlite").read_bytes()


def test_each_send_is_a_line_of_the_facts_that_the_page_names(program: dict[str, Any]) -> None:
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if hasattr(record, "passpost"):
                lines.append(self.format(record))

    handler, log = Handler(), logging.getLogger("passpost")
    handler.setFormatter(program["JsonLines"]())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with (
            SmtpServer() as first,
            SmtpServer(faults=[NO_USER]) as second,
            passpost.Mailer.from_settings(settings(first, second)) as mailer,
        ):
            for usage in ("SignIn", "Register"):
                with suppress(passpost.SendError):
                    mailer.send(passpost.Message("ada@example.com", usage, {"code": "493817"}))
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    facts = [json.loads(line) for line in lines]
    assert [(fact["outcome"], fact["connector"]) for fact in facts] == [
        ("accepted", "primary"),
        ("rejected", "backup"),
    ]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", WATCH, re.MULTILINE))))
    assert facts[0].keys() | facts[1].keys() == {"message", *named}
    assert "493817" not in str(facts)
    assert "ada@" not in str(facts)


def test_the_rejected_of_many_are_named(program: dict[str, Any]) -> None:
    with SmtpServer() as first, SmtpServer(faults=[NO_USER]) as second:
        with passpost.Mailer.from_settings(settings(first, second)) as mailer:
            codes = {f"user{number}@example.com": str(number) for number in range(20)}
            (rejected,) = program["send_codes"](mailer, codes)
        assert rejected in codes
        assert len(second.mails) == 19


def test_the_stores_of_the_page_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = blocks("jsonc")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.com:6379/0")
    monkeypatch.setenv("PASSPOST_STORE_SECRET", "0d9b0c6e6a5e4e6f8c8d")
    with passpost.Mailer.from_settings(text):
        pass


def test_the_stores_of_your_own_keep_the_contract(tmp_path: Path) -> None:
    example = [block for block in blocks("python") if "Acme" in block]
    (tmp_path / "test_acme.py").write_text("\n".join(example), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-W", "error"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_acme.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "6 passed" in done.stdout, done.stdout
    (entry,) = blocks("toml")
    declared = tomllib.loads(entry)["project"]["entry-points"]["passpost.stores"]
    assert declared == {"acme": "passpost_acme:AcmeSettings"}
