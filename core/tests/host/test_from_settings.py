"""Mailers of settings that are not a file, and of arguments that are not settings."""

from __future__ import annotations

import json
import logging
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost import config
from passpost._host.application import load_settings

from .conftest import TEMPLATES, Recorder

PASSWORD = "hunter2secret"
MAILERS = [passpost.Mailer, passpost.AsyncMailer]
Maker = type[passpost.Mailer] | type[passpost.AsyncMailer]


class SecretStr:
    """Has what pydantic's types of secrets have, and shows as little."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get_secret_value(self) -> Any:
        return self._value

    def __repr__(self) -> str:
        return "**********"


@pytest.fixture
def host(recorder: Recorder) -> passpost.Host:
    host = passpost.Host(environ={"KEY": PASSWORD})
    host.register(recorder)
    return host


def settings(**own: Any) -> dict[str, Any]:
    every = [{**TEMPLATES[0], "usageType": usage} for usage in USAGES]
    entry = {"use": "recorder", "settings": {"key": PASSWORD, **own}}
    return {"connectors": {"primary": entry}, "templates": every, "delivery": {"timeout": 5}}


USAGES = ("Register", "SignIn", "ForgotPassword", "Generic")


@pytest.mark.parametrize("mailer", MAILERS)
@pytest.mark.parametrize("form", [dict, json.dumps, lambda made: SecretStr(json.dumps(made))])
def test_settings_are_a_mapping_or_a_text(
    mailer: Maker, form: Callable[[Any], Any], host: passpost.Host
) -> None:
    (connector,) = mailer.from_settings(form(settings()), host=host).connectors
    assert (connector.name, connector.config.key.reveal()) == ("primary", PASSWORD)


def test_an_email_goes_out(
    host: passpost.Host, recorder: Recorder, message: passpost.Message
) -> None:
    with passpost.Mailer.from_settings(settings(), host) as mailer:
        assert mailer.send(message).connector == "primary"
    assert recorder.mails[0].text == "Your code is 493817."


@pytest.mark.parametrize(
    "secret", [passpost.Secret(PASSWORD), SecretStr(PASSWORD), SecretStr(PASSWORD.encode())]
)
def test_secrets_of_python_are_taken(secret: Any, host: passpost.Host) -> None:
    for own in ({"key": secret}, {"key": secret, "fromEmail": SecretStr("a@example.com")}):
        mailer = passpost.Mailer.from_settings(settings(**own), host)
        assert mailer.connectors[0].config.key.reveal() == PASSWORD
        made = host.configure("recorder", {**own, "templates": TEMPLATES})
        assert made.config.key.reveal() == PASSWORD


def test_a_secret_is_never_a_reference(host: passpost.Host) -> None:
    made = host.configure("recorder", {"key": passpost.Secret("${KEY}"), "templates": TEMPLATES})
    assert made.config.key.reveal() == "${KEY}"


@pytest.mark.parametrize("held", [b"\xff\xfe\xfd" * 4, 5, None, [PASSWORD]])
def test_a_secret_that_is_no_text_is_a_problem_that_does_not_show_it(
    held: Any, host: passpost.Host
) -> None:
    with pytest.raises(passpost.ConfigError) as caught:
        host.configure("recorder", {"key": SecretStr(held), "fromEmail": SecretStr(PASSWORD)})
    assert PASSWORD not in str(caught.value)
    assert "fromEmail" in [problem.path for problem in caught.value.problems]


def test_a_parser_by_hand_is_handed_text(recorder: Recorder) -> None:
    settings = config.Settings({"key": passpost.Secret(PASSWORD), "n": [SecretStr("x")]})
    resolved, problems = config.resolve(settings, environ={})
    assert (resolved.data, problems) == ({"key": PASSWORD, "n": ["x"]}, ())
    assert PASSWORD not in repr(resolved.data)


# Wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mailer", MAILERS)
@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("passpost.jsonc", "from_file"),
        (Path("passpost.jsonc"), "from_file"),
        ("smtp", "configure"),
        ({"pass": PASSWORD}, "from_settings"),
        (5, "configure"),
    ],
)
def test_what_is_no_connector_is_a_type_error_that_says_what_to_write(
    mailer: Maker, wrong: Any, advice: str
) -> None:
    with pytest.raises(TypeError, match=advice) as caught:
        mailer(wrong)
    assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize("mailer", MAILERS)
@pytest.mark.parametrize("templates", [[{"usageType": "SignIn"}], {"a": 1}, "text"])
def test_templates_as_settings_have_them_are_a_type_error(
    mailer: Maker, templates: Any, connector: passpost.Connector
) -> None:
    with pytest.raises(TypeError, match=r"passpost\.Template"):
        mailer(connector, templates=templates)


@pytest.mark.parametrize("policy", [{"timeout": 5}, 5])
def test_a_policy_of_the_wrong_type_is_a_type_error(
    policy: Any, connector: passpost.Connector
) -> None:
    with pytest.raises(TypeError, match="Policy"):
        passpost.Mailer(connector, policy=policy)


@pytest.mark.parametrize("message", ["ada@example.com", {"to": "ada@example.com"}, None])
def test_what_is_no_message_is_a_type_error_that_says_what_to_write(
    message: Any, connector: passpost.Connector
) -> None:
    says = pytest.raises(TypeError, match=r"passpost\.Message.*write Message\(")
    with passpost.Mailer(connector) as mailer, says:
        mailer.send(message)


def test_a_template_says_the_names_of_its_arguments() -> None:
    row: Any = {"usageType": "SignIn", "subject": "s", "content": "c"}
    with pytest.raises(TypeError, match="did you mean `usage_type`"):
        passpost.Template(**row)


@pytest.mark.parametrize("mailer", MAILERS)
@pytest.mark.parametrize(
    "text", [json.dumps(settings()), "// mine\n{}", '\ufeff {"pass": 1}', "{}", "{" * 9999]
)
def test_text_is_never_quoted_as_a_path(mailer: Maker, text: str) -> None:
    for made in (mailer.from_file, passpost.load):
        with pytest.raises(passpost.ConfigError, match="from_settings") as caught:
            made(text)
        assert "{" not in str(caught.value)
        assert PASSWORD not in shown(caught.value)
        assert caught.value.problems[0].file is None


def test_a_url_is_never_quoted_as_a_path() -> None:
    with pytest.raises(passpost.ConfigError, match="from_settings") as caught:
        passpost.load(f"smtp://ada:{PASSWORD}@smtp.example.com:587")
    assert PASSWORD not in shown(caught.value)


def test_a_file_of_a_strange_name_is_a_file(host: passpost.Host, tmp_path: Path) -> None:
    file = tmp_path / '{"a": 1}'
    file.write_text(json.dumps(settings()))
    assert passpost.load(file, host).policy.timeout == 5


@pytest.mark.parametrize("wrong", [settings(), b"passpost.jsonc", None, 5])
def test_what_is_no_path_is_a_type_error(wrong: Any) -> None:
    for made in (passpost.Mailer.from_file, passpost.load):
        with pytest.raises(TypeError, match="from_settings") as caught:
            made(wrong)
        assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize("wrong", [Path("passpost.jsonc"), None, [PASSWORD]])
def test_what_are_no_settings_is_a_type_error(wrong: Any, host: passpost.Host) -> None:
    for made in (passpost.Mailer.from_settings, lambda s, h: h.configure("recorder", s)):
        with pytest.raises(TypeError, match="from_file") as caught:
            made(wrong, host)
        assert PASSWORD not in shown(caught.value)


# Frames ---------------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """Show what a tracker of errors would send, but for the frames of the test itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    made = traceback.TracebackException(type(error), error, trace, capture_locals=True)
    return "".join(made.format())


