"""The builder: what does not vary between emails is made once, what varies is put beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from passpost.wire import check_name, check_value
from passpost_smtp import _
from passpost_smtp.errors import invalid_part
from passpost_smtp.mime.body import Part, alternative_part, new_boundary, text_part
from passpost_smtp.mime.headers import (
    MAX_LINE,
    bracketed,
    date_field,
    mailbox_field,
    message_id_field,
    text_field,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passpost import Address, Mail, SendError
    from passpost.errors import Scope

_DOT_LINE: Final = re.compile(rb"\n\.")
_MIME_VERSION: Final = "MIME-Version: 1.0\r\n"

# Keeps holiday notices from answering, and loops from closing (RFC 3834 section 5).
_AUTO_SUBMITTED: Final = "Auto-Submitted: auto-generated\r\n"


# Not frozen, which costs 0.6 µs: one is made for each email.
@attrs.define(repr=False)
class BuiltMail:
    r"""An email as it goes on the wire.

    Attributes:
        data: The whole message with CRLF line ends, not dot-stuffed: fit for ``BDAT`` as it is, and
            for ``DATA`` by way of `dot_stuff`.
        sender: The envelope sender, its domain in ASCII.
        recipient: The envelope recipient, its domain in ASCII.
        smtputf8: Whether ``MAIL`` has to say ``SMTPUTF8`` (RFC 6531).
        eight_bit: Whether ``MAIL`` has to say ``BODY=8BITMIME`` (RFC 6152).
    """

    data: bytes
    sender: str
    recipient: str
    smtputf8: bool
    eight_bit: bool

    def __repr__(self) -> str:
        return f"BuiltMail({len(self.data)} octets)"


class MailBuilder:
    """Builds emails with one sender and one set of headers; prepared once for each config.

    Safe to use from several threads.

    Args:
        sender: Who emails come from, unless an email names another.
        reply_to: Where answers go, unless an email names another.
        headers: Headers for every email: one or more texts by name. An email's own header of the
            same name replaces them; one of the name ``Auto-Submitted`` replaces ``auto-generated``.

    Raises:
        SendError: An address or a header cannot be in an email; the scope is ``account``.
    """

    __slots__ = ("_boundary", "_custom", "_fixed", "_from", "_reply_to", "_sender")

    def __init__(
        self,
        sender: Address,
        reply_to: Address | None,
        headers: Mapping[str, str | Sequence[str]],
    ) -> None:
        self._sender, self._from = _mailbox("From", sender, "account")
        self._reply_to = "" if reply_to is None else _mailbox("Reply-To", reply_to, "account")[1]
        self._custom = {"auto-submitted": _AUTO_SUBMITTED, **_custom_fields(headers)}
        self._fixed = "".join((_MIME_VERSION, self._from, self._reply_to, *self._custom.values()))
        self._boundary = new_boundary()

    def build(self, mail: Mail, *, eight_bit: bool, smtputf8: bool) -> BuiltMail:
        """Build one email.

        Args:
            mail: The email; its `date` has a time zone.
            eight_bit: Whether the server offers ``8BITMIME``.
            smtputf8: Whether the server offers ``SMTPUTF8``.

        Raises:
            SendError: A part of the email cannot be on the wire, or needs SMTPUTF8 where the
                server has none; the outcome is ``rejected``.
        """
        recipient = wire(mail.to, "To", "recipient")
        sender, fixed = self._sender_and_fixed(mail)
        head = (
            f"{fixed}{date_field(mail.date)}{message_id_field(mail.message_id)}"
            f"To: {bracketed(recipient)}\r\n"
            f"{text_field('Subject', mail.subject or '')}"
        )
        # All that is not an address was encoded, so what is left outside of ASCII is a local part.
        utf8 = not head.isascii()
        if utf8 and not smtputf8:
            raise self._needs_smtputf8(recipient)
        part = self._content(mail, eight_bit=eight_bit)
        return BuiltMail(
            f"{head}{part.fields}".encode() + part.data,
            sender,
            recipient,
            utf8,
            utf8 or part.encoding == "8bit",
        )

    def _sender_and_fixed(self, mail: Mail) -> tuple[str, str]:
        if mail.sender is None and mail.reply_to is None and not mail.headers:
            return self._sender, self._fixed
        sender, from_field, reply_to = self._sender, self._from, self._reply_to
        if mail.sender is not None:
            sender, from_field = _mailbox("From", mail.sender, "message")
        if mail.reply_to is not None:
            reply_to = _mailbox("Reply-To", mail.reply_to, "message")[1]
        custom = {**self._custom, **_custom_fields(mail.headers, "message")}
        return sender, "".join((_MIME_VERSION, from_field, reply_to, *custom.values()))

    def _content(self, mail: Mail, *, eight_bit: bool) -> Part:
        if mail.html is None:
            if mail.text is None:
                raise invalid_part(_("the content"), _("the email has neither text nor HTML"))
            return text_part("plain", mail.text, eight_bit=eight_bit)
        html = text_part("html", mail.html, eight_bit=eight_bit)
        if mail.text is None:
            return html
        return alternative_part(
            (text_part("plain", mail.text, eight_bit=eight_bit), html), self._boundary
        )

    def _needs_smtputf8(self, recipient: str) -> SendError:
        scope: Scope = "message" if self._fixed.isascii() else "account"
        return invalid_part(
            _("the address"),
            _("its local part is not ASCII, and the server offers no SMTPUTF8"),
            scope="recipient" if not recipient.isascii() else scope,
            hint=_("Such an address needs a mail server that speaks SMTPUTF8 (RFC 6531)."),
        )


def _mailbox(field: str, address: Address, scope: Scope) -> tuple[str, str]:
    """Return an address as the envelope holds it, and the header field with its name."""
    text = wire(address, field, scope)
    return text, mailbox_field(field, address.name, text)


def _custom_fields(
    headers: Mapping[str, str | Sequence[str]], scope: Scope = "account"
) -> dict[str, str]:
    """Return the lines of each header by its name in lower case."""
    fields: dict[str, str] = {}
    for name, values in headers.items():
        lines = [
            _custom_field(name, value, scope)
            for value in ((values,) if isinstance(values, str) else values)
        ]
        key = name.lower()
        fields[key] = fields.get(key, "") + "".join(lines)
    return fields


def _custom_field(name: str, value: str, scope: Scope) -> str:
    if reason := check_name(name):
        raise invalid_part(_("a header"), reason, scope=scope)
    if reason := check_value(value):
        raise invalid_part(name, reason, scope=scope)
    return text_field(name, value, longest=MAX_LINE)


def dot_stuff(data: bytes) -> bytes:
    r"""Double each dot that starts a line, and add the line with one dot that ends the message.

    Args:
        data: A message with CRLF line ends only, as `MailBuilder.build` gives it: a bare LF before
            a dot would be the start of a line to some servers and not to others.

    Returns:
        What follows the reply 354, up to and including ``.\r\n``.
    """
    # To look for the expression takes half as long as to look for the octets.
    stuffed = data.replace(b"\r\n.", b"\r\n..") if _DOT_LINE.search(data) else data
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    end = b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n"
    return stuffed + end
