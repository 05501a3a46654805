"""Registers one plugin in a manager of its own, and says what its author got wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pluggy

from passpost._genuine import type_name
from passpost._phrases import _, said
from passpost._plugins.signals import raised_by_signal
from passpost._text import quoted, visible
from passpost.errors import PluginError

if TYPE_CHECKING:
    from passpost._plugins.discovery import EntryPoint

_MAX_TEXT: Final = 500

PROJECT: Final = "passpost"
"""The name that pluggy's markers carry."""


class BrokenContract(Exception):  # noqa: N818 - what a plugin does; a PluginError names the plugin
    """A plugin breaks the contract of its hooks; the text says how, and what to write."""


def plugin_error(kind: str, name: str, origin: str, what: object, trace: str = "") -> PluginError:
    """Return the error that names a plugin, and says what is wrong with it.

    Args:
        kind: ``connector`` or ``extension``.
        name: The plugin's ID or name.
        origin: Its distribution; empty for one of the application's own.
        what: What is wrong.
        trace: How it came about, for the plugin's author.
    """
    named: dict[str, Any] = {kind: name, "distribution": origin or None}
    who = plugin_words(kind, name, origin)
    what = said(what) if isinstance(what, BaseException) else what
    return PluginError(_("{who} {what}", who=who, what=what), trace=trace, **named)


def plugin_words(kind: str, name: str, origin: str) -> str:
    """Return what names a plugin at the beginning of a sentence; see `plugin_error`."""
    if kind == "connector":
        who = _("the connector {name}", name=quoted(name))
    else:
        who = _("the extension {name}", name=quoted(name))
    return _("{who} of {origin}", who=who, origin=origin) if origin else who


def load(entry: EntryPoint) -> object:
    """Import what an entry point names.

    Raises:
        BrokenContract: The metadata is damaged, or the import failed. A module that exits, asserts
            or is cancelled on import must not take the application with it.
    """
    if entry.error is not None:
        raise BrokenContract(entry.error)
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if raised_by_signal(error):
            raise
        failure, cause = (
            BrokenContract(_("cannot be imported: {quote}", quote=_quote(error))),
            _printable(error),
        )
    raise failure from cause


def register(spec: type[Any], plugin: object, name: str) -> pluggy.PluginManager:
    """Return a manager that has the hooks of a spec and this one plugin.

    Args:
        spec: The class of the hooks: `ConnectorSpec` or `ExtensionSpec`.
        plugin: The module or object that implements them.
        name: The name to register it under.

    Raises:
        BrokenContract: A hook is unknown or not marked, or an argument is unknown.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(spec)
    if mistakes := list(_mistakes(manager, spec, plugin)):
        from passpost._wording import chained  # noqa: PLC0415 - only mistakes pay for it

        raise BrokenContract(
            _("breaks the contract of its hooks: {names}", names=chained(mistakes))
        )
    try:
        manager.register(plugin, name=name)
    except (pluggy.PluginValidationError, ValueError, TypeError) as error:
        reason = type(error).__name__
    else:
        return manager
    # Outside of the except block: pluggy's text shows the whole plugin.
    raise BrokenContract(
        _("breaks the contract of its hooks: pluggy raises {reason}", reason=reason)
    )


def plugin_name(plugin: object) -> str:
    """Return the name of a module, or that of an object's class."""
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def implemented_hooks(manager: pluggy.PluginManager) -> tuple[str, ...]:
    """Return the names of the hooks that the manager's plugin implements, sorted."""
    hooks = vars(manager.hook)
    return tuple(
        sorted(
            name
            for name, hook in hooks.items()
            if isinstance(hook, pluggy.HookCaller) and hook.get_hookimpls()
        )
    )


def _mistakes(manager: pluggy.PluginManager, spec: type[Any], plugin: object) -> Iterator[str]:
    hooks = [name for name, hook in vars(spec).items() if hasattr(hook, f"{PROJECT}_spec")]
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            hook = options.get("specname") or name
            if hook in hooks:
                yield from _mistakes_of_hook(manager, hook, getattr(plugin, name), options)
            elif not options.get("optionalhook"):
                yield _("{hook} is not one of its hooks{hint}", hook=hook, hint=hint(hook, hooks))
        elif name in hooks and callable(getattr(plugin, name, None)):
            yield _("{name} is not marked as a hook: put @passpost.hookimpl above it", name=name)


def _mistakes_of_hook(
    manager: pluggy.PluginManager, hook: str, function: Any, options: Any
) -> Iterator[str]:
    if options.get("wrapper") or options.get("hookwrapper"):
        yield _("{hook} is a hook wrapper, and no other plugin is there to be wrapped", hook=hook)
        return
    implementation = pluggy.HookImpl(None, hook, function, options)
    known = getattr(manager.hook, hook).spec.argnames
    for argument in implementation.argnames:
        if argument not in known:
            yield _(
                "{hook} receives no argument {argument}{hint}",
                hook=hook,
                argument=quoted(argument),
                hint=hint(argument, known),
            )
    for argument in implementation.kwargnames:
        if argument in known:
            yield _(
                "{hook} never receives its argument {argument}: remove the default value",
                hook=hook,
                argument=quoted(argument),
            )


def hint(name: str, known: Sequence[str]) -> str:
    """Return what to write instead of an unknown name, to end an error's text with."""
    from passpost._wording import nearest  # noqa: PLC0415 - only mistakes pay for it

    near = nearest(name, known)
    guess = "" if near is None else _("; did you mean {near}?", near=quoted(near))
    return _("{guess} (known: {names})", guess=guess, names=tuple(known) or _("none"))


def _quote(error: BaseException) -> str:
    """Return an exception's type and text, whatever its text is made by."""
    try:
        text = visible(str(error))[:_MAX_TEXT]
    except BaseException:  # noqa: BLE001 - any plugin's any mistake
        text = ""
    return f"{type_name(error)}: {text}" if text else type_name(error)


def _printable(error: BaseException) -> BaseException | None:
    """Return an exception, or None where nobody could print its traceback."""
    try:
        error.__traceback__  # noqa: B018 - reading it may raise
    except BaseException:  # noqa: BLE001 - any plugin's any mistake
        return None
    return error
