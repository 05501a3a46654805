"""The questions for the settings of one connector."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import passpost
from passpost import config
from passpost.phrases import Phrases
from passpost_cli.init import secrets
from passpost_cli.init.asking import Asker, Invalid
from passpost_tools.descriptions import FormField
from passpost_tools.setup import questions as setup

_: Final = Phrases("passpost_cli")

_ALL: Final = "?"

Settings = dict[str, Any]


class Form:
    """The settings of one connector, answer by answer.

    Args:
        host: Where the connector is looked up.
        asker: Who asks.
        assignments: What the command line answers, by path.
        connector: The connector's ID.
        fields: The form of its settings.
        before: The settings in the file.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the answers are checked with
        self,
        host: passpost.Host,
        asker: Asker,
        assignments: Mapping[setup.Path, str],
        connector: str,
        fields: Sequence[FormField],
        before: Settings,
    ) -> None:
        self._host = host
        self._asker = asker
        self._assignments = assignments
        self._connector = connector
        self._fields = fields
        self._before = before
        # What has replaced a placeholder: the same text may replace it elsewhere.
        self._same: dict[str, str] = {}

    def given(self, settings: Settings) -> Settings:
        """Return the settings with those of the command line."""
        for path, text in self._assignments.items():
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
                raise self._asker.invalid(f"--set {question.name}", error) from None
        return settings

    def asked(self, settings: Settings) -> Settings:
        """Return the settings with an answer for each that is open."""
        for question in setup.questions(self._fields, settings):
            if question.secret or question.path in self._assignments:
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
        return present if isinstance(present, str) else json.dumps(present)

    def _ask(
        self, settings: Settings, question: setup.Question, default: str | None
    ) -> tuple[Settings, str] | None:
        field = question.field
        if field is not None and field.description:
            self._asker.say(field.description)
        if field is not None and field.choices:
            values = [str(one) for one in field.choices]
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
            if not question.secret or question.path in self._assignments:
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
