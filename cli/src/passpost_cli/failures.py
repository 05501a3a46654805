"""Turns errors into lines for people, JSON for programs, and an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost._plugins.defects import describe_defect
from passpost._text import quoted
from passpost._wording import enumerated
from passpost.phrases import Phrase, said
from passpost_cli.arguments import is_name
from passpost_cli.exit_codes import ExitCode
from passpost_cli.language import _, say
from passpost_cli.terminal import column, complain, err, one_line, out_json

if TYPE_CHECKING:
    from passpost import Problem
    from passpost_cli.reading import Facts

_PROGRAM: Final = "passpost"

_OUTCOMES: Final = {
    "rejected": _("rejected: the email was not sent"),
    "unknown": _("unknown: the email may have been sent"),
}
_OF_THIS_NAME: Final = _("of this name")
_LABELS: Final = 9
"""Columns of the labels."""

_ARGUMENTS: Final = {
    "to": _("set --to to one address without a display name"),
    "locale": _("set --locale to BCP 47 tags, such as zh-CN"),
}


class CommandError(Exception):
    """A command cannot go on.

    Args:
        message: What is wrong, without values that may be secret.
        remedy: How to fix it.
        kind: The ``kind`` of the error in JSON.
        exit_code: The exit code of the command.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        kind: str = "refused",
        exit_code: ExitCode = ExitCode.REJECTED,
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.kind = kind
        self.exit_code = exit_code


@attrs.frozen
class Audience:
    """The reader of a command's output.

    Attributes:
        file: The settings file as the user named it, if the command reads one.
        json: Whether the reader is a program.
    """

    file: str | None = None
    json: bool = False

    @property
    def place(self) -> str:
        """The place of an error that has no place of its own."""
        return self.file or _PROGRAM


@attrs.frozen
class Failure:
    """What there is to say about an error.

    Attributes:
        kind: The ``kind`` of the error in JSON.
        message: What is wrong.
        facts: The other members of the error in JSON; ``remedy`` is shown to people, too.
        details: More lines for people, with labels.
        problems: The problems of settings, shown instead of the message.
        shown: The message for people, if it differs.
        place: The place, if it is not the settings file.
        exit_code: The exit code of the command.
    """

    kind: str
    message: str
    facts: Mapping[str, Any] = MappingProxyType({})
    details: Facts = ()
    problems: Sequence[Problem] = ()
    shown: str | None = None
    place: str | None = None
    exit_code: ExitCode = ExitCode.REJECTED


def report(error: BaseException, audience: Audience) -> int:
    """Show an error to people on standard error, and to programs on standard output.

    Returns:
        The exit code.
    """
    failure = failure_of(error)
    for problem in failure.problems:
        complain_of(problem, audience)
    if failure.kind != "config":
        place = failure.place or audience.place
        complain(place, failure.shown or failure.message, failure.facts.get("remedy", ""))
    for label, fact in failure.details:
        err(f"  {column(label, _LABELS)} {one_line(say(fact))}")
    if audience.json:
        document = {"kind": failure.kind, "message": failure.message, **failure.facts}
        out_json({"ok": False, "error": document})
    return failure.exit_code


@singledispatch
def failure_of(error: BaseException) -> Failure:
    """Return what there is to say about an error."""
    if isinstance(error, KeyboardInterrupt):
        return failure_of(
            CommandError(_("interrupted"), kind="interrupted", exit_code=ExitCode.INTERRUPTED)
        )
    return Failure(
        "internal",
        _("internal error: {defect}", defect=describe_defect(error)),
        {"remedy": _("this is a defect; please report it with this line")},
        place=_PROGRAM,
        exit_code=ExitCode.DEFECT,
    )


@failure_of.register
def _of_command(error: CommandError) -> Failure:
    facts = {"remedy": error.remedy}
    return Failure(error.kind, said(error), facts, exit_code=error.exit_code)


@failure_of.register
def _of_passpost(error: passpost.PasspostError) -> Failure:
    return Failure("refused", said(error), {"remedy": ""})


@failure_of.register
def _of_config(error: passpost.ConfigError) -> Failure:
    facts = {"problems": [attrs.asdict(problem) for problem in error.problems]}
    return Failure("config", counted(error.problems), facts, problems=error.problems)


@failure_of.register
def _of_send(error: passpost.SendError) -> Failure:
    text = said(error)
    if error.connector:
        text = _("{connector}: {text}", connector=error.connector, text=text)
    unknown = error.outcome == "unknown"
    return Failure(
        "send",
        said(error),
        {**error.facts(), "attempts": attempts(error.attempts)},
        details=send_facts(error),
        exit_code=ExitCode.UNKNOWN if unknown else ExitCode.REJECTED,
        shown=text,
    )


