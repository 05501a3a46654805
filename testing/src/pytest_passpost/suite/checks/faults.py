"""Checks of faults of the transport: closed, broken, silent, slow, untrusted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

import pytest

from passpost import Receipt, SendError
from pytest_passpost.servers.actions import Drip, Garbage, Repeat
from pytest_passpost.servers.certificates import CertificateAuthority
from pytest_passpost.servers.ports import refusing_port
from pytest_passpost.suite.instruments.bench import SHORT
from pytest_passpost.suite.instruments.fault_proxy import Half
from pytest_passpost.suite.instruments.pointing import leaves, speaks_http, with_host, with_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_passpost.suite.instruments.bench import Bench, Result
    from pytest_passpost.suite.instruments.fault_proxy import Moment

NOWHERE: Final = "nowhere.invalid"
"""A name that no look-up finds (RFC 6761)."""

_DRIP: Final = Drip(0.1)

breaks: Final = pytest.mark.parametrize("how", ["reset", "close"])


class FaultChecks:
    """Whatever happens on the wire, the outcome is told as it is, in time, and once."""

    def test_connection_refused(self, bench: Bench) -> None:
        with refusing_port() as port:
            result = bench.send(settings=bench.pointed(bench.direct, port))
        error = _error(result)
        assert error.outcome == "rejected", "nothing was sent: nobody was there to take it"
        assert (error.scope, error.temporary) == ("network", True)

    @breaks
    def test_break_on_connecting(self, bench: Bench, how: str) -> None:
        error = _error(bench.send_broken("connect", how))
        assert (error.scope, error.temporary) == ("network", True)

    @breaks
    @pytest.mark.parametrize("percent", [10, 50, 90])
    def test_break_on_the_way(self, bench: Bench, how: str, percent: int) -> None:
        assert isinstance(bench.send(), Receipt)
        before = bench.taken()
        result = bench.send_broken(bench.proxy.octets * percent // 100, how)
        _honest(bench, result, before)

    def test_break_after_it_was_taken(self, bench: Bench) -> None:
        _taken_and_unknown(bench, "reset")

    @pytest.mark.parametrize("said", ["nothing", "half"])
    def test_close_after_it_was_taken(self, bench: Bench, said: str) -> None:
        _taken_and_unknown(bench, Half() if said == "half" else "close")

    def test_answer_comes_twice(self, bench: Bench) -> None:
        config = bench.config()

        async def send() -> Result:
            async with bench.opened(config) as session:
                bench.proxy.break_at("taken", Repeat())
                await bench.result(config, session)
                # Whatever comes now was not said of this email: its first octet gets no further.
                bench.proxy.break_at(0, "close")
                return await bench.result(config, session)

        result = bench.run(send)
        assert bench.taken() == 1, "the second email gets nowhere here"
        error = _error(result, "what the provider said too much is taken for the next response")
        assert (error.scope, error.temporary) == ("network", True)

    @pytest.mark.parametrize("moment", ["connect", "taken"])
    def test_silence(self, bench: Bench, moment: Moment) -> None:
        error = _error(bench.send_broken(moment, "silence", seconds=SHORT))
        _honest(bench, error, 0)

    @pytest.mark.parametrize("moment", ["answer", "taken"])
    def test_slowness(self, bench: Bench, moment: Moment) -> None:
        error = _error(bench.send_broken(moment, _DRIP, seconds=SHORT))
        _honest(bench, error, 0)

    def test_garbage_on_the_wire(self, bench: Bench) -> None:
        error = _error(bench.send_broken("connect", Garbage()))
        assert error.scope in ("network", "provider")

    @pytest.mark.parametrize("moment", ["connect", "taken"])
    def test_no_hidden_retries(self, bench: Bench, moment: Moment) -> None:
        bench.send_broken(moment, "reset")
        bench.proxy.wait_closed(timeout=bench.patience)
        assert bench.proxy.connection_count == 1, "send_mail tries again: that is passpost's task"
        assert bench.taken() <= 1

    def test_name_not_found(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", _not_found(socket.getaddrinfo))
        http = speaks_http(bench.direct)
        with refusing_port() as port:
            settings = bench.pointed(bench.direct, port, tls=http)
            error = _error(bench.send(settings=with_host(settings, NOWHERE)))
        told = (error.outcome, error.scope, error.temporary)
        assert told == ("rejected", "network", True), "a name may be found later: nothing was sent"

    def test_untrusted_authority(self, bench: Bench) -> None:
        places = [path for path, value in leaves(bench.settings) if _is_certificate(value)]
        if not places:
            assert speaks_http(bench.settings), (
                "the settings of the stand-in name no certificate authority: let it speak TLS, or "
                "override this check with the reason"
            )
        for path in places:
            other = with_value(bench.settings, path, CertificateAuthority().pem)
            error = _error(bench.send(settings=other))
            assert error.outcome == "rejected", "nothing was sent"
            told = (error.scope, error.temporary)
            assert told == ("network", False), "a certificate that is not trusted"
        assert bench.received == [], "an email went to a server that nobody vouches for"

    def test_wrong_credentials(self, bench: Bench) -> None:
        if bench.wrong_settings is None:
            return  # a provider without credentials rejects nobody
        error = _error(bench.send(settings=bench.wrong_settings))
        assert bench.received == []
        assert (error.outcome, error.scope) == ("rejected", "account")
        assert not error.temporary, "wrong credentials do not mend themselves"
        assert error.hint, "operators have to know what to do"

    def test_refusal(self, bench: Bench, refusal: Any) -> None:
        error = _error(_refused(bench, refusal))
        if callable(refusal.how):
            assert bench.received == []
        expected = (refusal.outcome, refusal.scope, refusal.temporary)
        assert (error.outcome, error.scope, error.temporary) == expected
        assert error.retry_after == refusal.retry_after


def _not_found(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Make the look-up of names fail for one of them, as it does without a network."""

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == NOWHERE:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return honest(host, *arguments, **options)

    return look_up


def _is_certificate(value: Any) -> bool:
    return isinstance(value, str) and "-----BEGIN CERTIFICATE-----" in value


def _refused(bench: Bench, refusal: Any) -> Result:
    from pytest_passpost.suite.instruments.relay import Relay  # noqa: PLC0415 - few checks need it

    if callable(refusal.how):
        refusal.how(bench.provider)
        return bench.send()
    with Relay(bench.port, bench.taken, refusal.how) as server:
        return bench.send(settings=bench.pointed(bench.direct, server.port))


def _error(result: Result, wrong: str = "the email is called accepted, and it is not") -> SendError:
    assert isinstance(result, SendError), wrong
    return result


def _taken_and_unknown(bench: Bench, how: Any) -> None:
    error = _error(bench.send_broken("taken", how))
    assert bench.taken() == 1, "the provider accepts the email here"
    assert error.outcome == "unknown", "the provider has the email, and it is called rejected"
    assert error.scope == "network"


def _honest(bench: Bench, result: Result, before: int) -> None:
    """Compare a connector's word with what it cannot know: whether the provider has the email."""
    taken = bench.taken() > before
    assert bench.taken() <= before + 1, "one email was sent more than once"
    if isinstance(result, Receipt):
        assert taken, "the email is called accepted, and the provider has none"
        return
    assert not (taken and result.outcome == "rejected"), "it is called rejected, and was taken"
    assert (result.scope, result.temporary) == ("network", True)
