"""Turns errors into lines for people, documents for programs, and an exit status."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost._plugins.defects import describe_defect
from passpost_cli import status
from passpost_cli.arguments import is_name
from passpost_cli.extras import missing_extra
from passpost_cli.terminal import complain, err, one_line, out_json

if TYPE_CHECKING:
    from passpost import Problem

_PROGRAM: Final = "passpost"

_OUTCOMES: Final = {
    "rejected": "rejected: the mail was surely not sent",
    "unknown": "unknown: the mail may have been sent",
}
_REMEDIES: Final = {
    "to": "give --to exactly one address, without a display name",
    "locale": "give --locale BCP 47 tags such as zh-CN",
}


class Refusal(Exception):  # noqa: N818 - what happened, in the words of the exit statuses
    """The command line itself refuses to go on.

    Args:
        message: What is wrong, without values that may be secret.
        remedy: What to do about it.
        kind: The ``kind`` of the error in a JSON document.
        exit_status: The status to end with.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        kind: str = "refused",
        exit_status: int = status.REFUSED,
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.kind = kind
        self.exit_status = exit_status


@attrs.frozen
class Audience:
    """Whom a command speaks to.

    Attributes:
        file: The settings file as the user named it, if the command reads one.
        json: Whether a program reads the output.
    """

    file: str | None = None
    json: bool = False

    @property
    def place(self) -> str:
        """What stands before an error that has no place of its own."""
        return self.file or _PROGRAM


def report(error: BaseException, audience: Audience) -> int:
    """Say what went wrong, to a person on standard error and to a program on standard output.

    Returns:
        The exit status.
    """
    error = _as_refusal(error)
    _complain(error, audience)
    if audience.json:
        out_json({"ok": False, "error": described(error)})
    return _status(error)


def _as_refusal(error: BaseException) -> BaseException:
    """Put what is no defect, although nothing of ours raised it, into words."""
    if isinstance(error, KeyboardInterrupt):
        return Refusal("interrupted", kind="interrupted", exit_status=status.INTERRUPTED)
    if needed := missing_extra(error):
        return Refusal(*needed, kind="usage", exit_status=status.USAGE)
    return error


@singledispatch
def described(error: BaseException) -> dict[str, Any]:
    """Give an error as JSON data: ``kind``, ``message``, and what its kind adds."""
    return {"kind": "internal", "message": _defect(error), "remedy": _REPORT_IT}


@described.register
def _(error: passpost.PasspostError) -> dict[str, Any]:
    return {"kind": "refused", "message": str(error), "remedy": ""}


@described.register
def _(error: passpost.ConfigError) -> dict[str, Any]:
    return {
        "kind": "config",
        "message": counted(error.problems),
        "problems": [attrs.asdict(problem) for problem in error.problems],
    }


@described.register
def _(error: passpost.SendError) -> dict[str, Any]:
    tried = attempts(error.attempts)
    return {"kind": "send", "message": str(error), **error.facts(), "attempts": tried}


@described.register
def _(error: passpost.PluginError) -> dict[str, Any]:
    facts = {
        "connector": error.connector or None,
        "extension": error.extension or None,
        "distribution": error.distribution,
    }
    return {"kind": "plugin", "message": str(error), **facts}


@described.register
def _(error: passpost.UnknownConnectorError) -> dict[str, Any]:
    message = _discreet(str(error), error.connector)
    connector = error.connector if message == str(error) else None
    return {"kind": "plugin", "message": message, "connector": connector, "distribution": None}


@described.register
def _(error: passpost.MessageError) -> dict[str, Any]:
    facts = {"field": error.field, "remedy": _message_remedy(error)}
    return {"kind": "message", "message": _message(error), **facts}


@described.register
def _(error: Refusal) -> dict[str, Any]:
    return {"kind": error.kind, "message": str(error), "remedy": error.remedy}


def attempts(tried: tuple[passpost.Attempt, ...]) -> list[dict[str, Any]]:
    """Give attempts as JSON data, times in ISO 8601."""
    return [
        {
            "connector": attempt.connector,
            "started_at": attempt.started_at.isoformat(),
            "result": attempt.result,
            "summary": attempt.summary,
        }
        for attempt in tried
    ]


