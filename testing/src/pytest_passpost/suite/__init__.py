"""The conformance suite: what every connector has to do, as tests that its author subclasses.

::

    from pytest_passpost import ConnectorSuite

    import passpost_acme


    class TestAcme(ConnectorSuite):
        connector = passpost_acme

It starts the stand-in that ``connector_info`` names, puts a proxy between it and the connector, and
looks at both ends of every fault. See ``docs/en/reference/conformance.md`` for all checks.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from pytest_passpost.servers.certificates import default_authority
from pytest_passpost.suite.checks.departing import DepartureChecks
from pytest_passpost.suite.checks.describing import DescriptionChecks
from pytest_passpost.suite.checks.faults import FaultChecks
from pytest_passpost.suite.checks.http import HttpChecks
from pytest_passpost.suite.checks.parsing import ParsingChecks
from pytest_passpost.suite.checks.secrecy import SecrecyChecks
from pytest_passpost.suite.checks.sending import SendingChecks
from pytest_passpost.suite.checks.sessions import SessionChecks
from pytest_passpost.suite.instruments.bench import Bench, load
from pytest_passpost.suite.instruments.pointing import pointed_at, speaks_http
from pytest_passpost.suite.marks import PROPERTY, Refusal, override, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")


class ConnectorSuite(
    DescriptionChecks,
    ParsingChecks,
    SendingChecks,
    SessionChecks,
    FaultChecks,
    DepartureChecks,
    HttpChecks,
    SecrecyChecks,
):
    """The contract of a connector, check by check.

    Every check runs for every connector. What a connector cannot do is a capability that it does
    not claim; then the check looks that passpost rejects it. A check that has to differ is
    overridden with `override` and a reason, which the summary prints.

    Attributes:
        connector: The module or object with the hooks, or the id under which it is installed.
        speaks: ``http``, or ``tcp`` for every other protocol: the checks of HTTP do not apply then.
        refusals: How the provider says no: one of them at least is throttling.
        patience: Seconds after which a connector hangs that should have given up.
    """

    # Plain attributes, so that type checkers let a subclass set them as plainly.
    connector: Any = None
    speaks: Literal["http", "tcp"] = "http"
    refusals: Sequence[Refusal] = ()
    patience: float = 5.0
    is_connector_suite: Final = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Reject overrides without a reason, and drop what does not apply.

        Raises:
            TypeError: A check is overridden without saying why.
        """
        super().__init_subclass__(**kwargs)
        for name in CHECKS:
            _require_reason(cls, name)
        for name in HTTP_CHECKS:
            if cls.speaks != "http":
                # pytest collects no None.
                setattr(cls, name, None)
            elif getattr(cls, name) is None:
                setattr(cls, name, vars(HttpChecks)[name])

    @pytest.fixture
    def provider(self) -> Iterator[Any]:
        """Return the stand-in that ``connector_info`` names, started.

        Override it where there is none. What it gives has ``received``, and where the provider
        has credentials ``wrong_settings``; see `pytest_passpost.stand_in.StandIn`.
        """
        named = load(self.connector).connector_info().stand_in
        if named is None:
            pytest.fail("connector_info names no stand_in: name one, or override `provider`")
        module, _, name = named.partition(":")
        with getattr(importlib.import_module(module), name)() as stand_in:
            yield stand_in

    @pytest.fixture
    def settings(self, provider: Any) -> Mapping[str, Any]:
        """Return settings that reach the stand-in; templates are not needed."""
        settings: Mapping[str, Any] = provider.settings
        return settings

    @pytest.fixture
    def bench(self, provider: Any, settings: Mapping[str, Any]) -> Iterator[Bench]:
        """Return what every check works with."""
        bench = Bench(load(self.connector), provider, settings, self.patience, self.pointed)
        with bench.proxy:
            yield bench

    @pytest.fixture
    def trusting(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let TLS trust the authority of the suite's certificates, beside no other."""
        file = default_authority().write_pem(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))

    @pytest.fixture(autouse=True)
    def _no_proxies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keep the proxies of the author's own network out of it."""
        for name in _PROXIES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)

    @pytest.fixture(autouse=True)
    def _noted(self, request: pytest.FixtureRequest) -> None:
        """Note on the report what the summary prints."""
        name = getattr(request.node, "originalname", request.node.name)
        reason = reason_of(getattr(type(self), name, None)) or ""
        note = [type(self).__name__, self.speaks, _lines(type(self)), name, reason]
        request.node.user_properties.append((PROPERTY, note))

    def pointed(
        self, settings: Mapping[str, Any], port: int, *, tls: bool = False
    ) -> dict[str, Any]:
        """Copy settings so that they lead to another port of 127.0.0.1.

        Override it where the address of the stand-in cannot be found in its settings.
        """
        return pointed_at(settings, port, tls=tls)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a check of each rejection that the author declared."""
        if "refusal" in metafunc.fixturenames:
            metafunc.parametrize("refusal", self.refusals, ids=lambda refusal: refusal.name)

    def test_declarations(self, settings: Mapping[str, Any]) -> None:
        http = speaks_http(settings)
        assert http == (self.speaks == "http"), (
            'the settings lead to an HTTP server: speaks = "http"'
            if http
            else 'no setting leads to an HTTP server: speaks = "tcp"'
        )
        assert any(refusal.temporary for refusal in self.refusals), (
            "declare in `refusals` how the provider throttles; only it knows"
        )


def _require_reason(cls: type[Any], name: str) -> None:
    """Reject a check that comes from elsewhere and does not say why."""
    home = next(base for base in cls.__mro__ if name in vars(base))
    check = vars(home)[name]
    if home.__module__.startswith(__name__) or reason_of(check) is not None:
        return
    if check is None and home is not cls and name in HTTP_CHECKS:
        return  # dropped by a base that speaks no HTTP
    raise TypeError(
        f"{cls.__name__}.{name} overrides a check of the suite: say why, with "
        '@override("…") from pytest_passpost'
    )


def _checks(cls: type[Any]) -> tuple[str, ...]:
    return tuple(name for name in dir(cls) if name.startswith("test_"))


def _lines(cls: type[Any]) -> int:
    """Count the lines of an author's class, empty ones left out."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return 0
    return sum(bool(line.strip()) for line in source.splitlines())


CHECKS: Final = _checks(ConnectorSuite)
"""The names of all checks."""

HTTP_CHECKS: Final = _checks(HttpChecks)
"""The names of those that are about HTTP."""

__all__ = ["CHECKS", "HTTP_CHECKS", "ConnectorSuite", "Refusal", "override"]
