"""Extensions: plugins that see mails from outside, in a manager that sees no config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, cast

import pluggy

from passpost.discovery import distribution_of, entry_points
from passpost.errors import PluginError
from passpost.hookspecs import EXTENSION_GROUP, ExtensionSpec

if TYPE_CHECKING:
    import click

    from passpost.messages import MailSummary
    from passpost.templates import Template


class Extensions:
    """All extensions of a host: those of the environment, and those given by the application.

    Args:
        plugins: Modules or objects with hooks of `ExtensionSpec`.
    """

    def __init__(self, plugins: Iterable[object] = ()) -> None:
        self._manager = pluggy.PluginManager("passpost")
        self._manager.add_hookspecs(ExtensionSpec)
        for plugin in plugins:
            self.add(plugin, _name_of(plugin))

    def load_installed(self) -> None:
        """Load the extensions of the environment.

        Raises:
            PluginError: One cannot be imported or breaks its contract. It is not passed over: a
                rate limit that silently went missing is worse than an error.
        """
        for entry in entry_points(EXTENSION_GROUP):
            distribution = distribution_of(entry)
            try:
                plugin = entry.load()
            except (Exception, SystemExit) as error:
                raise PluginError(
                    f"the extension {entry.name!r} of {distribution} cannot be imported: "
                    f"{type(error).__name__}: {error}",
                    connector=entry.name,
                    distribution=distribution,
                ) from error
            self.add(plugin, entry.name, distribution)

    def add(self, plugin: object, name: str, distribution: str | None = None) -> None:
        """Register one extension.

        Raises:
            PluginError: A hook has a name or an argument that the contract does not know.
        """
        # An installed extension may be given to the host as well: it is still one extension.
        if self._manager.is_registered(plugin):
            return
        try:
            self._manager.register(plugin)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError, TypeError) as error:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise PluginError(
                f"the extension {name!r} breaks the contract of its hooks: {error}",
                connector=name,
                distribution=distribution,
            ) from error

    @property
    def watch_sends(self) -> bool:
        """Whether any extension implements `around_send`."""
        return bool(self._manager.hook.around_send.get_hookimpls())

    @property
    def supply_templates(self) -> bool:
        """Whether any extension implements `find_template`."""
        return bool(self._manager.hook.find_template.get_hookimpls())

    def around_send(self, summary: MailSummary) -> Sequence[AbstractAsyncContextManager[Any]]:
        """Give the contexts to enter around an attempt, in order."""
        contexts = self._manager.hook.around_send(summary=summary)
        return cast("Sequence[AbstractAsyncContextManager[Any]]", contexts)

    def find_template(self, usage: str, locale: str | None) -> Template | None:
        """Give the first extension's template for the usage and locale."""
        template = self._manager.hook.find_template(usage=usage, locale=locale)
        return cast("Template | None", template)

    def register_commands(self, cli: click.Group) -> None:
        """Let extensions add their commands to the command line."""
        self._manager.hook.register_commands(cli=cli)


def _name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))
