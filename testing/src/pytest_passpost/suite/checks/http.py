"""Checks of connectors over HTTP: statuses, garbage, redirects, floods and TLS."""

from __future__ import annotations

import html
import json
import quopri
from base64 import b64encode, encodebytes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs
import pytest

import passpost
from passpost import Receipt, SendError
from pytest_passpost.servers.actions import Action, Garbage
from pytest_passpost.servers.certificates import Certificate, default_authority
from pytest_passpost.servers.http.messages import Answer, Request
from pytest_passpost.servers.http.server import HttpServer
from pytest_passpost.suite.checks.sending import mailed, template_for
from pytest_passpost.suite.instruments.bench import ONE_ATTEMPT
from pytest_passpost.suite.instruments.canaries import Canaries, LogRecords, shown
from pytest_passpost.suite.instruments.fault_proxy import FaultProxy
from pytest_passpost.suite.instruments.relay import Relay, whole

if TYPE_CHECKING:
    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.http.server import Answers
    from pytest_passpost.suite.instruments.bench import Bench
    from pytest_passpost.suite.marks import Refusal

Fact = tuple[tuple[str, ...], tuple[str, ...], bool]

# What each status may honestly be called: outcomes, scopes, temporary.
_ANY: Final = ("account", "message", "recipient", "provider")
STATUSES: Final[dict[int, Fact]] = {
    400: (("rejected",), _ANY, False),
    401: (("rejected",), ("account",), False),
    403: (("rejected",), ("account",), False),
    404: (("rejected",), _ANY, False),
    413: (("rejected",), ("message",), False),
    422: (("rejected",), _ANY, False),
    429: (("rejected",), ("provider", "account"), True),
    500: (("rejected", "unknown"), ("provider",), True),
    # A gateway says this when it does not know what the server behind it did.
    502: (("unknown",), ("provider", "network"), True),
    503: (("rejected", "unknown"), ("provider",), True),
    504: (("unknown",), ("provider", "network"), True),
}

JSON: Final = {"Content-Type": "application/json"}
GARBAGE: Final = {
    "html": Answer(200, "<html><h1>Sign in</h1></html>", {"Content-Type": "text/html"}),
    "nothing": Answer(200, b""),
    "half-json": Answer(200, b'{"id": "47', JSON),
    "list": Answer(200, b"[]", JSON),
    "empty-object": Answer(200, b"{}", JSON),
    "number": Answer(200, b"4711", JSON),
    "octets": Answer(200, b"\xff\xfe\x00\x80", JSON),
    "deep": Answer(200, b"[" * 60_000, JSON),
}  # fmt: skip

ECHOES: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "percent": quote,
    "entities": html.escape,
    "json": json.dumps,
    "hexadecimal": lambda text: text.encode().hex(),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "folded-base64": lambda text: encodebytes(text.encode()).decode(),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
}  # fmt: skip
"""How a provider may repeat a request in the words of its rejection."""

TOKENS: Final = ": call register_secret, an argument of open_session, with each token you fetch"

FLOOD: Final = 64 * 2**20
MOST_READ: Final = FLOOD // 2
"""Octets of an answer that a connector takes at most: what the sockets hold is counted too."""

BAD_CERTIFICATES: Final = ("self-signed", "expired", "other-host", "unknown-authority")