BROKEN = [settings(kee=PASSWORD), settings(fromEmail="x"), {"connectors": [PASSWORD]}]


@pytest.mark.parametrize("wrong", BROKEN)
@pytest.mark.parametrize("form", [dict, json.dumps])
def test_an_errors_frames_hold_no_settings(
    wrong: Any, form: Callable[[Any], Any], host: passpost.Host
) -> None:
    for made in (passpost.Mailer.from_settings, passpost.AsyncMailer.from_settings):
        with pytest.raises(passpost.ConfigError) as caught:
            made(form(wrong), host)
        assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize("wrong", [{"key": [PASSWORD]}, f'{{"key": "{PASSWORD}', "{'"])
def test_nor_do_those_of_configure(wrong: Any, host: passpost.Host) -> None:
    calls: list[Callable[[Any], Any]] = [
        lambda given: host.configure("recorder", given),
        lambda given: config.parse(config.Policy, given),
        config.parse_application,
    ]
    for call in calls:
        with pytest.raises(passpost.ConfigError) as caught:
            call(wrong)
        assert PASSWORD not in shown(caught.value)


# Warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mailer", MAILERS)
def test_warnings_are_logged_once_with_path_and_remedy(
    mailer: Maker, host: passpost.Host, caplog: pytest.LogCaptureFixture
) -> None:
    mailer.from_settings(settings(key="$KEY", fromEmail="no-reply@example"), host)
    logged = [(one.name, one.levelno, one.getMessage()) for one in caplog.records]
    assert [(name, level) for name, level, _ in logged] == [("passpost", logging.WARNING)] * 2
    texts = " ".join(text for _, _, text in logged)
    assert "warning: connectors.primary.settings.key: looks like a reference" in texts
    assert "the domain `example` does not have a dot" in texts
    assert "write the full domain" in texts


