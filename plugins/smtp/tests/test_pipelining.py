"""One write, two, or four: by what the server offers, less what it turned out not to master."""

from __future__ import annotations

from typing import Any

import pytest

from passpost import Message, Receipt
from passpost_smtp.ehlo import NOTHING, Offer
from passpost_smtp.pipelining import Form, PipeliningFallback, has_commands
from passpost_smtp.reply import Reply
from passpost_smtp.reply_checks import answers_chunk
from pytest_passpost import Fault, SmtpServer, reply

BOTH = ("PIPELINING", "CHUNKING", "8BITMIME")


def bodies(server: SmtpServer) -> list[str]:
    """Return how each message was begun, in order."""
    verbs = [verb for connection in server.connections for verb in connection.verbs]
    return [verb for verb in verbs if verb in {"BDAT", "DATA"}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("extensions", "round_trips", "chunked"),
    [
        (BOTH, 1, True),
        (("PIPELINING",), 2, False),
        (("CHUNKING",), 4, False),
        ((), 4, False),
    ],
)
async def test_a_warm_mail_takes_as_few_round_trips_as_the_server_allows(
    extensions: tuple[str, ...], round_trips: int, chunked: bool, kit: Any
) -> None:
    with SmtpServer(extensions=extensions) as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            before = server.connections[0].round_trips
            for _ in range(10):
                await session.send(kit.mail())
            assert server.connections[0].round_trips - before == 10 * round_trips
        assert all(mail.chunked is chunked for mail in server.mails)
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_the_start_takes_no_round_trip_that_could_be_saved(tls: Any, kit: Any) -> None:
    with SmtpServer(tls=tls, auth={"ada": "correct horse"}) as server:
        login = {"user": "ada", "pass": "correct horse"}
        assert isinstance(
            await kit.send(kit.config(server, auth=login, secure=tls == "implicit")), Receipt
        )
        expected = ["EHLO", "STARTTLS", "EHLO"] if tls == "starttls" else ["EHLO"]
        mail = ["MAIL", "RCPT", "BDAT", "BDAT"]
        assert server.connections[0].verbs == [*expected, "AUTH", *mail, "QUIT"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "refusal", ["500 5.5.2 what?", "502 5.5.1 not implemented", "503 5.5.1 bad sequence"]
)
async def test_bdat_that_is_offered_and_not_known_is_not_asked_for_again(
    refusal: str, kit: Any
) -> None:
    with SmtpServer(extensions=BOTH, faults=[Fault("bdat", reply(refusal), times=None)]) as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(3):
                await session.send(kit.mail())
        assert len(server.mails) == 3
        assert bodies(server) == ["BDAT", "DATA", "DATA", "DATA"]


@pytest.mark.anyio
async def test_a_server_that_hangs_up_on_one_write_is_spoken_to_plainly(kit: Any) -> None:
    # The first connection falls to the chunked form, the second to the pipelined one.
    with SmtpServer(extensions=BOTH, faults=[Fault("mail", "close", times=2)]) as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(3):
                await session.send(kit.mail())
        assert len(server.mails) == 3
        assert server.connection_count == 3
        plain = server.connections[2].verbs
        assert plain == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]
        assert server.connections[2].round_trips >= 4 * 3


@pytest.mark.anyio
async def test_replies_to_other_commands_than_were_sent_end_the_form(kit: Any) -> None:
    faults = [Fault("mail", reply("354 go ahead"))]
    with SmtpServer(extensions=["PIPELINING"], faults=faults) as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(2):
                await session.send(kit.mail())
        assert len(server.mails) == 2
        assert server.connections[1].round_trips >= 4 * 2


@pytest.mark.anyio
@pytest.mark.parametrize("action", ["reset", "garbage", "silence"])
async def test_one_write_that_ends_in_doubt_is_not_tried_again(action: Any, kit: Any) -> None:
    with SmtpServer(extensions=BOTH, faults=[Fault("mail", action)]) as server:
        async with kit.session(kit.config(server, socketTimeout=300), proven=True) as session:
            assert (await kit.outcome(session, kit.mail())).outcome == "unknown"
            await session.send(kit.mail())
        assert len(server.mails) == 1
        assert bodies(server)[-1] == "DATA"


