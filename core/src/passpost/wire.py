"""What connectors share that speak to a provider's server: connections, headers, texts, secrets.

A connector imports from `passpost`, `passpost.config`, `passpost.errors`, `passpost.hookspecs`,
`passpost.http`, `passpost.phrases`, `passpost.stores` and this module. Every other module of
passpost is private.

Connections (over TCP; for HTTP, use `passpost.http`):

- `dial.resolve` looks up a hostname and `dial.connect` connects to the first of its addresses that
  answers, IPv6 and IPv4 raced against each other (RFC 8305). Neither has a timeout of its own:
  put both into ``asyncio.timeout``.
- `Alarm` is one timer of the event loop for many deadlines, such as those of all connections of a
  session. It costs less than a timer for each.
- `UnreachableAddressError`, an ``OSError``, means that a hostname has no address that may be
  reached: link-local ones never may, internal ones only if `passpost.Host` allows them.

The moment from which an email may have been sent:

- `about_to_send` marks it. Call it in `send_mail`, right before the first byte that can make the
  provider send, and set `ConnectorInfo.marks_departure`. What is raised before that moment is then
  ``rejected``, and the next connector takes the email. `passpost.http` calls it for you.
- `departure` returns the mark itself. Get it in `send_mail`, and call `Departure.begin` where the
  byte is written by a callback or by a task that lives longer than the attempt.

Addresses and headers:

- `ascii_domain` returns a domain in its ASCII form, for DNS and envelopes (IDNA 2008, UTS 46), or
  raises ``ValueError``.
- `shortened` returns an address as logs and records may have it: ``a…@example.com``.
- `check_name` and `check_value` return why a header must not be added to an email, or None. A name
  has 1 to 76 characters, a value at most 2,000 (RFC 5322 section 2.2).

Texts that passpost has not checked, such as a setting of your own. Both functions return the first
character that is not allowed (``U+000A at character 5``, counted from 1), or None:

- `refused_in_line` for a single line: a header, an address, a line of a protocol.
- `refused_in_body` for a text of several lines.

Errors:

- `Outcome` and `Scope` are the types of those attributes of `passpost.SendError`.
- `Redactor` masks secrets, payload and recipient in a server's words, however they are encoded.
  passpost does so with each error and receipt; use it before you write to a log of your own.
- `texts_in` yields each text and number of a payload: what must not appear in an error.

Settings:

- `ContentType` is the type of a setting: ``text/plain`` or ``text/html``.
- `nearest` returns the known name that was probably meant, or None, and `did_you_mean` makes the
  help of a `passpost.config.Problem` of it.
"""

from __future__ import annotations

from passpost._departure import Departure, about_to_send, departure
from passpost._messages.addresses import ascii_domain, shortened
from passpost._messages.headers import check_name, check_value
from passpost._messages.payload import texts_in
from passpost._network import dial
from passpost._network.alarm import Alarm
from passpost._network.reachable import UnreachableAddressError
from passpost._redaction.redactor import Redactor
from passpost._templates.checks import ContentType
from passpost._text import refused_in_body, refused_in_line
from passpost._wording import did_you_mean, nearest
from passpost.errors import Outcome, Scope

__all__ = [
    "Alarm",
    "ContentType",
    "Departure",
    "Outcome",
    "Redactor",
    "Scope",
    "UnreachableAddressError",
    "about_to_send",
    "ascii_domain",
    "check_name",
    "check_value",
    "departure",
    "dial",
    "did_you_mean",
    "nearest",
    "refused_in_body",
    "refused_in_line",
    "shortened",
    "texts_in",
]
