"""The suite for extensions passes a good one, and each fault is caught by its check."""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import click
import pytest

import passpost
from pytest_passpost import ExtensionSuite
from pytest_passpost.suite.extensions import loaded

log = logging.getLogger("passpost_mutant")


def plugin(**functions: Callable[..., Any]) -> types.ModuleType:
    module = types.ModuleType("mutant")
    for name, function in functions.items():
        setattr(module, name, passpost.hookimpl(function))
    return module


@asynccontextmanager
async def good(summary: passpost.MailSummary) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def refuses(summary: passpost.MailSummary) -> AsyncIterator[None]:
    if summary.context.get("tenant") == "acme":
        raise passpost.SendError("too many", outcome="rejected", scope="account")
    yield


async def from_a_store(
    usage: str, locale: str | None, message: passpost.Message
) -> passpost.Template | None:
    if message.context.get("tenant") != "acme" or (usage, locale) != ("SignIn", None):
        return None
    return passpost.Template(usage_type="SignIn", subject="Acme", content="{{code}}")


def adds_a_command(cli: click.Group) -> None:
    cli.add_command(click.Command("stats", help="Count emails."))


@asynccontextmanager
async def counts(summary: passpost.DeliverySummary) -> AsyncIterator[None]:
    yield
    assert summary.receipt is not None
    log.info("%d attempts", len(summary.receipt.attempts))


GOOD = plugin(
    around_delivery=counts,
    around_send=good,
    find_template=from_a_store,
    register_commands=adds_a_command,
)


class TestGood(ExtensionSuite):
    extension = GOOD
    contexts = ({"tenant": "acme"},)


class TestRefusing(ExtensionSuite):
    extension = plugin(around_send=refuses)
    contexts = ({}, {"tenant": "acme"})


# Mutants.


def synchronous(summary: passpost.MailSummary) -> Any:
    @contextmanager
    def context() -> Iterator[None]:
        yield

    return context()


@asynccontextmanager
async def swallows(summary: passpost.MailSummary) -> AsyncIterator[None]:
    try:
        yield
    except passpost.SendError:
        return


@asynccontextmanager
async def swallows_cancellation(summary: passpost.MailSummary) -> AsyncIterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        return


@asynccontextmanager
async def translates(summary: passpost.MailSummary) -> AsyncIterator[None]:
    try:
        yield
    except passpost.SendError as error:
        raise ValueError from error


@asynccontextmanager
async def refuses_wrongly(summary: passpost.MailSummary) -> AsyncIterator[None]:
    if summary.context.get("tenant") == "acme":
        raise RuntimeError
    yield


class Shared(AbstractAsyncContextManager[None]):
    async def __aexit__(self, *_: object) -> None: ...


SHARED = Shared()


def shares(summary: passpost.MailSummary) -> Shared:
    return SHARED


def needs_a_tenant(message: passpost.Message) -> None:
    message.context["tenant"]


def returns_a_mapping() -> Any:
    return {"subject": "x"}


async def logs(message: passpost.Message) -> None:
    log.info("looking for %s", dict(message.payload))


def fails_on_unknown(usage: str) -> None:
    {"SignIn": 1, "Generic": 2}[usage]


def takes_a_name(cli: click.Group) -> None:
    cli.add_command(click.Command("send", help="Not ours."))


def no_help(cli: click.Group) -> None:
    cli.add_command(click.Command("stats"))


@asynccontextmanager
async def swallows_what_cannot_be_sent(summary: passpost.DeliverySummary) -> AsyncIterator[None]:
    try:
        yield
    except passpost.MessageError:
        return


MUTANTS = [
    ("test_an_attempt_has_a_context_of_its_own", plugin(around_send=synchronous)),
    ("test_an_attempt_has_a_context_of_its_own", plugin(around_send=shares)),
    ("test_a_failed_attempt_stays_failed", plugin(around_send=swallows)),
    ("test_a_failed_attempt_stays_failed", plugin(around_send=translates)),
    ("test_a_cancelled_attempt_stays_cancelled", plugin(around_send=swallows_cancellation)),
    ("test_many_attempts_at_a_time", plugin(around_send=refuses_wrongly)),
    ("test_an_attempt_has_a_context_of_its_own", plugin(around_delivery=synchronous)),
    ("test_an_attempt_has_a_context_of_its_own", plugin(around_delivery=shares)),
    ("test_a_failed_attempt_stays_failed", plugin(around_delivery=swallows)),
    ("test_a_cancelled_attempt_stays_cancelled", plugin(around_delivery=swallows_cancellation)),
    ("test_many_attempts_at_a_time", plugin(around_delivery=refuses_wrongly)),
    (
        "test_a_message_that_cannot_be_sent_stays_so",
        plugin(around_delivery=swallows_what_cannot_be_sent),
    ),
    ("test_find_template_returns_templates", plugin(find_template=needs_a_tenant)),
    ("test_find_template_returns_templates", plugin(find_template=returns_a_mapping)),
    ("test_find_template_returns_templates", plugin(find_template=fails_on_unknown)),
    ("test_find_template_may_run_many_times_at_once", plugin(find_template=needs_a_tenant)),
    ("test_logs_hold_no_payload", plugin(find_template=logs)),
    ("test_commands_have_names_of_their_own", plugin(register_commands=takes_a_name)),
    ("test_commands_have_names_of_their_own", plugin(register_commands=no_help)),
    ("test_hooks_are_known_and_marked", types.ModuleType("empty")),
]


def of(module: Any) -> ExtensionSuite:
    suite = type("Mutant", (ExtensionSuite,), {"contexts": ({"tenant": "acme"},)})
    instance: ExtensionSuite = suite()
    instance.extension = module
    return instance


@pytest.mark.parametrize(
    ("check", "module"), MUTANTS, ids=[f"{n}-{c}" for n, (c, _) in enumerate(MUTANTS)]
)
def test_a_fault_is_caught_by_its_check(
    check: str, module: Any, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = {"outcome": "rejected", "caplog": caplog}
    function = getattr(of(module), check)
    code = function.__func__.__code__
    wanted = code.co_varnames[: code.co_argcount]
    given = {name: value for name, value in arguments.items() if name in wanted}
    with pytest.raises((AssertionError, passpost.PluginError)):
        function(loaded(module), **given)


def test_a_name_that_is_not_installed_fails_with_the_remedy() -> None:
    with pytest.raises(pytest.fail.Exception, match="pip install --editable"):
        loaded("nobody-has-this")


def test_an_undecorated_hook_fails() -> None:
    module = types.ModuleType("mutant")
    vars(module)["around_send"] = lambda summary: None
    with pytest.raises(passpost.PluginError, match=r"put @passpost\.hookimpl above it"):
        loaded(module)
