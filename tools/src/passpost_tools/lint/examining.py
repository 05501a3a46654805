"""One look at a settings file: everything that is wrong with it, or probably is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

import passpost
from passpost import config
from passpost._problems import in_order
from passpost.config import Problem, Settings
from passpost_tools.configuring import configured
from passpost_tools.lint.comments import hide, ignores_in
from passpost_tools.lint.drafts import HTML, PLAIN, Draft, drafts_of
from passpost_tools.lint.rules import problems_of
from passpost_tools.lint.settings import LintSettings, read_settings
from passpost_tools.lint.wholes import problems_of_senders, problems_of_set

_LIST: Final = "templates"

Configure = Callable[[Settings, "str | None", passpost.Host], passpost.Application]
"""Makes an application of settings and perhaps the ID of the only connector."""


@attrs.frozen
class Examined:
    """What a look at a settings file found.

    Attributes:
        problems: Everything that is to be shown: errors, then warnings, in the order of the file.
        application: What the file says; None if it cannot be used.
        text: The text of the file; empty if it is not text.
        classes: The config classes of the connectors that the file uses.
    """

    problems: tuple[Problem, ...]
    application: passpost.Application | None = None
    text: str = attrs.field(default="", repr=False)
    classes: tuple[type[Any], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.severity == "error" for problem in self.problems)


def lint(
    settings: str | bytes | Mapping[str, Any],
    *,
    connector: str | None = None,
    host: passpost.Host | None = None,
    file: str | None = None,
) -> list[Problem]:
    """Return what is wrong with settings, and what is probably a mistake in them.

    Args:
        settings: The text of a settings file, or what `passpost.config.read` makes of it.
        connector: The connector, if these are one connector's own settings.
        host: Where connectors are looked up; a new `passpost.Host` by default.
        file: The file's name, for problems.

    Raises:
        PluginError: A connector is unknown or broken.
    """
    return [*examine(settings, connector=connector, host=host, file=file).problems]


def examine(
    settings: str | bytes | Mapping[str, Any],
    *,
    connector: str | None = None,
    host: passpost.Host | None = None,
    file: str | None = None,
    configure: Configure = configured,
) -> Examined:
    """Do what `lint` does, and return what the file says as well.

    Args:
        settings: As for `lint`.
        connector: Likewise.
        host: Likewise.
        file: Likewise.
        configure: What makes an application of settings.

    Raises:
        PluginError: A connector is unknown or broken.
    """
    host = host or passpost.Host()
    if isinstance(settings, str | bytes):
        try:
            read = config.read(settings, file)
        except passpost.ConfigError as error:
            return Examined(_ordered(error.problems), None, _decoded(settings))
    else:
        read = Settings.of(settings)
    application, found = _configured(lambda: configure(read, connector, host))
    resolved, _unresolved = host.resolve(read)
    used = _used(resolved, connector)
    classes = {path: kind for path, use in used.items() if (kind := _class_of(use, host))}
    lint_settings, wrong = read_settings(read, set(used.values()))
    found += [*wrong, *_rules(resolved, used, classes, lint_settings)]
    text = read.text or ""
    shown = hide(in_order(found), ignores_in(text) if text else (), set(used.values()), read.file)
    problems = _ordered(_leveled(shown, lint_settings))
    return Examined(problems, application, text, tuple(dict.fromkeys(classes.values())))


def _decoded(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _configured(
    configure: Callable[[], passpost.Application],
) -> tuple[passpost.Application | None, list[Problem]]:
    try:
        application = configure()
    except passpost.ConfigError as error:
        return None, [*error.problems]
    return application, [*application.warnings]


def _used(settings: Settings, connector: str | None) -> dict[tuple[str, ...], str]:
    """Return the IDs of the connectors by the path of their settings."""
    entries = settings.get("connectors")
    if not isinstance(entries, Mapping):
        return {(): connector} if connector else {}
    return {
        ("connectors", str(name), "settings"): str(entry["use"])
        for name, entry in entries.items()
        if isinstance(entry, Mapping) and "use" in entry
    }


def _rules(
    settings: Settings,
    used: Mapping[tuple[str, ...], str],
    classes: Mapping[tuple[str, ...], type[Any]],
    read: LintSettings,
) -> Iterator[Problem]:
    kinds = {path: _content_type(classes.get(path)) for path in used}
    if () not in used:
        html = bool(kinds) and all(kind == HTML for kind in kinds.values())
        yield from _of_list(drafts_of(settings, (_LIST,), HTML if html else PLAIN), read)
    for path, kind in kinds.items():
        drafts = drafts_of(settings, (*path, _LIST), kind)
        yield from _of_list(drafts, read)
        yield from problems_of_senders(settings, path, drafts)


def _of_list(drafts: Sequence[Draft], read: LintSettings) -> Iterator[Problem]:
    for draft in drafts:
        yield from problems_of(draft, read.variables)
    yield from problems_of_set(drafts)


def _content_type(config_class: type[Any] | None) -> str:
    """Return what a connector's templates are where they do not say."""
    return str(getattr(config_class, "default_content_type", PLAIN))


def _class_of(connector: str, host: passpost.Host) -> type[Any] | None:
    try:
        config_class = host.info(connector).config_class
    except passpost.PluginError:
        # A problem of its own.
        return None
    return config_class if attrs.has(config_class) else None


def _ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return errors before warnings: what is only probably wrong may follow from them."""
    return tuple(sorted(in_order(problems), key=lambda problem: problem.severity))


def _leveled(problems: Iterable[Problem], read: LintSettings) -> Iterator[Problem]:
    for problem in problems:
        level = read.rules.get(problem.code or "", problem.severity)
        if problem.severity == "error":
            yield problem
        elif level != "off":
            yield attrs.evolve(problem, severity=level)
