"""Problems as SARIF 2.1.0, which code scanning services read.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import passpost
from passpost._text import visible
from passpost_cli.language import say

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(
    problems: Iterable[passpost.Problem], known: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Return a log of one run with one result for each problem.

    Args:
        problems: The problems.
        known: For each code its title, and its explanation as Markdown.
    """
    problems = [*problems]
    codes = list(dict.fromkeys(problem.code for problem in problems if problem.code))
    driver = {
        "name": "passpost",
        "semanticVersion": passpost.__version__,
        "rules": [_rule(code, known.get(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, known: tuple[str, str] | None) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code}
    if known is not None:
        title, text = known
        rule["shortDescription"] = {"text": title}
        rule["help"] = {"text": text, "markdown": text}
    level = "warning" if code.rpartition("-")[2].startswith("W") else "error"
    return {**rule, "defaultConfiguration": {"level": level}}


def _result(problem: passpost.Problem, codes: list[str]) -> dict[str, Any]:
    subject = f"{problem.path}: " if problem.path else ""
    remedy = f". {say(problem.remedy)}" if problem.remedy else ""
    result: dict[str, Any] = {
        "level": problem.severity,
        "message": {"text": visible(f"{subject}{say(problem.message)}{remedy}")},
    }
    if problem.code:
        result |= {"ruleId": problem.code, "ruleIndex": codes.index(problem.code)}
    if problem.file:
        result["locations"] = [{"physicalLocation": _place(problem, problem.file)}]
    return result


def _place(problem: passpost.Problem, file: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    if problem.line is not None:
        place["region"] = {"startLine": problem.line, "startColumn": problem.column or 1}
    return place


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
