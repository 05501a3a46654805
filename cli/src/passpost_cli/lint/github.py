"""Problems as commands of GitHub Actions, which shows them beside the lines."""

from __future__ import annotations

import passpost
from passpost_cli.language import _, say
from passpost_cli.terminal import labelled


def annotation(problem: passpost.Problem) -> str:
    """Return the command of one problem."""
    facts = {
        "file": problem.file,
        "line": problem.line,
        "col": problem.column if problem.line else None,
        "title": problem.code,
    }
    properties = ",".join(f"{key}={_value(fact)}" for key, fact in facts.items() if fact)
    subject = f"{problem.path}: " if problem.path else ""
    text = f"{subject}{say(problem.message)}"
    if problem.remedy:
        text += "\n" + labelled(say(_("help")), say(problem.remedy))
    return f"::{problem.severity} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(fact: object) -> str:
    return _data(str(fact)).replace(":", "%3A").replace(",", "%2C")
