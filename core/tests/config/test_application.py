from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from passpost import Policy, Problem
from passpost._settings.policy import MAX_TIMEOUT
from passpost.config import (
    ApplicationSettings,
    ConnectorEntry,
    Settings,
    parse_application,
    read,
    resolve,
    warnings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Refused = Callable[..., tuple[Problem, ...]]

TEXT = """\
{
  // In order of preference.
  "connectors": {
    "primary": {"use": "smtp", "settings": {"host": "smtp.example.com"}},
    "backup": {"use": "aliyun-dm", "settings": {
      "accountName": "no-reply@example.com",
    }},
  },
  "delivery": {"timeout": "20"},
  "templates": [{"usageType": "SignIn", "subject": "s", "content": "{{code}}"}],
  "missingVariables": "keep",
}
"""


def test_reads_an_application() -> None:
    application = parse_application(read(TEXT, "passpost.jsonc"))
    assert list(application.connectors) == ["primary", "backup"]
    assert [entry.use for entry in application.connectors.values()] == ["smtp", "aliyun-dm"]
    assert application.delivery == Policy(timeout=20)
    assert application.templates[0].usage_type == "SignIn"
    assert application.missing_variables == "keep"
    assert warnings(application) == ()


def test_a_connectors_settings_know_their_place() -> None:
    application = parse_application(read(TEXT, "passpost.jsonc"))
    settings = application.connectors["backup"].settings
    assert isinstance(settings, Settings)
    assert settings == {"accountName": "no-reply@example.com"}
    assert settings.file == "passpost.jsonc"
    assert settings.locate("accountName") == (6, 22)
    assert settings.problem(("accountName",), "x").path == (
        "connectors.backup.settings.accountName"
    )


def test_reads_the_text_and_the_mapping_alike() -> None:
    assert list(parse_application(TEXT).connectors) == ["primary", "backup"]
    assert list(parse_application(read(TEXT).data).connectors) == ["primary", "backup"]


def test_has_defaults() -> None:
    application = parse_application('{"connectors": {"a": {"use": "smtp", "settings": {}}}}')
    assert application.delivery == Policy(timeout=25)
    assert application.templates == ()
    assert application.missing_variables is None
    assert application.connectors["a"] == ConnectorEntry(use="smtp", settings=Settings({}))


def test_references_in_a_connectors_settings_are_left_to_it() -> None:
    text = '{"connectors": {"a": {"use": "smtp", "settings": {"host": "${NO}"}}}}'
    settings, (problem,) = resolve(read(text), environ={})
    application = parse_application(settings)
    assert problem.path == "connectors.a.settings.host"
    assert application.connectors["a"].settings["host"].problem == problem


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", [("connectors", "required")]),
        ('{"conectors": {}}', [("conectors", "unknown setting")]),
        ('{"connectors": {}}', [("connectors", "must not be empty")]),
        ('{"connectors": []}', [("connectors", "must be an object, not a list")]),
        (
            '{"connectors": {"a": {"use": "", "setings": {}}, "b": 1}}',
            [
                ("connectors.a.use", "must not be empty"),
                ("connectors.a.setings", "unknown setting"),
                ("connectors.b", "must be an object, not a number"),
            ],
        ),
        (
            '{"connectors": {"a": {"settings": []}}, "delivery": {"timeout": 0}}',
            [
                ("connectors.a.use", "required"),
                ("connectors.a.settings", "must be an object, not a list"),
                ("delivery.timeout", "0 is out of range"),
            ],
        ),
        (
            '{"host": "h", "port": 25, "templates": []}',
            [("", "these look like the settings of one connector")],
        ),
        (
            '{"templates": [], "delivery": {}, "missingVariables": "keep", "x": 1}',
            [("connectors", "required"), ("x", "unknown setting")],
        ),
    ],
)
def test_says_what_is_wrong(refused: Refused, text: str, found: list[tuple[str, str]]) -> None:
    problems = refused(parse_application, read(text, "f"))
    assert [(problem.path, problem.message) for problem in problems] == found
    assert all(problem.line == 1 for problem in problems)


@pytest.mark.parametrize(
    ("delivery", "found"),
    [
        ({"weights": {"a": -1}}, ("weights.a", "-1 is out of range", "use 0 or more")),
        (
            {"recipientCooldowns": {"SignIn": 0}},
            ("recipientCooldowns.SignIn", "0 is out of range", "use more than 0 and at most {} s"),
        ),
        (
            {"routes": {"SignIn": []}},
            (
                "routes.SignIn",
                "a route needs at least one connector",
                "add one, or remove the route",
            ),
        ),
        (
            {"routes": {"SignIn": ["a", "b", "a"]}},
            ("routes.SignIn[2]", "a route names each connector once", "remove the repetition"),
        ),
    ],
)
def test_says_how_to_fix_the_policy(
    refused: Refused, delivery: dict[str, object], found: tuple[str, str, str]
) -> None:
    path, message, remedy = found
    connector = {"use": "x", "settings": {}}
    settings = {"connectors": {"a": connector, "b": connector}, "delivery": delivery}
    (problem,) = refused(parse_application, settings)
    assert (problem.path, problem.message) == (f"delivery.{path}", message)
    assert problem.remedy == remedy.format(MAX_TIMEOUT)


def test_warns_of_hidden_templates_and_of_no_missing_one() -> None:
    one = '{"usageType": "SignIn", "subject": "s", "content": "{{code}}"}'
    text = (
        f'{{"connectors": {{"a": {{"use": "x", "settings": {{}}}}}}, "templates": [{one}, {one}]}}'
    )
    (problem,) = warnings(parse_application(text))
    assert problem.path == "templates[1].usageType"


@pytest.mark.parametrize("timeout", ["5", None, True, [5]])
def test_a_policy_of_the_wrong_type_says_what_to_write(timeout: Any) -> None:
    with pytest.raises(TypeError, match="timeout is a number of seconds, such as 20, not "):
        Policy(timeout=timeout)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e15, 86_401])
def test_a_policy_made_in_code_is_checked_too(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout is a number of seconds"):
        Policy(timeout=timeout)


def test_shows_no_setting() -> None:
    text = '{"connectors": {"a": {"use": "x", "settings": {"password": "hunter2"}}}}'
    application = parse_application(text)
    assert isinstance(application, ApplicationSettings)
    assert "hunter2" not in repr(application)