def test_settings_without_warnings_log_nothing(
    host: passpost.Host, caplog: pytest.LogCaptureFixture
) -> None:
    passpost.Mailer.from_settings(settings(), host)
    assert caplog.records == []


def warned(application: passpost.Application) -> list[str]:
    return [str(problem).removeprefix("<settings>: warning: ") for problem in application.warnings]


def test_usages_that_an_applications_templates_lack_are_warned_of(
    host: passpost.Host, tmp_path: Path
) -> None:
    file = tmp_path / "passpost.jsonc"
    made = settings()
    made["templates"] = made["templates"][1:2]
    file.write_text(json.dumps(made))
    (warning,) = passpost.load(file, host).warnings
    assert warning.path == "templates"
    assert warning.message == "no template for `Register`, `ForgotPassword` or `Generic`"
    assert "or one for `Generic`, which serves every usage" in warning.remedy


def test_those_of_the_application_count_for_a_connector(host: passpost.Host) -> None:
    made = settings(templates=[{**TEMPLATES[0], "usageType": "Generic"}])
    made["templates"] = [{**TEMPLATES[0], "usageType": "SignIn"}]
    (warning,) = load_settings(made, host).warnings
    assert warning.path == "connectors.primary.settings.templates"
    assert warning.message == "no template for `Register` or `ForgotPassword`"
    assert warning.remedy == "add one for each, or `Generic` is used"


def test_not_where_each_connector_has_its_own(host: passpost.Host, tmp_path: Path) -> None:
    file = tmp_path / "passpost.jsonc"
    made = settings(templates=[{**TEMPLATES[0], "usageType": usage} for usage in USAGES])
    made["templates"] = made["templates"][1:2]
    file.write_text(json.dumps(made))
    assert passpost.load(file, host).warnings == ()


