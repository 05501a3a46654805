"""Builds the mails of the ``smtp`` connector: the bytes that go on the wire, cheap for each mail.

The standard ``email`` package is not used to send: it takes 0.5 to 1.5 ms for each mail, several
times what sending costs. What is built here parses to the same as what the standard package builds.
"""

from passpost_smtp.mime.builder import BuiltMail, MailBuilder
from passpost_smtp.mime.dots import dot_stuffed

__all__ = ["BuiltMail", "MailBuilder", "dot_stuffed"]
