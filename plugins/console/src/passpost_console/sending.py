"""Sends a test email through one connector of a text of settings, which need not be saved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost.config import Settings
from passpost.errors import Attempt
from passpost.phrases import said
from passpost_console.conversation import overheard
from passpost_console.library import CONTENTS
from passpost_console.phrases import _
from passpost_tools import trial
from passpost_tools.configuring import configured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passpost_console.workspace import Document

TIMEOUT: Final = 30.0
"""Seconds that a test may take: somebody waits for it."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a test.

    Attributes:
        result: ``accepted``, ``rejected`` or ``unknown``.
        words: The same in words, as a phrase.
        facts: What else is known: labels and texts.
        hint: What to do about it, as a phrase; may be empty.
        places: Where to look for the email.
        conversation: What went over the connection, cleared of all that was said.
        problems: What is wrong with the settings.
        is_marked: Whether the email says that it is a test.
        in_inbox: Whether it went to the development inbox, and not to the recipient.
    """

    result: str
    words: str
    facts: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    places: tuple[str, ...] = ()
    conversation: tuple[str, ...] = ()
    problems: tuple[passpost.Problem, ...] = ()
    is_marked: bool = True
    in_inbox: bool = False


def settings_for(document: Document, name: str) -> dict[str, Any]:
    """Return the settings of one connector alone.

    Stores are left out: a test is not counted, and nothing of it is remembered.
    """
    entry: dict[str, Any] = dict(document.data["connectors"][name])
    found = document.entry(name)
    fields = found.fields("en") if found is not None else ()
    # Where a connector can tell more of its conversation, it does so for a test.
    if any(one.key == "debug" and one.widget == "switch" for one in fields):
        entry["settings"] = {**entry["settings"], "debug": True}
    kept: dict[str, Any] = {key: document.data[key] for key in CONTENTS if key in document.data}
    return {**kept, "connectors": {name: entry}}


def send(  # noqa: PLR0913 - the parts of a message
    document: Document,
    name: str,
    to: str,
    *,
    file: str,
    host: passpost.Host,
    usage: str,
    locale: str | None,
    payload: Mapping[str, Any],
    language: str,
) -> Outcome:
    """Send a test email, and return what came of it.

    Raises:
        MessageError: The recipient or the payload is invalid; nothing was sent.
    """
    try:
        application = configured(Settings(settings_for(document, name), file=file), None, host)
    except passpost.ConfigError as error:
        words = _("not sent: the settings have errors")
        return Outcome(result="rejected", words=words, problems=error.problems)
    policy = passpost.Policy(timeout=TIMEOUT, attempts=1)
    application = attrs.evolve(application, policy=policy, stores=None)
    with overheard() as heard:
        try:
            made = asyncio.run(
                trial.send_test(
                    application, to, usage=usage, locale=locale, payload=payload, language=language
                )
            )
        except passpost.SendError as error:
            outcome = _failed(error)
        except passpost.PluginError as error:
            outcome = Outcome(result="rejected", words=said(error))
        else:
            outcome = _accepted(made)
    return attrs.evolve(outcome, conversation=tuple(heard))


def _accepted(made: trial.Trial) -> Outcome:
    receipt = made.receipt
    facts = (
        (_("Message ID"), receipt.message_id),
        (_("Provider's ID"), receipt.provider_id),
        (_("Response"), receipt.response),
        (_("Took"), _seconds(receipt.attempts)),
    )
    return Outcome(
        result="accepted",
        words=_("accepted by {connector}", connector=receipt.connector),
        facts=_known(facts),
        places=made.places,
        is_marked=made.marked,
    )


def _failed(error: passpost.SendError) -> Outcome:
    after = "" if error.retry_after is None else f"{error.retry_after:g} s"
    facts = (
        (_("Scope"), error.scope),
        (_("Temporary"), _("yes") if error.temporary else _("no")),
        (_("Retry after"), after),
        (_("Provider's code"), error.provider_code),
        (_("Response"), error.response),
        (_("Took"), _seconds(error.attempts)),
    )
    words = _("rejected: it was not sent")
    if error.outcome == "unknown":
        words = _("unknown: it may have been sent")
    return Outcome(
        result=error.outcome,
        words=words,
        facts=_known((((_("Reason"), said(error))), *facts)),
        hint=error.hint or "",
    )


def _seconds(attempts: tuple[Attempt, ...]) -> str:
    return f"{sum(one.seconds or 0 for one in attempts):.2f} s" if attempts else ""


def _known(facts: tuple[tuple[str, str | None], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in facts if text)
