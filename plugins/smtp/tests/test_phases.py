"""The edge between rejected and unknown: whether the message's last byte went to the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from passpost import Receipt, SendError
from pytest_passpost import Fault, SmtpServer, StopReading, TlsMode, reply

# More than the kernels on both sides take for a server that does not read.
LARGE = "0123456789 abcdef\n" * 1_500_000
SMALL = "0123456789 abcdef\n"
FORMS = {
    "chunked": ("PIPELINING", "CHUNKING"),
    "proving": ("PIPELINING", "CHUNKING"),
    "pipelined": ("PIPELINING",),
    "plain": ("8BITMIME",),
}
# The first chunk of a server that is to prove itself is smaller than that.
SOME = 100


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tls", [None, "implicit"])
@pytest.mark.parametrize("end", ["close", "reset", "silence"])
async def test_a_message_that_was_not_handed_over_was_not_sent(
    end: Any, tls: TlsMode | None, form: str, kit: Any
) -> None:
    fault = Fault("body", StopReading(end), octets=SOME)
    with SmtpServer(tls=tls, extensions=FORMS[form], faults=[fault]) as server:
        config = kit.config(server, dataTimeout=300, secure=bool(tls), ignoreTLS=not tls)
        error = await kit.refusal(config, kit.mail(text=LARGE), proven=form == "chunked")
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", True)
        assert "sending the message" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tls", [None, "implicit"])
@pytest.mark.parametrize("end", ["close", "reset", "silence"])
async def test_a_message_that_was_handed_over_may_have_been_sent(
    end: Any, tls: TlsMode | None, form: str, kit: Any
) -> None:
    fault = Fault("body", StopReading(end), octets=SOME)
    with SmtpServer(tls=tls, extensions=FORMS[form], faults=[fault]) as server:
        config = kit.config(server, socketTimeout=300, secure=bool(tls), ignoreTLS=not tls)
        error = await kit.refusal(config, kit.mail(text=SMALL), proven=form == "chunked")
        assert error.outcome == "unknown"


@pytest.mark.anyio
async def test_the_time_for_the_data_is_not_the_time_for_the_answer(kit: Any) -> None:
    fault = Fault("body", StopReading("silence"), octets=SOME)
    with SmtpServer(extensions=FORMS["chunked"], faults=[fault]) as server:
        config = kit.config(server, dataTimeout=300, socketTimeout=60_000)
        error = await kit.refusal(config, kit.mail(text=LARGE, seconds=None))
        assert "sending the message" in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_an_early_refusal_is_heard_and_ends_the_connection(form: str, kit: Any) -> None:
    fault = Fault("body", StopReading(reply("552 5.3.4 too much")), octets=SOME)
    with SmtpServer(extensions=FORMS[form], faults=[fault]) as server:
        async with kit.session(kit.config(server), proven=form == "chunked") as session:
            error = await kit.outcome(session, kit.mail(text=LARGE))
            assert isinstance(error, SendError)
            assert (error.outcome, error.scope) == ("rejected", "message")
            assert error.provider_code == "552 5.3.4"
            # The rest of the message must not be read as commands of the next one.
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert server.connection_count == 2


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_an_acceptance_of_half_a_message_is_believed_by_nobody(form: str, kit: Any) -> None:
    fault = Fault("body", StopReading(reply("250 2.0.0 ok, whatever")), octets=SOME)
    with SmtpServer(extensions=FORMS[form], faults=[fault]) as server:
        error = await kit.refusal(
            kit.config(server), kit.mail(text=LARGE), proven=form == "chunked"
        )
        assert error.outcome == "unknown"


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_a_large_message_goes_through_where_it_is_read(form: str, kit: Any) -> None:
    with SmtpServer(extensions=FORMS[form]) as server:
        outcome = await kit.send(kit.config(server), kit.mail(text=LARGE), proven=form == "chunked")
        assert isinstance(outcome, Receipt)
        assert server.mails[0].text == LARGE
