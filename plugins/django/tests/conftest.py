"""A Django project of one module, which sends to a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.test import override_settings

from pytest_passpost import SmtpServer

HAS_MAILERS = django.VERSION >= (6, 1)
"""Whether Django has `MAILERS`; the older setting has the same meaning for most tests."""

BACKEND = "passpost_django.EmailBackend"
SENDER = "no-reply@example.com"
BOTH = "{{#code}}{{code}}{{/code}}{{#link}}{{link}}{{/link}}"
TEMPLATES = [
    {"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"},
    {"usageType": "SignIn", "locale": "zh-CN", "subject": "您的验证码", "content": "{{code}}"},
    {"usageType": "Register", "subject": "Welcome", "content": BOTH},
    {"usageType": "ForgotPassword", "subject": "New password", "content": BOTH},
    {"usageType": "Generic", "subject": "Hello", "content": "{{code}}"},
]

if not settings.configured:
    email: dict[str, Any] = {"EMAIL_BACKEND": BACKEND}
    if HAS_MAILERS:
        email = {"MAILERS": {"default": {"BACKEND": BACKEND}}}
    settings.configure(
        **email,
        SECRET_KEY="only for tests, and of no use elsewhere",
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "passpost_django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        USE_TZ=True,
        ACCOUNT_ADAPTER="passpost_django.allauth.AccountAdapter",
        ACCOUNT_LOGIN_METHODS={"email"},
        ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        ACCOUNT_LOGIN_BY_CODE_ENABLED=True,
        ACCOUNT_EMAIL_VERIFICATION="mandatory",
        ACCOUNT_RATE_LIMITS=False,
        PASSPOST_BASE_URL="https://www.example.com",
    )
    django.setup()


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


WriteFile = Callable[..., Path]


@pytest.fixture
def write(server: SmtpServer, tmp_path: Path) -> WriteFile:
    """Write the settings of an application that sends to the server."""

    def write(name: str = "passpost.jsonc", /, **parts: Any) -> Path:
        smtp = {
            "host": server.host, "port": server.port, "ignoreTLS": True, "fromEmail": SENDER,
            **parts.pop("smtp", {}),
        }  # fmt: skip
        document = {
            "connectors": {"primary": {"use": "smtp", "settings": smtp}},
            "templates": TEMPLATES,
            **parts,
        }
        path = tmp_path / name
        path.write_text(json.dumps(document), "utf-8")
        path.chmod(0o600)
        return path

    return write


@pytest.fixture
def file(write: WriteFile) -> Iterator[Path]:
    """The application's settings file, which Django's settings name."""
    path = write()
    with override_settings(PASSPOST_FILE=path):
        yield path
