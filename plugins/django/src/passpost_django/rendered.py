"""What `django.core.mail` makes becomes a message of passpost, or an error that names the reason.

passpost sends one email to one person, from the sender of its settings. An email that says anything
else is rejected: nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage

import passpost
from passpost.phrases import said
from passpost_django.languages import _, active_locales
from passpost_django.templates import RENDERED, template_of

_REPLY_TO: Final = "reply-to"


def message_of(
    email: Any, usage: str, senders: Iterable[passpost.Address | None]
) -> passpost.Message:
    """Return an email of Django as a message.

    Args:
        email: The `EmailMessage`.
        usage: What the email is for.
        senders: The sender of each connector, as far as it is known.

    Raises:
        passpost.MessageError: It is not an email that passpost sends; `field` names the part.
    """
    try:
        _check_parts(email)
        _check_sender(str(email.from_email), senders)
        message = _message(email, usage)
        # The line break in a subject shows here, before another email of the call is sent.
        template_of(message).render(message.payload)
    except passpost.MessageError as error:
        # Error reports show the variables of each frame, and some of these have the content.
        failure = error.with_traceback(None)
        failure.__context__ = None
    else:
        return message
    raise failure


def _message(email: Any, usage: str) -> passpost.Message:
    headers = {str(name): str(value) for name, value in email.extra_headers.items()}
    written = [headers.pop(name) for name in list(headers) if name.lower() == _REPLY_TO]
    # Django prefers the header, too.
    reply_to = written or email.reply_to
    return passpost.Message(
        to=_only_address(email.to, "to"),
        usage=usage,
        payload={"subject": str(email.subject), **dict(_bodies(email))},
        locale=active_locales(),
        headers=headers,
        reply_to=_only_address(reply_to, "reply_to") if reply_to else None,
        context={RENDERED: True},
    )


def _bodies(email: Any) -> Iterator[tuple[str, str]]:
    """Yield the plain text and the HTML, as far as there are any."""
    alternatives = [(part.mimetype, part.content) for part in getattr(email, "alternatives", ())]
    if email.content_subtype == "html":
        yield "html", str(email.body)
    elif email.body or not alternatives:
        yield "text", str(email.body)
    for _kind, content in alternatives:
        yield "html", content.decode() if isinstance(content, bytes) else str(content)


def _check_parts(email: Any) -> None:
    """Raise an error for whatever passpost cannot send."""
    if email.cc or email.bcc:
        reason = _("cc and bcc are not supported: send each person an email of their own")
        raise _unable("cc", reason)
    if email.attachments:
        reason = _("attachments are not supported: link to the file instead")
        raise _unable("attachments", reason)
    if type(email).message is not EmailMessage.message:
        reason = _("an EmailMessage that builds its own MIME is not supported")
        raise _unable("message", reason)
    if email.content_subtype not in {"plain", "html"}:
        raise _unable("content_subtype", _("the body must be plain text or HTML"))
    kinds = [part.mimetype for part in getattr(email, "alternatives", ())]
    if kinds and (kinds != ["text/html"] or email.content_subtype == "html"):
        reason = _("the one alternative that is supported is HTML beside plain text")
        raise _unable("alternatives", reason)


def senders_of(connectors: Iterable[passpost.Connector]) -> list[passpost.Address | None]:
    """Return the sender of each connector; None where its settings have none."""
    return [getattr(connector.config, "sender", None) for connector in connectors]


def is_sender(written: str, senders: Iterable[passpost.Address | None]) -> bool:
    """Return whether an address is the sender, whichever connector the email goes through.

    Raises:
        passpost.MessageError: It is not an address.
    """
    asked = _only_address([written], "from_email")
    return all(
        sender is not None
        and asked.wire.lower() == sender.wire.lower()
        and asked.name in {"", sender.name}
        for sender in senders
    )


def _check_sender(written: str, senders: Iterable[passpost.Address | None]) -> None:
    """Raise an error for a sender that somebody chose and passpost would not use."""
    defaults = {settings.DEFAULT_FROM_EMAIL, settings.SERVER_EMAIL}
    if written not in defaults and not is_sender(written, senders):
        reason = _(
            "from_email is not the sender in passpost's settings, which every email has: omit it"
        )
        raise _unable("from_email", reason)


def _only_address(written: Sequence[Any], field: str) -> passpost.Address:
    if len(written) != 1:
        reason = _(
            "an email has exactly one address in {field}: send one email to each", field=field
        )
        raise _unable(field, reason)
    try:
        return passpost.Address.parse(str(written[0]))
    except ValueError as error:
        problem = said(error)
    raise _unable(
        field, _("{field}: not a valid email address: {problem}", field=field, problem=problem)
    )


def _unable(field: str, reason: str) -> passpost.MessageError:
    return passpost.MessageError(reason, field=field)
