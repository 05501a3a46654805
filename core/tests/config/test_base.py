"""What every connector's config has; no postponed annotations, since `parse` looks the types up."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from passpost import Address, Problem, Secret, Template
from passpost.config import (
    ConnectorConfig,
    HostName,
    field,
    missing_template,
    missing_usages,
    parse,
    placeholders,
    read,
    require_templates,
    secrets_in,
    warnings,
)

Refused = Callable[..., tuple[Problem, ...]]


@attrs.frozen(kw_only=True)
class Account:
    key: Secret = field()
    region: str = field(default="")


@attrs.frozen(kw_only=True)
class AcmeConfig(ConnectorConfig):
    host: HostName = field(default=HostName("localhost"))
    from_email: Address | None = field(default=None)
    account: Account | None = field(default=None)
    headers: dict[str, str] | None = attrs.field(default=None, init=False)
    notes: tuple[str, ...] = field(default=())
    quiet: Account | None = field(default=None, placeholders=False)
    token: Secret | None = field(default=None)


def template(usage: str = "SignIn", **more: str) -> dict[str, str]:
    return {"usageType": usage, "subject": "Your code", "content": "{{code}}", **more}


def messages(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    assert all(problem.severity == "warning" for problem in problems)
    return [(problem.path, problem.message) for problem in problems]


ALL = [template(usage) for usage in ("Register", "SignIn", "ForgotPassword", "Generic")]


def test_has_no_sender_and_sends_text_by_default() -> None:
    config = parse(AcmeConfig, {"templates": ALL})
    assert config.sender is None
    assert config.default_content_type == "text/plain"
    assert config.missing_variables == "error"
    assert all(isinstance(made, Template) for made in config.templates)
    assert warnings(config) == ()


@pytest.mark.parametrize(
    ("usages", "missing", "remedy"),
    [
        (
            ["Register"],
            "`SignIn`, `ForgotPassword` or `Generic`",
            "add one for each, or one for `Generic`, which serves every usage",
        ),
        (["Register", "Generic"], "`SignIn` or `ForgotPassword`", "add one for each, or `Generic`"),
        (["Register", "SignIn", "ForgotPassword"], "`Generic`", "add one"),
    ],
)
def test_warns_once_of_the_usages_without_a_template(
    usages: list[str], missing: str, remedy: str
) -> None:
    config = parse(AcmeConfig, {"templates": [template(usage) for usage in usages]})
    assert messages(warnings(config)) == [("templates", f"no template for {missing}")]
    assert warnings(config)[0].remedy.startswith(remedy)


def test_test_is_the_old_name_of_generic() -> None:
    config = parse(AcmeConfig, {"templates": [*ALL[:3], template("Test")]})
    assert warnings(config) == ()


def test_a_host_with_templates_can_drop_warnings() -> None:
    own = parse(AcmeConfig, {"templates": [template("Register")]})
    application = [Template(usage_type="SignIn", subject="s", content="{{code}}")]
    assert missing_usages(own.templates, application) == ("ForgotPassword", "Generic")
    assert missing_template(*missing_usages(own.templates)) in warnings(own)


def test_no_template_at_all_parses_and_is_for_the_host_to_refuse() -> None:
    config = parse(AcmeConfig, "{}")
    assert warnings(config) == ()
    problem = require_templates(config)
    assert problem is not None
    assert (problem.path, problem.severity) == ("templates", "error")
    assert require_templates(parse(AcmeConfig, {"templates": ALL})) is None
    assert require_templates(object()) is not None


def test_warns_of_a_template_that_another_hides() -> None:
    text = """{"templates": [
      {"usageType": "SignIn", "subject": "s", "content": "{{code}}", "locale": "zh-CN"},
      {"usageType": "SignIn", "subject": "s", "content": "{{code}}"},
      {"usageType": "Generic", "subject": "s", "content": "{{code}}"},
      {"usageType": "SignIn", "subject": "s", "content": "{{code}}", "locale": "zh-cn"},
      {"usageType": "Test", "subject": "s", "content": "{{code}}"},
    ]}"""
    settings = read(text, "f")
    placed = settings.placed(warnings(parse(AcmeConfig, settings)))
    hidden = [(problem.path, problem.line, problem.column) for problem in placed[:2]]
    assert hidden == [("templates[3].usageType", 5, 21), ("templates[4].usageType", 6, 21)]
    assert "templates[0]" in placed[0].message
    assert "templates[2]" in placed[1].message


def test_warns_of_an_unknown_usage_with_the_nearest_known_one() -> None:
    config = parse(AcmeConfig, {"templates": [*ALL, template("Singin"), template("Zzz")]})
    first, second = warnings(config)
    assert (first.path, second.path) == ("templates[4].usageType", "templates[5].usageType")
    assert first.remedy == "did you mean `SignIn`?"
    assert "did you mean" not in second.remedy


def test_a_template_that_is_wrong_is_a_problem_at_its_place(refused: Refused) -> None:
    text = '{"templates": [{"usageType": "SignIn",\n "subject": "a {{b", "contnt": "x"}]}'
    problems = refused(parse, AcmeConfig, read(text, "f"))
    assert [(problem.path, problem.line, problem.column) for problem in problems] == [
        ("templates[0].subject", 2, 16),
        ("templates[0].contnt", 2, 22),
    ]


HALF_DONE: dict[str, Any] = {
    "host": "< SMTP-service-address >",
    "fromEmail": "< your-gmail-address > ",
    "account": {"key": "< key >", "region": "< region >"},
    "notes": ["fine", "< note >"],
    "quiet": {"key": "< key >", "region": "< region >"},
    "templates": [template("Register", subject="< register-template-subject >"), *ALL[1:]],
}


def test_placeholders_parse_and_are_warned_of() -> None:
    config = parse(AcmeConfig, HALF_DONE)
    assert config.host == "< SMTP-service-address >"
    assert config.from_email == Address("< your-gmail-address > ")
    assert sorted(problem.path for problem in warnings(config)) == [
        "account.key",
        "account.region",
        "fromEmail",
        "host",
        "notes[1]",
    ]


def test_placeholders_are_errors_to_whoever_wants_to_send() -> None:
    found = placeholders(parse(AcmeConfig, HALF_DONE))
    assert {problem.severity for problem in found} == {"error"}
    assert sorted(problem.path for problem in found) == [
        "account.key",
        "account.region",
        "fromEmail",
        "host",
        "notes[1]",
    ]
    assert placeholders(parse(AcmeConfig, {"templates": ALL})) == ()


def test_placeholders_are_warned_of_beside_errors(refused: Refused) -> None:
    problems = refused(parse, AcmeConfig, {**HALF_DONE, "zzz": 1})
    assert sorted((problem.path, problem.severity) for problem in problems) == [
        ("account.key", "warning"),
        ("account.region", "warning"),
        ("fromEmail", "warning"),
        ("host", "warning"),
        ("notes[1]", "warning"),
        ("zzz", "error"),
    ]


@pytest.mark.parametrize("char", ["\n", "\x00", "\u760a"])
def test_a_placeholder_holds_no_control_character(refused: Refused, char: str) -> None:
    problems = refused(
        parse, AcmeConfig, {"host": f"<a{char}>", "fromEmail": f"<{char}>", "notes": [f"<{char}>"]}
    )
    assert sorted(problem.path for problem in problems) == ["fromEmail", "host", "notes[0]"]


def test_finds_every_secret() -> None:
    config = parse(AcmeConfig, {"account": {"key": "hunter2"}, "token": "t0ken"})
    assert sorted(secrets_in(config)) == ["hunter2", "t0ken"]
    assert "hunter2" not in repr(config)
    assert "t0ken" not in repr(config)


@pytest.mark.parametrize("config", [object(), None, {"a": 1}])
def test_a_config_of_another_kind_has_nothing_to_tell(config: object) -> None:
    assert warnings(config) == ()
    assert placeholders(config) == ()
    assert list(secrets_in(config)) == []


def test_secrets_in_a_plain_mapping_are_found_too() -> None:
    assert list(secrets_in({"a": (Secret("x"),)})) == ["x"]
