"""The group of all commands. It imports click and no more: a command pays for itself."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from passpost import __version__
from passpost_cli import status
from passpost_cli.command import Discreet, wants_json
from passpost_cli.hosts import leave_extensions_out, uses_extensions
from passpost_cli.installed import may_have_extensions
from passpost_cli.terminal import err, out_json, prepare_streams, shown, watching_pipes

if TYPE_CHECKING:
    from collections.abc import Sequence

SUMMARIES: Final = {
    "check": "Check a settings file, and the connection if asked to.",
    "preview": "Show what a mail will look like; nothing is sent.",
    "send": "Send one mail.",
    "connectors": "List the connectors and extensions that are installed.",
    "guide": "Show how to set up a connector; without ID, list the guides.",
    "explain": "Explain the code of a problem; without CODE, list the codes.",
    "schema": "Print the JSON Schema of settings.",
    "new": "Start a package for a connector or an extension of your own.",
    "demo": "Send sign-in codes to servers on this machine.",
}
"""The commands in the order of ``--help``; each is ``passpost_cli.commands.<name>.command``."""

_EPILOG: Final = """\b
Exit status:
  0    done
  1    refused or rejected: surely nothing was sent
  2    wrong usage
  3    outcome unknown: the mail may have been sent
  70   a defect of passpost or of a plugin
  130  interrupted
  141  whoever read the output is gone
"""


class Program(Discreet, click.Group):
    """``passpost``, with the commands of this package and those of extensions."""

    _extended = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, ours first."""
        self._extend(ctx)
        added = sorted(name for name in self.commands if name not in SUMMARIES)
        return [*SUMMARIES, *added]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command of ours, or give one that an extension added."""
        # Ours come first: no extension may stand in for `send`.
        if cmd_name in SUMMARIES:
            command: click.Command = import_module(f"passpost_cli.commands.{cmd_name}").command
            return command
        self._extend(ctx)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for, or name those that are spelled alike."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            ctx.fail(f"No such command{_guess(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(ctx)])

    def _summary(self, name: str) -> str:
        return SUMMARIES.get(name) or shown(self.commands[name].get_short_help_str(limit=60))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments, which is where ``--help`` writes."""
        # Out here click would end with status 1, which says that nothing was sent.
        with watching_pipes():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command."""
        # Without a result: a number that a command returns is not an exit status.
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
        """Run a command and give the exit status; nothing but the completion of shells raises.

        Args:
            args: The arguments; those of the process by default.
            prog_name: The name of the program in its messages.
            extra: What else click's own ``main`` takes.
        """
        prepare_streams()
        try:
            with watching_pipes():
                return self._run(args, prog_name=prog_name or "passpost", **extra)
        except click.exceptions.Exit as ended:
            return ended.exit_code

    def _run(self, args: Sequence[str] | None, **extra: Any) -> int:
        try:
            # A number only where a command ended by an exit of click's; see `invoke`.
            result: int | None = super().main(args, standalone_mode=False, **extra)
        except click.UsageError as error:
            return _wrong_usage(error, sys.argv[1:] if args is None else args)
        except click.ClickException as error:
            error.show(sys.stderr)
            return error.exit_code
        except click.Abort:
            err("passpost: interrupted")
            return status.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - an extension's command; its text may quote anything
            return _report(error)
        return result or status.DONE

    def _extend(self, ctx: click.Context) -> None:
        """Let extensions add their commands, once: when their names are asked for."""
        if self._extended or not uses_extensions(ctx) or not may_have_extensions():
            return
        self._extended = True
        from passpost_cli.extending import add_commands  # noqa: PLC0415 - few have extensions

        add_commands(self, SUMMARIES)


def _guess(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only where something failed

    guesses = get_close_matches(name, known, n=1)
    return f"; did you mean {guesses[0]}?" if guesses else ""


def _wrong_usage(error: click.UsageError, arguments: Sequence[str]) -> int:
    error.show(sys.stderr)
    # Beside the lines for people: a program that reads the output gets its document every time.
    if wants_json(error, arguments):
        described = {"kind": "usage", "message": error.format_message()}
        out_json({"ok": False, "error": described})
    return status.USAGE


def _report(error: Exception) -> int:
    from passpost_cli.failures import Audience, report  # noqa: PLC0415 - only where something failed

    return report(error, Audience())


def make() -> Program:
    """Make the group of all commands."""

    @click.group(cls=Program, name="passpost", epilog=_EPILOG, subcommand_metavar="COMMAND …")
    @click.option(
        "--no-extensions",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=leave_extensions_out,
        help="Use no installed extension.",
    )
    @click.version_option(__version__, prog_name="passpost", message="%(prog)s %(version)s")
    def passpost() -> None:
        """Send sign-in, sign-up and password-reset mails through any provider.

        FILE is an application's settings file, or, with --connector ID, one connector's own
        settings; "-" reads it from standard input. Every command tells more with --help.
        """

    return passpost


cli: Final = make()
