"""The steps of ``passpost init``: read, ask, check, show, write, and test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import attrs
import click

import passpost
from passpost import config
from passpost._config.jsonc import MARK
from passpost._host.application import configure_application
from passpost.phrases import Phrases, translated
from passpost_cli.exit_codes import ExitCode
from passpost_cli.extensions import uses_extensions
from passpost_cli.failures import Audience, complain_of
from passpost_cli.init import secrets
from passpost_cli.init.asking import Asker
from passpost_cli.init.interview import Answers, Given, Interview
from passpost_cli.init.writing import write
from passpost_cli.terminal import one_line, out
from passpost_tools import editing, saving
from passpost_tools.descriptions import may_be_application
from passpost_tools.setup import questions, writing
from passpost_tools.spans import Spans

_: Final = Phrases("passpost_cli")

_NARROWEST: Final = 40


class Setup:
    """One run of ``passpost init``.

    Args:
        path: The file to write.
        place: Its name for people.
        language: The reader's language, as a BCP 47 tag.
        defaults: Whether to take the defaults and ask nothing.
        describe: Returns the schema of settings in a language.
        send: Sends a test email.
    """

    def __init__(  # noqa: PLR0913 - what other commands do is given
        self,
        path: Path,
        place: str,
        language: str,
        *,
        defaults: bool,
        describe: Callable[[passpost.Host, str], Any],
        send: Callable[..., None],
    ) -> None:
        self._describe = describe
        self._send = send
        self._path = path
        self._place = place
        self._language = language
        self._asker = Asker(language, defaults=defaults)

    def run(self, given: Given, test_to: str | None) -> None:
        """Ask, write, and send a test email if somebody asks for one."""
        before = self._read()
        old = self._parsed(before)
        answers = Interview(_host({}), self._asker, given, old).run()
        text = self._text(before, old, answers)
        application = self._checked(text, answers)
        unchanged = before.exists and text == before.text
        if unchanged:
            self._say(_("{file}: nothing to change", file=self._place))
        else:
            self._show(before, text, answers)
            if not self._asker.confirm(_("Write it?")):
                self._say(_("nothing was written"))
                raise click.exceptions.Exit(ExitCode.REJECTED)
        self._write(before, text, answers)
        self._point_out(before, answers)
        self._test(answers, application, test_to)

    def _read(self) -> saving.Loaded:
        try:
            return saving.load(self._path)
        except OSError as error:
            reason: str = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = _("not valid UTF-8")
        raise self._asker.error(
            _("cannot read {file}: {reason}", file=self._place, reason=reason),
            _("choose another FILE"),
        )

    def _parsed(self, before: saving.Loaded) -> dict[str, Any]:
        """Return the settings that are there; empty if there are none.

        Raises:
            ConfigError: They cannot be read.
            CommandError: They are not an application's.
        """
        if not before.text.strip(f"{MARK} \t\r\n"):
            return {}
        config.read(before.text, self._place)
        old = Spans(before.text).value
        connectors = old.get("connectors", {} if may_be_application(old) else None)
        entries = connectors.values() if isinstance(connectors, dict) else [None]
        if not all(isinstance(one, dict) and _is_entry(one) for one in entries):
            raise self._asker.error(
                _("{file} contains other settings than an application's", file=self._place),
                _("choose another FILE, or find out more: passpost check FILE"),
            )
        return dict(old)

    def _text(self, before: saving.Loaded, old: dict[str, Any], answers: Answers) -> str:
        entry = {"use": answers.connector, "settings": answers.settings}
        if not old:
            whole: dict[str, Any] = {"connectors": {answers.name: entry}}
            if answers.templates is not None:
                whole["templates"] = answers.templates
            return writing.new_text(whole, answers.fields, self._language)
        text = before.text
        if answers.is_new:
            text = writing.with_entry(text, answers.name, entry, answers.fields)
        else:
            there = {**old["connectors"][answers.name], **entry}
            connectors = {**old["connectors"], answers.name: there}
            text = editing.rewrite(text, {**old, "connectors": connectors})
        if answers.templates is not None:
            text = writing.with_templates(text, answers.templates)
        return text

    def _checked(self, text: str, answers: Answers) -> passpost.Application | None:
        """Return the application; None while a reference leads nowhere.

        Raises:
            ConfigError: The settings are wrong.
        """
        trial = text
        for one in answers.kept:
            path = ("connectors", answers.name, "settings", *one.path)
            trial = writing.with_part(trial, path, _quoted(one.known))
        settings = config.read(trial, os.fspath(self._path))
        try:
            application = configure_application(settings, _host({}))
        except passpost.ConfigError as error:
            problems = error.problems
        else:
            self._warn(application.warnings, answers)
            return application
        if all(questions.is_unset(one) for one in problems if one.severity == "error"):
            self._warn(problems, answers)
            return None
        raise passpost.ConfigError(problems)

    def _warn(self, problems: Iterable[passpost.Problem], answers: Answers) -> None:
        # That a secret is missing is said once, with what to do about it.
        missing = {
            f"connectors.{answers.name}.settings.{'.'.join(one.path)}" for one in answers.kept
        }
        for problem in problems:
            if problem.path not in missing:
                warning = attrs.evolve(problem, severity="warning")
                complain_of(warning, Audience(self._place))

    def _show(self, before: saving.Loaded, text: str, answers: Answers) -> None:
        """Show what is going to change; of a new file, what it has."""
        if not before.text.strip():
            count = len(answers.templates or ())
            told = _(
                "{file}: the connector {connector}, {count} templates",
                file=self._place,
                connector=answers.connector,
                count=count,
            )
            self._say(told)
            return
        width = max(shutil.get_terminal_size().columns - 1, _NARROWEST)
        old, new = (self._masked(one).splitlines() for one in (before.text, text))
        for line in unified_diff(old, new, self._place, self._place, n=2, lineterm=""):
            out(_colored(line, width))

    def _masked(self, text: str) -> str:
        data = Spans(text).value
        host, paths = _host({}), []
        for name, entry in data.get("connectors", {}).items():
            try:
                fields = questions.fields_of(host.info(entry["use"]), self._language)
            except passpost.PluginError:
                fields = ()
            inside = questions.secret_paths(fields, entry["settings"])
            paths += [("connectors", name, "settings", *path) for path in inside]
        return writing.masked(text, paths)

    def _write(self, before: saving.Loaded, text: str, answers: Answers) -> None:
        folder = self._path.parent
        schema = None if before.text.strip() else folder / Path(writing.SCHEMA).name
        try:
            private = secrets.files(answers.kept, folder)
            write(before, text, private, schema, lambda: self._describe(_host({}), self._language))
        except saving.ChangedMeanwhile:
            raise self._asker.error(
                _("{file} was changed meanwhile", file=self._place), _("start again")
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
        else:
            return
        raise self._asker.error(
            _("cannot write {file}: {reason}", file=self._place, reason=reason),
            _("choose another FILE"),
        )

    def _point_out(self, before: saving.Loaded, answers: Answers) -> None:
        self._say(_("{file}: settings are valid", file=self._place))
        folder = self._path.parent
        for path in secrets.files(answers.kept, folder):
            self._say(_("{file} contains secrets: keep it out of version control", file=str(path)))
        if any(_is_moved(one, before.text) for one in answers.kept):
            backup = f"{self._place}{saving.BACKUP}"
            self._say(_("{file} still contains the secret: delete it once all works", file=backup))
        for one in answers.kept:
            if one.place == secrets.FILE and one.value is None:
                self._say(_("Write the secret into {file}.", file=str(folder / one.file)))
            elif one.place == secrets.ENV_FILE and not secrets.is_set(one, folder):
                self._say(
                    _(
                        "Write `{name}` into {file}.",
                        name=one.variable,
                        file=str(folder / secrets.ENV_NAME),
                    )
                )
        commands = secrets.how_to_set(answers.kept, folder)
        if commands:
            self._say(_("Before you use the settings, set the secrets in your shell:"))
        for command in commands:
            out(f"  {one_line(command)}")

    def _test(
        self, answers: Answers, application: passpost.Application | None, to: str | None
    ) -> None:
        ready = application is not None and not any(
            one.placeholders for one in application.connectors
        )
        if to is None and ready and self._asker.asks:
            self._asker.say(_("A test email says that it is one, and its code is not valid."))
            to = self._asker.ask(
                _("Send a test email to (Enter: no)"), str, option=None, default=""
            )
        if to:
            # With the secrets that are not in this process's environment yet.
            values = {one.variable: one.known for one in answers.kept}
            settings = config.read(self._path.read_text("utf-8"), os.fspath(self._path))
            written = configure_application(settings, _host(values))
            self._send(written, to)
            return
        self._say(_("To send a test email later:"))
        out(f"  passpost send {_shell(self._path)} --test --to you@example.com")

    def _say(self, text: str) -> None:
        out(one_line(translated(text, self._language)))


def _is_moved(one: secrets.Kept, before: str) -> bool:
    """Return whether a secret was in the settings before, and is no longer."""
    return one.value is not None and one.place != secrets.SETTINGS and _quoted(one.value) in before


def _is_entry(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("use"), str) and isinstance(entry.get("settings"), dict)


def _host(values: Mapping[str, str]) -> passpost.Host:
    """Return a host that also knows the secrets that were just said."""
    installed = None if uses_extensions() else ()
    return passpost.Host(installed_extensions=installed, environ={**os.environ, **values})


def _colored(line: str, width: int) -> str:
    """Return a line of a comparison, cut to the width of the terminal."""
    mark, content = line[:1], line[1:]
    indent = " " * (len(content) - len(content.lstrip()))
    shown = f"{mark}{indent}{one_line(content)}"
    cut = shown if len(shown) <= width else f"{shown[: width - 1]}…"
    return click.style(cut, fg={"+": "green", "-": "red"}.get(mark))


def _quoted(text: str) -> str:
    import json  # noqa: PLC0415 - few settings have secrets

    return json.dumps(text)


def _shell(path: Path) -> str:
    import shlex  # noqa: PLC0415 - once

    return shlex.quote(os.fspath(path))
