"""The conformance suite for extensions: what each has to do, as tests that its author subclasses.

::

    from pytest_passpost import ExtensionSuite


    class TestTenants(ExtensionSuite):
        extension = "tenants"
        contexts = ({}, {"tenant": "acme"})
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
import pytest

from passpost import (
    DeliverySummary,
    MailSummary,
    Message,
    Receipt,
    SendError,
    TemplateNotFound,
)
from passpost._plugins.discovery import entry_points
from passpost._plugins.extensions import Extension, load_extension
from passpost.hookspecs import EXTENSION_GROUP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from passpost import Template

_CODE: Final = "code-4711-canary"
_NAME: Final = "Ada Canary Lovelace"
_USAGES: Final = ("SignIn", "Generic", "NobodyKnowsThisUsage")
_LOCALES: Final = (None, "en", "zh-Hant-TW", "tlh")
_PATIENCE: Final = 10.0
"""Seconds after which a hook hangs."""


class ExtensionSuite:
    """The contract of an extension, check by check.

    Attributes:
        extension: The module or object with the hooks, or the name under which it is installed.
        contexts: What the application may write into `Message.context`; always one without a key.
    """

    extension: Any = None
    contexts: Sequence[Mapping[str, Any]] = ({},)

    @pytest.fixture
    def loaded(self) -> Extension:
        """Return the extension as passpost has it."""
        return loaded(self.extension)

    def test_hooks_are_known_and_marked(self, loaded: Extension) -> None:
        # Loading has verified names, arguments and marks.
        assert loaded.hooks, "no hook is implemented: mark functions with @passpost.hookimpl"

    def test_an_attempt_has_a_context_of_its_own(self, loaded: Extension) -> None:
        async def overlap(surround: Surround) -> None:
            first, second = surround(), surround()
            assert first.context is None or first.context is not second.context, (
                f"{first.hook} returned one context twice"
            )
            for each in (first, second):
                await each.enter()
            for each in (first, second):
                # In the order of entering: attempts do not end in the reverse order.
                await each.leave(None)

        self._run(loaded, overlap)

    def test_many_attempts_at_a_time(self, loaded: Extension) -> None:
        async def attempt(surround: Surround) -> None:
            surrounding = surround()
            await surrounding.enter()
            await asyncio.sleep(0)
            await surrounding.leave(None)

        async def attempts(surround: Surround) -> None:
            results = await asyncio.gather(
                *(attempt(surround) for _ in range(20)), return_exceptions=True
            )
            for error in results:
                assert error is None or isinstance(error, SendError), (
                    f"an extension raised {type(error).__name__}: reject an email with SendError"
                )

        self._run(loaded, attempts)

    @pytest.mark.parametrize("outcome", ["rejected", "unknown"])
    def test_a_failed_attempt_stays_failed(self, loaded: Extension, outcome: Any) -> None:
        error = SendError("the provider rejected it", outcome=outcome, scope="provider")
        self._leaves_alone(loaded, error)

    def test_a_message_that_cannot_be_sent_stays_so(self, loaded: Extension) -> None:
        self._leaves_alone(loaded, TemplateNotFound("SignIn"), "around_delivery")

    def test_a_cancelled_attempt_stays_cancelled(self, loaded: Extension) -> None:
        self._leaves_alone(loaded, asyncio.CancelledError())

    def test_find_template_returns_templates(self, loaded: Extension) -> None:
        async def find(message: Message) -> None:
            for usage, locale in itertools.product(_USAGES, _LOCALES):
                # It raises a PluginError for whatever is not a template.
                await _allowed(loaded.find_template(usage, locale, message))

        if "find_template" in loaded.hooks:
            for context in self._contexts():
                _run(find(_message(context)))

    def test_find_template_may_run_many_times_at_once(self, loaded: Extension) -> None:
        async def find(message: Message) -> None:
            calls = (_allowed(loaded.find_template("SignIn", None, message)) for _ in range(20))
            await asyncio.gather(*calls)

        if "find_template" in loaded.hooks:
            for context in self._contexts():
                _run(find(_message(context)))

    def test_logs_hold_no_payload(
        self, loaded: Extension, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        self.test_find_template_returns_templates(loaded)
        self.test_many_attempts_at_a_time(loaded)
        for secret in (_CODE, _NAME, "ada@example.com"):
            assert secret not in caplog.text, "the extension logs what is in the email"

    def test_commands_have_names_of_their_own(self, loaded: Extension) -> None:
        from passpost_cli.program import SUMMARIES  # noqa: PLC0415 - the hook needs click, too

        group = click.Group("passpost")
        loaded.register_commands(group)
        taken = sorted(SUMMARIES.keys() & group.commands.keys())
        assert not taken, f"passpost has a command {taken[0]}: it is not replaced"
        for name, command in group.commands.items():
            assert command.get_short_help_str(), f"the command {name} has no help text"

    def _contexts(self) -> Iterator[Mapping[str, Any]]:
        yield {}
        yield from (context for context in self.contexts if context)

    def _run(
        self, loaded: Extension, check: Callable[[Surround], Awaitable[None]], *but: str
    ) -> None:
        """Run a check of the hooks that surround, for each context; a SendError is a rejection."""
        for context, hook in itertools.product(self._contexts(), _SURROUNDING):
            if hook not in but:
                _run(_allowed(check(partial(Surrounding, loaded, hook, context))))

    def _leaves_alone(self, loaded: Extension, error: BaseException, *only: str) -> None:
        async def attempt(surround: Surround) -> None:
            surrounding = surround()
            await surrounding.enter()
            raised, swallowed = await surrounding.leave(error)
            name = surrounding.hook
            assert raised in {None, error}, f"{name} raised {type(raised).__name__} instead"
            assert not swallowed, f"{name} swallows {type(error).__name__}: raise it again"

        self._run(loaded, attempt, *(set(_SURROUNDING) - set(only) if only else ()))


def loaded(extension: Any) -> Extension:
    """Return an extension: the installed one of a name, or that of a module or object.

    Raises:
        PluginError: It breaks the contract of its hooks.
    """
    if not isinstance(extension, str):
        name = str(getattr(extension, "__name__", type(extension).__name__))
        return Extension(extension, name)
    for entry in entry_points(EXTENSION_GROUP):
        if entry.name == extension:
            return load_extension(entry)
    pytest.fail(f"no extension {extension!r} is installed: pip install --editable .")


async def _allowed(call: Awaitable[Template | None] | Awaitable[None]) -> Any:
    """Return what a hook returns, or None where it rejects, as it may."""
    try:
        return await call
    except SendError:
        return None


class Surrounding:
    """One context of a hook that surrounds a send or an attempt, as passpost uses it.

    Args:
        extension: Whose.
        hook: Which one.
        context: What the application says of the message.
    """

    def __init__(self, extension: Extension, hook: str, context: Mapping[str, Any]) -> None:
        self.hook = hook
        self._summary = _SURROUNDING[hook](context)
        self.context = extension.around(hook, self._summary)

    async def enter(self) -> None:
        """Begin."""
        if self.context is not None:
            await self.context.__aenter__()

    async def leave(self, error: BaseException | None) -> tuple[BaseException | None, bool]:
        """End; return what the context raised, and whether it swallowed the error."""
        if self.context is None:
            return None, False
        if error is None:
            if isinstance(self._summary, DeliverySummary):
                self._summary.receipt = Receipt("id-1", connector="primary")
            return None, bool(await self.context.__aexit__(None, None, None))
        try:
            swallowed = await self.context.__aexit__(type(error), error, error.__traceback__)
        except BaseException as raised:  # noqa: BLE001 - what it raises is what is looked at
            return raised, False
        return None, bool(swallowed)


Surround = Callable[[], Surrounding]


def _run(check: Awaitable[Any]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(_PATIENCE):
            await check

    asyncio.run(limited())


def _message(context: Mapping[str, Any]) -> Message:
    payload = {"code": _CODE, "name": _NAME}
    return Message("ada@example.com", "SignIn", payload, context=context)


def _summary(context: Mapping[str, Any]) -> MailSummary:
    return MailSummary(
        connector="primary",
        usage="SignIn",
        locale="en",
        recipient="a…@example.com",
        recipient_domain="example.com",
        message_id="<0123456789abcdef@example.com>",
        attempt=1,
        context=context,
    )


def _delivery(context: Mapping[str, Any]) -> DeliverySummary:
    return DeliverySummary(
        usage="SignIn",
        locale=("en",),
        recipient="a…@example.com",
        recipient_domain="example.com",
        connectors={"primary": "smtp"},
        context=context,
    )


_SURROUNDING: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "around_delivery": _delivery,
    "around_send": _summary,
}

__all__ = ["ExtensionSuite"]
