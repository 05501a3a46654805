"""The system check: what `passpost check` says of the settings file, and what Django adds to it.

Nothing connects to a provider. No secret is shown, as in all problems of passpost.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

import passpost
from passpost.phrases import said
from passpost_django.backend import EmailBackend
from passpost_django.languages import _, say
from passpost_django.mailers import DEFAULT, settings_file
from passpost_django.rendered import is_sender, senders_of

_SEVERAL: Final = 2


def check_settings(app_configs: Any = None, **options: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with the settings files, with the codes of `passpost explain`."""
    del app_configs, options
    found = [*_check_files_are_set(), *_check_allauth()]
    for file in _files():
        found += _check_file(file)
    if _sends_for_django():
        found += _check_people()
    return _in_active_language(found)


def check_deployment(app_configs: Any = None, **options: Any) -> list[checks.CheckMessage]:
    """Return what would be wrong in production: `manage.py check --deploy`."""
    del app_configs, options
    return _in_active_language(problem for file in _files() for problem in _check_deployed(file))


def _in_active_language(found: Iterable[checks.CheckMessage]) -> list[checks.CheckMessage]:
    """Return what is wrong in the language of the application's operator: ``LANGUAGE_CODE``."""
    messages = list(found)
    for one in messages:
        one.msg, one.hint = say(one.msg), say(one.hint)
    return messages


def _aliases() -> list[str]:
    """Return the aliases that send through passpost, or the one that code uses."""
    mailers = getattr(settings, "MAILERS", {})
    ours = [alias for alias, entry in mailers.items() if _is_ours(entry.get("BACKEND"))]
    return ours or [DEFAULT]


def _files() -> list[str]:
    """Return the settings files, each once."""
    files = {}
    # Code may use the default alias, whatever Django sends through.
    for alias in (DEFAULT, *_aliases()):
        with suppress(ImproperlyConfigured):
            files[os.fspath(settings_file(alias))] = alias
    return list(files)


def _check_files_are_set() -> Iterator[checks.CheckMessage]:
    for alias in _aliases():
        try:
            settings_file(alias)
        except ImproperlyConfigured as error:
            example = 'PASSPOST_FILE = BASE_DIR / "passpost.jsonc"'
            yield checks.Error(said(error), hint=example, id="passpost_django.E001")


def _sends_for_django() -> bool:
    """Return whether Django's own emails go through passpost."""
    if hasattr(settings, "MAILERS"):
        return _is_ours(settings.MAILERS.get(DEFAULT, {}).get("BACKEND"))
    return _is_ours(settings.EMAIL_BACKEND)


def _is_ours(path: str | None) -> bool:
    # Django reports a backend that cannot be imported when it is used.
    with suppress(ImportError, TypeError):
        return issubclass(import_string(path), EmailBackend)
    return False


def _check_file(file: str) -> Iterator[checks.CheckMessage]:
    try:
        application = passpost.load(file)
    except passpost.ConfigError as error:
        problems = error.problems
    except passpost.PluginError as error:
        yield checks.Error(said(error), obj=file, id="passpost_django.E002")
        return
    else:
        problems = application.warnings
        yield from _check_sender(application, file)
    for problem in problems:
        yield _message(problem)


def _message(problem: passpost.Problem) -> checks.CheckMessage:
    kind = checks.Error if problem.severity == "error" else checks.Warning
    shown = passpost.Problem(problem.path, say(problem.message), say(problem.remedy))
    # The text of a problem is safe to show, whatever the names in the file were chosen for.
    line, _help, remedy = str(shown).partition("\n  help: ")
    text = line.removeprefix(f"{shown.place}: {shown.severity}: ")
    code = f"passpost.{problem.code}" if problem.code else None
    return kind(text, hint=remedy or None, obj=problem.place, id=code)


def _check_sender(application: passpost.Application, file: str) -> Iterator[checks.CheckMessage]:
    """Warn where Django's default sender is set, and is not the one of the settings file."""
    if not (settings.is_overridden("DEFAULT_FROM_EMAIL") and _sends_for_django()):
        return
    try:
        same = is_sender(settings.DEFAULT_FROM_EMAIL, senders_of(application.connectors))
    except passpost.MessageError:
        same = False
    if not same:
        yield checks.Warning(
            _("emails are sent from the sender in this file, not from DEFAULT_FROM_EMAIL"),
            hint=_("Set both to the same address, or remove DEFAULT_FROM_EMAIL."),
            obj=file,
            id="passpost_django.W001",
        )


def _check_people() -> Iterator[checks.CheckMessage]:
    """Warn where Django would write one email to several people, which passpost rejects."""
    for name in ("ADMINS", "MANAGERS"):
        if len(getattr(settings, name)) >= _SEVERAL:
            yield checks.Warning(
                _(
                    "{name} has several addresses, and the email backend rejects emails to several",
                    name=name,
                ),
                hint=_("Use the address of a list, or send these emails through another backend."),
                obj=f"settings.{name}",
                id="passpost_django.W002",
            )


def _check_allauth() -> Iterator[checks.CheckMessage]:
    """Report an adapter for allauth that has no address for its links."""
    path = getattr(settings, "ACCOUNT_ADAPTER", None)
    if path is None or not apps.is_installed("allauth.account"):
        return
    from passpost_django.allauth import AccountAdapter, base_url  # noqa: PLC0415 - needs an extra

    # allauth reports an adapter that cannot be imported.
    with suppress(ImportError, TypeError):
        adapter = import_string(path)
        if issubclass(adapter, AccountAdapter) and adapter.base_url is AccountAdapter.base_url:
            try:
                base_url()
            except ImproperlyConfigured as error:
                example = 'PASSPOST_BASE_URL = "https://www.example.com"'
                yield checks.Error(said(error), hint=example, id="passpost_django.E003")


def _check_deployed(file: str) -> Iterator[checks.CheckMessage]:
    with suppress(OSError):
        if os.stat(file).st_mode & stat.S_IROTH:  # noqa: PTH116 - a text or a path
            yield checks.Warning(
                _("every user of this machine can read the settings file"),
                hint=_("Run `chmod o-r` on it."),
                obj=file,
                id="passpost_django.W003",
            )
    # What is wrong with the file is told by the other check.
    with suppress(passpost.PasspostError):
        for connector in passpost.load(file).connectors:
            if connector.placeholders:
                yield checks.Error(
                    _(
                        "the settings of {name} are a draft, and no email is sent with them",
                        name=connector.name,
                    ),
                    hint=_("Replace the placeholders in angle brackets."),
                    obj=file,
                    id="passpost_django.E004",
                )
