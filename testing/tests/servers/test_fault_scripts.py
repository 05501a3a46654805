"""Scripts of faults: phases by meaning, and faults that never strike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_passpost import Fault, HttpServer, SmtpServer, reply


def ready(wire: Any, *, up_to: str = "DATA") -> None:
    """Send everything up to the content."""
    wire.reply()
    for said in ("EHLO x", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", up_to):
        if said:
            assert wire.ask(said)[:3] in {"250", "354"}


def test_what_could_never_strike_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no action 'explode'"):
        Fault("mail", "explode")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="unknown phase 'answer' on this server"):
        SmtpServer(faults=[Fault("answer", "close")])
    with pytest.raises(ValueError, match="Phases are connect, tls, request, answer, idle"):
        HttpServer(faults=[Fault("mail", "close")])


@pytest.mark.parametrize(
    ("phase", "meant"),
    [
        ("DATA", "did you mean 'data'"),
        ("recpt", "did you mean 'rcpt'"),
        ("zzz", "connect,"),
        (3, "connect,"),
    ],
)
def test_a_phase_that_does_not_exist_is_refused_with_those_that_do(phase: Any, meant: str) -> None:
    with pytest.raises(ValueError, match="unknown phase") as caught:
        Fault(phase, "close")
    assert meant in str(caught.value)
    assert "data, bdat" in str(caught.value)


FORMS = {
    "by DATA": [b"DATA\r\n", b"x\r\n.\r\n"],
    "by one chunk": [b"BDAT 3 LAST\r\nx\r\n"],
    "by chunks": [b"BDAT 2\r\nx\r", b"BDAT 1\r\n\n", b"BDAT 0 LAST\r\n"],
    "after an empty chunk": [b"BDAT 0\r\n", b"BDAT 3 LAST\r\nx\r\n"],
}


@pytest.mark.parametrize("form", FORMS)
def test_data_strikes_in_whatever_form_the_mail_travels(
    form: str, dial: Callable[[int], Any]
) -> None:
    with SmtpServer(faults=[Fault("data", reply("552 5.2.2 Full"))]) as server:
        wire = dial(server.port)
        ready(wire, up_to="")
        for octets in FORMS[form]:
            wire.send(octets)
            if (said := wire.reply()) == "552 5.2.2 Full":
                break
            assert said.startswith("250 2.0.0 0 octets ok")
        assert (server.struck, server.mails) == (1, [])
        # It has struck, and the next email goes through.
        assert wire.ask("RSET").startswith("250")
        for said in ("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"):
            assert wire.ask(said).startswith("250")
        for octets in FORMS[form]:
            wire.send(octets)
            assert wire.reply()[:3] in {"250", "354"}
        assert len(server.mails) == 1


def test_a_chunk_that_comes_in_vain_is_an_occasion_too(dial: Callable[[int], Any]) -> None:
    # As DATA is that comes after a rejected recipient.
    with SmtpServer(faults=[Fault("data", reply("554 5.5.1 No"))]) as server:
        wire = dial(server.port)
        wire.reply()
        wire.ask("EHLO x")
        wire.send(b"BDAT 1 LAST\r\nx")
        assert wire.reply() == "554 5.5.1 No"


def never_struck(
    server: SmtpServer, dial: Callable[[int], Any], talk: Callable[[Any], object]
) -> str:
    """Talk to a server, and give the error that is raised when its block is left."""
    with pytest.raises(AssertionError) as caught, server:
        talk(dial(server.port))
    return str(caught.value)


def test_a_fault_that_never_struck_fails_the_test() -> None:
    server = SmtpServer(faults=[Fault("auth", reply("535 5.7.8 No"))])
    with pytest.raises(AssertionError) as caught, server:
        pass
    told = str(caught.value)
    assert "Fault('auth', Say(text='535 5.7.8 No')) never struck" in told
    assert "never came to this phase (it came to: none)" in told
    assert "optional=True" in told


def test_it_says_which_phases_came(dial: Callable[[int], Any]) -> None:
    faults = [
        Fault("data", "close"), Fault("ehlo", "close", after=2), Fault("body", "close", octets=9)
    ]  # fmt: skip

    def talk(wire: Any) -> None:
        wire.reply()
        wire.ask("EHLO x")

    told = never_struck(SmtpServer(faults=faults), dial, talk)
    assert "it came to: connect, greeting, ehlo)" in told
    assert "the phase came 1 times, and after=2" in told


def test_a_fault_amid_the_content_says_how_much_came(dial: Callable[[int], Any]) -> None:
    def talk(wire: Any) -> None:
        ready(wire)
        assert wire.ask("x\r\n.").startswith("250")

    server = SmtpServer(faults=[Fault("body", "close", octets=1000)])
    assert "6 octets of content came in" in never_struck(server, dial, talk)


def test_a_fault_that_another_one_hides_never_struck(dial: Callable[[int], Any]) -> None:
    faults = [Fault("greeting", reply("554 No"), times=None), Fault("greeting", "close")]
    server = SmtpServer(faults=faults)
    with pytest.raises(AssertionError, match="another fault struck in its place"), server:
        dial(server.port).reply()


def test_a_fault_that_was_taken_back_never_struck_either() -> None:
    server = SmtpServer(faults=[Fault("greeting", "close")])
    with pytest.raises(AssertionError, match="never struck"), server:
        server.script()


def test_a_fault_that_is_optional_need_not_strike() -> None:
    with SmtpServer(faults=[Fault("auth", "close", optional=True)]) as server:
        server.script(Fault("mail", "close", optional=True))
    with HttpServer(faults=[Fault("answer", "close", optional=True)]):
        pass


def test_an_error_of_the_block_itself_is_kept_and_told_of_it() -> None:
    with pytest.raises(LookupError) as caught, HttpServer(faults=[Fault("answer", "close")]):
        raise LookupError("the test's own")
    assert ["never struck" in note for note in caught.value.__notes__] == [True]


def test_a_fault_that_strikes_as_the_server_ends_has_struck(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("quit", "silence")]) as server:
        wire = dial(server.port)
        wire.send(b"QUIT\r\n")
    assert server.struck == 1
