"""The questions of ``passpost init``, one after the other, and the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

import passpost
from passpost._plugins.discovery import FIRST_PARTY
from passpost._text import quoted
from passpost.phrases import Phrases
from passpost_cli.arguments import is_name
from passpost_cli.guides import choose
from passpost_cli.init import secrets
from passpost_cli.init.asking import Asker, Choice, Invalid, chosen
from passpost_cli.init.form import Form, Settings
from passpost_tools.descriptions import FormField
from passpost_tools.setup import questions as setup
from passpost_tools.texts import in_language

_: Final = Phrases("passpost_cli")

_PRIMARY: Final = "primary"
_KEEP: Final = "keep"
_DEFAULT_CONNECTOR: Final = "smtp"


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
        form = Form(self._host, self._asker, self._given.assignments, connector, fields, before)
        settings = form.given(settings)
        settings = form.asked(settings)
        settings = form.more(settings)
        kept = self._kept(form, settings, connector if name == _PRIMARY else name)
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

    def _kept(self, form: Form, settings: Settings, prefix: str) -> list[secrets.Kept]:
        """Return where to keep each secret that is not in the settings yet."""
        paths = [*form.secrets_to_ask(settings, anew=self._given.secrets is not None)]
        if not paths:
            return []
        place = self._place()
        return [
            form.secret(settings, path, secrets.variable(prefix, path), place) for path in paths
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
                raise self._asker.invalid("--templates", error) from None
        elif elsewhere or (there and not self._asker.asks):
            return None
        else:
            self._asker.say(_("There are ready-made templates in: {tags}", tags=tuple(known)))
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
    what = quoted(given) if is_name(given) else "…"
    names = tuple(known)
    raise asker.error(
        _("{option}: unknown: {what}", option=option, what=what),
        _("use one of {names}; or install {packages}", names=names, packages=tuple(packages))
        if packages
        else _("use one of {names}", names=names),
    )
