"""The mailer for code that blocks: Django, Flask, workers, scripts."""

from __future__ import annotations

import asyncio
import atexit
import functools
import importlib.util
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from passpost.application import load
from passpost.connector import Finding
from passpost.errors import MailerClosedError
from passpost.mailer import AsyncMailer
from passpost.messages import Message, Receipt

if TYPE_CHECKING:
    from passpost.config import Policy
    from passpost.config.base import MissingVariables
    from passpost.host import Connector, Host
    from passpost.templates import Template

T = TypeVar("T")

_mailers: Final[weakref.WeakSet[Mailer]] = weakref.WeakSet()
_inherited: Final[list[object]] = []


class Mailer:
    """`AsyncMailer` for blocking code, safe to call from many threads at once.

    One event loop in a background thread serves all of them, so that they share the sessions; it
    starts with the first send. After a fork the child starts a loop and sessions of its own. It
    works as well where an event loop runs in the calling thread, which it then blocks::

        with passpost.Mailer(smtp, backup) as mailer:
            mailer.send(passpost.Message(to="ada@example.com", usage="SignIn", …))

    An application that lives as long as its process may leave out ``with``: what is still open when
    the interpreter exits is closed then.

    Args:
        connectors: The connectors in order of preference; at least one.
        policy: How long a send may take; see `Policy`.
        templates: The application's own templates; they come before the connectors' own.
        missing_variables: What becomes of a variable that the payload lacks: ``error``, ``keep`` or
            ``blank``; None leaves it to each connector's settings.

    Raises:
        ConfigError: No connector is given, or one has no template to send with.
    """

    def __init__(
        self,
        *connectors: Connector,
        policy: Policy | None = None,
        templates: Sequence[Template] = (),
        missing_variables: MissingVariables | None = None,
    ) -> None:
        self._make: Callable[[], AsyncMailer] = functools.partial(
            AsyncMailer,
            *connectors,
            policy=policy,
            templates=templates,
            missing_variables=missing_variables,
        )
        # Made once right away, so that a mistake shows here and not in the first send.
        self._mailer = self._make()
        self._portal: BlockingPortal | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: AbstractContextManager[BlockingPortal] | None = None
        self._lock = threading.Lock()
        self._closed = False
        _mailers.add(self)

    @classmethod
    def from_file(cls, path: str | Path, host: Host | None = None) -> Self:
        """Make a mailer from an application's settings file.

        Raises:
            ConfigError: The file cannot be read, or its settings are wrong.
        """
        application = load(path, host)
        return cls(*application.connectors, **application.options())

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """The connectors in order of preference."""
        return self._mailer.connectors

    def send(self, message: Message) -> Receipt:
        """Send one message; returns once a provider has accepted the mail.

        Raises:
            MessageError: The message cannot become a mail; nothing was sent.
            SendError: The mail was rejected, or its outcome is unknown.
            MailerClosedError: The mailer was closed before; nothing was sent.
        """
        return self._run(lambda mailer: mailer.send(message))

    def check(self) -> dict[str, Sequence[Finding]]:
        """Ask each connector that can be asked whether it would work; see `AsyncMailer.check`."""
        return self._run(lambda mailer: mailer.check())

    def close(self) -> None:
        """Wait for the sends under way, then close all sessions. More calls do nothing."""
        with self._lock:
            self._closed = True
            portal, self._portal, self._loop = self._portal, None, None
            running, self._running = self._running, None
        if portal is None or running is None:
            return
        try:
            portal.call(self._mailer.aclose)
        finally:
            running.__exit__(None, None, None)

    def __enter__(self) -> Self:
        if self._closed:
            raise MailerClosedError("the mailer is closed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._mailer).replace("AsyncMailer", "Mailer")

    def _run(self, work: Callable[[AsyncMailer], Coroutine[Any, Any, T]]) -> T:
        loop = self._started()
        # Not the portal's own call: it waits until the task has begun, and an interrupt in that
        # moment would leave the task running with nobody to stop it.
        future = asyncio.run_coroutine_threadsafe(work(self._mailer), loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C in a waiting thread: the send must not go on behind its back.
            if not future.done():
                future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise MailerClosedError("the mailer is closed")
            if self._loop is None:
                options = {"use_uvloop": importlib.util.find_spec("uvloop") is not None}
                self._running = start_blocking_portal(
                    "asyncio", backend_options=options, name="passpost"
                )
                self._portal = self._running.__enter__()
                self._loop = self._portal.call(asyncio.get_running_loop)
            return self._loop

    def _forget(self) -> None:
        """Start afresh in a forked child: the parent's thread, loop and sockets are not ours."""
        # Kept alive: letting go of them would close connections that the parent still uses.
        _inherited.append((self._mailer, self._portal, self._running))
        self._lock = threading.Lock()
        self._mailer = self._make()
        self._portal = self._running = self._loop = None


def _forget_all() -> None:
    for mailer in list(_mailers):
        mailer._forget()  # noqa: SLF001 - this module's own class


def _close_all() -> None:
    for mailer in list(_mailers):
        mailer.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
