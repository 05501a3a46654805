"""The parts of the kit by themselves."""

from __future__ import annotations

import contextlib
import html
import json
import logging
import os
import quopri
import socket
import subprocess
import sys
import threading
from base64 import b64encode, encodebytes, urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from passpost import UnknownConnectorError
from pytest_passpost import Answer, ConnectorSuite, HttpServer, Refusal, Request, override
from pytest_passpost.suite.instruments.bench import load
from pytest_passpost.suite.instruments.canaries import Canaries, LogRecords, shown
from pytest_passpost.suite.instruments.fault_proxy import FaultProxy
from pytest_passpost.suite.instruments.pointing import (
    leaves,
    pointed_at,
    port_in,
    speaks_http,
    with_host,
    with_value,
)
from pytest_passpost.suite.instruments.purity import watched
from pytest_passpost.suite.instruments.relay import Relay
from pytest_passpost.suite.marks import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HTTP = {"endpoint": "http://127.0.0.1:4711/v3", "key": "k", "also": ["http://127.0.0.1:4711"]}
TCP = {"server": {"host": "localhost", "smtpPort": "4711"}, "retries": 4711}


@pytest.mark.parametrize(
    "settings",
    [HTTP, TCP, {"address": "localhost:4711"}, {"host": "::1", "port": 4711}, {"u": "[::1]:4711"}],
)
def test_the_port_in_settings_is_found(settings: Any) -> None:
    assert port_in(settings) == 4711


@pytest.mark.parametrize(
    "settings",
    [
        {"endpoint": "https://api.example.com:4711"},
        {"host": "mail.example.com", "port": 4711},
        {"host": "localhost", "port": True},
        {"a": "127.0.0.1:4711", "b": "127.0.0.1:4712"},
    ],
)
def test_settings_that_lead_elsewhere_have_no_port(settings: Any) -> None:
    with pytest.raises(LookupError, match="ports on loopback instead of one"):
        port_in(settings)


def test_settings_are_pointed_at_another_port() -> None:
    assert pointed_at(HTTP, 99) == {
        "endpoint": "http://127.0.0.1:99/v3", "key": "k", "also": ["http://127.0.0.1:99"],
    }  # fmt: skip
    # What is not a port of a host stays, and a text stays a text.
    server = {"host": "localhost", "smtpPort": "99"}
    assert pointed_at(TCP, 99) == {"server": server, "retries": 4711}
    assert pointed_at({"host": "localhost", "port": 4711}, 99)["port"] == 99


def test_settings_are_pointed_at_tls() -> None:
    assert pointed_at(HTTP, 99, tls=True)["endpoint"] == "https://localhost:99/v3"
    assert pointed_at({"a": "127.0.0.1:4711"}, 99, tls=True) == {"a": "localhost:99"}
    two = {"a": "127.0.0.1:4711", "b": "127.0.0.1:4712"}
    assert pointed_at(two, 99, old=4711) == {"a": "127.0.0.1:99", "b": "127.0.0.1:4712"}


def test_http_is_known_by_its_url() -> None:
    assert speaks_http(HTTP)
    assert not speaks_http(TCP)


def test_one_value_is_replaced_at_its_place() -> None:
    assert dict(leaves({"a": [{"b": 1}], "c": 2})) == {("a", 0, "b"): 1, ("c",): 2}
    assert with_value({"a": [{"b": 1}], "c": 2}, ("a", 0, "b"), 9) == {"a": [{"b": 9}], "c": 2}
    assert with_value({"c": {"d": 2}}, ("c",), 9) == {"c": 9}


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_an_override_needs_a_reason(reason: Any) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        override(reason)


def test_an_override_keeps_its_reason() -> None:
    marked = override("Acme is slow")(lambda: None)
    assert reason_of(marked) == "Acme is slow"
    assert reason_of(print) is None


