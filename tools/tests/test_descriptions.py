"""What editors, guides and forms learn from a config class; types are looked up at run time."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import attrs
import jsonschema
import pytest

from passpost import Address, ConfigError, Secret
from passpost.config import (
    ApplicationSettings,
    ConnectorConfig,
    HostName,
    Settings,
    field,
    form_fields,
    json_schema,
    parse,
    reference_table,
)


class Code(str):
    __slots__ = ()

    @classmethod
    def from_setting(cls, value: Any) -> Self:
        return cls(value)


@attrs.frozen(kw_only=True)
class Login:
    title: ClassVar[Mapping[str, str]] = {"en": "Password", "zh-CN": "密码"}

    user: str = field(minimum=1, title={"en": "User", "zh-CN": "用户"})
    password: Secret = field(key="pass")


@attrs.frozen(kw_only=True)
class Token:
    token: Secret = field()
    type: Literal["oauth2"] = field(default="oauth2")


@attrs.frozen(kw_only=True)
class Pool:
    size: int = field(default=5, minimum=1)
    age: float | None = field(default=None, above=0, unit="s")


def choose(value: Mapping[str, Any]) -> Any:
    return Token if "token" in value else Login


@attrs.frozen(kw_only=True)
class AcmeConfig(ConnectorConfig):
    host: HostName = field(title={"en": "Host"}, description={"en": "Where | it\nlives."})
    port: int = field(
        minimum=1,
        maximum=65535,
        example=587,
        title={"en": "Port", "zh-CN": "端口"},
        description={"en": "The port.", "zh-CN": "端口号。"},
    )
    secure: bool | None = field(default=None)
    debug: bool = field(default=False)
    from_email: Address = field()
    auth: Login | Token | None = field(default=None, choose=choose)
    pool: Pool = field(factory=Pool)
    region: str = field(default="cn-hangzhou", choices=("cn-hangzhou", "eu-central-1"))
    tag: str | None = field(default=None, pattern="[a-z]+", maximum=8)
    note: str = field(default="", multiline=True)
    code: Code | None = field(default=None)
    timeout: int = field(default=10_000, minimum=1, unit="ms")
    headers: Mapping[str, str | tuple[str, ...]] = field(factory=dict, maximum=3)
    pools: Mapping[str, Pool] = field(factory=dict)
    names: tuple[str, ...] = field(default=("a",), minimum=1)
    extra: Settings | None = field(default=None)
    doubled: int = field(default=attrs.Factory(lambda self: self.port * 2, takes_self=True))


REQUIRED = {"host": "localhost", "port": 25, "fromEmail": "a@example.com"}

VALID: list[dict[str, Any]] = [
    {},
    {"$schema": "./acme.json"},
    {"port": "587"},
    {"port": " 25 "},
    {"port": "${PORT}"},
    {"secure": True},
    {"secure": "${SECURE}", "debug": "${file:/x}"},
    {"auth": {"user": "u", "pass": "p"}},
    {"auth": {"token": "t"}},
    {"auth": {"token": "${TOKEN}"}},
    {"pool": {"size": 3, "age": 1.5}},
    {"region": "eu-central-1"},
    {"region": "${REGION}", "tag": "${TAG}"},
    {"tag": "news", "note": "a\nb", "code": "c"},
    {"headers": {"X-A": "b", "X-C": ["d", "e"]}},
    {"pools": {"a": {"size": 1}}},
    {"names": ["a", "b"], "extra": {"anything": [1]}},
    {"missingVariables": "keep"},
    {"templates": [{"usageType": "SignIn", "subject": "s", "content": "{{code}}"}]},
]

INVALID: list[dict[str, Any]] = [
    {"prt": 25},
    {"$scheme": ""},
    {"host": 1},
    {"port": 0},
    {"port": 65536},
    {"port": "x"},
    {"port": "5_8"},
    {"port": True},
    {"secure": "true"},
    {"fromEmail": ["a@example.com"]},
    {"auth": {"user": "u"}},
    {"auth": {"user": "", "pass": "p"}},
    {"auth": {"token": ""}},
    {"auth": []},
    {"pool": {"size": 0}},
    {"pool": {"age": 0}},
    {"pool": {"sise": 1}},
    {"region": "mars"},
    {"tag": "News"},
    {"tag": "toolongatag"},
    {"headers": {"X-A": 1}},
    {"headers": {"a": "", "b": "", "c": "", "d": ""}},
    {"names": []},
    {"names": "a"},
    {"extra": []},
    {"missingVariables": "kep"},
    {"templates": [{"usageType": "SignIn"}]},
]


def is_valid(schema: Mapping[str, Any], value: object) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def parses(value: Mapping[str, Any]) -> bool:
    try:
        parse(AcmeConfig, value)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("cls", [AcmeConfig, ApplicationSettings])
def test_is_a_json_schema(cls: type) -> None:
    schema = json_schema(cls)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("settings", VALID)
def test_the_schema_takes_what_parse_takes(settings: dict[str, Any]) -> None:
    value = REQUIRED | settings
    assert is_valid(json_schema(AcmeConfig), value)
    # References are put in place before settings are parsed.
    assert parses(value) or "${" in repr(value)


@pytest.mark.parametrize("settings", INVALID)
def test_the_schema_refuses_what_parse_refuses(settings: dict[str, Any]) -> None:
    value = REQUIRED | settings
    assert not is_valid(json_schema(AcmeConfig), value)
    assert not parses(value)


@pytest.mark.parametrize("missing", REQUIRED)
def test_the_schema_knows_what_is_required(missing: str) -> None:
    value = {key: item for key, item in REQUIRED.items() if key != missing}
    assert not is_valid(json_schema(AcmeConfig), value)
    assert not parses(value)


def test_the_schema_tells_editors_what_settings_mean() -> None:
    properties = json_schema(AcmeConfig, "zh-CN")["properties"]
    assert properties["port"]["title"] == "端口"
    assert properties["port"]["description"] == "端口号。"
    assert properties["port"]["examples"] == [587]
    assert properties["host"]["title"] == "Host"
    assert "title" not in properties["tag"]
    assert properties["timeout"]["default"] == 10_000
    assert properties["debug"]["default"] is False
    assert "default" not in properties["doubled"]
    assert "default" not in properties["pool"]
    login, _ = properties["auth"]["anyOf"]
    assert login["title"] == "密码"
    assert login["properties"]["pass"]["writeOnly"] is True
    assert login["properties"]["pass"]["format"] == "password"


ENGLISH = """\
| Key | Type | Required or default | Meaning |
| --- | --- | --- | --- |
| `host` | hostname | required | Where \\| it lives. |
| `port` | whole number 1 – 65535 | required | The port. Example: `587`. |
| `secure` | true or false | optional |  |
| `debug` | true or false | `false` |  |
| `fromEmail` | email address | required |  |
| `auth` | object, see below | optional |  |
| `pool` | object, see below | optional |  |
| `region` | `"cn-hangzhou"`, `"eu-central-1"` | `"cn-hangzhou"` |  |
| `tag` | text | optional |  |
| `note` | text | optional |  |
| `code` | text | optional |  |
| `timeout` | whole number ≥ 1 | `10000` ms |  |
| `headers` | object (each value: text or list (each: text)) | optional |  |
| `pools` | object (each value: object, see below) | optional |  |
| `names` | list (each: text) | optional |  |
| `extra` | object | optional |  |
| `doubled` | whole number | optional |  |
"""  # noqa: RUF001 - an en dash is the sign of a range


def test_the_table_has_a_row_for_each_setting() -> None:
    table = reference_table(AcmeConfig)
    assert table.startswith(ENGLISH)
    assert table.endswith("|\n")
    assert (
        """
