"""passpost for Django: the email backend, the system check, the test email, and sending from code.

::

    MAILERS = {"default": {"BACKEND": "passpost_django.EmailBackend", "OPTIONS": {"file": …}}}

    passpost_django.send("ada@example.com", "SignIn", {"code": code})

Importing it reads no settings and loads no connector: both wait for the first email.
"""

from __future__ import annotations

from passpost_django.backend import EmailBackend
from passpost_django.mailers import mailer
from passpost_django.sending import asend, send

__version__ = "0.1.0"

__all__ = ["EmailBackend", "__version__", "asend", "mailer", "send"]
