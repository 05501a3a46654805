"""A whole file of mistakes, as an operator might make them: each is found, in one run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs

from passpost import Address, ConfigError, Problem, Secret
from passpost.config import (
    ConnectorConfig,
    HostName,
    Invalid,
    field,
    parse,
    parse_application,
    read,
    resolve,
    rule,
)

Refused = Callable[..., tuple[Problem, ...]]


@attrs.frozen(kw_only=True)
class Login:
    user: str | None = field(default=None)
    password: Secret | None = field(default=None, key="pass")
    type: Literal["login"] = field(default="login")


@attrs.frozen(kw_only=True)
class KeyWithPassphrase:
    key: Secret = field(multiline=True)
    passphrase: Secret = field()


@attrs.frozen(kw_only=True)
class TokenAuth:
    user: str = field()
    refresh_token: Secret | None = field(default=None)
    access_token: Secret | None = field(default=None)
    expires: int | None = field(default=None, unit="ms")
    type: Literal["oauth2"] = field()

    @rule("refresh_token", "access_token")
    def _some_token(self) -> Iterator[Problem]:
        if self.refresh_token is None and self.access_token is None:
            yield Problem("", "has neither refreshToken nor accessToken", "add one of the two")


@attrs.frozen(kw_only=True)
class ServiceAuth:
    user: str = field()
    service_client: str = field()
    private_key: Secret | KeyWithPassphrase = field(multiline=True)
    type: Literal["oauth2"] = field(default="oauth2")


def shape_of_auth(value: Mapping[str, Any]) -> type:
    if "serviceClient" in value or "privateKey" in value:
        return ServiceAuth
    if value.get("type") == "oauth2":
        return TokenAuth
    if value.get("type", "login") != "login":
        raise Invalid("is of no known type", "write login or oauth2")
    return Login


@attrs.frozen(kw_only=True)
class MailConfig(ConnectorConfig):
    host: HostName = field()
    port: int = field(minimum=1, maximum=65535)
    secure: bool | None = field(default=None)
    username: str | None = field(default=None)
    password: Secret | None = field(default=None)
    auth: Login | TokenAuth | ServiceAuth | None = field(default=None, choose=shape_of_auth)
    from_email: Address = field()
    reply_to: Address | None = field(default=None)
    connection_timeout: int = field(default=10_000, minimum=1, unit="ms")
    custom_headers: Mapping[str, str | tuple[str, ...]] = field(factory=dict)

    @property
    def sender(self) -> Address:
        return self.from_email

    @rule("secure", "port")
    def _tls(self) -> Iterator[Problem]:
        if self.secure and self.port == 587:
            yield Problem("secure", "port 587 begins unencrypted", "write false", "warning")

    @rule("username", "password", "auth")
    def _one_way(self) -> Iterator[Problem]:
        if self.auth is not None and (self.username or self.password):
            yield Problem("auth", "stands beside username and password", "remove one of the two")


TEN = """\
// The settings of a tired operator.
{
  "hots": "smtp.example.com",
  "port": "587O",
  "secure": "true",
  "auth": {
    "type": "oauth2",
    "user": ["ada@example.com"],
    "accesToken": "canary-token-1",
    "refreshToken": "${CANARY_MISSING}",
  },
  "password": 12345678987654321,
  "fromEmail": "canary-address-2",
  "connectionTimeout": 0, /* ms */
  "custom_headers": {"X-Canary": "canary-header-3"},
  "missingVariables": "canary-choice-4",
  "templates": [
    {
      "usageType": "SignIn", "subject": "Your code",
      "content": "{{code}} is your code, canary-content-5 {{",
    },
  ],
}
"""

TEN_FOUND = [
    ("hots", 3, 3),
    ("port", 4, 11),
    ("secure", 5, 13),
    ("auth.user", 8, 13),
    ("auth.accesToken", 9, 5),
    ("auth.refreshToken", 10, 21),
    ("password", 12, 15),
    ("fromEmail", 13, 16),
    ("connectionTimeout", 14, 24),
    ("custom_headers", 15, 3),
    ("missingVariables", 16, 23),
    ("templates[0].content", 20, 59),
]


def problems_of(text: str, cls: type[Any] = MailConfig) -> tuple[Problem, ...]:
    """Do as passpost does: read, resolve, parse, and say everything at once."""
    settings, unresolved = resolve(read(text, "smtp.jsonc"), environ={})
    try:
        parse(cls, settings)
    except ConfigError as error:
        return ConfigError([*unresolved, *error.problems]).problems
    return unresolved


def test_every_mistake_is_found_at_its_place() -> None:
    problems = problems_of(TEN)
    assert [(problem.path, problem.line, problem.column) for problem in problems] == TEN_FOUND
    assert {problem.severity for problem in problems} == {"error"}
    assert {problem.file for problem in problems} == {"smtp.jsonc"}
    assert all(problem.message and problem.code for problem in problems)


def test_no_mistake_shows_a_value() -> None:
    error = ConfigError(problems_of(TEN))
    for text in (str(error), repr(error), repr(error.problems)):
        assert "canary" not in text
        assert "12345" not in text
        assert "587O" not in text


def test_each_reads_as_file_line_column() -> None:
    problems = problems_of(TEN)
    lines = str(ConfigError(problems)).splitlines()
    assert lines[0].startswith(f"smtp.jsonc:3:3: error: hots: {problems[0].message}")
    assert lines[1] == f"  help: {problems[0].remedy}"
    heads = [line for line in lines if not line.startswith("  help: ")]
    assert len(heads) == len(TEN_FOUND)
    assert all(": error: " in line or ": warning: " in line for line in heads)


def test_the_same_file_put_right_parses() -> None:
    text = """{
      "host": "smtp.example.com", "port": "587", "secure": false,
      "auth": {"type": "oauth2", "user": "ada@example.com", "accessToken": "t"},
      "fromEmail": "Ada <ada@example.com>", "customHeaders": {"X-A": ["b", "c"], "X-B": "d"},
      "templates": [{"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"}],
    }"""
    assert problems_of(text) == ()
    config = parse(MailConfig, text)
    assert isinstance(config.auth, TokenAuth)
    assert config.auth.access_token == Secret("t")
    assert config.custom_headers == {"X-A": ("b", "c"), "X-B": "d"}
    assert config.sender == Address("ada@example.com", "Ada")


REQUIRED = '"host": "h", "port": 25, "fromEmail": "a@example.com"'


def test_auth_has_three_shapes() -> None:
    def auth(text: str) -> Any:
        return parse(MailConfig, f'{{{REQUIRED}, "auth": {text}}}').auth

    assert auth("{}") == Login()
    assert auth('{"user": "u", "pass": "p"}') == Login(user="u", password=Secret("p"))
    assert isinstance(auth('{"type": "oauth2", "user": "u", "accessToken": "t"}'), TokenAuth)
    service = auth('{"user": "u", "serviceClient": "c", "privateKey": "a\\nb"}')
    assert service.private_key == Secret("a\nb")
    locked = (
        '{"user": "u", "serviceClient": "c", "privateKey": {"key": "a\\nb", "passphrase": "p"}}'
    )
    assert auth(locked).private_key == KeyWithPassphrase(key=Secret("a\nb"), passphrase=Secret("p"))


def test_the_shape_that_was_meant_says_what_is_wrong() -> None:
    def found(text: str) -> list[tuple[str, str]]:
        problems = problems_of(f'{{{REQUIRED}, "auth": {text}}}')
        return [(problem.path, problem.message) for problem in problems]

    assert found('{"type": "oauth2", "user": "u"}') == [
        ("auth", "has neither refreshToken nor accessToken")
    ]
    assert found('{"type": "ntlm"}') == [("auth", "is of no known type")]
    assert found('{"user": "u", "serviceClient": "c"}') == [("auth.privateKey", "required")]
    assert found('{"user": "u", "serviceClient": "c", "privateKey": 7}') == [
        ("auth.privateKey", "must be a secret text or an object, not a number")
    ]
    assert found("[]") == [("auth", "must be an object, not a list")]


def test_rules_between_fields_see_all_that_is_valid() -> None:
    problems = problems_of(
        '{"host": 7, "port": 587, "secure": true, "username": "u", "auth": {}, "fromEmail": "x"}'
    )
    assert [(problem.path, problem.severity) for problem in problems] == [
        ("host", "error"),
        ("secure", "warning"),
        ("auth", "error"),
        ("fromEmail", "error"),
    ]


def test_in_an_application_each_has_its_full_path(refused: Refused) -> None:
    text = (
        '{"connectors": {"primary": {"use": "smtp", "settings": {\n'
        '  "host": "a b", "prt": 25, "fromEmail": "ada@example.com"}}}}'
    )
    application = parse_application(read(text, "passpost.jsonc"))
    problems = refused(parse, MailConfig, application.connectors["primary"].settings)
    assert [str(problem).partition(problem.message)[0] for problem in problems] == [
        "passpost.jsonc:2:11: error: connectors.primary.settings.host: ",
        "passpost.jsonc:2:18: error: connectors.primary.settings.prt: ",
    ]