@pytest.mark.anyio
async def test_a_connection_that_breaks_after_many_mails_says_nothing_of_the_form(
    kit: Any,
) -> None:
    with SmtpServer(extensions=BOTH, faults=[Fault("mail", "close", after=3)]) as server:
        async with kit.session(kit.config(server), proven=True) as session:
            outcomes = [await kit.outcome(session, kit.mail()) for _ in range(5)]
        assert [isinstance(outcome, Receipt) for outcome in outcomes] == [1, 1, 1, 0, 1]
        assert bodies(server) == ["BDAT"] * 4


@pytest.mark.anyio
async def test_a_server_that_accepts_what_it_has_refused_leaves_the_outcome_unknown(
    kit: Any,
) -> None:
    # It rejects the recipient and takes the message all the same.
    faults = [
        Fault("rcpt", reply("550 5.1.1 who?"), times=None),
        Fault("bdat", reply("250 2.0.0 fine"), times=None),
    ]
    with SmtpServer(extensions=BOTH, faults=faults) as server:
        error = await kit.refusal(kit.config(server), proven=True)
        assert (error.outcome, error.scope) == ("unknown", "provider")


@pytest.mark.anyio
@pytest.mark.parametrize("answer", ["250 2.1.5 ok", "251 2.1.5 will forward", "252 2.1.5 perhaps"])
@pytest.mark.parametrize("extensions", [BOTH, ("PIPELINING",), ()])
async def test_a_recipient_that_is_forwarded_is_accepted(
    answer: str, extensions: tuple[str, ...], kit: Any
) -> None:
    with SmtpServer(extensions=extensions, faults=[Fault("rcpt", reply(answer))]) as server:
        assert isinstance(await kit.send(kit.config(server)), Receipt)
        assert len(server.mails) == 1


@pytest.mark.anyio
async def test_helo_serves_where_nothing_more_is_needed(kit: Any) -> None:
    with SmtpServer(faults=[Fault("ehlo", reply("502 5.5.1 what?"))]) as server:
        assert isinstance(await kit.send(kit.config(server)), Receipt)
        assert server.connections[0].verbs == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]
        assert server.violations == []


@pytest.mark.anyio
async def test_helo_does_not_serve_where_tls_or_a_password_is_needed(kit: Any) -> None:
    faults = [Fault("ehlo", reply("502 5.5.1 what?"), times=None)]
    with SmtpServer(tls="starttls", faults=faults) as server:
        error = await kit.refusal(kit.config(server, secure=False))
        assert (error.outcome, error.scope) == ("rejected", "provider")
        assert "HELO" not in server.connections[0].verbs


@pytest.mark.anyio
async def test_what_was_offered_in_clear_is_not_used_after_helo_under_tls(kit: Any) -> None:
    faults = [Fault("ehlo", reply("502 5.5.1 what?"), after=1)]
    with SmtpServer(tls="starttls", extensions=BOTH, faults=faults) as server:
        assert isinstance(await kit.send(kit.config(server, secure=False)), Receipt)
        assert server.connections[0].verbs[2:] == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]
        assert server.violations == []


HERE = "192.0.2.1"
ALL = Offer(pipelining=True, chunking=True)
RCPT, FINAL = Reply(250, (b"Accepted",)), Reply(250, (b"OK id=1tABCD-000000005Xy-2aBc",))


def proven_fallback() -> PipeliningFallback:
    fallback = PipeliningFallback()
    fallback.prove_chunking(HERE, RCPT, FINAL, b"ada@example.org")
    return fallback


def test_forms_follow_offers() -> None:
    fallback = proven_fallback()
    assert fallback.choose(NOTHING, HERE) == "plain"
    assert fallback.choose(Offer(chunking=True), HERE) == "plain"
    assert fallback.choose(Offer(pipelining=True), HERE) == "pipelined"
    assert fallback.choose(ALL, HERE) == "chunked"
    assert fallback.choose(ALL, HERE, "pipelined") == "pipelined"


def test_each_server_of_a_host_has_to_prove_itself() -> None:
    assert proven_fallback().choose(ALL, "192.0.2.2") == "proving"


@pytest.mark.parametrize(
    ("failed", "chosen"),
    [
        ("chunked", "pipelined"),
        ("proving", "pipelined"),
        ("pipelined", "plain"),
        ("plain", "chunked"),
    ],
)
def test_a_form_that_failed_is_not_chosen_again_nor_a_greater_one(
    failed: Form, chosen: Form
) -> None:
    fallback = proven_fallback()
    fallback.rule_out(failed)
    assert fallback.choose(ALL, HERE) == chosen


