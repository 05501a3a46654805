"""The application: with it in `INSTALLED_APPS` come the system check and the test email."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from passpost_django.checks import check_deployment, check_settings


class PasspostConfig(AppConfig):
    """Registers the system check; it has no models."""

    name = "passpost_django"
    verbose_name = "passpost"

    def ready(self) -> None:
        """Register the checks, which `manage.py check` runs."""
        checks.register(check_settings, "passpost")
        checks.register(check_deployment, "passpost", deploy=True)
