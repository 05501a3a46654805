"""The form that a message takes after ``DATA`` (RFC 5321 section 4.5.2)."""

from __future__ import annotations


def dot_stuffed(data: bytes) -> bytes:
    r"""Double each dot that starts a line, and add the line with one dot that ends the message.

    Args:
        data: A message with CRLF line ends only, as `MailBuilder.build` gives it: a bare LF before
            a dot would be the start of a line to some servers and not to others.

    Returns:
        What follows the reply 354, up to and including ``.\r\n``.
    """
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    end = b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n"
    return stuffed + end
