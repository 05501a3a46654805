"""Every error that passpost raises on purpose.

::

    PasspostError
    ├── PluginError              a connector or extension cannot be loaded, or breaks its contract
    │   └── UnknownConnectorError    no installed package provides the ID
    ├── ConfigError              settings are invalid: .problems lists all errors at once
    ├── MessageError             the message cannot become an email; nothing was sent
    │   ├── TemplateNotFound         no template for the usage and locale
    │   └── MissingVariable          the template names a variable that the payload lacks
    ├── SendError                an email was rejected, or its outcome is unknown
    │   └── Throttled                the recipient got an email of this usage a moment ago
    └── MailerClosedError        the mailer was closed before the send began

No text of these holds a secret, a code or a payload.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from passpost._phrases import _
from passpost._problems import Problem, in_order
from passpost._text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Outcome = Literal["rejected", "unknown"]
"""``rejected``: not sent. ``unknown``: it may have been sent."""

Scope = Literal["recipient", "message", "account", "provider", "network"]
"""Who has to act, or what has to change, before the email can go through."""


UNSENT: Final = "passpost: the email was not sent"
"""The note on an interruption of a send whose email was not sent."""


def outcome_of(error: BaseException) -> Outcome:
    """Return whether the email of a send that raised this may have been sent.

    What interrupts a send, such as `asyncio.CancelledError` or `KeyboardInterrupt`, has a note if
    the email was not sent::

        try:
            mailer.send(message)
        except BaseException as error:
            if passpost.errors.outcome_of(error) == "rejected":
                ...  # it can be sent again

    Args:
        error: What `send` raised.
    """
    if isinstance(error, SendError):
        return error.outcome
    unsent = isinstance(error, PasspostError) or UNSENT in getattr(error, "__notes__", ())
    return "rejected" if unsent else "unknown"


class PasspostError(Exception):
    """The base of all errors of passpost."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuilt, (type(self), self.args, dict(vars(self))))


class PluginError(PasspostError):
    """A connector or an extension cannot be found or loaded, or breaks its contract.

    `Mailer.send` raises it where an extension's ``find_template`` is broken; nothing was sent.

    Attributes:
        connector: The ID of the connector; empty if an extension is at fault.
        extension: The name of the extension; empty if a connector is at fault.
        distribution: Its distribution (package), if known.

    A note of the error names the frames of a defect, for the authors of the plugin.
    """

    def __init__(
        self,
        message: str,
        *,
        connector: str = "",
        extension: str = "",
        distribution: str | None = None,
        trace: str = "",
    ) -> None:
        super().__init__(message)
        self.connector = connector
        self.extension = extension
        self.distribution = distribution
        if trace:
            self.add_note(f"raised in {trace}")


class UnknownConnectorError(PluginError):
    """No installed package provides the connector's ID.

    Attributes:
        message: What is wrong; the text of the error adds the remedy to it.
        remedy: How to correct the ID, or what to install; empty if nothing is known.
    """

    def __init__(self, message: str, *, connector: str = "", remedy: str = "") -> None:
        whole = _("{message}: {remedy}", message=message, remedy=remedy) if remedy else message
        super().__init__(whole, connector=connector)
        self.message = message
        self.remedy = remedy


class ConfigError(PasspostError, ValueError):
    """Settings are invalid. The text of the error is that of its problems.

    Attributes:
        problems: All errors and warnings, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MessageError(PasspostError, ValueError):
    """A message cannot become an email: nothing was sent, and no connector was asked.

    Attributes:
        field: Which part of the message (``to``, ``payload.user.name``) or of the email
            (``subject``).
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class TemplateNotFound(MessageError):  # noqa: N818 - the name of the field: jinja2 and Django say so too
    """There is no template for the usage, and none for ``Generic``.

    Attributes:
        usage: The usage that was asked for.
        locales: The requested locales, in order of preference.
    """

    def __init__(self, usage: str, locales: Sequence[str] = ()) -> None:
        wanted = _(" in {names}", names=tuple(locales)) if locales else ""
        super().__init__(
            _(
                "no template for usage {usage}{languages}, and no `Generic` template",
                usage=quoted(usage),
                languages=wanted,
            ),
            field="usage",
        )
        self.usage = usage
        self.locales = tuple(locales)


