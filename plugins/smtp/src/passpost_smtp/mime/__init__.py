"""Builds the emails of the ``smtp`` connector: the bytes that go on the wire, cheap for each email.

The standard ``email`` package is not used to send: it takes 0.5 to 1.5 ms for each email, several
times what sending costs. What is built here parses to the same as what the standard package builds.
"""

from passpost_smtp.mime.builder import BuiltMail, MailBuilder, dot_stuff

__all__ = ["BuiltMail", "MailBuilder", "dot_stuff"]
