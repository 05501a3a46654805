"""The questions of ``passpost init``, one after the other, and the answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

import passpost
from passpost import config
from passpost._connector_info import in_language
from passpost._plugins.discovery import FIRST_PARTY
from passpost.phrases import Phrases
from passpost_cli.arguments import is_name
from passpost_cli.failures import CommandError
from passpost_cli.guides import choose
from passpost_cli.init import secrets
from passpost_cli.init.asking import Asker, Choice, Invalid, chosen
from passpost_tools.descriptions import FormField
from passpost_tools.setup import questions as setup

_: Final = Phrases("passpost_cli")

_PRIMARY: Final = "primary"
_KEEP: Final = "keep"
_DEFAULT_CONNECTOR: Final = "smtp"
_ALL: Final = "?"

Settings = dict[str, Any]


@attrs.frozen(kw_only=True)
class Given:
    """What the command line answers.

    Attributes:
        connector: The connector's ID.
        preset: The preset's ID.
        name: The name of the connector in the settings.
        assignments: Settings by path, as text.
        secrets: Where secrets are kept.
        templates: The languages of ready-made templates.
    """

    connector: str | None
    preset: str | None
    name: str | None
    assignments: Mapping[setup.Path, str]
    secrets: str | None
    templates: str | None


@attrs.frozen(kw_only=True)
class Answers:
    """What to write.

    Attributes:
        name: The name of the connector in the settings.
        connector: The connector's ID.
        fields: The form of its settings.
        settings: Its settings, with references in place of secrets.
        is_new: Whether it replaces another connector, or none was there.
        kept: The secrets that were asked for.
        templates: The ready-made templates; None leaves those of the file.
    """

    name: str
    connector: str
    fields: tuple[FormField, ...]
    settings: Settings
    is_new: bool
    kept: list[secrets.Kept]
    templates: list[dict[str, str]] | None


class Interview:
    """Asks for one connector's settings.

    Args:
        host: Where connectors are looked up.
        asker: Who asks.
        given: What need not be asked.
        old: The file's settings; empty if there is no file.
    """

    def __init__(self, host: passpost.Host, asker: Asker, given: Given, old: Settings) -> None:
        self._host = host
        self._asker = asker
        self._given = given
        self._old = old

    def run(self) -> Answers:
        """Ask everything.

        Raises:
            CommandError: An option is invalid, or one is missing and nobody can be asked.
        """
        name = self._given.name or next(iter(self._old.get("connectors", {})), _PRIMARY)
        there = setup.value_at(self._old, ("connectors", name)) or {}
        connector = self._connector(there.get("use"))
        info = self._host.info(connector)
        fields = setup.fields_of(info, self._asker.language)
        before = there.get("settings", {}) if there.get("use") == connector else {}
        settings = self._preset(info, before)
        part = _Part(self._host, self._asker, self._given, connector, fields, before)
        settings = part.given(settings)
        settings = part.asked(settings)
        settings = part.more(settings)
        kept = self._kept(part, settings, connector if name == _PRIMARY else name)
        templates = self._templates(info)
        self._asker.require_all()
        for one in kept:
            settings = setup.with_value(settings, one.path, one.written)
        return Answers(
            name=name,
            connector=connector,
            fields=fields,
            settings=settings,
            is_new=there.get("use") != connector,
            kept=kept,
            templates=templates,
        )

    def _connector(self, present: str | None) -> str:
        choices = tuple(self._choices())
        known = [choice.id for choice in choices]
        if not known:
            raise self._asker.error(
                _("no connectors are installed"), _("for example: pip install passpost-smtp")
            )
        if self._given.connector is not None:
            return _one_of(
                self._asker, "--connector", self._given.connector, known, _to_install(known)
            )
        if not self._asker.asks and present in known:
            return str(present)
        usual = _DEFAULT_CONNECTOR if _DEFAULT_CONNECTOR in known else known[0]
        self._asker.say(_("Connectors send emails, each through one provider."))
        for package in _to_install(known):
            self._asker.say(_("Not installed: {package}", package=f"pip install {package}"))
        answer = self._asker.choose(
            _("Which connector sends your emails?"),
            choices,
            option="--connector ID",
            default=present if present in known else usual,
        )
        self._asker.require_all()
        return str(answer)

    def _choices(self) -> Iterator[Choice]:
        for installed in self._host.installed():
            try:
                info = self._host.info(installed.id)
            except passpost.PluginError:
                # It cannot be used; `passpost connectors` says why.
                continue
            yield Choice(installed.id, in_language(info.description, self._asker.language))

    def _preset(self, info: passpost.ConnectorInfo, before: Settings) -> Settings:
        """Return the settings to start from: those of a preset, or those that are there."""
        known = {preset.id: preset for preset in info.presets}
        wanted = self._given.preset
        if wanted is not None:
            wanted = _one_of(self._asker, "--preset", wanted, [*known])
        elif before and not self._asker.asks:
            return before
        elif known:
            wanted = self._chosen_preset(info, before)
        if wanted is None or wanted == _KEEP:
            return before
        own = {k: v for k, v in known[wanted].settings.items() if k != setup.TEMPLATES}
        return {**before, **own}

    def _chosen_preset(self, info: passpost.ConnectorInfo, before: Settings) -> str | None:
        language = self._asker.language
        choices = [Choice(preset.id, in_language(preset.name, language)) for preset in info.presets]
        if before:
            choices.insert(0, Choice(_KEEP, str(_("the settings in the file"))))
        only = choices[0].id if before or len(choices) == 1 else None
        answer = self._asker.choose(
            _("Which provider, or which of its regions?"),
            choices,
            option="--preset ID",
            default=only,
        )
        self._asker.require_all()
        return answer

    def _kept(self, part: _Part, settings: Settings, prefix: str) -> list[secrets.Kept]:
        """Return where to keep each secret that is not in the settings yet."""
        paths = [*part.secrets_to_ask(settings, anew=self._given.secrets is not None)]
        if not paths:
            return []
        place = self._place()
        return [
            part.secret(settings, path, secrets.variable(prefix, path), place) for path in paths
        ]

    def _place(self) -> str:
        places = [choice.id for choice in secrets.PLACES]
        if self._given.secrets is not None:
            return _one_of(
                self._asker, "--secrets", self._given.secrets, [*places, secrets.SETTINGS]
            )
        answer = self._asker.choose(
            _("Where should secrets be kept? They are not written into the settings."),
            [
                attrs.evolve(one, text=_say(one.text, self._asker.language))
                for one in secrets.PLACES
            ],
            option="--secrets WHERE",
            default=secrets.ENVIRONMENT,
        )
        return answer or secrets.ENVIRONMENT

    def _templates(self, info: passpost.ConnectorInfo) -> list[dict[str, str]] | None:
        import passpost_templates  # noqa: PLC0415 - reads entry points

        known = passpost_templates.languages()
        there = self._old.get("templates")
        elsewhere = passpost.Capability.PROVIDER_TEMPLATES in info.capabilities

        def read(text: str) -> tuple[str, ...]:
            if text == _KEEP and there:
                return ()
            return tuple(chosen(tag, known) for tag in text.replace(",", " ").split())

        if self._given.templates is not None:
            try:
                tags = read(self._given.templates)
            except Invalid as error:
                raise _invalid(self._asker, "--templates", error) from None
        elif elsewhere or (there and not self._asker.asks):
            return None
        else:
            self._asker.say(_("There are ready-made templates in: {tags}", tags=", ".join(known)))
            default = _KEEP if there else choose(known, self._asker.language) or "en"
            tags = (
                self._asker.ask(
                    _("Languages of the emails, the most general one first"),
                    read,
                    option="--templates TAGS",
                    default=default,
                )
                or ()
            )
        return passpost_templates.templates(*tags) if tags else None


class _Part:
    """The settings of one connector, answer by answer."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the answers are checked with
        self,
        host: passpost.Host,
        asker: Asker,
        given: Given,
        connector: str,
        fields: Sequence[FormField],
        before: Settings,
    ) -> None:
        self._host = host
        self._asker = asker
        self._given = given
        self._connector = connector
        self._fields = fields
        self._before = before
        # What has replaced a placeholder: the same text may replace it elsewhere.
        self._same: dict[str, str] = {}

    def given(self, settings: Settings) -> Settings:
        """Return the settings with those of the command line."""
        for path, text in self._given.assignments.items():
            question = setup.Question(path, setup.field_at(self._fields, path))
            if question.secret and text and not setup.is_reference(text):
                raise self._asker.error(
                    _("--set {name}: others can see a command line", name=question.name),
                    _("set it to a reference: '${NAME}' or '${file:/path}'"),
                )
            replaced = setup.value_at(settings, path)
            if isinstance(replaced, str):
                self._same[replaced] = text
            try:
                settings = self._answered(settings, question, text)
            except Invalid as error:
                raise _invalid(self._asker, f"--set {question.name}", error) from None
        return settings

    def asked(self, settings: Settings) -> Settings:
        """Return the settings with an answer for each that is open."""
        for question in setup.questions(self._fields, settings):
            if question.secret or question.path in self._given.assignments:
                continue
            # Something before it was left out as a whole.
            if question.value is not None and setup.value_at(settings, question.path) is None:
                continue
            if not self._is_open(question):
                continue
            answer = self._ask(settings, question, self._default(question))
            if answer is None:
                continue
            settings, text = answer
            if question.placeholder:
                self._same[question.placeholder] = text
        return settings

    def _is_open(self, question: setup.Question) -> bool:
        if question.value is None or question.placeholder:
            return True
        # What is in the file may be answered again, unless the preset has just said it.
        present = setup.value_at(self._before, question.path)
        return self._asker.asks and present == question.value and bool(self._before)

    def _default(self, question: setup.Question) -> str | None:
        present = setup.value_at(self._before, question.path)
        if present is None and question.placeholder is None:
            present = question.value
        if present is None or (isinstance(present, str) and config.is_placeholder(present)):
            present = self._same.get(question.placeholder or "")
        if present is None:
            return None if question.required else ""
        return present if isinstance(present, str) else _as_text(present)

    def _ask(
        self, settings: Settings, question: setup.Question, default: str | None
    ) -> tuple[Settings, str] | None:
        field = question.field
        if field is not None and field.description:
            self._asker.say(field.description)
        if field is not None and field.choices:
            values = ", ".join(str(one) for one in field.choices)
            self._asker.say(_("One of: {values}", values=values))
        title = field.title if field is not None else question.path[-1]
        example = question.placeholder or (field.example if field is not None else None)
        if example is not None and default is None:
            prompt: str = _("{title}, such as {example}", title=title, example=str(example))
        elif default == "":
            prompt = _("{title} (Enter: leave it out)", title=title)
        else:
            prompt = title
        return self._asker.ask(
            prompt,
            lambda text: (self._answered(settings, question, text), text),
            option=f"--set {question.name}=…",
            default=default,
        )

    def _answered(self, settings: Settings, question: setup.Question, text: str) -> Settings:
        """Return the settings with an answer, which the connector's own parser accepts."""
        path = question.path
        value = setup.value_of(text, question.field) if text else None
        # One member of an optional object is of no use without the others.
        if value is None and len(path) > 1 and not question.required:
            path = path[:1]
        after = setup.with_value(settings, path, value)
        found = setup.new_problems(self._host, self._connector, settings, after)
        if found:
            raise Invalid(found[0].message, found[0].remedy)
        if isinstance(value, str) and config.is_placeholder(value):
            raise Invalid(_("still a placeholder"), _("write the value itself"))
        return after

    def more(self, settings: Settings) -> Settings:
        """Return the settings with others that a person thinks of."""
        if not self._asker.asks:
            return settings
        self._asker.say(_("More settings, such as replyTo=help@example.com; ? lists them."))
        latest: Settings | None = settings
        while latest is not None:
            settings = latest
            latest = self._asker.ask(
                _("NAME=VALUE (Enter: go on)"),
                partial(self._assigned, settings),
                option=None,
                default="",
            )
        return settings

    def _assigned(self, settings: Settings, text: str) -> Settings | None:
        if not text:
            return None
        if text == _ALL:
            self._list(self._fields, "")
            return settings
        name, equals, value = text.partition("=")
        path = tuple(name.strip().split("."))
        if not equals or not all(path):
            raise Invalid(_("not NAME=VALUE"), _("write for example port=587"))
        question = setup.Question(path, setup.field_at(self._fields, path))
        if question.secret and value and not setup.is_reference(value.strip()):
            raise Invalid(
                _("`{name}` is a secret", name=question.name),
                _("set it to a reference: '${NAME}' or '${file:/path}'"),
            )
        return self._answered(settings, question, value.strip())

    def _list(self, fields: Sequence[FormField], parent: str) -> None:
        for field in fields:
            if field.key == setup.TEMPLATES:
                continue
            name = f"{parent}{field.key}"
            inner = setup.inner_fields(field)
            if inner:
                self._list(inner, f"{name}.")
            else:
                self._asker.say(f"  {name}: {field.description}")

    def secrets_to_ask(self, settings: Settings, *, anew: bool) -> Iterator[setup.Path]:
        """Yield the paths of secrets without a value, or of all that are not references."""
        there = setup.questions(self._fields, settings)
        for question in there:
            if not question.secret or question.path in self._given.assignments:
                continue
            # With the object that it was in, it may have been left out.
            value = setup.value_at(settings, question.path)
            if question.value is not None and value is None:
                continue
            if question.value is None or question.placeholder or anew:
                yield question.path

    def secret(
        self, settings: Settings, path: setup.Path, variable: str, place: str
    ) -> secrets.Kept:
        """Ask for one secret, which is not shown."""
        field = setup.field_at(self._fields, path)
        present = setup.value_at(settings, path)
        own = present if isinstance(present, str) and not setup.is_reference(present) else None
        is_open = own is None or config.is_placeholder(own)
        value = None if is_open else own
        placeholder = own if own and is_open else "<your-password>"
        value = value or os.environ.get(variable) or None
        if value is None and self._asker.asks:
            title = field.title if field is not None else path[-1]
            question = setup.Question(path, field)

            def read(text: str) -> str:
                if text:
                    self._answered(settings, question, text)
                return text

            if field is not None and field.description:
                self._asker.say(field.description)
            value = self._asker.ask(
                _("{title} (hidden; Enter: set it later)", title=title),
                read,
                option=None,
                default="",
                hidden=True,
            )
        return secrets.Kept(path, variable, place, value or None, placeholder)


def _as_text(value: Any) -> str:
    import json  # noqa: PLC0415 - only settings of a file are shown

    return json.dumps(value)


def _say(text: str, language: str) -> str:
    from passpost.phrases import translated  # noqa: PLC0415 - choices are few

    return str(translated(text, language))


def _to_install(known: Sequence[str]) -> list[str]:
    """Return the packages of this project's connectors that are not installed."""
    return [package for id_, package in FIRST_PARTY.items() if id_ not in known]


def _one_of(
    asker: Asker, option: str, given: str, known: Sequence[str], packages: Sequence[str] = ()
) -> str:
    if given in known:
        return given
    # What was typed may be a secret by mistake.
    what = repr(given) if is_name(given) else "…"
    names = ", ".join(known)
    raise asker.error(
        _("{option}: unknown: {what}", option=option, what=what),
        _("use one of {names}; or install {packages}", names=names, packages=", ".join(packages))
        if packages
        else _("use one of {names}", names=names),
    )


def _invalid(asker: Asker, option: str, error: Invalid) -> CommandError:
    message = _("{option}: {problem}", option=option, problem=error.message)
    return asker.error(message, error.remedy)
