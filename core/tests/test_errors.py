from __future__ import annotations

import copy
import datetime as dt
import inspect
import pickle
import re
import traceback
from typing import Any

import pytest

from passpost import (
    Attempt,
    ConfigError,
    MailerClosedError,
    MessageError,
    MissingVariable,
    PasspostError,
    PluginError,
    Problem,
    SendError,
    TemplateNotFound,
    UnknownConnectorError,
    errors,
)


def pickled(error: Exception) -> Exception:
    again: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301 - made on the spot
    return again


ATTEMPT = Attempt("smtp", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "rejected", "535 5.7.8")

EXAMPLES = [
    PasspostError("m"),
    PluginError("m", connector="acme", distribution="passpost-acme"),
    PluginError("m", connector="acme"),
    UnknownConnectorError("m", connector="acme"),
    ConfigError([Problem("host", "is missing", "add it")]),
    MessageError("m", field="to"),
    TemplateNotFound("SignIn", ["de", "en"]),
    MissingVariable("user.name", "subject"),
    SendError(
        "m",
        outcome="rejected",
        scope="account",
        temporary=True,
        retry_after=1.5,
        provider_code="535 5.7.8",
        response="no",
        hint="h",
        attempts=(ATTEMPT,),
        connector="smtp",
    ),
    MailerClosedError("m"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_error_survives_the_way_between_processes(error: Exception, again: Any) -> None:
    other = again(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)


def tree() -> dict[str, str]:
    """Read the tree that the module's docstring draws: each name with its parent's."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"^    ((?:│   |    |├── |└── )*)(\w+)", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            parents[match[2]] = path[depth - 1] if depth else "Exception"
    return parents


def test_tree_in_the_docstring_is_the_tree() -> None:
    classes = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, Exception) and each.__module__ == errors.__name__
    ]
    assert tree() == {each.__name__: each.__bases__[0].__name__ for each in classes}


def test_public_names() -> None:
    own = {
        name
        for name, value in vars(errors).items()
        if getattr(value, "__module__", "") == errors.__name__ and not name.startswith("_")
    }
    assert own | {"Outcome", "Scope"} == set(errors.__all__)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigError([]), ValueError),
        (MessageError("m", field="to"), ValueError),
        (MailerClosedError("m"), RuntimeError),
    ],
)
def test_errors_are_of_the_usual_kinds_too(error: Exception, kind: type[Exception]) -> None:
    assert isinstance(error, PasspostError)
    assert isinstance(error, kind)


def test_config_error_lists_problems_as_a_reader_meets_them() -> None:
    error = ConfigError(
        [
            Problem("b", "is wrong", file="f.json", line=2, column=1),
            Problem("a", "is missing", "add it"),
            Problem("c", "is odd", severity="warning", file="f.json", line=1, column=5),
        ]
    )
    assert [problem.path for problem in error.problems] == ["a", "c", "b"]
    assert str(error) == (
        "<settings>: error: a: is missing\n"
        "  help: add it\n"
        "f.json:1:5: warning: c: is odd\n"
        "f.json:2:1: error: b: is wrong"
    )


def test_template_not_found_names_usage_and_languages() -> None:
    error = TemplateNotFound("SignIn", ["de-CH", "en"])
    assert (error.usage, error.locales, error.field) == ("SignIn", ("de-CH", "en"), "usage")
    assert str(error) == "no template for usage `SignIn` in de-CH, en, and no `Generic` template"
    assert (
        str(TemplateNotFound("SignIn"))
        == "no template for usage `SignIn`, and no `Generic` template"
    )


def test_missing_variable_names_variable_and_place() -> None:
    error = MissingVariable("user.name", "replyTo")
    assert (error.variable, error.place, error.field) == (
        "user.name",
        "replyTo",
        "payload.user.name",
    )
    assert (
        str(error)
        == "the template's `replyTo` uses {{user.name}}, but the payload has no `user.name`"
    )


def test_send_error_gives_its_facts() -> None:
    error = SendError("m", outcome="unknown", scope="network")
    assert error.facts() == {
        "connector": None,
        "outcome": "unknown",
        "scope": "network",
        "temporary": False,
        "retry_after": None,
        "provider_code": None,
        "response": None,
        "hint": None,
    }
    assert error.attempts == ()


def test_notes_survive_pickling() -> None:
    error = SendError("m", outcome="unknown", scope="network")
    error.add_note("seen in the test")
    assert pickled(error).__notes__ == ["seen in the test"]


def test_a_hint_is_a_note_once() -> None:
    error = SendError("m", outcome="rejected", scope="account", hint="Create an app password.")
    notes = ["hint: Create an app password."]
    assert error.__notes__ == notes
    for again in (pickled(error), copy.copy(error), copy.deepcopy(error)):
        assert getattr(again, "__notes__", None) == notes
    assert "hint: Create an app password." in "".join(traceback.format_exception(error))
    assert not hasattr(SendError("m", outcome="unknown", scope="network"), "__notes__")


def test_a_config_error_steers_no_terminal() -> None:
    problem = Problem(
        "a\u202e", "there is no template for x\u2028y\x1b[2J", "add it\n", code="\x1b"
    )
    lines = str(ConfigError([problem])).split("\n")
    assert [line.isprintable() for line in lines] == [True, True]
