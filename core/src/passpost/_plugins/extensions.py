"""Extensions: plugins that see emails from outside, each in a manager that sees no config."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._genuine import is_really, type_name
from passpost._phrases import _, said
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.discovery import EntryPoint, entry_points
from passpost._plugins.registration import (
    BrokenContract,
    hint,
    implemented_hooks,
    load,
    plugin_error,
    plugin_name,
    plugin_words,
    register,
)
from passpost._plugins.signals import raised_by_signal
from passpost._text import quoted
from passpost.errors import PasspostError, PluginError
from passpost.hookspecs import EXTENSION_GROUP, ExtensionSpec

if TYPE_CHECKING:
    import click

    from passpost._messages.messages import DeliverySummary, MailSummary, Message
    from passpost._templates.template import Template

_SURROUNDING: Final = frozenset({"around_delivery", "around_send"})

_REMEDY: Final = _("decorate an async generator with @contextlib.asynccontextmanager")


@attrs.frozen
class InstalledExtension:
    """An extension of a host.

    Attributes:
        name: The name of its entry point; for one given to passpost, the name of its module.
        distribution: The package that brings it; empty for one given to passpost.
        version: That package's version.
        module: The module that holds its hooks.
        active: Whether passpost uses it. One that is left out is not imported.
        hooks: The hooks that it implements.
        error: Why it cannot be used.
    """

    name: str
    distribution: str
    version: str
    module: str
    active: bool = True
    hooks: tuple[str, ...] = ()
    error: str | None = None


class Extension:
    """One extension with its hooks.

    It has a manager of its own, so that what fails has a name and harms no other.

    Args:
        plugin: The module or object with hooks of `ExtensionSpec`.
        name: What to call it.
        distribution: The package that brings it; empty for one of the application's own.

    Raises:
        PluginError: It breaks the contract of its hooks.
    """

    def __init__(self, plugin: object, name: str, distribution: str = "") -> None:
        self.plugin = plugin
        self.name = name
        self.distribution = distribution
        try:
            self._manager = register(ExtensionSpec, plugin, name)
        except BrokenContract as error:
            wrong = said(error)
        except Exception as error:  # noqa: BLE001 - any plugin's any mistake
            wrong = _("cannot be registered: {defect}", defect=describe_defect(error))
        else:
            self.hooks = implemented_hooks(self._manager)
            if self.hooks:
                self._surrounding = {
                    hook: getattr(self._manager.hook, hook).get_hookimpls()[-1]
                    for hook in _SURROUNDING.intersection(self.hooks)
                }
                return
            wrong = _("has no hook: give the module or object that has its hooks")
        raise self.error(wrong)

    def __str__(self) -> str:
        return plugin_words("extension", self.name, self.distribution)

    def error(self, what: str, trace: str = "") -> PluginError:
        """Return the error that says what is wrong with this extension."""
        return plugin_error("extension", self.name, self.distribution, what, trace)

    def rank(self, hook: str) -> int:
        """Return where it comes among others: pluggy's ``tryfirst`` and ``trylast``."""
        (implementation,) = getattr(self._manager.hook, hook).get_hookimpls()
        return int(implementation.trylast) - int(implementation.tryfirst)

    def around(
        self, hook: str, summary: DeliverySummary | MailSummary
    ) -> AbstractAsyncContextManager[Any] | None:
        """Return the context to enter around a send or an attempt; None asks for none.

        Raises:
            PluginError: The hook returned something else.
            BaseException: Whatever the hook raised.
        """
        # Not through pluggy, which takes several times as long as most hooks do.
        if (implementation := self._surrounding.get(hook)) is None:
            return None
        context = implementation.function(*(summary for _name in implementation.argnames))
        if context is None or isinstance(context, AbstractAsyncContextManager):
            return context
        raise self.error(
            _(
                "returned {kind} from {hook}: {remedy}",
                kind=_kind(context),
                hook=hook,
                remedy=_REMEDY,
            )
        )

    async def find_template(
        self, usage: str, locale: str | None, message: Message
    ) -> Template | None:
        """Return the extension's template for the usage and locale, if it has one.

        Raises:
            SendError: The extension's own, as a rejection.
            PluginError: The hook failed otherwise, or returned something else.
        """
        from passpost._plugins.interruptions import Interruptions  # noqa: PLC0415 - `--help` needs none
        from passpost._templates.template import Template  # noqa: PLC0415 - likewise

        interruptions = Interruptions()
        failure: PasspostError
        try:
            found = self._manager.hook.find_template(usage=usage, locale=locale, message=message)
            if inspect.isawaitable(found):
                found = await found
            if found is None or type(found) is Template:
                return found
            if is_really(found, Template):
                return _plain_template(found)
            kind = _kind(found)
        except BaseException as error:
            if interruptions.include(error):
                raise
            failure = self._make_error(error)
        else:
            failure = self.error(
                _("returned {kind} from find_template instead of a Template", kind=kind)
            )
        # An error tracker shows the variables of a frame.
        found = None
        # Outside of the except block: what the extension raised may quote the message.
        raise failure

    def _make_error(self, error: BaseException) -> PasspostError:
        """Return what the application gets of an exception in `find_template`."""
        from passpost._plugins.reports import send_error_in  # noqa: PLC0415 - only failures need it

        if (refusal := send_error_in(error)) is None:
            what = _("failed in find_template: {defect}", defect=describe_defect(error))
            return self.error(what, trace_defect(error))
        # Whatever the extension says: nothing is sent before the template is there.
        refusal.outcome = "rejected"
        return refusal

    def register_commands(self, cli: click.Group) -> None:
        """Let the extension add its commands to the command line."""
        self._manager.hook.register_commands(cli=cli)


