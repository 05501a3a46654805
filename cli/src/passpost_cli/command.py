"""The base of all commands: no argument is repeated, and each error becomes an exit code."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from passpost_cli.arguments import named
from passpost_cli.helping import Context, summary_of
from passpost_cli.language import SILENT_OPTION, _, choose_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What may be repeated of an unknown option: a name in lower case, without a value attached to it.
_OPTION_NAME: Final = re.compile(r"--?[a-z]+(?:-[a-z]+)*")


class InvalidLine(click.UsageError):
    """An invalid command line, with a way to fix it in place of ``--help``."""

    def __init__(self, message: str, remedy: str, ctx: click.Context) -> None:
        super().__init__(message, ctx)
        self.remedy = remedy


class Discreet(click.Command):
    """A command whose errors repeat no argument: any argument may be a code or a password.

    It has the option ``--lang``, if not as one of its own.
    """

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if all(param.name != SILENT_OPTION.name for param in self.params):
            self.params.append(SILENT_OPTION)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an unknown option is named only if it cannot be a secret."""
        # Before `--help`, wherever on the command line it is.
        choose_from(args, ctx)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name
        raise _unknown_option(name, ctx)


class CommandGroup(Discreet, click.Group):
    """A group of commands, which are listed in the reader's language."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        with formatter.section(_("Commands")):
            formatter.write_dl(
                [(name, self.summary(ctx, name)) for name in self.list_commands(ctx)]
            )

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return what is said of a command in the list."""
        command = self.get_command(ctx, name)
        return summary_of(command) if command is not None else ""


@contextmanager
def _unheard_logs() -> Iterator[None]:
    """Keep log records off standard error: errors say the same."""
    import logging  # noqa: PLC0415 - `--help` needs none of it

    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def _unknown_option(name: str, ctx: click.Context) -> InvalidLine:
    from passpost._wording import did_you_mean, nearest  # noqa: PLC0415 - only mistakes pay

    known = (
        one for param in ctx.command.get_params(ctx) for one in param.opts + param.secondary_opts
    )
    # Without a value that is attached to it.
    written = _OPTION_NAME.match(name)
    near = nearest(written[0], (one for one in known if one.startswith("--"))) if written else None
    named = _OPTION_NAME.fullmatch(name)
    problem = _("unknown option {name}", name=name) if named else _("unknown option")
    return InvalidLine(problem, did_you_mean(near), ctx)


class Command(Discreet):
    """A command of ``passpost``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; extra ones are not repeated."""
        # Click would repeat extra arguments.
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            ctx.fail(_("too many arguments; put a value with spaces into quotes"))
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error is reported and becomes an exit code."""
        # Not above: `--help` needs none of it.
        from passpost_cli.failures import Audience, report  # noqa: PLC0415
        from passpost_cli.terminal import own_stdout  # noqa: PLC0415

        files = ctx.params.get("files", ())
        file = files[0] if len(files) == 1 else ctx.params.get("file")
        audience = Audience(named(file) if file else None, json=bool(ctx.params.get("as_json")))
        try:
            with own_stdout(), _unheard_logs():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        # No traceback is printed: it may contain a code. A plugin's SystemExit must not end the
        # command as if it had succeeded.
        except BaseException as error:  # noqa: BLE001
            exit_code = report(error, audience)
        raise click.exceptions.Exit(exit_code)


def wants_json(error: click.UsageError, arguments: Sequence[str]) -> bool:
    """Return whether an invalid command line has to be reported as JSON, too."""
    command = error.ctx.command if error.ctx is not None else None
    has_option = command is not None and any(p.name == "as_json" for p in command.params)
    return has_option and "--json" in arguments


def usage_text(error: click.UsageError) -> str:
    """Return what is wrong with a command line, in the form of other problems."""
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    for phrase in _phrases_for(error):
        # Click's own words change between its versions.
        if phrase == text:
            return phrase
    return text


def _phrases_for(error: click.UsageError) -> Iterator[str]:
    """Yield what click says of a command line, as phrases."""
    if error.message:
        yield error.message
    param = error.param if isinstance(error, click.BadParameter) else None
    name = "" if param is None else param.get_error_hint(error.ctx)
    if isinstance(error, click.MissingParameter):
        yield _("missing option {name}", name=name)
        yield _("missing argument {name}", name=name)
    elif param is not None:
        yield _("invalid value for {name}: {what}", name=name, what=error.message)
    elif isinstance(error, click.BadOptionUsage):
        yield _("option {name} requires an argument", name=repr(error.option_name))
