"""`manage.py sendpasspost`: sends a test email through the settings file of the application."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, Final
from unicodedata import east_asian_width

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

import passpost
from passpost.phrases import said
from passpost_django.languages import _, say
from passpost_django.mailers import DEFAULT
from passpost_django.sending import send

_REJECTED: Final = 1
_UNKNOWN: Final = 3
_LABELS: Final = 12

_OUTCOMES: Final = {
    "rejected": _("rejected: the email was not sent"),
    "unknown": _("unknown: the email may have been sent"),
}


class Command(BaseCommand):
    """Sends one email, and shows what became of it."""

    help = (
        "Sends a test email. The exit code is 0 if a provider has accepted it, 1 if it was not "
        "sent, and 3 if that is unknown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the command line."""
        parser.add_argument("to", help="The recipient: one address.")
        parser.add_argument("--usage", default="Generic", help="Picks the template.")
        parser.add_argument("--code", default="000000", help="The value of {{code}}.")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=TEXT",
            dest="values",
            help="Another value for the template, such as link=https://example.com/. Repeatable.",
        )
        parser.add_argument("--locale", help="The preferred language. Default: LANGUAGE_CODE.")
        parser.add_argument("--using", default=DEFAULT, help="The alias in MAILERS.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Send the email.

        Raises:
            CommandError: It was not accepted; the text says what is known.
        """
        del arguments
        payload = {"code": options["code"], **dict(map(_named, options["values"]))}
        to, usage, locale = options["to"], options["usage"], options["locale"]
        try:
            receipt = send(to, usage, payload, locale=locale, using=options["using"])
        except passpost.SendError as error:
            lines = "\n".join([say(said(error)), *_facts(error), *_attempts(error.attempts)])
            code = _UNKNOWN if error.outcome == "unknown" else _REJECTED
        except (passpost.PasspostError, ImproperlyConfigured) as error:
            lines, code = say(said(error)), _REJECTED
        else:
            self._show(receipt)
            return
        raise CommandError(lines, returncode=code)

    def _show(self, receipt: passpost.Receipt) -> None:
        self.stdout.write(say(_("accepted by {connector}", connector=receipt.connector)))
        facts = (
            (_("message ID"), receipt.message_id),
            (_("provider ID"), receipt.provider_id),
            (_("response"), receipt.response),
        )
        for line in (*_lines(facts), *_attempts(receipt.attempts)):
            self.stdout.write(line)


def _named(assignment: str) -> tuple[str, str]:
    name, equals, text = assignment.partition("=")
    if not (name and equals):
        raise CommandError(say(_("--set requires NAME=TEXT")))
    return name, text


def _facts(error: passpost.SendError) -> Iterator[str]:
    facts = (
        (_("outcome"), _OUTCOMES[error.outcome]),
        (_("scope"), error.scope),
        (_("temporary"), _("yes") if error.temporary else _("no")),
        (_("retry after"), f"{error.retry_after:g} s" if error.retry_after is not None else None),
        (_("code"), error.provider_code),
        (_("response"), error.response),
        (_("hint"), error.hint),
    )
    yield from _lines(facts)


def _attempts(tried: tuple[passpost.Attempt, ...]) -> Iterator[str]:
    yield from _lines(
        (_("attempt"), f"{one.connector}: {one.result}: {say(one.summary)}") for one in tried
    )


def _lines(facts: Any) -> Iterator[str]:
    """Return a line for each fact that is known, on which nothing steers the terminal."""
    for label, fact in facts:
        if fact:
            name = say(label)
            # Chinese characters are two columns wide.
            gap = " " * (_LABELS - len(name) - sum(east_asian_width(each) == "W" for each in name))
            shown = "".join(each if each.isprintable() else "�" for each in say(fact))
            yield f"  {name}{gap} {shown}"
