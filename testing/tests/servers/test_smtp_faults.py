"""The script of faults, as a client on a raw socket meets it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from pytest_passpost import (
    Drip,
    Endless,
    Fault,
    Garbage,
    Hold,
    Inject,
    LongLine,
    SmtpServer,
    accept_then,
    reply,
)

# What leads up to each phase, and the reply that is due there.
STEPS = [
    ("greeting", None, "220"),
    ("ehlo", "EHLO x", "250"),
    ("auth", "AUTH PLAIN AGFkYQByaWdodA==", "235"),
    ("noop", "NOOP", "250"),
    ("mail", "MAIL FROM:<a@example.com>", "250"),
    ("rset", "RSET", "250"),
    ("mail", "MAIL FROM:<a@example.com>", "250"),
    ("rcpt", "RCPT TO:<b@example.com>", "250"),
    ("data", "DATA", "354"),
    ("final", "x\r\n.", "250"),
    ("mail", "MAIL FROM:<a@example.com>", "250"),
    ("rcpt", "RCPT TO:<b@example.com>", "250"),
    ("bdat", "BDAT 2\r\n", "250"),
    ("final", "BDAT 0 LAST", "250"),
    ("quit", "QUIT", "221"),
]
PHASES = sorted({phase for phase, _, _ in STEPS})
# How many of the two emails have been taken when a phase first comes.
BEFORE = {"bdat": 1, "quit": 2}


def run_up_to(wire: Any, phase: str) -> str:
    """Play the steps up to a phase, and say what leads into it; give the reply that was due."""
    for name, said, code in STEPS:
        if name == phase:
            if said is not None:
                wire.send(f"{said}\r\n".encode() if name != "bdat" else b"BDAT 2\r\n\r\n")
            return code
        answer = wire.reply() if said is None else wire.ask(said)
        assert answer.startswith(code)
    raise AssertionError(phase)


def meet(wire: Any, phase: str) -> bytes:
    """Play the steps up to a phase, and give what comes then."""
    run_up_to(wire, phase)
    return bytes(wire.rest())


def ready(wire: Any, *, up_to: str = "DATA") -> None:
    """Send everything up to the content."""
    wire.reply()
    for said in ("EHLO x", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", up_to):
        if said:
            assert wire.ask(said)[:3] in {"250", "354"}


def server_with(*faults: Fault, **arguments: Any) -> SmtpServer:
    return SmtpServer(auth={"ada": "right"}, faults=faults, **arguments)


@pytest.mark.parametrize("phase", PHASES)
def test_close(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, "close")) as server:
        wire = dial(server.port)
        run_up_to(wire, phase)
        assert wire.rest() == b""
        assert server.struck == 1
        assert len(server.mails) == BEFORE.get(phase, 0)


def test_a_closed_connection_takes_what_still_comes(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("ehlo", "close")]) as server:
        wire = dial(server.port)
        wire.reply()
        wire.send(b"EHLO x\r\n")
        assert wire.rest() == b""
        for _ in range(10):
            wire.send(b"NOOP\r\n")
        wire.sock.close()
        server.wait_closed()
        assert server.connections[0].bytes_received == len("EHLO x\r\n") + 10 * len("NOOP\r\n")


@pytest.mark.parametrize("phase", PHASES)
def test_reset(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, "reset")) as server:
        with pytest.raises(ConnectionResetError):
            meet(dial(server.port), phase)
        assert len(server.mails) == BEFORE.get(phase, 0)


@pytest.mark.parametrize("phase", PHASES)
def test_silence(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, "silence")) as server:
        wire = dial(server.port)
        run_up_to(wire, phase)
        wire.send(b"NOOP\r\n")
        wire.end()
        assert wire.rest() == b""
        assert len(server.mails) == BEFORE.get(phase, 0)


@pytest.mark.parametrize("phase", PHASES)
def test_a_reply_of_another_class_undoes_what_was_asked(
    phase: Any, dial: Callable[[int], Any]
) -> None:
    with server_with(Fault(phase, reply("451-4.3.0 Not now\n451 4.3.0 Later"))) as server:
        wire = dial(server.port)
        run_up_to(wire, phase)
        assert wire.reply() == "451-4.3.0 Not now\n451 4.3.0 Later"
        assert wire.ask("NOOP").startswith("250")
        assert len(server.mails) == BEFORE.get(phase, 0)
        assert (server.connections[0].user is None) == (phase in {"greeting", "ehlo", "auth"})


@pytest.mark.parametrize("phase", PHASES)
def test_421_closes(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, reply("421 4.3.2 Shutting down"))) as server:
        wire = dial(server.port)
        run_up_to(wire, phase)
        assert wire.rest() == b"421 4.3.2 Shutting down\r\n"
        assert len(server.mails) == BEFORE.get(phase, 0)


@pytest.mark.parametrize("phase", PHASES)
def test_garbage_in_place_of_a_reply(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, Garbage(b"\xff\xfe\r\n"))) as server:
        wire = dial(server.port)
        run_up_to(wire, phase)
        assert wire.line() == b"\xff\xfe\r\n"
        assert len(server.mails) == BEFORE.get(phase, 0)


@pytest.mark.parametrize("phase", PHASES)
def test_a_line_beyond_all_limits(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, LongLine(5000))) as server:
        wire = dial(server.port)
        code = run_up_to(wire, phase)
        assert wire.line() == code.encode() + b" " + b"x" * 5000 + b"\r\n"
        assert len(server.mails) == BEFORE.get(phase, phase == "final")


@pytest.mark.parametrize("phase", PHASES)
def test_a_reply_that_never_ends(phase: Any, dial: Callable[[int], Any]) -> None:
    with server_with(Fault(phase, Endless(limit=100))) as server:
        wire = dial(server.port)
        code = run_up_to(wire, phase)
        for _ in range(100):
            assert wire.line() == code.encode() + b"-and there is more\r\n"
        wire.end()
        assert wire.rest() == b""


def test_a_reply_without_end_stops_when_the_client_hangs_up(dial: Callable[[int], Any]) -> None:
    with server_with(Fault("greeting", "endless")) as server:
        wire = dial(server.port)
        for _ in range(1000):
            assert wire.line().startswith(b"220-")
        wire.sock.close()
        server.wait_closed()


@pytest.mark.parametrize("action", ["split", Drip(0.0001), "long-line", accept_then("split")])
@pytest.mark.parametrize("phase", PHASES)
def test_a_reply_that_comes_at_last_means_what_it_says(
    phase: Any, action: Any, dial: Callable[[int], Any]
) -> None:
    with server_with(Fault(phase, action)) as server:
        wire = dial(server.port)
        assert wire.reply().startswith("220")
        for _, said, code in STEPS[1:]:
            wire.send(f"{said}\r\n".encode())
            assert wire.reply().startswith(code)
        assert server.struck == 1
        assert len(server.mails) == 2


@pytest.mark.parametrize("action", ["close", "reset", "silence", "garbage", reply("451 4.3.0 No")])
@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_mail_that_is_taken_and_not_confirmed(
    action: Any, accepted: bool, chunked: bool, dial: Callable[[int], Any]
) -> None:
    fault = Fault("final", accept_then(action) if accepted else action)
    with SmtpServer(faults=[fault]) as server:
        wire = dial(server.port)
        ready(wire, up_to="" if chunked else "DATA")
        wire.send(b"BDAT 3 LAST\r\nx\r\n" if chunked else b"x\r\n.\r\n")
        if action == "silence":
            wire.end()
        try:
            wire.line()
        except ConnectionResetError:
            assert action == "reset"
        wire.sock.close()
        server.wait_closed()
        assert len(server.mails) == accepted


def test_a_reply_of_the_same_class_does_what_was_asked(dial: Callable[[int], Any]) -> None:
    faults = [
        Fault("ehlo", reply("250-there\n250 PIPELINING")),
        Fault("rcpt", reply("251 2.1.5 Will forward")),
        Fault("final", reply("250 2.0.0 Queued as canary")),
    ]
    with SmtpServer(faults=faults, extensions=[]) as server:
        wire = dial(server.port)
        wire.reply()
        assert wire.ask("EHLO x") == "250-there\n250 PIPELINING"
        wire.ask("MAIL FROM:<a@example.com>")
        assert wire.ask("RCPT TO:<b@example.com>") == "251 2.1.5 Will forward"
        wire.ask("DATA")
        assert wire.ask("x\r\n.") == "250 2.0.0 Queued as canary"
        assert [mail.recipients for mail in server.mails] == [("b@example.com",)]


@pytest.mark.parametrize(
    ("action", "rest"), [("close", b""), (reply("421 4.3.2 Bye"), b"421 4.3.2 Bye\r\n")]
)
@pytest.mark.parametrize("phase", ["connect", "body", "idle"])
def test_where_no_reply_is_due(
    phase: Any, action: Any, rest: bytes, dial: Callable[[int], Any]
) -> None:
    with SmtpServer(faults=[Fault(phase, action)]) as server:
        wire = dial(server.port)
        if phase != "connect":
            ready(wire)
        if phase == "idle":
            assert wire.ask("x\r\n.").startswith("250")
        assert wire.rest() == rest
        assert len(server.mails) == (phase == "idle")


@pytest.mark.parametrize("chunked", [False, True])
def test_amid_the_content(chunked: bool, dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("body", "close", octets=1000)]) as server:
        wire = dial(server.port)
        ready(wire, up_to="" if chunked else "DATA")
        if chunked:
            wire.send(b"BDAT 2000 LAST\r\n")
        wire.send(b"x" * 999)
        assert server.struck == 0
        wire.send(b"x")
        assert wire.rest() == b""
        assert (server.struck, server.mails) == (1, [])


def test_at_the_beginning_of_the_content_only(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("body", "garbage", times=None)]) as server:
        wire = dial(server.port)
        ready(wire)
        for octets in (b"x", b"y", b"\r\n.\r\n"):
            wire.send(octets)
        assert wire.line() == b"\x00\xff\x16\x03!\r\n"
        assert wire.line() == b"\xfe\r\n"
        assert wire.reply().startswith("250")
        assert server.struck == 1


def test_a_fault_that_comes_later_and_goes_again(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("greeting", reply("554 No"), after=2, times=2)]) as server:
        codes = [dial(server.port).reply()[:3] for _ in range(6)]
        assert codes == ["220", "220", "554", "554", "220", "220"]
        assert server.struck == 2


def test_a_fault_that_stays(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("greeting", reply("554 No"), times=None)]) as server:
        assert [dial(server.port).reply()[:3] for _ in range(3)] == ["554"] * 3
        server.script()
        assert dial(server.port).reply().startswith("220")


def test_a_reply_that_comes_twice_shifts_what_follows(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("mail", "repeat")]) as server:
        wire = dial(server.port)
        wire.reply()
        wire.ask("EHLO x")
        assert wire.ask("MAIL FROM:<a@example.com>") == "250 2.1.0 Sender ok"
        assert wire.ask("RCPT TO:<b@example.com>") == "250 2.1.0 Sender ok"
        assert wire.reply() == "250 2.1.5 Recipient ok"


def test_faults_of_one_phase_strike_one_after_the_other(dial: Callable[[int], Any]) -> None:
    with SmtpServer(
        faults=[Fault("noop", reply("451 1")), Fault("noop", reply("452 2"))]
    ) as server:
        wire = dial(server.port)
        wire.reply()
        assert [wire.ask("NOOP")[:3] for _ in range(3)] == ["451", "452", "250"]


def test_a_refused_chunk_ends_the_transaction(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("bdat", reply("452 4.3.1 Full"))]) as server:
        wire = dial(server.port)
        ready(wire, up_to="")
        wire.send(b"BDAT 2\r\nxyBDAT 0 LAST\r\n")
        assert [wire.reply()[:3] for _ in range(2)] == ["452", "503"]
        assert server.mails == []


def test_octets_behind_the_reply_to_starttls(
    dial: Callable[[int], Any], client_context: ssl.SSLContext
) -> None:
    faults = [Fault("starttls", Inject(b"250 injected\r\n"))]
    with SmtpServer(tls="starttls", faults=faults) as server:
        wire = dial(server.port)
        wire.reply()
        wire.ask("EHLO x")
        assert wire.ask("STARTTLS").startswith("220")
        assert wire.reply() == "250 injected"
        wire.secure(client_context)
        assert wire.ask("EHLO x").startswith("250-mail.example.test")


@pytest.mark.parametrize("action", ["close", "garbage", "reset", reply("454 4.7.0 No")])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_in_place_of_the_handshake(
    tls: Any, action: Any, dial: Callable[[int], Any], client_context: ssl.SSLContext
) -> None:
    with SmtpServer(tls=tls, faults=[Fault("tls", action)]) as server:

        def shake_hands() -> None:
            wire = dial(server.port)
            if tls == "starttls":
                wire.reply()
                wire.ask("EHLO x")
                wire.ask("STARTTLS")
            if action == "reset":
                wire.rest()
            wire.secure(client_context)

        # A reset may be there before the connection is even set up on this side.
        with pytest.raises(ConnectionResetError if action == "reset" else ssl.SSLError):
            shake_hands()
        assert not server.connections[0].tls


def test_nothing_follows_what_came_in_place_of_the_handshake(dial: Callable[[int], Any]) -> None:
    with SmtpServer(tls="implicit", faults=[Fault("tls", Garbage(b"\xff"))]) as server:
        assert dial(server.port).rest() == b"\xff"


@pytest.mark.parametrize("phase", ["connect", "tls", "greeting", "body", "final", "idle"])
def test_holding_back_until_released(
    phase: Any, dial: Callable[[int], Any], client_context: ssl.SSLContext
) -> None:
    hold = Hold()
    with SmtpServer(tls="implicit", faults=[Fault(phase, hold, times=None)]) as server:
        wire = dial(server.port)
        if phase in {"connect", "tls"}:
            assert hold.reached.wait(5)
            assert server.connections[0].bytes_sent == 0
            hold.release()
        wire.secure(client_context)
        if phase == "greeting":
            assert hold.reached.wait(5)
            hold.release()
        ready(wire)
        wire.send(b"x\r\n.\r\n")
        if phase in {"body", "final"}:
            assert hold.reached.wait(5)
            hold.release()
        assert wire.reply().startswith("250")
        if phase == "idle":
            assert hold.reached.wait(5)
            hold.release()
        assert wire.ask("NOOP").startswith("250")


def test_what_is_held_when_the_server_ends_is_let_go_in_vain(dial: Callable[[int], Any]) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("greeting", hold)]) as server:
        wire = dial(server.port)
        assert hold.reached.wait(5)
    hold.release()
    assert wire.rest() == b""
    with SmtpServer(faults=[Fault("greeting", hold)]) as server:
        assert dial(server.port).reply().startswith("220")


@pytest.mark.parametrize("phase", ["connect", "tls", "body", "idle", "request"])
@pytest.mark.parametrize("action", ["drip", "split", "long-line", "repeat", Inject(b"x")])
def test_nothing_can_be_cut_up_where_no_reply_is_due(phase: Any, action: Any) -> None:
    with pytest.raises(ValueError, match="no reply"):
        Fault(phase, action)
