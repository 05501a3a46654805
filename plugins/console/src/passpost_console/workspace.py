"""The settings file that a console is about: its text, what it says, and what is wrong with it."""

from __future__ import annotations

import os
import time
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost import config
from passpost.phrases import said
from passpost_console.hiding import Hidden, hide
from passpost_console.pace import Pace
from passpost_console.phrases import _
from passpost_console.remembered import Draft, Drafts, Previews, Trial
from passpost_tools.configuring import configured
from passpost_tools.descriptions import FormField
from passpost_tools.saving import Loaded, load, save
from passpost_tools.setup.questions import fields_of, is_unset
from passpost_tools.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE: Final = 1 << 20
"""Bytes in a settings file; more is another file by mistake."""

_FILE: Final = "${file:"

# Each visit looks at the same text, and a large one takes long.
spans_of: Final = lru_cache(maxsize=8)(Spans)


@attrs.frozen
class Entry:
    """A connector of the settings.

    Attributes:
        name: What the application calls it.
        use: The connector's ID.
        settings: Its settings as they are written: references stay references.
        info: What the connector says of itself; None if it cannot be used.
        error: Why it cannot be used.
    """

    name: str
    use: str
    settings: dict[str, Any] = attrs.field(repr=False)
    info: passpost.ConnectorInfo | None = None
    error: str = ""

    @property
    def has_templates_at_provider(self) -> bool:
        """Whether its templates are at its provider, and not in the settings."""
        at_provider = passpost.Capability.PROVIDER_TEMPLATES
        return self.info is not None and at_provider in self.info.capabilities

    def fields(self, language: str) -> tuple[FormField, ...]:
        """Return the form of its settings; nothing if it does not describe them."""
        return fields_of(self.info, language) if self.info is not None else ()


@attrs.frozen(kw_only=True)
class Document:
    """The settings file at one moment.

    Attributes:
        loaded: Its text and version.
        spans: What it says, and where; those of an empty object if it cannot be read.
        entries: Its connectors in order of preference.
        problems: What is wrong with it, in its order.
        readable: Whether it could be read.
    """

    loaded: Loaded
    spans: Spans = attrs.field(factory=lambda: Spans("{}"), repr=False)
    entries: tuple[Entry, ...] = ()
    problems: tuple[passpost.Problem, ...] = ()
    readable: bool = True

    @property
    def data(self) -> dict[str, Any]:
        """What it says, with references as they are written; empty if it cannot be read."""
        return self.spans.value

    @property
    def is_new(self) -> bool:
        """Whether there are no settings yet."""
        return self.readable and not self.loaded.text.strip()

    @property
    def errors(self) -> tuple[passpost.Problem, ...]:
        """The errors; without references that are not set in this process."""
        wrong = (one for one in self.problems if one.severity == "error")
        return tuple(one for one in wrong if not is_unset(one))

    @property
    def connectors(self) -> dict[str, Any]:
        """The connectors as they are written, by name."""
        written = self.data.get("connectors")
        return written if isinstance(written, dict) else {}

    def entry(self, name: str) -> Entry | None:
        """Return the connector of a name."""
        return next((one for one in self.entries if one.name == name), None)

    def problems_of(self, name: str) -> tuple[passpost.Problem, ...]:
        """Return the problems of a connector, with paths as in the whole file."""
        return tuple(self._placed.get(name, ()))

    @cached_property
    def _placed(self) -> dict[str | int, list[passpost.Problem]]:
        found: dict[str | int, list[passpost.Problem]] = {}
        for one in self.problems:
            path = config_path(one.path)
            if path[:1] == ("connectors",) and len(path) > 1:
                found.setdefault(path[1], []).append(one)
        return found

    @cached_property
    def hidden(self) -> Hidden:
        """The text without its secrets."""
        forms = {one.name: one.fields("en") for one in self.entries}
        return hide(self.spans, forms)


