"""Servers that mean harm, that are rude, and two faults at a time."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from pytest_passpost import Answer, Fault, HttpServer, default_authority, reply

sys.path.insert(0, str(Path(__file__).parent))
from world import (
    Made,
    answering,
    examined,
    http,
    impatient,  # noqa: F401 - a fixture
    provider,
    smtp,
)

from passpost_tools.doctor import Diagnosis, protocols

SECRET = "correct horse"


def wrong(found: list[Diagnosis]) -> list[str]:
    return [one.id for one in found if one.result in {"warning", "error"}]


def polite(phase: Any, action: Any) -> Made:
    """Make a world whose server does something only where it gets that far."""
    return smtp(faults=[Fault(phase, action, times=None, optional=True)])


def test_a_server_that_does_not_answer_quit_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(polite("quit", "close"), monkeypatch)
    assert wrong(found) == []
    assert "auth.ok" in {one.id for one in found}


@pytest.mark.parametrize(
    ("action", "expected", "words"),
    [
        ("silence", "smtp.silent", "does not answer EHLO"),
        ("close", "smtp.ended", "ended the connection after EHLO"),
    ],
)
def test_a_server_that_greets_and_then_stops_is_not_called_mute(
    action: Any, expected: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "REPLY", 0.4)
    found = examined(answering("ehlo", action), monkeypatch)
    (fault,) = [one for one in found if one.result == "error"]
    assert fault.id == expected
    assert words in fault.evidence


@pytest.mark.parametrize("phase", ["greeting", "rcpt"])
def test_what_a_server_says_steers_no_terminal_and_repeats_no_secret(
    phase: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 220 if phase == "greeting" else 550
    said = reply(f"{code} \x1b[31m{SECRET} \u202e\x07" + "x" * 300)
    found = examined(answering(phase, said), monkeypatch)
    texts = [text for one in found for text in map(str, attrs.astuple(one))]
    assert any("***" in text for text in texts)
    assert not any(SECRET in text or not text.isprintable() for text in texts)


@pytest.mark.parametrize(("off", "words"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_is_compared_with_that_of_a_greeting(
    off: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = format_datetime(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=off))
    found = examined(polite("greeting", reply(f"220 mx ESMTP; {theirs}")), monkeypatch)
    (fault,) = [one for one in found if one.result == "warning"]
    assert fault.id == "clock.skewed"
    assert words in fault.evidence
    assert "auth.ok" in {one.id for one in found}


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Sat, 99 Jan 2000 99:00:00 GMT", "Mon, " * 50 + "x"]
)
def test_a_date_that_means_nothing_stops_nothing(
    date: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examined(http(head=Answer(404, b"", {"Date": date})), monkeypatch)
    assert {"http.ok", "spf.ok"} <= {one.id for one in found}


@contextmanager
def proxy() -> Iterator[int]:
    """Return the port of a proxy that connects to whatever port of this machine it is asked for."""

    def copy(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while octets := one.recv(65_536):
                other.sendall(octets)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def serve(client: socket.socket) -> None:
        with client, client.makefile("rb") as lines:
            head = [*iter(lines.readline, b"\r\n")] if client.recv(1, socket.MSG_PEEK) else []
            if not head:
                return
            port = int(head[0].split()[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as there:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=copy, args=(there, client))
                back.start()
                copy(client, there)
                back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (None, None),
        ("expired", "has expired"),
        ("other-host", "not valid for 'localhost'"),
        ("unknown-authority", "issuer"),
    ],
)
def test_a_certificate_behind_a_proxy_is_named(
    certificate: Any, words: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text(default_authority().pem, "utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    how = {"certificate": certificate} if certificate else {}
    answer = Answer.json({"scopes": ["mail.send"]})
    with HttpServer(answer, tls=True, **how) as server, proxy() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://u:canary@127.0.0.1:{port}")
        found = examined(provider(f"https://localhost:{server.port}"), monkeypatch)
    assert "proxy.used" in {one.id for one in found}
    faults = [one for one in found if one.result in {"warning", "error"}]
    assert [one.id for one in faults] == (["auth.failed"] if words else [])
    assert all(words in one.evidence for one in faults if words)
    assert "canary" not in repr(found)


def test_a_record_of_50_kilobytes_is_cut_and_gets_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    record = f"v=spf1 {' '.join(f'ip4:10.0.{n % 255}.{n // 255}' for n in range(3500))} +all"
    parts = '" "'.join(record[at : at + 200] for at in range(0, len(record), 200))
    records = {"example.com": ["MX 10 mx.example.com.", f"TXT {parts}"]}
    found = examined(smtp(records=records), monkeypatch)
    assert wrong(found) == ["spf.open"]
    assert max(len(str(text)) for one in found for text in attrs.astuple(one)) < 3000


# Faults of parts that have nothing to do with each other, so that any two can meet.
PARTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "address": {
        "connect.address": {
            "settings": {"host": "two.example.test", "servername": "localhost"},
            "records": {"two.example.test": ["A 127.0.0.1", "A 127.0.0.2"]},
        },
        "dns.missing": {"settings": {"host": "nowhere.example.test"}},
    },
    "TLS": {
        "tls.expired": {"how": {"certificate": "expired"}},
        "tls.not-offered": {"how": {"tls": None}},
        "smtp.tls-first": {"how": {"tls": "implicit"}},
    },
    "greeting": {
        "clock.skewed": {"faults": ("greeting", "220 x Sat, 01 Jan 2000 00:00:00 +0000")},
        "smtp.rejected": {"faults": ("greeting", "554 5.7.1 blocked")},
    },
    "account": {
        "auth.rejected": {"settings": {"auth": {"user": "ada", "pass": "wrong"}}},
        "auth.not-offered": {"how": {"auth": None}},
    },
    "recipient": {
        "recipient.relay": {"faults": ("rcpt", "554 5.7.1 relay access denied")},
        "recipient.later": {"faults": ("rcpt", "450 4.2.0 greylisted")},
    },
    "sender": {
        "domain.others": {"settings": {"fromEmail": "a@gmail.com"}},
        "spf.loop": {
            "records": {
                "example.com": ["MX 10 mx.example.com.", "TXT v=spf1 include:example.com ~all"]
            }
        },
    },
    "policy": {"dmarc.missing": {"records": {"_dmarc.example.com": ["TXT nothing"]}}},
}
PAIRS = [
    pytest.param(first, second, id=f"{first}-{second}")
    for one, other in itertools.combinations(PARTS.values(), 2)
    for first, second in itertools.product(one, other)
]
FAULTS = {name: fault for part in PARTS.values() for name, fault in part.items()}
# Nothing is said over a connection that cannot be used, and all hangs on a domain that is not ours.
ORDER = list(PARTS)
BLOCKING = {
    "dns.missing", "tls.expired", "tls.not-offered", "smtp.tls-first", "smtp.rejected",
    "auth.rejected", "auth.not-offered", "domain.others",
}  # fmt: skip


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_faults_each_is_named_or_behind_the_other(
    first: str, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, Any] = {"settings": {}, "records": {}, "faults": [], "how": {}}
    for name in (first, second):
        for key, value in FAULTS[name].items():
            if key == "faults":
                fault = Fault(value[0], reply(value[1]), times=None, optional=True)
                made["faults"].append(fault)
            else:
                made[key].update(value)
    world = smtp(made["settings"], made["records"], faults=made["faults"], **made["how"])
    found = examined(world, monkeypatch)
    assert set(wrong(found)) <= {first, second}
    assert wrong(found), found
    missing = {first, second} - set(wrong(found))
    # What is not named lies behind what is.
    assert not missing or set(wrong(found)) & BLOCKING
    failed = {one.subject for one in found if one.result == "error"}
    assert not failed & {one.subject for one in found if one.result == "ok"}