class MissingVariable(MessageError):  # noqa: N818 - reads as the fact it states, like TemplateNotFound
    """A template uses a variable that the payload lacks: an email without its code is useless.

    Attributes:
        variable: The variable's path as the template writes it: ``user.name``.
        place: The part of the template: ``subject``, ``content``, ``text``, ``replyTo`` or
            ``sendFrom``.
    """

    def __init__(self, variable: str, place: str) -> None:
        super().__init__(
            _(
                "the template's `{place}` uses {{{{{variable}}}}}, but the payload has "
                "no `{variable}`",
                place=place,
                variable=variable,
            ),
            field=f"payload.{variable}",
        )
        self.variable = variable
        self.place = place


class MailerClosedError(PasspostError, RuntimeError):
    """The mailer was closed before the send began; nothing was sent."""


@attrs.frozen
class Attempt:
    """One attempt to send an email through one connector.

    Attributes:
        connector: The connector's name: its key in the application's settings, else its ID.
        started_at: When it began, in UTC.
        result: ``accepted``, ``rejected`` or ``unknown``.
        summary: The reply, without secrets, codes and payload.
        seconds: How long it took, with the wait for the connector's session.
        scope: See `SendError`; None if it was accepted. So are the next three.
        temporary: Whether the same email may go through later.
        retry_after: Seconds to wait, if the provider gave them.
        provider_code: The provider's own code.
    """

    connector: str
    started_at: dt.datetime
    result: Literal["accepted", "rejected", "unknown"]
    summary: str
    seconds: float = 0.0
    scope: Scope | None = None
    temporary: bool | None = None
    retry_after: float | None = None
    provider_code: str | None = None


class SendError(PasspostError):
    """An email was rejected, or it is unknown whether it was sent.

    Connectors raise it with what they know; passpost adds `connector` and `attempts`.

    Attributes:
        outcome: ``rejected``: not sent. ``unknown``: it may have been sent.
        scope: ``recipient``, ``message``, ``account`` (credentials, sender, quota), ``provider``
            (their fault, or throttling) or ``network``.
        temporary: Whether the same email may go through later.
        retry_after: Seconds to wait, if the provider gave them.
        provider_code: The provider's own code: ``535 5.7.8``, ``Throttling.User``.
        response: The provider's own words, cleared of secrets and payload.
        hint: Cause and fix for anyone who runs the system; also a note of the error.
        attempts: The attempts that were made, each with its time and result.
        connector: The name of the connector that failed last: its key in the application's
            settings, else its ID.
    """

    def __init__(  # noqa: PLR0913 - each is one fact of the error; all but two have defaults
        self,
        message: str,
        *,
        outcome: Outcome,
        scope: Scope,
        temporary: bool = False,
        retry_after: float | None = None,
        provider_code: str | None = None,
        response: str | None = None,
        hint: str | None = None,
        attempts: tuple[Attempt, ...] = (),
        connector: str | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.scope = scope
        self.temporary = temporary
        self.retry_after = retry_after
        self.provider_code = provider_code
        self.response = response
        self.hint = hint
        self.attempts = attempts
        self.connector = connector
        # So that tracebacks, and the services that collect them, show the fix.
        if isinstance(hint, str) and hint:
            self.add_note(f"hint: {hint}")

    def facts(self) -> dict[str, Any]:
        """Return all attributes but `attempts` by name, for logs and for ``--json``."""
        return {name: getattr(self, name) for name in _FACTS}


class Throttled(SendError):  # noqa: N818 - reads as the fact it states, like TemplateNotFound
    """The recipient got an email of this usage a moment ago; nothing was sent.

    Args:
        retry_after: Seconds until the next one may be sent.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            _("the recipient got an email of this usage a moment ago"),
            outcome="rejected",
            scope="recipient",
            temporary=True,
            retry_after=retry_after,
            provider_code="passpost.cooldown",
        )


_FACTS: Final = (
    "connector", "outcome", "scope", "temporary", "retry_after", "provider_code", "response",
    "hint",
)  # fmt: skip


def _rebuilt(cls: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    """Rebuild an error from its pickle without the keyword arguments of its constructor."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


__all__ = [
    "Attempt", "ConfigError", "MailerClosedError", "MessageError", "MissingVariable", "Outcome",
    "PasspostError", "PluginError", "Scope", "SendError", "TemplateNotFound", "Throttled",
    "UnknownConnectorError", "outcome_of",
]  # fmt: skip