@pytest.mark.parametrize("instead", [lambda self: None, None])
def test_a_check_is_not_overridden_without_a_reason(instead: Any) -> None:
    with pytest.raises(TypeError, match=r"TestMine.test_silence overrides .* say why"):
        type("TestMine", (ConnectorSuite,), {"test_silence": instead})


def test_a_check_of_ones_own_needs_none() -> None:
    mine = type("TestMine", (ConnectorSuite,), {"test_more": lambda self: None})
    assert issubclass(mine, ConnectorSuite)


def test_a_mixin_hides_no_check_either() -> None:
    class Hiding:
        def test_silence(self) -> None: ...

    with pytest.raises(TypeError, match=r"test_silence overrides"):
        type("TestMine", (Hiding, ConnectorSuite), {})


def test_checks_of_http_are_dropped_where_they_do_not_apply() -> None:
    mine: Any = type("TestMine", (ConnectorSuite,), {"speaks": "tcp"})
    assert mine.test_http_status is None
    assert callable(ConnectorSuite.test_http_status)
    assert type("TestMore", (mine,), {}).test_http_status is None  # type: ignore[attr-defined]  # made above
    back: Any = type("TestBack", (mine,), {"speaks": "http"})
    assert back.test_http_status is ConnectorSuite.test_http_status


def test_a_connector_that_is_not_installed_is_named() -> None:
    with pytest.raises(UnknownConnectorError, match="nobody"):
        load("nobody")


def test_an_installed_connector_is_loaded_by_its_id() -> None:
    assert load("smtp").__name__ == "passpost_smtp.hooks"


def test_what_is_pure_leaves_no_trace() -> None:
    with watched() as seen:
        json.dumps({"a": 1})
    assert seen == []


def test_what_is_not_pure_is_seen(tmp_path: Path) -> None:
    with watched() as seen:
        (tmp_path / "file").write_text("x")
        os.environ.get("PASSPOST_NOTHING")
        list(os.environ)
        subprocess.run([sys.executable, "-c", ""], check=True)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.connect(("127.0.0.1", 1))
    kinds = {one.partition(":")[0] for one in seen}
    assert kinds == {"files", "network", "environment", "programs"}
    assert "environment: PASSPOST_NOTHING" in seen
    assert "environment: all of it" in seen


def test_another_thread_is_not_watched() -> None:
    with watched() as seen:
        thread = threading.Thread(target=lambda: os.environ.get("PASSPOST_NOTHING"))
        thread.start()
        thread.join()
    assert seen == []


SECRET = "pa/ss+wörd?<4711>"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        repr(SECRET),
        SECRET.encode().hex(),
        b64encode(f"user:{SECRET}".encode()).decode(),
        urlsafe_b64encode(f"\0u\0{SECRET}\0".encode()).decode(),
        SECRET.encode().hex().upper(),
        SECRET.encode().hex(":"),
        encodebytes(f"{'u' * 50}:{SECRET}:{'v' * 50}".encode()).decode(),
        repr(encodebytes(f"{'u' * 50}:{SECRET}:{'v' * 50}".encode()).decode()),
        quopri.encodestring(f"{'u' * 70} {SECRET}".encode()).decode(),
        html.escape(SECRET),
    ],
)
def test_a_canary_is_found_in_every_form(text: str) -> None:
    assert Canaries([("the password", SECRET)]).found_in("before", f"<{text}>") == ["the password"]


def test_short_texts_are_no_canaries() -> None:
    assert Canaries([("the id", "abc")]).found_in("abc") == []


def test_an_error_shows_its_causes_and_its_hint() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    error.hint = "look"  # type: ignore[attr-defined]  # as SendError has it
    whole = " ".join(shown(error))
    assert {"outer", "inner", "look"} <= set(whole.replace("'", " ").replace(":", " ").split())


