"""What a signal handler of the application raises goes on, whatever code of a plugin it strikes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import passpost
from passpost import config

Configure = Callable[..., passpost.Connector]


class TimeIsUp(Exception):  # noqa: N818 - as the soft limits of task queues are named
    pass


class Application:
    """Has a method that handles signals."""

    def stop(self, *_: object) -> None:
        sys.exit(7)


def give_up(*_: object) -> None:
    raise TimeIsUp


@pytest.fixture(params=[(Application().stop, SystemExit), (give_up, TimeIsUp)], ids=["exit", "own"])
def raised(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """Handle SIGUSR1, and give the exception that the handler raises."""
    handler, kind = request.param
    before = signal.signal(signal.SIGUSR1, handler)
    yield kind
    signal.signal(signal.SIGUSR1, before)


def strike(*_: object) -> Any:
    signal.raise_signal(signal.SIGUSR1)


def send(connector: passpost.Connector, message: passpost.Message) -> None:
    async def run() -> None:
        async with passpost.AsyncMailer(connector) as mailer:
            await mailer.send(message)

    asyncio.run(run())


def test_in_send_mail(
    recorder: Any, configure: Configure, message: passpost.Message, raised: type[BaseException]
) -> None:
    recorder.behave = strike
    with pytest.raises(raised):
        send(configure(), message)


def test_in_parse_config(
    configure: Configure, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "parse", strike)
    with pytest.raises(raised):
        configure()


def test_in_the_import_of_a_connector(
    install: Callable[..., object], raised: type[BaseException]
) -> None:
    source = "import signal\nsignal.raise_signal(signal.SIGUSR1)\n"
    install("acme-1.0.dist-info", "[passpost.connectors]\nacme = acme\n", acme=source)
    with pytest.raises(raised):
        passpost.Host(environ={}).configure("acme", {})


def test_in_an_extension(
    configure: Configure, message: passpost.Message, raised: type[BaseException]
) -> None:
    class Finder:
        @passpost.hookimpl
        def find_template(self, usage: str) -> None:
            strike()

    with pytest.raises(raised):
        send(configure(Finder()), message)


def test_what_a_connector_raises_itself_is_its_defect(
    recorder: Any, configure: Configure, message: passpost.Message, raised: type[BaseException]
) -> None:
    def leave(_mail: object) -> None:
        raise raised

    recorder.behave = leave
    with pytest.raises(passpost.SendError, match="unexpected exception"):
        send(configure(), message)