def counted(problems: tuple[Problem, ...]) -> str:
    """Count problems in words: ``2 errors, 1 warning``."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = ((errors, "error"), (warnings, "warning"))
    return ", ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in counts if n) or "no problems"


def complain_of(problem: Problem, audience: Audience) -> None:
    """Write one problem of the settings to standard error."""
    located = problem if problem.file else attrs.evolve(problem, file=audience.place)
    subject = f"{problem.path}: " if problem.path else ""
    complain(
        located.place,
        f"{subject}{problem.message}",
        problem.remedy,
        warning=problem.severity == "warning",
        code=problem.code,
    )


@singledispatch
def _complain(error: BaseException, audience: Audience) -> None:
    del audience
    complain(_PROGRAM, _defect(error), _REPORT_IT)


@_complain.register
def _(error: passpost.PasspostError, audience: Audience) -> None:
    complain(audience.place, str(error))


@_complain.register
def _(error: passpost.UnknownConnectorError, audience: Audience) -> None:
    complain(audience.place, _discreet(str(error), error.connector))


@_complain.register
def _(error: passpost.ConfigError, audience: Audience) -> None:
    for problem in error.problems:
        complain_of(problem, audience)


@_complain.register
def _(error: passpost.MessageError, audience: Audience) -> None:
    complain(_message_place(error, audience), _message(error), _message_remedy(error))


@_complain.register
def _(error: passpost.SendError, audience: Audience) -> None:
    connector = f"{error.connector}: " if error.connector else ""
    complain(audience.place, f"{connector}{error}")
    for label, fact in send_facts(error):
        err(f"  {label:<9} {one_line(fact)}")


@_complain.register
def _(error: Refusal, audience: Audience) -> None:
    complain(audience.place, str(error), error.remedy)


def send_facts(error: passpost.SendError) -> list[tuple[str, str]]:
    """Return what a send error tells a person beyond its text, by label."""
    told = str(error)
    # In the order in which a person asks: was it sent, whose fault is it, what now.
    facts = (
        ("outcome", _OUTCOMES[error.outcome]),
        ("scope", error.scope),
        ("retry", _retry(error)),
        ("code", _untold(error.provider_code, f"{told} {error.response}")),
        ("response", _untold(error.response, told)),
        ("hint", error.hint),
    )
    return [(label, fact) for label, fact in facts if fact]


def _retry(error: passpost.SendError) -> str | None:
    if error.outcome == "unknown":
        return "only once you know that the email was not sent: it may go out twice"
    wait = f", after {error.retry_after:g} s" if error.retry_after is not None else ""
    return f"the same mail may go through later{wait}" if error.temporary else None


def _untold(fact: str | None, told: str) -> str | None:
    """Return a fact, unless the lines before have said it."""
    return None if fact is None or fact in told else fact


def _message(error: passpost.MessageError) -> str:
    if isinstance(error, passpost.TemplateNotFound):
        return _discreet(str(error), error.usage)
    return str(error)


def _discreet(text: str, name: str) -> str:
    """Return a text without the name that it repeats, if that may be a code by mistake."""
    if is_name(name):
        return text
    return text.replace(repr(name), "of this name").replace(name, "of this name")


def _message_place(error: passpost.MessageError, audience: Audience) -> str:
    # Templates are the settings' matter; the rest of a message comes from the command's arguments.
    from_template = isinstance(error, passpost.TemplateNotFound | passpost.MissingVariable)
    return audience.place if from_template else _PROGRAM


def _message_remedy(error: passpost.MessageError) -> str:
    if isinstance(error, passpost.MissingVariable):
        name = error.variable
        return "give it with --code" if name == "code" else f"give it with --set {name}=…"
    if isinstance(error, passpost.TemplateNotFound):
        return "add a template for this usage, or one for Generic, to the settings"
    return _REMEDIES.get(error.field, "")


_REPORT_IT: Final = "this is a defect; please report it with this line"


def _defect(error: BaseException) -> str:
    return f"internal error: {describe_defect(error)}"


def _status(error: BaseException) -> int:
    if isinstance(error, passpost.SendError):
        return status.UNKNOWN if error.outcome == "unknown" else status.REFUSED
    if isinstance(error, Refusal):
        return error.exit_status
    return status.REFUSED if isinstance(error, passpost.PasspostError) else status.DEFECT