**`auth`**: Password

| Key | Type | Required or default | Meaning |
| --- | --- | --- | --- |
| `user` | text | required | User |
| `pass` | text (secret) | required |  |

**`auth`**

| Key | Type | Required or default | Meaning |
| --- | --- | --- | --- |
| `token` | text (secret) | required |  |
| `type` | `"oauth2"` | `"oauth2"` |  |

**`pool`**

| Key | Type | Required or default | Meaning |
| --- | --- | --- | --- |
| `size` | whole number ≥ 1 | `5` |  |
| `age` | number > 0 | optional |  |

**`pools.*`**
"""
        in table
    )
    assert "**`templates[]`**" in table


@pytest.mark.parametrize("language", ["zh-CN", "zh", "zh-Hans-CN"])
def test_the_table_speaks_chinese(language: str) -> None:
    table = reference_table(AcmeConfig, language)
    assert table.startswith("| 键 | 类型 | 必填或默认值 | 含义 |\n")
    assert "| `secure` | true 或 false | 可选 |  |" in table


def test_the_table_in_chinese_has_chinese_texts() -> None:
    table = reference_table(AcmeConfig, "zh-CN")
    assert "| `port` | 整数 1 – 65535 | 必填 | 端口号。例如 `587`。 |" in table  # noqa: RUF001 - see above
    assert "**`auth`**: 密码" in table


def test_an_applications_table_names_its_parts() -> None:
    table = reference_table(ApplicationSettings)
    assert "**`connectors.*`**" in table
    assert "**`delivery`**" in table
    assert "| `timeout` | " in table


def test_a_form_asks_for_each_setting() -> None:
    fields = {made.key: made for made in form_fields(AcmeConfig, "zh-CN")}
    widgets = {key: made.widget for key, made in fields.items()}
    assert widgets == {
        "host": "host",
        "port": "number",
        "secure": "switch",
        "debug": "switch",
        "fromEmail": "address",
        "auth": "variants",
        "pool": "object",
        "region": "choice",
        "tag": "text",
        "note": "multiline",
        "code": "text",
        "timeout": "number",
        "headers": "mapping",
        "pools": "mapping",
        "names": "list",
        "extra": "mapping",
        "doubled": "number",
        "templates": "list",
        "missingVariables": "choice",
    }
    port = fields["port"]
    assert (port.title, port.description, port.example) == ("端口", "端口号。", 587)
    assert (port.minimum, port.maximum, port.required) == (1, 65535, True)
    assert fields["timeout"].default == 10_000
    assert fields["timeout"].unit == "ms"
    assert fields["region"].choices == ("cn-hangzhou", "eu-central-1")
    assert fields["tag"].title == "tag"


def test_a_form_has_forms_within() -> None:
    fields = {made.key: made for made in form_fields(AcmeConfig)}
    login, token = fields["auth"].variants
    assert login.title == "Password"
    assert [made.widget for made in login.fields] == ["text", "password"]
    assert token.title == ""
    (pool,) = fields["pool"].variants
    assert pool.fields[1].minimum == 0
    assert [len(fields[key].variants) for key in ("pools", "templates", "headers")] == [1, 1, 0]