# Drafts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["<your-password>", "<pass>", "< API key >", "<smtp-password-of-16-letters>"]
)
@pytest.mark.anyio
async def test_a_placeholder_in_a_secret_makes_a_draft(
    key: str, host: passpost.Host, recorder: Recorder, message: passpost.Message
) -> None:
    made = settings(key=key, fromEmail="<your-address>")
    async with passpost.AsyncMailer.from_settings(made, host) as mailer:
        with pytest.raises(passpost.SendError, match=r"key.*fromEmail|fromEmail.*key") as caught:
            await mailer.send(message)
    assert caught.value.outcome == "rejected"
    assert (recorder.mails, recorder.sessions) == ([], [])


@pytest.mark.parametrize("key", ["<Xk9!pq>", "<correct-horse>", "<your-password", "<<password>>"])
@pytest.mark.anyio
async def test_a_password_in_angle_brackets_is_a_password(
    key: str, host: passpost.Host, recorder: Recorder, message: passpost.Message
) -> None:
    async with passpost.AsyncMailer.from_settings(settings(key=key), host) as mailer:
        await mailer.send(message)
    assert len(recorder.mails) == 1


@pytest.mark.parametrize("key", ["<Xk9!pq>", "<correct-horse>"])
def test_a_password_in_angle_brackets_is_said_to_be_used(key: str, host: passpost.Host) -> None:
    made = host.configure("recorder", {"key": key, "templates": TEMPLATES})
    (warning,) = [one for one in made.warnings if one.path == "key"]
    assert warning.message == "looks like a placeholder, but is used unchanged"
    assert made.placeholders == ()


@pytest.mark.parametrize(
    "key",
    ["prefix-${NAME}", "$NAME", "%NAME%", "{{NAME}}", "{{ NAME }}", "${NAME} ", "a${file:/x}"],
)
def test_a_secret_that_is_nearly_a_reference_is_warned_of(key: str, host: passpost.Host) -> None:
    made = host.configure("recorder", {"key": key, "templates": TEMPLATES})
    (warning,) = [one for one in made.warnings if one.path == "key"]
    assert "looks like a reference" in warning.message
    assert "${NAME}" in warning.remedy


@pytest.mark.parametrize("key", [" secret", "secret ", "\u00a0secret", " se cret"])
def test_white_space_around_a_secret_is_warned_of(key: str, host: passpost.Host) -> None:
    made = host.configure("recorder", {"key": key, "templates": TEMPLATES})
    (warning,) = [one for one in made.warnings if one.path == "key"]
    assert "white space" in warning.message
    assert "secret" not in str(warning).replace("part of the secret", "")


@pytest.mark.parametrize("key", ["pa$$word", "100%", "a{{b", "$ecret", "se cret", "€uro"])
def test_other_secrets_are_not(key: str, host: passpost.Host) -> None:
    made = host.configure("recorder", {"key": key, "templates": TEMPLATES})
    assert [one for one in made.warnings if one.path == "key"] == []


def test_a_locale_that_is_no_code_is_warned_of(host: passpost.Host) -> None:
    templates = [{**TEMPLATES[0], "locale": "Chinese"}, *TEMPLATES]
    made = host.configure("recorder", {"templates": templates})
    (warning,) = [one for one in made.warnings if one.path == "templates[0].locale"]
    assert "`zh`" in warning.remedy


def test_the_example_of_earlier_settings_is_a_placeholder(host: passpost.Host) -> None:
    made = host.configure("recorder", {"fromEmail": "<noreply@logto.io>", "templates": TEMPLATES})
    assert [problem.path for problem in made.placeholders] == ["fromEmail"]


def test_a_broken_extension_is_no_problem_of_the_settings(recorder: Recorder) -> None:
    broken = types.ModuleType("broken")
    broken.find_template = passpost.hookimpl(lambda usge: None)  # type: ignore[attr-defined]
    host = passpost.Host([broken])
    host.register(recorder)
    with pytest.raises(passpost.PluginError, match="the extension `broken`") as caught:
        passpost.Mailer.from_settings(settings(), host)
    assert caught.value.extension == "broken"