@attrs.frozen
class _Flood(Action):
    """Answer with status 200 and far more octets than any provider would."""

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - replaces it
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {FLOOD}\r\n\r\n"
        )
        await channel.send(head.encode())
        for _ in range(FLOOD // 2**20):
            await channel.send(b" " * 2**20)
        return False


class HttpChecks:
    """`send_mail` over HTTP."""

    @pytest.mark.parametrize("status", STATUSES)
    def test_http_status(self, bench: Bench, status: int) -> None:
        error = _error(_answered(bench, Answer(status, b"{}", JSON)))
        outcomes, scopes, temporary = STATUSES[status]
        assert error.outcome in outcomes
        assert error.scope in scopes
        assert error.temporary is temporary

    def test_http_retry_after(self, bench: Bench) -> None:
        error = _error(_answered(bench, Answer(429, b"{}", {**JSON, "Retry-After": "7"})))
        assert error.retry_after == 7, "Retry-After counts seconds; SendError.retry_after too"  # noqa: PLR2004 - see above

    @pytest.mark.parametrize("value", ["soon", "-1", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT"])
    def test_http_retry_after_of_no_use(self, bench: Bench, value: str) -> None:
        error = _error(_answered(bench, Answer(429, b"{}", {**JSON, "Retry-After": value})))
        assert error.retry_after is None or 0 <= error.retry_after <= 10**6

    @pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
    def test_http_garbage(self, bench: Bench, answer: Answer) -> None:
        error = _error(_answered(bench, answer))
        assert error.outcome == "unknown", "status 200 may mean that the email was taken"
        assert error.scope == "provider"

    def test_http_huge_answer(self, bench: Bench) -> None:
        with Relay(bench.port, bench.taken, Answer(fault=_Flood())) as server:
            _error(bench.send(settings=bench.pointed(bench.direct, server.port)))
            server.wait_closed(1, timeout=bench.patience)
            assert _octets_sent(server) < MOST_READ, "an answer is read without a limit"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_http_redirect(self, bench: Bench, status: int) -> None:
        with HttpServer() as elsewhere:
            location = f"{elsewhere.url}/elsewhere"
            error = _error(_answered(bench, Answer.redirect(location, status)))
            assert elsewhere.connection_count == 0, "credentials follow a redirect to anywhere"
        assert not error.temporary

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_http_no_hidden_retries(self, bench: Bench, status: int) -> None:
        answer = Answer(status, b"{}", {**JSON, "Retry-After": "0"})
        with Relay(bench.port, bench.taken, answer) as server:
            _error(bench.send(settings=bench.pointed(bench.direct, server.port)))
            assert server.emails == 1, "send_mail tries again: that is passpost's task"

    def test_http_url_holds_no_secret(self, bench: Bench) -> None:
        canaries = Canaries(bench.secrets(bench.config()))
        with Relay(bench.port, bench.taken) as server:
            bench.send(settings=bench.pointed(bench.direct, server.port))
            targets = [request.target for request in server.requests]
        assert canaries.found_in(*targets) == [], "URLs appear in the logs of every proxy"

    @pytest.mark.usefixtures("trusting")
    @pytest.mark.parametrize("certificate", ["good", *BAD_CERTIFICATES])
    def test_http_tls(self, bench: Bench, certificate: Certificate) -> None:
        context = default_authority().server_context(certificate)
        with FaultProxy(bench.port, bench.taken, context) as secure:
            result = bench.send(settings=bench.pointed(bench.direct, secure.port, tls=True))
            octets = secure.octets
        if certificate == "good":
            assert isinstance(result, Receipt), f"over TLS nothing goes out: {result}"
            return
        error = _error(result)
        assert octets == 0, "octets went to a server that nobody vouches for"
        assert (error.outcome, error.scope) == ("rejected", "network")

    @pytest.mark.usefixtures("trusting")
    def test_http_tls_garbage(self, bench: Bench) -> None:
        with FaultProxy(bench.port, bench.taken) as plain:
            plain.break_at("connect", Garbage())
            error = _error(bench.send(settings=bench.pointed(bench.direct, plain.port, tls=True)))
        assert (error.outcome, error.scope) == ("rejected", "network")

    @pytest.mark.parametrize("form", ECHOES)
    def test_http_echo(self, bench: Bench, form: str) -> None:
        def echo(request: Request) -> Answer:
            return _refusal(ECHOES[form](whole(request)))

        with (
            HttpServer(echo) as server,
            LogRecords() as logged,
            _mailer(bench, server.port) as mailer,
        ):
            error = _error(mailed(mailer))
        _silent(Canaries(bench.secrets(bench.config())), error, logged)

    def test_http_tokens_are_hidden(self, bench: Bench) -> None:
        errors: list[SendError] = []
        with Relay(bench.port, bench.taken) as relay, LogRecords() as logged:
            with _mailer(bench, relay.port) as mailer:
                result = mailed(mailer)
                assert isinstance(result, Receipt), bench.refused(result)
                for refusal in self.refusals[:1]:  # type: ignore[attr-defined]  # of the suite
                    relay.repeat(_arm(refusal, bench))
                    errors.append(_error(mailed(mailer)))
                relay.repeat(_refusal("no", 401))
                errors.append(_error(mailed(mailer)))
            tokens = {*relay.tokens, *getattr(bench.provider, "issued", ())}
        canaries = Canaries([("a token", token) for token in sorted(tokens)])
        for error in errors:
            _silent(canaries, error, logged, TOKENS)


def _answered(bench: Bench, answers: Answers) -> Any:
    with Relay(bench.port, bench.taken, answers) as server:
        return bench.send(settings=bench.pointed(bench.direct, server.port))


def _error(result: Any) -> SendError:
    assert isinstance(result, SendError), "the email is called accepted, and it is not"
    return result


def _octets_sent(server: HttpServer) -> int:
    return sum(channel.bytes_sent for channel in server._channels)  # noqa: SLF001 - of this package


def _refusal(words: str, status: int = 400) -> Answer:
    """Reject a request with these words wherever a provider may put them."""
    error = {"message": words, "field": words, "code": words}
    document = {"Code": "Bad", "Message": words, "message": words, "errors": [error]}
    return Answer.json(document, status)


def _arm(refusal: Refusal, bench: Bench) -> Answer | None:
    """Make the next email be rejected, and return the answer where the stand-in itself has none."""
    if isinstance(refusal.how, Answer):
        return refusal.how
    refusal.how(bench.provider)
    return None


def _mailer(bench: Bench, port: int) -> passpost.Mailer:
    connector = bench.host().configure(bench.info.id, bench.pointed(bench.direct, port))
    return passpost.Mailer(connector, templates=[template_for(bench)], policy=ONE_ATTEMPT)


def _silent(canaries: Canaries, error: SendError, logged: LogRecords, cure: str = "") -> None:
    """Look that neither an error nor a log record of passpost shows a canary."""
    texts = (*shown(error), repr(error.facts()), repr(error.attempts))
    assert canaries.found_in(*texts) == [], f"an error repeats what the provider repeats{cure}"
    ours = [text for text in logged.texts if "'name': 'passpost" in text]
    assert canaries.found_in(*ours) == [], f"a log record repeats what the provider repeats{cure}"
