"""The commands around transactions: EHLO, STARTTLS, AUTH, RSET, NOOP, QUIT and their like."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Final

from passpost import Secret
from pytest_passpost.servers.smtp import syntax, transaction
from pytest_passpost.servers.smtp.auth import Authentication
from pytest_passpost.servers.smtp.records import Credentials
from pytest_passpost.servers.smtp.state import Answer, State
from pytest_passpost.servers.smtp.syntax import Rejected


def ehlo(state: State, argument: str) -> Answer:
    """Let the client name itself, and say what is offered."""
    name = syntax.client_name(argument)
    *lines, last = state.rules.ehlo(under_tls=state.record.tls)
    text = "\n".join([*(f"250-{line}" for line in lines), f"250 {last}"])
    return Answer("EHLO", text, partial(_greet, state, name, esmtp=True))


def helo(state: State, argument: str) -> Answer:
    """Let the client name itself, without extensions."""
    name = syntax.client_name(argument)
    return Answer("HELO", f"250 {state.rules.name}", partial(_greet, state, name, esmtp=False))


def _greet(state: State, name: str, *, esmtp: bool) -> None:
    state.greeted, state.esmtp = True, esmtp
    state.transaction = None
    state.record.ehlo = name


def starttls(state: State, argument: str) -> Answer:
    """Go over to TLS (RFC 3207)."""
    if argument:
        raise Rejected("501 5.5.4 STARTTLS has no argument", "STARTTLS with an argument")
    if state.rules.tls != "starttls" or not state.esmtp:
        raise Rejected("502 5.5.1 STARTTLS not offered", "STARTTLS that was not offered")
    if state.record.tls:
        raise Rejected("503 5.5.1 TLS is up already", "STARTTLS under TLS (RFC 3207 section 4)")
    return Answer("STARTTLS", "220 2.0.0 Ready to start TLS", then="tls")


def auth(state: State, argument: str) -> Answer:
    """Begin to sign in (RFC 4954)."""
    mechanism, _, initial = argument.partition(" ")
    mechanism = mechanism.upper()
    _check_may_authenticate(state, mechanism, initial)
    response = syntax.sasl_response(initial) if initial else None
    exchange = Authentication(mechanism, state.rules.users or {}, tls=state.record.tls)
    return _step(state, exchange, lambda: exchange.begin(response))


def auth_response(state: State, exchange: Authentication, text: str) -> Answer:
    """Go on with signing in."""
    response = syntax.sasl_response(text)
    return _step(state, exchange, lambda: exchange.respond(response))


def _step(
    state: State, exchange: Authentication, take: Callable[[], bytes | Credentials]
) -> Answer:
    try:
        result = take()
    except ValueError as error:
        raise Rejected("501 5.5.2 Bad response", str(error)) from None
    if isinstance(result, Credentials):
        return _signed_in(state, result)
    challenge = base64.b64encode(result).decode()
    return Answer("AUTH", f"334 {challenge}", partial(setattr, state, "authentication", exchange))


def _signed_in(state: State, credentials: Credentials) -> Answer:
    state.record.credentials.append(credentials)
    if not credentials.accepted:
        return Answer("AUTH", "535 5.7.8 Authentication credentials invalid")
    return Answer(
        "AUTH", "235 2.7.0 Signed in", partial(setattr, state.record, "user", credentials.user)
    )


def _check_may_authenticate(state: State, mechanism: str, initial: str) -> None:
    if not state.esmtp or state.transaction is not None or state.record.user is not None:
        raise Rejected(
            "503 5.5.1 Not now", "AUTH before EHLO, amid an email or a second time (RFC 4954)"
        )
    if not state.rules.offers_auth(under_tls=state.record.tls):
        _note_exposed(state, mechanism, initial)
        raise Rejected("538 5.7.11 Not offered", "AUTH that was not offered")
    if state.rules.require_tls and not state.record.tls:
        _note_exposed(state, mechanism, initial)
        raise Rejected("530 5.7.0 Must issue a STARTTLS command first")
    if mechanism not in state.rules.mechanisms:
        raise Rejected("504 5.5.4 Mechanism unknown", f"AUTH {mechanism}, which was not offered")


def _note_exposed(state: State, mechanism: str, initial: str) -> None:
    """Note credentials that came where none were asked for."""
    if not initial:
        return
    exposed = Credentials(mechanism, "", Secret(initial), accepted=False, tls=state.record.tls)
    state.record.credentials.append(exposed)


def rset(state: State, argument: str) -> Answer:
    """Forget the transaction."""
    _check_no_argument("RSET", argument)
    return Answer("RSET", "250 2.0.0 Ok", partial(setattr, state, "transaction", None))


def noop(state: State, argument: str) -> Answer:  # noqa: ARG001 - NOOP may have one and ignores it
    """Do nothing."""
    return Answer("NOOP", "250 2.0.0 Ok")


def vrfy(state: State, argument: str) -> Answer:  # noqa: ARG001 - tells nothing about anybody
    """Tell nothing, as servers do today."""
    return Answer("VRFY", "252 2.5.2 Send an email, and I will do my best")


def quit_(state: State, argument: str) -> Answer:  # noqa: ARG001 - a command like the others
    """End the conversation."""
    _check_no_argument("QUIT", argument)
    return Answer("QUIT", "221 2.0.0 Bye", then="close")


def _check_no_argument(verb: str, argument: str) -> None:
    if argument:
        raise Rejected(f"501 5.5.4 {verb} has no argument", f"{verb} with an argument")


Command = Callable[[State, str], Answer | None]
"""A command takes its argument; one that gives no answer gives it later, with its content."""

COMMANDS: Final[dict[str, Command]] = {
    "EHLO": ehlo, "HELO": helo, "STARTTLS": starttls, "AUTH": auth, "MAIL": transaction.mail,
    "RCPT": transaction.rcpt, "DATA": transaction.data, "BDAT": transaction.bdat, "RSET": rset,
    "NOOP": noop, "VRFY": vrfy, "QUIT": quit_,
}  # fmt: skip
"""The commands by verb."""

__all__ = ["COMMANDS", "Command", "auth_response"]
