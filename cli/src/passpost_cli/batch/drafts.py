"""Makes the messages of a batch from its rows, and checks each before the first is sent."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

import passpost
from passpost._delivery.compose import Composer
from passpost._delivery.identity import SendIdentity
from passpost._policy.routes import EVERY_USAGE
from passpost.phrases import said
from passpost_cli.batch.arguments import Defaults
from passpost_cli.batch.lines import LineError, Row
from passpost_cli.batch.rows import BatchFile
from passpost_cli.language import _

_FORM: Final = _("write it with its time zone: 2026-01-31T12:00:00Z")
_REMEDIES: Final = {
    "to": _("write one address without a display name"),
    "locale": _("write BCP 47 tags, such as zh-CN"),
    "deadline": _FORM,
}


@attrs.frozen
class Draft:
    """One email of a batch.

    Attributes:
        line: Its line in the file, counted from 1.
        message: The message.
    """

    line: int
    message: passpost.Message


class Drafts:
    """The emails of a file.

    Args:
        file: The file.
        defaults: What an email has where its line says nothing else.
        application: The settings that it is sent with.

    Attributes:
        usages: What the emails are for, once they were checked.
    """

    def __init__(
        self, file: BatchFile, defaults: Defaults, application: passpost.Application
    ) -> None:
        self.usages: set[str] = set()
        self._file = file
        self._defaults = defaults
        self._policy = application.policy
        self._keys: dict[bytes, int] = {}
        self._composers = {
            connector.name: Composer(
                connector, application.templates, application.missing_variables
            )
            for connector in application.connectors
        }

    def check(self) -> Iterator[int | LineError]:
        """Return the line of each email, and what is wrong in place of a line.

        Each email is rendered: a variable that the payload lacks shows before the first is sent.
        """
        for row in self._file.rows():
            if isinstance(row, LineError):
                yield row
                continue
            try:
                message = self._message(row, None)
                self.usages.add(message.usage)
                self._require_own_key(row, message)
                self._render(row, message)
            except LineError as error:
                yield error
            else:
                yield row.line

    def read(self, key: Callable[[int], str], wanted: Callable[[int], bool]) -> Iterator[Draft]:
        """Return the emails of some lines.

        Args:
            key: Returns the idempotency key of a line that has none of its own.
            wanted: Returns whether a line is to be sent.
        """
        for row in self._file.rows():
            if isinstance(row, Row) and wanted(row.line):
                yield Draft(row.line, self._message(row, key(row.line)))

    def _message(self, row: Row, key: str | None) -> passpost.Message:
        values: dict[str, Any] = dict(row.values)
        values.setdefault("usage", self._defaults.usage)
        values.setdefault("locale", self._defaults.locale)
        values.setdefault("idempotency_key", key)
        for name in ("to", "usage"):
            if values.get(name) is None:
                remedy = _("add --usage USAGE") if name == "usage" else _("write one address")
                raise self._error(row, name, _("{name} is missing", name=name), remedy, "E507")
        payload = values.get("payload", {})
        if isinstance(payload, Mapping):
            values["payload"] = _merged(self._defaults.payload, payload)
        if isinstance(values.get("deadline"), str):
            values["deadline"] = self._time(row, values["deadline"])
        try:
            return passpost.Message(
                **{name: value for name, value in values.items() if value is not None}
            )
        except passpost.MessageError as error:
            field, message = error.field, said(error)
        raise self._error(row, field, message, _REMEDIES.get(field, ""), "E506")

    def _require_own_key(self, row: Row, message: passpost.Message) -> None:
        """Reject a second line that names the same email: without a store, it would be sent twice.

        Raises:
            LineError: An earlier line has the same idempotency key and recipient.
        """
        if message.idempotency_key is None:
            return
        name = json.dumps([message.idempotency_key, message.to.address])
        # A file may have millions of lines.
        first = self._keys.setdefault(
            hashlib.blake2b(name.encode(), digest_size=16).digest(), row.line
        )
        if first != row.line:
            text = _("line {line} has the same idempotency_key and recipient", line=first)
            remedy = _("use one key for one email")
            raise self._error(row, "idempotency_key", text, remedy, "E509")

    def _time(self, row: Row, text: Any) -> dt.datetime:
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            pass
        raise self._error(row, "deadline", _("deadline is not a date and time"), _FORM, "E506")

    def _render(self, row: Row, message: passpost.Message) -> None:
        composer = self._composer(message.usage)
        if composer.asks:
            # An extension may have the template, and is asked when the email is sent.
            return
        text: str
        remedy: str
        try:
            composer.compose(message, SendIdentity("check"))
        except passpost.MissingVariable as error:
            field, text, remedy = (
                error.field,
                said(error),
                _("add `{variable}` to the line", variable=error.variable),
            )
        except passpost.TemplateNotFound as error:
            field, text = "usage", _("no template for this usage, and no `Generic` template")
            remedy = _("add a template to the settings, or correct the usage")
            del error
        except passpost.MessageError as error:
            field, text, remedy = error.field, said(error), ""
        except passpost.SendError as error:
            field, text, remedy = "to", said(error), ""
        else:
            return
        raise self._error(row, field, text, remedy, "E508")

    def _composer(self, usage: str) -> Composer:
        """Return what makes the emails of a usage: that of the connector which is asked first."""
        routes = self._policy.routes
        route = routes.get(usage) or routes.get(EVERY_USAGE) or ()
        names = [name for name in route if name in self._composers] or [*self._composers]
        return self._composers[names[0]]

    def _error(self, row: Row, field: str, message: str, remedy: str, code: str) -> LineError:
        return LineError(self._file.problem(row.locate(field), message, remedy, code))


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two payloads as one; the second one overrides."""
    merged = dict(first)
    for key, value in second.items():
        other = merged.get(key)
        both = isinstance(other, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(other, value) if both else value  # type: ignore[arg-type]  # checked above
    return merged