@failure_of.register
def _of_plugin(error: passpost.PluginError) -> Failure:
    facts = {
        "connector": error.connector or None,
        "extension": error.extension or None,
        "distribution": error.distribution,
    }
    return Failure("plugin", said(error), facts)


@failure_of.register
def _of_unknown_connector(error: passpost.UnknownConnectorError) -> Failure:
    message = _discreet(error.message, error.connector)
    connector = error.connector if message == error.message else None
    facts = {"connector": connector, "distribution": None, "remedy": error.remedy}
    return Failure("plugin", message, facts)


@failure_of.register
def _of_message(error: passpost.MessageError) -> Failure:
    facts = {"field": error.field, "remedy": _ARGUMENTS.get(error.field, "")}
    message = said(error)
    if error.field in _ARGUMENTS and message.startswith(f"{error.field}: "):
        # What a person wrote is an option; its name is a value of the phrase.
        message = _as_option(message, error.field)
    return Failure("message", message, facts, place=_PROGRAM)


@failure_of.register
def _of_missing_variable(error: passpost.MissingVariable) -> Failure:
    option = "--code CODE" if error.variable == "code" else f"--set {error.variable}=TEXT"
    return Failure(
        "message", said(error), {"field": error.field, "remedy": _("add {option}", option=option)}
    )


@failure_of.register
def _of_template(error: passpost.TemplateNotFound) -> Failure:
    remedy = _("add a template for this usage, or for Generic, to the settings")
    facts = {"field": error.field, "remedy": remedy}
    return Failure("message", _discreet(said(error), error.usage), facts)


def attempts(tried: Sequence[passpost.Attempt]) -> list[dict[str, Any]]:
    """Return attempts as JSON data, times in ISO 8601."""
    return [
        {
            "connector": one.connector,
            "started_at": one.started_at.isoformat(),
            "result": one.result,
            "summary": one.summary,
        }
        for one in tried
    ]


def counted(problems: Sequence[Problem]) -> str:
    """Count problems in words: ``2 errors, 1 warning``."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = []
    if errors:
        counts.append(_("1 error") if errors == 1 else _("{number} errors", number=errors))
    if warnings:
        counts.append(_("1 warning") if warnings == 1 else _("{number} warnings", number=warnings))
    return enumerated(counts) if counts else _("no problems")


def complain_of(problem: Problem, audience: Audience, excerpt: Sequence[str] = ()) -> None:
    """Write one problem of the settings to standard error, perhaps with lines that show it."""
    located = problem if problem.file else attrs.evolve(problem, file=audience.place)
    subject = f"{problem.path}: " if problem.path else ""
    complain(
        located.place,
        f"{subject}{say(problem.message)}",
        problem.remedy,
        warning=problem.severity == "warning",
        code=problem.code,
        excerpt=excerpt,
    )


def send_facts(error: passpost.SendError) -> list[tuple[str, str]]:
    """Return what a send error tells a person beyond its text, by label."""
    told = str(error)
    # In the order in which a person asks: was it sent, who has to act, what to do.
    facts = (
        (_("outcome"), _OUTCOMES[error.outcome]),
        (_("scope"), error.scope),
        (_("retry"), _retry(error)),
        (_("code"), _untold(error.provider_code, f"{told} {error.response}")),
        (_("response"), _untold(error.response, told)),
        (_("hint"), error.hint),
    )
    return [(label, fact) for label, fact in facts if fact]


def _retry(error: passpost.SendError) -> str | None:
    if error.outcome == "unknown":
        return _("only once you know that the email was not sent: it may go out twice")
    if not error.temporary:
        return None
    if error.retry_after is None:
        return _("the same email may go through later")
    return _("the same email may go through later, after {seconds:g} s", seconds=error.retry_after)


def _untold(fact: str | None, told: str) -> str | None:
    """Return a fact, unless the lines before have said it."""
    return None if fact is None or fact in told else fact


def _as_option(text: str, field: str) -> str:
    """Return a text that begins with the name of a field, with the option in place of it."""

    def renamed(part: str) -> str:
        begins = part == field or part.startswith(f"{field}: ")
        return f"--{part}" if begins else part

    return text.map(renamed) if isinstance(text, Phrase) else renamed(text)


def _discreet(text: str, name: str) -> str:
    """Return a text without the name that it repeats, if that may be a code by mistake."""
    if is_name(name):
        return text

    def hidden(part: str) -> str:
        if part in (name, quoted(name)):
            return _OF_THIS_NAME
        return part.replace(quoted(name), _OF_THIS_NAME).replace(name, _OF_THIS_NAME)

    return text.map(hidden) if isinstance(text, Phrase) else hidden(text)
