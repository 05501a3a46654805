"""The commands of a mail transaction: MAIL, RCPT, DATA and BDAT."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_passpost.servers.smtp import syntax
from pytest_passpost.servers.smtp.content import (
    ChunkReader,
    DataReader,
    flaw,
    not_stuffed,
    unstuffed,
)
from pytest_passpost.servers.smtp.records import ReceivedMail
from pytest_passpost.servers.smtp.state import Answer, Content, State, Transaction
from pytest_passpost.servers.smtp.syntax import Rejected

if TYPE_CHECKING:
    from pytest_passpost.servers.faults import Phase


def mail(state: State, argument: str) -> Answer:
    """Begin a transaction."""
    _check_may_send(state)
    if state.transaction is not None:
        raise Rejected("503 5.5.1 Nested MAIL", "MAIL amid a transaction (RFC 5321 section 4.1.4)")
    path = syntax.path("FROM", argument)
    syntax.check_parameters(path.parameters, state.rules)
    _check_ascii(path.address, smtputf8="SMTPUTF8" in path.parameters)
    begin = partial(setattr, state, "transaction", Transaction(path))
    return Answer("MAIL", "250 2.1.0 Sender ok", begin)


def rcpt(state: State, argument: str) -> Answer:
    """Add a recipient."""
    transaction = _begun(state, "RCPT")
    path = syntax.path("TO", argument)
    if path.parameters:
        raise Rejected(
            "555 5.5.4 Parameters not taken", "RCPT with parameters that were not offered"
        )
    _check_ascii(path.address, smtputf8=transaction.smtputf8)
    return Answer(
        "RCPT", "250 2.1.5 Recipient ok", partial(transaction.recipients.append, path.address)
    )


def data(state: State, argument: str) -> Answer:
    """Ask for the content, to be ended by a dot."""
    if argument:
        raise Rejected("501 5.5.4 DATA has no argument", "DATA with an argument")
    transaction = _begun(state, "DATA")
    if transaction.chunked:
        raise Rejected("503 5.5.1 DATA after BDAT", "DATA and BDAT in one transaction (RFC 3030)")
    _check_recipients(transaction)
    content = Content(DataReader(), partial(_data_complete, state, transaction))
    return Answer("DATA", "354 Go ahead", partial(setattr, state, "content", content))


def bdat(state: State, argument: str) -> None:
    """Take a chunk in; it is answered once it is complete, even if it is rejected (RFC 3030)."""
    if not state.esmtp or "CHUNKING" not in state.rules.extensions:
        raise Rejected("502 5.5.1 BDAT not offered", "BDAT that was not offered (RFC 3030)")
    size, last = syntax.chunk(argument)
    state.content = Content(ChunkReader(size), partial(_chunk_complete, state, last=last))


def _data_complete(state: State, transaction: Transaction, raw: bytes) -> Answer:
    if reason := not_stuffed(raw):
        state.transaction = None
        state.violation(reason)
        return Answer("final", f"554 5.6.0 {reason}", phases=("final",))
    transaction.data = unstuffed(raw)
    return _final(state, transaction)


def _chunk_complete(state: State, chunk: bytes, *, last: bool) -> Answer:
    transaction = _begun(state, "BDAT")
    _check_recipients(transaction)
    transaction.chunked = True
    phases = chunk_phases(octets=len(chunk), before=len(transaction.data))
    if last:
        transaction.data += chunk
        return _final(state, transaction, (*phases, "final"))
    # Should a fault reject the chunk, then the transaction is over (RFC 3030 section 2).
    state.transaction = None
    keep = partial(_keep, state, transaction, chunk)
    return Answer("BDAT", f"250 2.0.0 {len(chunk)} octets ok", keep, phases=phases)


def chunk_phases(*, octets: int, before: int = 0) -> tuple[Phase, ...]:
    """Return the phases of the reply to a chunk: the first with content in it is that of DATA."""
    return ("bdat", "data") if octets and not before else ("bdat",)


def _keep(state: State, transaction: Transaction, chunk: bytes) -> None:
    transaction.data += chunk
    state.transaction = transaction


def _final(
    state: State, transaction: Transaction, phases: tuple[Phase, ...] = ("final",)
) -> Answer:
    state.transaction = None
    if refusal := _reason_to_refuse(state, transaction):
        return Answer("final", refusal, phases=phases)
    text = f"250 2.0.0 Ok: queued as {state.record.number}-{state.record.mails}"
    return Answer("final", text, partial(_deliver, state, transaction), phases=phases)


def _reason_to_refuse(state: State, transaction: Transaction) -> str | None:
    limit = state.rules.size
    if limit is not None and len(transaction.data) > limit:
        return "552 5.3.4 Message too big"
    reason = flaw(transaction.data, eight_bit=transaction.eight_bit, smtputf8=transaction.smtputf8)
    if reason is None:
        return None
    state.violation(reason)
    return f"554 5.6.0 {reason}"


def _deliver(state: State, transaction: Transaction) -> None:
    record = state.record
    record.mails += 1
    state.deliver(
        ReceivedMail(
            sender=transaction.path.address,
            recipients=tuple(transaction.recipients),
            data=transaction.data,
            tls=record.tls,
            user=record.user,
            ehlo=record.ehlo,
            smtputf8=transaction.smtputf8,
            chunked=transaction.chunked,
            connection=record.number,
        )
    )


def _check_may_send(state: State) -> None:
    if not state.greeted:
        raise Rejected("503 5.5.1 EHLO first", "MAIL before EHLO (RFC 5321 section 4.1.4)")
    if state.rules.require_tls and not state.record.tls:
        raise Rejected("530 5.7.0 Must issue a STARTTLS command first")
    if state.rules.require_auth and state.record.user is None:
        raise Rejected("530 5.7.0 Authentication required")


def _begun(state: State, verb: str) -> Transaction:
    if state.transaction is None:
        # In a group the command was sent before the client could know that MAIL had failed.
        early = None if state.pipelining else f"{verb} without MAIL (RFC 5321 section 4.1.4)"
        raise Rejected("503 5.5.1 MAIL first", early)
    return state.transaction


def _check_recipients(transaction: Transaction) -> None:
    if not transaction.recipients:
        raise Rejected("554 5.5.1 No valid recipients")


def _check_ascii(address: str, *, smtputf8: bool) -> None:
    if not address.isascii() and not smtputf8:
        raise Rejected("553 5.6.7 Not ASCII", "an address beyond ASCII without SMTPUTF8 (RFC 6531)")


__all__ = ["bdat", "chunk_phases", "data", "mail", "rcpt"]