@pytest.mark.parametrize(
    ("rcpt", "final"),
    [
        ("2.1.5 Ok", "2.0.0 Ok: queued as 4XyZ1234"),
        ("2.1.5 OK d2e1a72fcca58-77df - gsmtp", "2.0.0 OK  1732199999 d2e1a72fcca58-77df - gsmtp"),
        ("Accepted", "OK id=1tABCD-000000005Xy-2aBc"),
        ("Ok", "Ok 010f0193aabbccdd-1234-000000"),
        ("<ada@example.org> recipient ok", "message accepted"),
        ("2.0.0 recipient fine", "2.0.0 message fine"),
    ],
)
def test_replies_to_a_recipient_and_to_a_message_are_told_apart(rcpt: str, final: str) -> None:
    first, last = Reply(250, (rcpt.encode(),)), Reply(250, (final.encode(),))
    fallback = PipeliningFallback()
    fallback.prove_chunking(HERE, first, last, b"ada@example.org")
    assert fallback.choose(ALL, HERE) == "chunked"
    assert fallback.is_final(HERE, last, b"ada@example.org")
    other = Reply(250, (rcpt.replace("ada", "bob").encode(),))
    assert not fallback.is_final(HERE, other, b"bob@example.org")


def test_where_they_are_the_same_no_message_rides_in_the_first_write() -> None:
    fallback = PipeliningFallback()
    fallback.prove_chunking(HERE, Reply(250, (b"OK",)), Reply(250, (b"OK",)), b"ada@example.org")
    assert fallback.choose(ALL, HERE) == "pipelined"


@pytest.mark.parametrize(
    ("chunk", "rcpt", "told"),
    [
        ("2.0.0 Ok: 17 bytes", "2.1.5 Ok", True),
        ("2.6.0 CHUNK received OK", "2.1.5 Ok", True),
        ("17 byte chunk received", "Accepted", True),
        ("2.1.5 Ok", "2.1.0 Ok", False),
        ("OK", "OK", False),
        ("170 byte chunk received", "Accepted", False),
    ],
)
def test_a_reply_to_a_chunk_is_told_from_others(chunk: str, rcpt: str, told: bool) -> None:
    replies = Reply(250, (chunk.encode(),)), Reply(250, (rcpt.encode(),))
    assert answers_chunk(replies[0], 17, replies[1]) is told


@pytest.mark.parametrize(
    ("payload", "dangerous"),
    [
        ({"code": "123456", "name": "Ada", "count": 5, "list": ["a\nb"]}, False),
        ({"name": "Ada\nRCPT TO:<eve@example.net>"}, True),
        ({"name": "mail FROM:<eve@example.net>"}, True),
        ({"user": {"names": ["Ada\r\n data"]}}, True),
        ({"name": "BDAT 5 LAST"}, True),
        ({"name": "Mailer Databank"}, False),
    ],
)
def test_a_payload_with_commands_is_found(payload: dict[str, Any], dangerous: bool) -> None:
    message = Message("ada@example.com", "SignIn", payload)
    assert has_commands(message.payload) is dangerous


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("recipient", "lines", "connections"),
    [
        # Nobody would get it: a dot, which the server masks, ends the message before it begins.
        ("550 5.1.1 who?", ["DATA", "***"], 1),
        # Somebody would get an empty email: the connection is given up.
        ("250 2.1.5 fine", ["DATA"], 2),
    ],
)
async def test_a_server_that_waits_for_a_message_it_has_refused_gets_none(
    recipient: str, lines: list[str], connections: int, kit: Any
) -> None:
    faults = [
        Fault("mail", reply("550 5.7.1 not you")),
        Fault("rcpt", reply(recipient)),
        Fault("data", reply("354 go ahead")),
    ]
    with SmtpServer(extensions=["PIPELINING"], faults=faults) as server:
        async with kit.session(kit.config(server)) as session:
            error = await kit.outcome(session, kit.mail())
            assert (error.outcome, error.scope) == ("rejected", "account")
            await session.send(kit.mail())
        assert server.connection_count == connections
        said = [command.partition(" ")[0] for command in server.connections[0].commands]
        assert said[3 : 3 + len(lines)] == lines
        assert len(server.mails) == 1
