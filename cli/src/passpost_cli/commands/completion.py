"""``passpost completion``: lets a shell complete what people type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete

from passpost_cli.command import Command
from passpost_cli.helping import verbatim
from passpost_cli.language import _
from passpost_cli.terminal import out

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

_SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}

_EPILOG: Final = verbatim(
    _("Add the line of your shell to its file:"),
    '  ~/.bashrc                                eval "$(passpost completion bash)"',
    '  ~/.zshrc                                 eval "$(passpost completion zsh)"',
    "  ~/.config/fish/completions/passpost.fish passpost completion fish | source",
)


def _shells(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del ctx, param
    return [CompletionItem(name) for name in _SHELLS if name.startswith(incomplete)]


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("shell", metavar="SHELL", shell_complete=_shells)
def command(shell: str) -> None:
    """Print the script that lets a shell complete commands.

    SHELL is bash, zsh or fish. Commands, options, connectors, usages, languages and the names of
    files are completed.
    """
    if shell not in _SHELLS:
        raise click.UsageError(_("the shell is one of {names}", names=tuple(_SHELLS)))
    made = _SHELLS[shell](click.Group(), {}, "passpost", "_PASSPOST_COMPLETE")
    # Not `source()`, which starts bash to look at its version.
    out(made.source_template % made.source_vars())
