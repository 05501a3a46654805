"""The email backend: what an application sends with `django.core.mail` goes through passpost."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

from django.core.mail.backends.base import BaseEmailBackend

import passpost
from passpost_django.mailers import mailer_of, named_file
from passpost_django.rendered import message_of, senders_of
from passpost_django.templates import USAGE

# What Django itself passes to a backend; the rest is an option that somebody wrote.
_DJANGOS_OWN: Final = frozenset({"alias", "_ignore_unknown_kwargs"})


class EmailBackend(BaseEmailBackend):
    """Sends the emails that Django renders through the connectors of a settings file.

    ::

        EMAIL_BACKEND = "passpost_django.EmailBackend"  # Django 5.2 and 6.0
        MAILERS = {"default": {"BACKEND": "passpost_django.EmailBackend"}}  # Django 6.1

    Args:
        file: The settings file. Default: ``PASSPOST_FILE``.
        usage: What the emails are for, to routes, limits and logs. Default: ``Django``.
        fail_silently: Whether a `passpost.SendError` is logged instead of raised.
        options: What Django passes to every backend.

    Raises:
        TypeError: An option is unknown; with ``MAILERS``, Django raises `InvalidMailer`.
    """

    def __init__(
        self,
        *,
        file: str | os.PathLike[str] | None = None,
        usage: str = USAGE,
        fail_silently: bool = False,
        **options: Any,
    ) -> None:
        # `send_mail` of Django 5.2 passes these with every email.
        for name in ("username", "password"):
            if options.get(name, "") is None:
                del options[name]
        _reject_unknown(options)
        super().__init__(**options)
        self.fail_silently = fail_silently
        self.file = file
        self.usage = usage

    def send_messages(self, email_messages: Iterable[Any]) -> int:
        """Send emails one after the other, and return how many were accepted.

        All of them are checked before the first is sent.

        Raises:
            passpost.MessageError: passpost cannot send one of them; nothing was sent.
            passpost.SendError: One was rejected, or its outcome is unknown. A note of the error
                says how many were sent before it; those after it are not sent.
            passpost.ConfigError: The settings file is invalid; nothing was sent.
            ImproperlyConfigured: There is no settings file; nothing was sent.
        """
        emails = [email for email in email_messages if email.recipients()]
        if not emails:
            return 0
        mailer = mailer_of(named_file(self.file))
        senders = senders_of(mailer.connectors)
        messages = [message_of(email, self.usage, senders) for email in emails]
        return self._send(mailer, messages)

    def _send(self, mailer: passpost.Mailer, messages: list[passpost.Message]) -> int:
        sent = 0
        for message in messages:
            try:
                mailer.send(message)
            except passpost.SendError as error:
                if self.fail_silently:
                    continue
                if len(messages) > 1:
                    error.add_note(f"{sent} of {len(messages)} emails were sent before this one")
                raise
            sent += 1
        return sent


def _reject_unknown(options: dict[str, Any]) -> None:
    """Raise an error for options that Django would ignore."""
    unknown = options.keys() - _DJANGOS_OWN
    if options.get("alias") is not None:
        # Django reports the options of MAILERS itself, but for what `get_connection` was given.
        unknown &= set(options.get("_ignore_unknown_kwargs") or ())
    if unknown:
        names = ", ".join(sorted(unknown))
        raise TypeError(f"passpost_django.EmailBackend has no option {names}: remove it")
