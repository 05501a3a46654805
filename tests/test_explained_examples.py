"""The examples of explanations have the problem that they explain, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import passpost
from passpost.config import ConnectorConfig, HostName, Invalid, parse, read, resolve, warnings
from passpost.http import ApiKey, Endpoint, SenderConfig, WebAddress
from passpost_cli.batch.arguments import Defaults
from passpost_cli.batch.drafts import Drafts
from passpost_cli.batch.lines import LineError
from passpost_cli.batch.rows import BatchFile
from passpost_cli.commands.explain import explanations
from passpost_smtp.config import SmtpConfig
from passpost_tools.lint import lint

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TEMPLATE = {"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}
_SMTP = {"host": "smtp.example.com", "port": 587, "fromEmail": "no-reply@example.com"}
_TYPES: dict[str, Any] = {
    "apiKey": ApiKey, "endpoint": Endpoint, "host": HostName, "url": WebAddress,
}  # fmt: skip


LINT = {"E403", "E404", "W404", *(f"W{number}" for number in range(210, 219))}
"""What the linter finds, and sending does not look at."""


@attrs.frozen(kw_only=True)
class _Html(ConnectorConfig):
    default_content_type = "text/html"


def examples(area: str, language: str = "en") -> list[tuple[str, str, str]]:
    found = []
    for one in explanations(language):
        if one.area == area:
            kind, text = _BLOCK.findall(one.text)[0]
            found.append((one.code, kind, text))
    return found


def problems_of(make: Callable[[], Any]) -> list[str | None]:
    try:
        made = make()
    except passpost.ConfigError as error:
        return [problem.code for problem in error.problems]
    return [problem.code for problem in warnings(made)]


def fragment(text: str) -> dict[str, Any]:
    # Stands for what is too long for a page.
    text = text.strip().replace("…", "x" * 1000)
    read: dict[str, Any] = json.loads(text if text.startswith("{") else f"{{{text}}}")
    return read


def linted(settings: dict[str, Any] | str) -> list[str | None]:
    connector = None if isinstance(settings, str) else "smtp"
    host = passpost.Host(environ={"SMTP_PASSWORD": "x"}, installed_extensions=())
    return [problem.code for problem in lint(settings, connector=connector, host=host)]


def template(settings: dict[str, Any]) -> passpost.Template:
    return passpost.Template(
        **{re.sub("[A-Z]", r"_\g<0>", key).lower(): value for key, value in settings.items()}
    )


@pytest.mark.parametrize(("code", "kind", "text"), examples("templates"))
def test_an_example_of_a_template_has_its_problem(code: str, kind: str, text: str) -> None:
    if kind == "python":
        names = {"Template": passpost.Template}
        assert problems_of(lambda: eval(text, names)) == [code]  # noqa: S307 - the page's own code
        return
    read = fragment(text) if kind == "jsonc" else {"content": text.removesuffix("\n")}
    if code.startswith("E"):
        assert problems_of(lambda: template({**_TEMPLATE, **read})) == [code]
        return
    if code in LINT:
        given = {"contentType": "text/html", **read} if kind == "html" else read
        settings = read if "templates" in read else {"templates": [{**_TEMPLATE, **given}]}
        assert code in linted({**_SMTP, **settings})
        return
    config = _Html if kind == "html" else ConnectorConfig
    settings = read if "templates" in read else {"templates": [{**_TEMPLATE, **read}]}
    assert code in problems_of(lambda: parse(config, settings))


@pytest.mark.parametrize(
    ("code", "kind", "text"), [one for one in examples("addresses") if "E320" <= one[0] < "E340"]
)
def test_an_example_of_an_address_has_its_problem(code: str, kind: str, text: str) -> None:
    assert kind == "jsonc"
    ((key, value),) = fragment(text).items()
    if key not in _TYPES:
        settings = {"templates": [_TEMPLATE], key: value}
        assert code in problems_of(lambda: parse(SenderConfig, settings))
        return
    with pytest.raises(Invalid) as caught:
        _TYPES[key].from_setting(value)
    assert caught.value.code == code


def test_the_example_of_a_sender_has_its_problem() -> None:
    (text,) = (text for code, _, text in examples("addresses") if code == "W301")
    assert "W301" in linted({**_SMTP, "templates": [_TEMPLATE], **fragment(text)})


def runnable(area: str) -> list[tuple[str, str]]:
    """Return the examples that are settings; others show an error that is too large for a page."""
    return [(code, text) for code, kind, text in examples(area) if kind in ("json", "jsonc")]


@pytest.mark.parametrize(("code", "text"), runnable("reading"))
def test_an_example_of_a_text_has_its_problem(code: str, text: str) -> None:
    assert code in problems_of(lambda: read(text))


@pytest.mark.parametrize(("code", "text"), runnable("references"))
def test_an_example_of_a_reference_has_its_problem(code: str, text: str) -> None:
    files = code != "E053"
    _, problems = resolve(json.loads(text), environ={"EMPTY": ""}, read_files=files)
    assert [problem.code for problem in problems] == [code]


@pytest.mark.parametrize(("code", "text"), runnable("values"))
def test_an_example_of_a_value_has_its_problem(code: str, text: str) -> None:
    given = {} if code == "E102" else {**_SMTP, "templates": [_TEMPLATE]}
    assert code in problems_of(lambda: parse(SmtpConfig, {**given, **json.loads(text)}))


@pytest.mark.parametrize(("code", "text"), runnable("application"))
def test_an_example_of_an_application_has_its_problem(
    code: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    host = passpost.Host(installed_extensions=())
    if code in LINT:
        assert code in linted(text)
        return
    if code.startswith("W"):
        passpost.Mailer.from_settings(text, host).close()
        assert f"[{code}]" in caplog.text
        return
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.Mailer.from_settings(text, host)
    assert code in [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize("code", ["E019", "E020"])
def test_what_is_not_a_settings_file_has_its_problem(code: str) -> None:
    path = '{"connectors": {}}' if code == "E020" else "/nowhere/passpost.jsonc"
    assert problems_of(lambda: passpost.load(path)) == [code]


@pytest.mark.parametrize(
    ("code", "text"),
    [(code, text) for code, kind, text in examples("batch") if kind in ("csv", "json")],
)
def test_an_example_of_a_batch_has_its_problem(code: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "users").write_text(text, "utf-8")
    template = passpost.Template(usage_type="SignIn", subject="Code", content="{{code}}")
    connector = passpost.Host().configure("smtp", {**_SMTP, "templates": []})
    application = passpost.Application(
        connectors=(connector,), policy=passpost.Policy(), templates=(template,)
    )
    with (tmp_path / "users").open("rb") as file:
        drafts = Drafts(BatchFile(file, "users"), Defaults(), application)
        problems = [one.problems for one in drafts.check() if isinstance(one, LineError)]
    assert [problem.code for (problem,) in problems] == [code]


AREAS = ["reading", "references", "values", "templates", "addresses", "application", "batch"]


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_have_the_same_examples(area: str) -> None:
    assert examples(area) == examples(area, "zh-CN")
