"""Mailer: the same for code that blocks, from threads, after forks, beside a running loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import passpost

from .conftest import Recorder


def test_threads_share_one_session(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    with passpost.Mailer(connector) as mailer, ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda _: mailer.send(message), range(40)))
    assert len(receipts) == 40
    assert recorder.sessions == ["opened", "closed"]


def test_it_works_where_a_loop_runs(
    connector: passpost.Connector, message: passpost.Message
) -> None:
    async def handler() -> passpost.Receipt:
        return mailer.send(message)

    with passpost.Mailer(connector) as mailer:
        assert asyncio.run(handler()).provider_id == "id-1"


def test_errors_arrive_as_they_are(
    connector: passpost.Connector, message: passpost.Message
) -> None:
    mailer = passpost.Mailer(connector)
    with pytest.raises(passpost.MissingVariable):
        mailer.send(passpost.Message(to="a@x.org", usage="SignIn"))
    mailer.close()
    with pytest.raises(passpost.MailerClosedError):
        mailer.send(message)
    with pytest.raises(passpost.MailerClosedError):
        mailer.__enter__()
    mailer.close()


def test_closing_what_was_never_used(connector: passpost.Connector) -> None:
    with passpost.Mailer(connector) as mailer:
        assert repr(mailer) == "<Mailer: recorder>"
        assert mailer.connectors == (connector,)
        assert mailer.check() == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_afresh(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    with passpost.Mailer(connector) as mailer:
        mailer.send(message)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                mailer.send(message)
                mailer.close()
                status = 0 if recorder.sessions == ["opened", "opened", "closed"] else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        mailer.send(message)
    assert recorder.sessions == ["opened", "closed"]


def test_an_interrupt_in_a_waiting_thread_stops_the_send(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    reached, cancelled = threading.Event(), threading.Event()

    async def hang() -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    recorder.behave = lambda mail: hang()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        reached.wait()
        os.kill(os.getpid(), 2)

    with passpost.Mailer(connector) as mailer:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            mailer.send(message)
        assert cancelled.wait(5)


def test_a_process_that_never_closes_its_mailer_ends() -> None:
    program = textwrap.dedent("""
        import attrs, passpost

        class Quick:
            @passpost.hookimpl
            def connector_info(self):
                return passpost.ConnectorInfo(
                    id="quick", name={"en": "q"}, description={"en": "q"}, config_class=dict
                )
            @passpost.hookimpl
            def parse_config(self, settings):
                return {}
            @passpost.hookimpl
            async def send_mail(self, mail):
                return passpost.Receipt("sent")

        host = passpost.Host()
        host.register(Quick())
        templates = [passpost.Template(usage_type="SignIn", subject="s", content="c")]
        mailer = passpost.Mailer(host.configure("quick", {}), templates=templates)
        print(mailer.send(passpost.Message(to="a@x.org", usage="SignIn")).provider_id)
    """)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr, ran.returncode) == ("sent\n", "", 0)
