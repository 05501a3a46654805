"""Checks one settings file, and corrects what needs no decision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import attrs

import passpost
from passpost._config.jsonc import MARK
from passpost._wording import known
from passpost_cli.arguments import STDIN, named
from passpost_cli.connections import Findings, ask_all, ask_stores, failed_check, have_failed
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError, counted
from passpost_cli.language import _
from passpost_cli.lint.excerpts import Excerpts
from passpost_cli.settings import configure, read_input
from passpost_tools import saving
from passpost_tools.lint.examining import Examined, examine
from passpost_tools.lint.fixes import Fix, fixed

_MAX_FIXES: Final = 1_000


@attrs.frozen(kw_only=True)
class Checked:
    """One settings file after the check.

    Attributes:
        place: The file's name for people.
        examined: What is wrong with it, and what it says.
        findings: What its connectors found, if they were asked.
        stores: What its stores found, if it names some and they were asked.
        strict: Whether a warning is a failure.
        fixes: What was corrected.
    """

    place: str
    examined: Examined
    findings: Findings
    strict: bool
    fixes: list[Fix]
    stores: list[passpost.Finding] = attrs.field(factory=list)

    @property
    def problems(self) -> tuple[passpost.Problem, ...]:
        """Everything that is to be shown."""
        return self.examined.problems

    @property
    def invalid(self) -> bool:
        """Whether the settings fail."""
        return self.examined.failed or (self.strict and bool(self.problems))

    @property
    def failed(self) -> bool:
        """Whether the settings or a connection fail."""
        return self.invalid or have_failed(self.connections)

    @property
    def connections(self) -> Findings:
        """Everything that was found, by the name of a connector, and of the stores."""
        if not self.stores:
            return self.findings
        name = _("stores")
        return {**self.findings, name: [*self.findings.get(name, ()), *self.stores]}

    @property
    def is_draft(self) -> bool:
        """Whether placeholders are left in the settings."""
        return any(connector.placeholders for connector in self._connectors)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the connectors."""
        return tuple(connector.name for connector in self._connectors)

    @property
    def _connectors(self) -> tuple[passpost.Connector, ...]:
        application = self.examined.application
        return () if application is None else application.connectors

    def excerpts(self) -> Excerpts:
        """Return the lines of the file, as far as they may be shown."""
        return Excerpts(self.examined.text, self.examined.classes)

    def document(self) -> dict[str, Any]:
        """Return the JSON document of the file."""
        if self.invalid:
            problems = [attrs.asdict(problem) for problem in self.problems]
            error = {"kind": "config", "message": counted(self.problems), "problems": problems}
            return {"ok": False, "error": error}
        document: dict[str, Any] = {
            "ok": not self.failed,
            "ready": not self.is_draft,
            "warnings": [attrs.asdict(problem) for problem in self.problems],
            "connectors": [_entry(each, self.findings) for each in self._connectors],
        }
        if self.stores:
            document["stores"] = [attrs.asdict(one) for one in self.stores]
        if self.failed:
            document["error"] = {"kind": "connection", "message": failed_check(self.connections)}
        return document


def _entry(
    connector: passpost.Connector, findings: Mapping[str, list[passpost.Finding]]
) -> dict[str, Any]:
    found = [attrs.asdict(one) for one in findings[connector.name]] if findings else None
    return {"name": connector.name, "connector": connector.id, "findings": found}


def check(
    file: str, connector: str | None, *, patience: float | None, strict: bool, fix: bool
) -> Checked:
    """Check a settings file.

    Args:
        file: The file's name, or ``-``.
        connector: The connector of the file, if it is one connector's own settings.
        patience: Seconds to wait for each provider; None does not ask them.
        strict: Whether a warning is a failure.
        fix: Whether to correct what needs no decision.

    Raises:
        PluginError: A connector is unknown or broken.
        CommandError: The file cannot be corrected.
    """
    examined = _examined(file, connector)
    fixes = _fixes(file, connector, examined) if fix else []
    if fixes:
        _save(file, examined.text, fixes[-1].text)
        examined = _examined(file, connector)
    checked = Checked(place=named(file), examined=examined, findings={}, strict=strict, fixes=fixes)
    if patience is None or checked.invalid or examined.application is None:
        return checked
    application = examined.application
    return attrs.evolve(
        checked,
        findings=asyncio.run(ask_all(application, patience)),
        stores=asyncio.run(ask_stores(application, patience)),
    )


def _examined(file: str, connector: str | None) -> Examined:
    try:
        content = read_input(file)
    except passpost.ConfigError as error:
        return Examined(error.problems)
    return _examined_text(content, file, connector)


def _examined_text(content: str | bytes, file: str, connector: str | None) -> Examined:
    host = make_host()
    return examine(content, connector=connector, host=host, file=named(file), configure=configure)


def _fixes(file: str, connector: str | None, examined: Examined) -> list[Fix]:
    """Correct what needs no decision, and what shows only once that is corrected."""
    fixes: list[Fix] = []
    # A key may be misspelt at each level; a second run of the command must find nothing left.
    while len(fixes) < _MAX_FIXES and (more := fixed(examined.text, examined.problems)):
        fixes += more
        examined = _examined_text(more[-1].text, file, connector)
    return fixes


def _save(file: str, before: str, after: str) -> None:
    if file == STDIN:
        raise CommandError(_("standard input cannot be corrected"), _("name the file"))
    try:
        loaded = saving.load(file)
        mark = MARK if loaded.text.startswith(MARK) else ""
        same = loaded.text.removeprefix(mark) == before
        if same:
            saving.save(loaded, mark + after)
    except saving.ChangedMeanwhile:
        same = False
    except OSError as error:
        reason = known(error.strerror or _("input or output error"))
        problem = _("the file cannot be written: {reason}", reason=reason)
        raise CommandError(problem, _("check its permissions and those of its folder")) from None
    if not same:
        raise CommandError(_("the file changed meanwhile"), _("run the command again"))