def test_every_record_is_kept_and_every_level_is_put_back() -> None:
    quiet = logging.getLogger("passpost.test.quiet")
    quiet.setLevel(logging.ERROR)
    quiet.propagate = False
    with LogRecords() as logged:
        quiet.debug("code %s", "4711")
    assert any("code 4711" in text for text in logged.texts)
    assert (quiet.level, quiet.propagate) == (logging.ERROR, False)


def test_a_relay_passes_on_and_answers_for_emails_alone() -> None:
    taken: list[bytes] = []

    def fake(request: Request) -> Answer:
        if request.path == "/token":
            return Answer.json({"access_token": "token-4711"})
        taken.append(request.body)
        return Answer.json({"id": "1"})

    with HttpServer(fake) as server, Relay(server.port, lambda: len(taken)) as relay:
        assert b"token-4711" in ask(relay.port, b"GET /token HTTP/1.1\r\nHost: a\r\n\r\n", b"}")
        request = b"POST /mails HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Key: "
        assert b'"id"' in ask(relay.port, request + b"none\r\n\r\nhi", b"}")
        assert relay.tokens == []
        relay.repeat(Answer.json({"code": "slow", "number": 1}, 429))
        said = ask(relay.port, request + b"token-4711\r\n\r\nhi", b"}")
        assert (taken, relay.emails) == ([b"hi", b"hi"], 2)
        assert relay.tokens == ["token-4711"]
    assert b" 429 " in said
    assert b'"slow /mails' in said
    assert said.count(b"token-4711") == 2


def test_a_relay_repeats_in_what_is_not_json_as_well() -> None:
    with HttpServer(Answer(500, "oops ")) as server, Relay(server.port, lambda: 0) as relay:
        relay.repeat()
        request = b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n"
        assert b"oops /here" in ask(relay.port, request, b"host: a")


def test_settings_lead_to_another_host() -> None:
    assert with_host(HTTP, "b.invalid")["endpoint"] == "http://b.invalid:4711/v3"
    assert with_host(TCP, "b.invalid")["server"] == {"host": "b.invalid", "smtpPort": "4711"}
    assert with_host({"port": 4711}, "b.invalid") == {"port": 4711}


@pytest.fixture
def upstream() -> Iterator[HttpServer]:
    with HttpServer(Answer(200, "welcome")) as server:
        yield server


def ask(
    port: int, octets: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", end: bytes = b"welcome"
) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        parts: list[bytes] = []
        with contextlib.suppress(ConnectionError):
            sock.sendall(octets)
            while end not in b"".join(parts) and (part := sock.recv(65536)):
                parts.append(part)
        return b"".join(parts)


def test_a_proxy_passes_everything_on(upstream: HttpServer) -> None:
    with FaultProxy(upstream.port, lambda: 0) as proxy:
        assert b"welcome" in ask(proxy.port)
        assert proxy.octets == 27
        assert not proxy.struck.is_set()


@pytest.mark.parametrize("action", ["reset", "close"])
def test_a_proxy_breaks_once_the_mail_is_taken(upstream: HttpServer, action: Any) -> None:
    with FaultProxy(upstream.port, lambda: len(upstream.requests)) as proxy:
        proxy.break_at("taken", action)
        assert ask(proxy.port) == b""
        assert proxy.struck.is_set()
        assert len(upstream.requests) == 1
        # What was taken before does not count.
        proxy.break_at("taken", action)
        assert ask(proxy.port) == b""
        proxy.heal()
        assert b"welcome" in ask(proxy.port)


def test_a_proxy_breaks_before_the_mail_is_whole(upstream: HttpServer) -> None:
    with FaultProxy(upstream.port, lambda: len(upstream.requests)) as proxy:
        proxy.break_at(20, "close")
        assert ask(proxy.port) == b""
    upstream.wait_closed(1)
    assert upstream.requests == []


def test_a_refusal_shows_no_answer() -> None:
    assert "secret" not in repr(Refusal("no", Answer(400, "secret"), "account"))
