"""The mailer for code that blocks: Django, Flask, workers, scripts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from passpost._connector_info import Finding
from passpost._frames import without_arguments
from passpost._host.application import FromSettings
from passpost._mailers import loop_thread
from passpost._mailers.async_mailer import AsyncMailer
from passpost._mailers.many import LIMIT, Many, Sent, sent_by
from passpost._messages.messages import Message, Receipt
from passpost._phrases import _
from passpost.errors import MailerClosedError

if TYPE_CHECKING:
    from passpost._host.connector import Connector
    from passpost._messages.identity import Identity
    from passpost._policy.health import ConnectorHealth
    from passpost._settings.connector_config import MissingVariables
    from passpost._settings.policy import Policy
    from passpost._stores import Stores
    from passpost._templates.template import Template

T = TypeVar("T")


class Mailer(FromSettings):
    """`AsyncMailer` for blocking code, safe to call from many threads at once.

    All threads share the sessions. All mailers of a process share one event loop in a background
    thread, which starts with the first send and ends when the last of them is closed. After a fork
    the child starts a loop and sessions of its own. A mailer works as well where an event loop runs
    in the calling thread, which it then blocks::

        with passpost.Mailer(smtp) as mailer:
            mailer.send(passpost.Message(to="ada@example.com", usage="SignIn", …))

    An application that lives as long as its process may leave out ``with``: what is still open when
    the interpreter exits is closed then.

    Args:
        connectors: The connectors, at least one, in order of preference.
        policy: How an email goes through them; see `Policy`.
        templates: The application's own templates; they come before the connectors' own.
        missing_variables: What to do about variables that the payload lacks: ``error``, ``keep`` or
            ``blank``; None leaves it to each connector's settings.
        stores: What sends have to remember beyond themselves; see `passpost.stores.Stores`.

    Raises:
        ConfigError: No connector is given, one has no template to send with, or the policy names
            another.
        TypeError: An argument has the wrong type.
    """

    @without_arguments
    def __init__(
        self,
        *connectors: Connector,
        policy: Policy | None = None,
        templates: Sequence[Template] = (),
        missing_variables: MissingVariables | None = None,
        stores: Stores | None = None,
    ) -> None:
        self._make: Callable[[], AsyncMailer] = partial(
            AsyncMailer,
            *connectors,
            policy=policy,
            templates=templates,
            missing_variables=missing_variables,
            stores=stores,
        )
        # Made once right away, so that a mistake shows here and not in the first send.
        self._first = self._make()
        self._mailers = {loop_thread.process(): self._first}
        self._closed = False

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """The connectors in the order given."""
        return self._first.connectors

    def send(self, message: Message, *, identity: Identity | None = None) -> Receipt:
        """Send one message, and return once a provider has accepted the email.

        Args:
            message: The message.
            identity: Makes it the same email as that of another send; see `Identity`.

        Raises:
            MessageError: The message cannot become an email; nothing was sent.
            SendError: The email was rejected, or its outcome is unknown.
            MailerClosedError: The mailer was closed before; nothing was sent.
            BaseException: What interrupted the caller, such as `KeyboardInterrupt`, which cancels
                the send. `passpost.errors.outcome_of` says whether the email may have been sent.
        """
        return self._run(lambda mailer: mailer.send(message, identity=identity), sends=True)

    def send_many(self, messages: Iterable[Message], *, limit: int = LIMIT) -> Iterator[Sent]:
        """Send many messages, and yield what became of each, in the order in which they end.

        No more messages are taken from the input than are sent at a time, so it may be endless. It
        is read in the calling thread. If it raises an exception, no more is taken; the exception
        comes after the results of the messages before it. A caller that stops early waits for the
        sends under way.

        Args:
            messages: The messages.
            limit: How many are sent at a time.

        Raises:
            MailerClosedError: The mailer was closed; what is under way ends before.
            TypeError: Something else than a `Message` is among them; what is under way ends before.
            ValueError: The limit is not a whole number of at least 1.
        """
        many = Many(partial(sent_by, self._mailer.send), limit)
        source = iter(messages)
        results = many.results
        # Admits the mailer, or says that it is closed.
        self._run(lambda _: results(wait=False))
        try:
            # One at a time: the next one may be slow to come, and must not hold this one up.
            while (new := many.read(source, 1)) or many.is_under_way:
                for message in new:
                    loop_thread.call_soon(partial(many.begin, message))
                if many.has_results or not many.room:
                    yield from self._run(lambda _: results())
            many.raise_failure()
        finally:
            if many.is_under_way:
                # A mailer that is closed waits for them itself.
                with suppress(MailerClosedError):
                    self._run(lambda _: many.finish())

    def health(self) -> Mapping[str, ConnectorHealth]:
        """Return how each connector does, by its name; see `AsyncMailer.health`."""
        return self._mailer.health()

    def count(self, recipient: str, usage: str) -> None:
        """Count an email that is not sent; see `AsyncMailer.count`."""
        return self._run(lambda mailer: mailer.count(recipient, usage))

    def check(self, recipient: str | None = None) -> dict[str, Sequence[Finding]]:
        """Check the connections of all connectors that can do so; see `AsyncMailer.check`."""
        return self._run(lambda mailer: mailer.check(recipient))

    def close(self) -> None:
        """Wait for the sends under way, then close all sessions. More calls do nothing.

        A call that was interrupted can be repeated, and waits for the rest.
        """
        self._closed = True
        loop_thread.close(self._mailer)

    def __enter__(self) -> Self:
        self._refuse_if_closed()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._first).replace("AsyncMailer", "Mailer")

    @property
    def _mailer(self) -> AsyncMailer:
        """The mailer of this process; those it was forked from stay as they were."""
        process = loop_thread.process()
        return self._mailers.get(process) or self._mailers.setdefault(process, self._make())

    def _run(
        self, work: Callable[[AsyncMailer], Coroutine[Any, Any, T]], *, sends: bool = False
    ) -> T:
        self._refuse_if_closed()
        mailer = self._mailer
        return loop_thread.run(lambda: self._perform(mailer, work), sends=sends)

    async def _perform(
        self, mailer: AsyncMailer, work: Callable[[AsyncMailer], Coroutine[Any, Any, T]]
    ) -> T:
        new = loop_thread.admit(mailer)
        try:
            # Asked once more: `close` leaves a mailer alone that it does not find in use.
            self._refuse_if_closed()
        except MailerClosedError:
            if new:
                loop_thread.dismiss(mailer)
            raise
        return await work(mailer)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise MailerClosedError(_("the mailer is closed"))
