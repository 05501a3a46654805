"""The application's settings file: all connectors, all problems, each at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import passpost

from .conftest import Recorder

FILE = """{
  // in order of preference
  "connectors": {
    "primary": {"use": "recorder", "settings": {"key": "${KEY}", "fromEmail": "a@example.com"}},
    "backup": {"use": "recorder", "settings": {}},
  },
  "delivery": {"timeout": 5},
  "templates": [
    {"usageType": "SignIn", "subject": "Code", "content": "{{code}}", "contentType": "text/plain"},
  ],
  "missingVariables": "keep",
}
"""
Write = Callable[[str], Path]


@pytest.fixture
def host(recorder: Recorder) -> passpost.Host:
    host = passpost.Host(environ={"KEY": "s3cr3t"})
    host.register(recorder)
    return host


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "passpost.jsonc"
        path.write_text(text, "utf-8")
        return path

    return written


def problems(caught: pytest.ExceptionInfo[passpost.ConfigError]) -> list[tuple[str, int | None]]:
    return [(problem.path, problem.line) for problem in caught.value.problems]


def test_connectors_come_in_the_order_written(host: passpost.Host, write: Write) -> None:
    application = passpost.load(write(FILE), host)
    assert [connector.name for connector in application.connectors] == ["primary", "backup"]
    assert application.connectors[0].config.key.reveal() == "s3cr3t"
    assert application.policy.timeout == 5
    assert [template.usage_type for template in application.templates] == ["SignIn"]
    missing = [
        warning.message for warning in application.warnings if "no template" in warning.message
    ]
    assert all("SignIn" not in message for message in missing)


@pytest.mark.anyio
async def test_a_mailer_from_a_file(host: passpost.Host, recorder: Recorder, write: Write) -> None:
    async with passpost.AsyncMailer.from_file(write(FILE), host) as mailer:
        receipt = await mailer.send(passpost.Message(to="ada@example.com", usage="SignIn"))
    assert receipt.connector == "primary"
    assert recorder.mails[0].text == "{{code}}"
    with passpost.Mailer.from_file(write(FILE), host) as blocking:
        assert repr(blocking) == "<Mailer: primary, backup>"


def test_mistakes_of_all_kinds_come_at_once(host: passpost.Host, write: Write) -> None:
    text = FILE.replace("${KEY}", "${NO_SUCH}").replace('"timeout": 5', '"timeout": -5')
    text = text.replace('"settings": {}', '"settings": {"kee": "x"}').replace("{{code}}", "{{code")
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.load(write(text), host)
    assert problems(caught) == [
        ("connectors.primary.settings.key", 4),
        ("connectors.backup.settings.kee", 5),
        ("delivery.timeout", 7),
        ("templates[0].content", 9),
    ]
    assert all(problem.file for problem in caught.value.problems)


def test_a_connector_that_cannot_be_used_is_a_problem_among_the_others(
    host: passpost.Host, write: Write
) -> None:
    text = FILE.replace('"backup": {"use": "recorder"', '"backup": {"use": "pigeon"')
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.load(write(text), host)
    assert problems(caught) == [("connectors.backup.use", 5)]
    assert "unknown connector `pigeon`" in str(caught.value)


@pytest.mark.parametrize(
    ("use", "remedy"),
    [
        ("recordre", "did you mean `recorder`?"),
        ("pigeon", "use one of "),
    ],
)
def test_an_unknown_connector_comes_with_what_was_meant_as_its_remedy(
    host: passpost.Host, write: Write, use: str, remedy: str
) -> None:
    text = FILE.replace('"backup": {"use": "recorder"', f'"backup": {{"use": "{use}"')
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.load(write(text), host)
    (problem,) = caught.value.problems
    assert problem.message == f"unknown connector `{use}`"
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"connectors": {}}', "connectors"),
        ('{"connectors": []}', "connectors"),
        ('{"connectors": {"a": 1}}', "connectors.a"),
        ('{"connectors": {"a": {"use": 1, "settings": {}}}}', "connectors.a.use"),
        ('{"connectors": {"a": {"use": "recorder", "settings": 1}}}', "connectors.a.settings"),
        ("{}", "connectors"),
        (
            '{"connectors": {"a": {"use": "recorder", "settings": {}}}}',
            "connectors.a.settings.templates",
        ),
    ],
)
def test_a_wrong_shape_is_a_problem(
    host: passpost.Host, write: Write, text: str, path: str
) -> None:
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.load(write(text), host)
    assert path in [problem.path for problem in caught.value.problems]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.jsonc", tmp_path, "nul\0byte"):
        with pytest.raises(passpost.ConfigError, match="cannot be read"):
            passpost.load(path)


def test_a_file_that_is_too_large(write: Write) -> None:
    with pytest.raises(passpost.ConfigError):
        passpost.load(write(" " * (1 << 20) + "{}"))
