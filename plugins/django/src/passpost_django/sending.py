"""Sending from code, with the templates of the settings file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import passpost
from passpost_django.languages import active_locales
from passpost_django.mailers import DEFAULT, mailer

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def send(
    to: str,
    usage: str,
    payload: Mapping[str, Any] = _NOTHING,
    *,
    using: str = DEFAULT,
    **parts: Any,
) -> passpost.Receipt:
    """Send one email from a template of the settings file; return once a provider has accepted it.

    Args:
        to: The recipient's address.
        usage: What the email is for: ``SignIn``, ``Register``, ``ForgotPassword``, …
        payload: The values for the template.
        using: The alias in ``MAILERS`` whose settings file counts.
        parts: The other arguments of `passpost.Message`. Default of ``locale``: the language that
            is active in Django.

    Raises:
        passpost.MessageError: The message cannot become an email; nothing was sent.
        passpost.SendError: The email was rejected, or its outcome is unknown.
    """
    message = _message(to, usage, payload, parts)
    # Error reports show the variables of each frame.
    del to, usage, payload, parts
    return _send(message, using)


async def asend(
    to: str,
    usage: str,
    payload: Mapping[str, Any] = _NOTHING,
    *,
    using: str = DEFAULT,
    **parts: Any,
) -> passpost.Receipt:
    """Send one email from an asynchronous view; see `send`.

    A view that is cancelled, because its client has gone, does not stop the email.
    """
    message = _message(to, usage, payload, parts)
    del to, usage, payload, parts
    return await asyncio.to_thread(_send, message, using)


def _send(message: passpost.Message | Exception, using: str) -> passpost.Receipt:
    if isinstance(message, Exception):
        raise message
    return mailer(using).send(message)


def _message(
    to: str, usage: str, payload: Mapping[str, Any], parts: dict[str, Any]
) -> passpost.Message | Exception:
    """Return the message, or its error: raised here, it would show what its callers were given."""
    if parts.get("locale") is None:
        parts["locale"] = active_locales()
    try:
        return passpost.Message(to, usage, payload, **parts)
    # A misspelled argument is a TypeError.
    except (passpost.MessageError, TypeError) as error:
        return error.with_traceback(None)