def config_path(path: str) -> tuple[str | int, ...]:
    """Return the keys and indexes of a problem's path."""
    from passpost._paths import path_keys  # noqa: PLC0415 - one function of a private module

    return tuple(path_keys(path))


class Workspace:
    """A settings file, and what a console remembers of it while it runs.

    Args:
        path: The settings file of an application.
        host: Where connectors are looked up.
        log: The log of the application's deliveries; None if there is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        host: passpost.Host,
        log: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.log = None if log is None else Path(log)
        self.host = host
        self.drafts = Drafts()
        self.previews = Previews()
        self.pace = Pace()
        self.trials: dict[str, Trial] = {}
        self._saving = Lock()
        self._latest: Document | None = None

    def read(self) -> Document:
        """Read the file as it is now."""
        try:
            if self.path.exists() and self.path.stat().st_size > MAX_FILE:
                return self._unreadable(_("the file is larger than 1 MiB"))
            loaded = load(self.path)
        except UnicodeDecodeError:
            return self._unreadable(_("the file is not UTF-8"))
        except OSError as error:
            return self._unreadable(
                _("the file cannot be read: {reason}", reason=error.strerror or "")
            )
        latest = self._latest
        # What files contain that settings refer to may change at any time.
        if latest is None or latest.loaded != loaded or _FILE in loaded.text:
            latest = self._latest = self.understand(loaded)
        return latest

    def save(self, draft: Draft) -> None:
        """Replace the file's text by that of a draft.

        Raises:
            ChangedMeanwhile: The file changed since the draft was made; it was left as it is.
            OSError: The file cannot be written; it was left as it is.
        """
        with self._saving:
            save(draft.before, draft.text)

    def remember(self, entry: Entry, *, ok: bool, words: str) -> None:
        """Note what came of a test of a connector.

        Args:
            entry: The connector, with the settings that were tested.
            ok: Whether it succeeded.
            words: What came of it, as a phrase, without secrets.
        """
        trial = Trial(entry.use, entry.settings, time.time(), ok, words)
        self.trials[entry.name] = trial

    def trial(self, entry: Entry) -> Trial | None:
        """Return the latest test of a connector; None if its settings were not tested."""
        found = self.trials.get(entry.name)
        # Another connector may have its name now, or the same one other settings.
        if found is None or (found.use, found.settings) != (entry.use, entry.settings):
            return None
        return found

    def understand(self, loaded: Loaded) -> Document:
        """Return what a text of settings says, and what is wrong with it."""
        if not loaded.text.strip():
            return Document(loaded=loaded)
        try:
            # With its folder: references to files may be relative to it.
            settings = config.read(loaded.text, str(self.path))
        except passpost.ConfigError as error:
            return Document(loaded=loaded, problems=error.problems, readable=False)
        problems = self._problems(settings)
        document = Document(loaded=loaded, spans=spans_of(loaded.text), problems=problems)
        return attrs.evolve(document, entries=tuple(self._entries(document.connectors)))

    def _problems(self, settings: config.Settings) -> tuple[passpost.Problem, ...]:
        try:
            return configured(settings, None, self.host).warnings
        except passpost.ConfigError as error:
            return error.problems
        except passpost.PluginError as error:
            return (passpost.Problem("", said(error), file=self.path.name),)

    def _entries(self, connectors: dict[str, Any]) -> Iterator[Entry]:
        for name, entry in connectors.items():
            written = entry if isinstance(entry, dict) else {}
            use, settings = written.get("use"), written.get("settings")
            use = use if isinstance(use, str) else ""
            settings = settings if isinstance(settings, dict) else {}
            try:
                yield Entry(name, use, settings, self.host.info(use))
            except passpost.PluginError as error:
                yield Entry(name, use, settings, error=said(error))

    def _unreadable(self, message: str) -> Document:
        problem = passpost.Problem("", message, file=self.path.name)
        loaded = Loaded(self.path, "", "unreadable")
        return Document(loaded=loaded, problems=(problem,), readable=False)
