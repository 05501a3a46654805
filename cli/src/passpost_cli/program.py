"""The group of all commands. It imports click only: each command imports what it needs."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from passpost import __version__
from passpost_cli.arguments import is_name
from passpost_cli.command import CommandGroup, InvalidLine, usage_text, wants_json
from passpost_cli.exit_codes import MEANINGS, ExitCode
from passpost_cli.extensions import (
    add_commands,
    leave_extensions_out,
    may_have_extensions,
    uses_extensions,
)
from passpost_cli.helping import summary_of, verbatim
from passpost_cli.language import _, choose_from, say
from passpost_cli.terminal import (
    complain,
    err,
    one_line,
    out,
    out_json,
    prepare_streams,
    shown,
    watching_pipes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SUMMARIES: Final = {
    "init": _("Ask for settings, write them, and send a test email."),
    "check": _("Check settings files, and with --connect the connection."),
    "doctor": _("Find out why emails do not arrive; nothing is sent."),
    "preview": _("Show what an email will look like; nothing is sent."),
    "send": _("Send one email, or one for each line of a file."),
    "connectors": _("List the installed connectors and extensions."),
    "guide": _("Show how to set up a connector; without ID, list the guides."),
    "explain": _("Explain the code of a problem; without CODE, list the codes."),
    "schema": _("Print the JSON Schema of settings."),
    "completion": _("Print the script that lets a shell complete commands."),
    "new": _("Create a package for your own connector or extension."),
    "demo": _("Send sign-in codes to servers on this machine."),
}
"""The commands in the order of ``--help``; each is ``passpost_cli.commands.<name>.command``."""

_EPILOG: Final = verbatim(
    _("Exit codes:"), *(f"  {code:<3}  {meaning}" for code, meaning in MEANINGS.items())
)


class Program(CommandGroup):
    """``passpost``, with the commands of this package and those of extensions."""

    _extended = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, passpost's own first."""
        self._extend(ctx)
        added = sorted(name for name in self.commands if name not in SUMMARIES)
        return [*SUMMARIES, *added]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one of passpost's own commands, or return one that an extension added."""
        # passpost's own come first: no extension may replace `send`.
        if cmd_name in SUMMARIES:
            command: click.Command = import_module(f"passpost_cli.commands.{cmd_name}").command
            return command
        self._extend(ctx)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of this name, or suggest one with a similar name."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            raise _unknown_command(name, self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return what is said of a command in the list, without importing passpost's own."""
        del ctx
        return SUMMARIES.get(name) or shown(summary_of(self.commands[name]))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the commands and options to complete with.

        Extensions are asked for their commands only where none of passpost's own fits.
        """
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only shells ask

        names = [name for name in SUMMARIES if name.startswith(incomplete)]
        if not names and incomplete.isidentifier():
            names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=say(self.summary(ctx, name))) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments; ``--help`` writes its output here."""
        # Click itself would exit with 1, which means that nothing was sent.
        with watching_pipes():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command."""
        # Without a result: a number that a command returns is not an exit code.
        with watching_pipes():
            super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run a command and exit; with ``standalone_mode=False`` as click does it."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        sys.exit(self.run(args, prog_name=prog_name, complete_var=complete_var, **extra))

    def run(
        self, args: Sequence[str] | None = None, *, prog_name: str | None = None, **extra: Any
    ) -> int:
        """Run a command and return the exit code; only the completion of shells raises.

        Args:
            args: The arguments; those of the process by default.
            prog_name: The name of the program in its messages.
            extra: Other arguments of click's own ``main``.
        """
        prepare_streams()
        try:
            with watching_pipes():
                return self._run(args, prog_name=prog_name or "passpost", **extra)
        except click.exceptions.Exit as ended:
            return ended.exit_code

    def _run(self, args: Sequence[str] | None, **extra: Any) -> int:
        try:
            # A number only if a command ended with click's `Exit`; see `invoke`.
            result: int | None = super().main(args, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            err(error.format_message())
            return ExitCode.INVALID
        except click.UsageError as error:
            return _report_invalid(error, sys.argv[1:] if args is None else args)
        except click.ClickException as error:
            complain("passpost", error.format_message())
            return error.exit_code
        except click.Abort:
            complain("passpost", _("interrupted"))
            return ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - an extension's command; its text may quote anything
            return _report(error)
        return result or ExitCode.DONE

    def _extend(self, ctx: click.Context) -> None:
        """Let extensions add their commands, once, when a name is looked up."""
        if self._extended or not uses_extensions(ctx) or not may_have_extensions():
            return
        self._extended = True
        add_commands(self, SUMMARIES)


def _unknown_command(name: str, known: Sequence[str], ctx: click.Context) -> InvalidLine:
    from passpost._text import quoted  # noqa: PLC0415 - only where something failed
    from passpost._wording import did_you_mean, nearest  # noqa: PLC0415 - likewise

    shown = is_name(name)
    problem = _("unknown command {name}", name=quoted(name)) if shown else _("unknown command")
    return InvalidLine(problem, did_you_mean(nearest(name, known)), ctx)


def _report_invalid(error: click.UsageError, arguments: Sequence[str]) -> int:
    place = error.ctx.command_path if error.ctx is not None else "passpost"
    # Its language is that of the command line, though the command did not begin.
    with (error.ctx or click.Context(cli)).scope(cleanup=False) as ctx:
        choose_from(arguments, ctx)
        message = usage_text(error)
        remedy = getattr(error, "remedy", "") or f"{place} --help"
        complain(place, message, remedy)
        # A program gets its JSON every time, beside the lines for people.
        if wants_json(error, arguments):
            out_json(
                {"ok": False, "error": {"kind": "usage", "message": message, "remedy": remedy}}
            )
    return ExitCode.INVALID


def _report(error: Exception) -> int:
    from passpost_cli.failures import Audience, report  # noqa: PLC0415 - only where something failed

    return report(error, Audience())


def _show_versions(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Write what is installed in which version, from metadata."""
    del param
    if not value or ctx.resilient_parsing:
        return
    from passpost._plugins.discovery import entry_points  # noqa: PLC0415 - see `extensions`
    from passpost.hookspecs import CONNECTOR_GROUP, EXTENSION_GROUP  # noqa: PLC0415 - likewise

    out(f"passpost {__version__}")
    for kind, group in (("connector", CONNECTOR_GROUP), ("extension", EXTENSION_GROUP)):
        for entry in entry_points(group):
            package = one_line(f"{entry.name} ({entry.distribution} {entry.version}".rstrip())
            out(f"{kind} {package})")
    ctx.exit()


def make() -> Program:
    """Return the group of all commands."""

    @click.group(cls=Program, name="passpost", epilog=_EPILOG, subcommand_metavar="COMMAND …")
    @click.option(
        "--no-extensions",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=leave_extensions_out,
        help=_("Do not use installed extensions."),
    )
    @click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_versions,
        help=_("Show the versions of passpost, connectors and extensions."),
    )
    def passpost() -> None:
        """Send sign-in, sign-up and password-reset emails through any provider.

        FILE is an application's settings file, or one connector's own settings with --connector ID.
        "-" reads it from standard input. To learn more about a command: passpost COMMAND --help
        """

    return passpost


cli: Final = make()