class Extensions:
    """The extensions that a host uses: those of the environment, and the application's own.

    Args:
        given: Modules or objects with hooks of `ExtensionSpec`.
        chosen: The names of the installed extensions to use; None stands for all.

    Raises:
        PluginError: An extension cannot be imported or breaks its contract. It is not passed over:
            a rate limit that silently went missing is worse than an error.

    Attributes:
        of_deliveries: Those that surround sends, in the order in which they are entered.
        watchers: Those that surround attempts, likewise.
    """

    def __init__(self, given: Iterable[object] = (), chosen: Collection[str] | None = ()) -> None:
        self._all: list[Extension] = []
        for plugin in given:
            self._add(Extension(plugin, plugin_name(plugin)))
        for entry in _chosen(chosen):
            self._add(load_extension(entry))
        self.of_deliveries = self._in_order("around_delivery")
        self.watchers = self._in_order("around_send")
        self._suppliers = self._in_order("find_template")

    @property
    def supply_templates(self) -> bool:
        """Whether any extension implements `find_template`."""
        return bool(self._suppliers)

    async def find_template(
        self, usage: str, locale: str | None, message: Message
    ) -> Template | None:
        """Return the first extension's template for the usage and locale.

        Raises:
            SendError: An extension's own, as a rejection.
            PluginError: An extension failed.
        """
        for extension in self._suppliers:
            if (found := await extension.find_template(usage, locale, message)) is not None:
                return found
        return None

    def _add(self, extension: Extension) -> None:
        for known in self._all:
            # An installed extension may be given to passpost as well: it is still one extension.
            if known.plugin is extension.plugin:
                known.name, known.distribution = extension.name, extension.distribution
                return
        self._all.append(extension)

    def _in_order(self, hook: str) -> tuple[Extension, ...]:
        """Return the extensions that implement a hook, in pluggy's order: the last one first."""
        found = [one for one in reversed(self._all) if hook in one.hooks]
        return tuple(sorted(found, key=lambda one: one.rank(hook)))


def load_extension(entry: EntryPoint) -> Extension:
    """Import an installed extension.

    Raises:
        PluginError: It cannot be imported, or breaks its contract.
    """
    try:
        plugin = load(entry)
    except BrokenContract as error:
        cause = error.__cause__
        # What is missing is worth its words; the text of anything else may hold anything.
        what = error if isinstance(cause, ImportError | None) else _not_imported(cause)
        raise plugin_error("extension", entry.name, entry.distribution, what) from cause
    return Extension(plugin, entry.name, entry.distribution)


def _not_imported(cause: BaseException) -> str:
    return _("cannot be imported: {defect}", defect=describe_defect(cause))


def list_extensions(
    given: Iterable[object], chosen: Collection[str] | None
) -> tuple[InstalledExtension, ...]:
    """List extensions; those in use are imported, which shows whether they work.

    Args:
        given: The application's own.
        chosen: The names of the installed ones in use; None stands for all.

    Raises:
        PluginError: A chosen extension is not installed.
    """
    # One that is installed and given as well is one extension.
    again = {entry.value for entry in _chosen(chosen)}
    own = [_own(plugin) for plugin in given if plugin_name(plugin) not in again]
    return (*own, *(_installed(entry, chosen) for entry in entry_points(EXTENSION_GROUP)))


def _own(plugin: object) -> InstalledExtension:
    name = plugin_name(plugin)
    return _try(InstalledExtension(name, "", "", name), lambda: Extension(plugin, name))


def _installed(entry: EntryPoint, chosen: Collection[str] | None) -> InstalledExtension:
    listed = InstalledExtension(entry.name, entry.distribution, entry.version, entry.value)
    if chosen is not None and entry.name not in chosen:
        return attrs.evolve(listed, active=False)
    return _try(listed, lambda: load_extension(entry))


def _try(listed: InstalledExtension, load_it: Callable[[], Extension]) -> InstalledExtension:
    try:
        return attrs.evolve(listed, hooks=load_it().hooks)
    except PluginError as error:
        return attrs.evolve(listed, error=said(error))
    # Even KeyboardInterrupt: whether the extension raised it cannot be told.
    except BaseException as error:
        if raised_by_signal(error):
            raise
        return attrs.evolve(listed, error=_not_imported(error))


def _chosen(names: Collection[str] | None) -> Sequence[EntryPoint]:
    """Return the entry points of the chosen extensions.

    Raises:
        PluginError: One is not installed.
    """
    if names is not None and not names:
        return ()
    entries = entry_points(EXTENSION_GROUP)
    if names is None:
        return entries
    known = sorted({entry.name for entry in entries})
    for name in names:
        if name not in known:
            raise PluginError(
                _(
                    "no installed package provides the extension {name}{hint}",
                    name=quoted(name),
                    hint=hint(name, known),
                ),
                extension=name,
            )
    return [entry for entry in entries if entry.name in names]


def _kind(value: object) -> str:
    """Return a value's type in words, and free what would warn that nobody used it."""
    if inspect.iscoroutine(value):
        value.close()
    if hasattr(type(value), "__enter__"):
        return _("a synchronous context manager")
    return _("a value of type {kind}", kind=type_name(value))


def _plain_template(template: Template) -> Template:
    """Return a template of a subclass as what it says: what the subclass does is not checked."""
    from passpost._templates.template import Template  # noqa: PLC0415 - `--help` needs none

    return Template(**{part.name: getattr(template, part.name) for part in attrs.fields(Template)})
