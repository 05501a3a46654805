"""The commands that only tell: connectors, guide, schema, demo."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click.testing
import jsonschema
import pytest

import passpost
from passpost._plugins.discovery import Catalog
from passpost_cli.commands.demo import _how_to_install
from passpost_cli.readable import readable

if TYPE_CHECKING:
    from passpost import InstalledConnector

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]
Only = Callable[..., None]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Only:
    """Return a function that hides the connectors which the environment has besides the test's."""

    def hidden(*distributions: str) -> None:
        every = Catalog.installed

        def listed(catalog: Catalog) -> tuple[InstalledConnector, ...]:
            return tuple(one for one in every(catalog) if one.distribution in distributions)

        monkeypatch.setattr(Catalog, "installed", listed)

    return hidden


def test_connectors_are_listed_with_what_is_broken(run: Run, install: Write, only: Only) -> None:
    install(
        "passpost-torn",
        {"passpost.connectors": {"torn": "torn"}},
        torn="raise ValueError('no\x1b')",
    )
    only("passpost-acme", "passpost-torn")
    result = run("connectors")
    assert result.exit_code == 0
    assert result.stdout.partition("\nExtensions:\n")[0].splitlines() == [
        "acme      Acme Mail",
        "          Does what its settings say.",
        "          passpost-acme 1.2, guide in en, zh-CN",
        "sluggish  Sluggish",
        "          Never finishes.",
        "          passpost-acme 1.2, no guide",
        "torn      broken (passpost-torn 1.2)",
        "          the connector `torn` of passpost-torn cannot be imported: ValueError: no\\x1b",
    ]


def test_two_packages_that_claim_one_id_are_both_listed(
    run: Run, install: Write, only: Only
) -> None:
    install("passpost-other", {"passpost.connectors": {"acme": "passpost_acme"}})
    only("passpost-acme", "passpost-other")
    entries = json.loads(run("connectors", "--json").stdout)["connectors"]
    claims = [entry for entry in entries if entry["id"] == "acme"]
    assert [entry["distribution"] for entry in claims] == ["passpost-acme", "passpost-other"]
    assert all("both claim the ID" in entry["error"] for entry in claims)


def test_connectors_as_json(run: Run, only: Only) -> None:
    only("passpost-acme")
    document = json.loads(run("connectors", "--json").stdout)
    entry = document["connectors"][0]
    assert document["ok"] is True
    assert entry["id"] == "acme"
    assert entry["name"] == "Acme Mail"
    assert entry["module"] == "passpost_acme"
    assert entry["guide"] == ["en", "zh-CN"]
    assert entry["presets"] == ["eu"]
    assert "html" in entry["capabilities"]
    assert entry["error"] is None


def test_no_connectors_say_what_to_install(run: Run, only: Only) -> None:
    only()
    result = run("connectors")
    assert result.exit_code == 0
    assert "pip install passpost-smtp" in result.stdout
    document = json.loads(run("connectors", "--json").stdout)
    assert (document["ok"], document["connectors"]) == (True, [])


def test_a_guide_is_plain_markdown_in_a_pipe(run: Run) -> None:
    result = run("guide", "acme")
    assert result.stdout == (
        "# Acme Mail\n\nAsk *Acme* for a key, at <https://acme.example/>.\\x1b[2J\n"
    )


@pytest.mark.parametrize("language", ["zh-CN", "ZH-cn", "zh-CN-x-ours"])
def test_a_guide_in_chinese(run: Run, language: str) -> None:
    result = run("guide", "acme", "--lang", language)
    assert result.stderr == ""
    assert result.stdout.startswith("# 极致邮件\n")


def test_a_guide_in_a_language_that_it_lacks_says_so(run: Run) -> None:
    result = run("guide", "acme", "--lang", "fr")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Acme Mail\n")
    assert "warning: the guide is not available in this language" in result.stderr
    assert "en, zh-CN" in result.stderr


def test_a_connector_without_a_guide(run: Run) -> None:
    result = run("guide", "sluggish")
    assert result.exit_code == 1
    assert result.stderr == "passpost: error: the connector `sluggish` has no guide\n"


def test_a_guide_of_an_unknown_connector(run: Run) -> None:
    result = run("guide", "nowhere")
    assert result.exit_code == 1
    assert result.stderr.startswith("passpost: error: unknown connector `nowhere`\n")


def test_what_an_unknown_id_probably_meant_is_the_help(run: Run) -> None:
    message, remedy = run("guide", "acne").stderr.splitlines()
    assert message == "passpost: error: unknown connector `acne`"
    assert remedy == "  help: did you mean `acme`?"


def test_a_schema_is_json(run: Run) -> None:
    schema = json.loads(run("schema", "acme").stdout)
    assert schema["properties"]["apiKey"]["title"] == "API key"


# The demonstration.


@pytest.fixture
def demo(run: Run, only: Only, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the demonstration with Acme's stand-in in some mode."""

    def played(mode: str = "") -> click.testing.Result:
        only("passpost-acme")
        monkeypatch.setenv("ACME_STAND_IN", mode)
        return run("demo")

    return played


def test_the_demonstration_shows_mails_and_a_failure(demo: Run) -> None:
    result = demo()
    assert result.exit_code == 0
    assert result.stderr == ""
    parts = result.stdout.split("\n\n")
    assert result.stdout.startswith("\n=== Acme Mail (passpost-acme 1.2)\n\n--- English\n")
    assert "Subject: Your sign-in code: 482913" in result.stdout
    assert "Subject: 登录验证码：705138" in result.stdout
    assert "    705138" in parts
    assert parts[-1] == (
        "=== Acme Mail with wrong credentials, on purpose\n"
        "the key was refused\n"
        "outcome:  rejected: the email was not sent\n"
        "scope:    account\n"
        "code:     535 5.7.8\n"
        r"response: no such key\r\nfake.jsonc:1:1: line"
        "\n"
        "hint:     Take a new key from the console.\n"
    )


def test_html_is_shown_as_a_person_reads_it(demo: Run) -> None:
    result = demo("html")
    assert (
        "Hello Ada,\n\nyour sign-in code for Example is\n\n482913\n\nIt is valid" in result.stdout
    )


def test_a_stand_in_that_refuses_nothing_shows_no_failure(demo: Run) -> None:
    result = demo("unrefusing")
    assert result.exit_code == 0
    assert "on purpose" not in result.stdout


def test_a_stand_in_that_takes_wrong_credentials_is_a_defect_of_it(demo: Run) -> None:
    result = demo("lenient")
    assert result.exit_code == 1
    assert (
        result.stderr
        == "passpost: error: the stand-in of passpost-acme accepted wrong credentials\n"
    )


def test_mails_that_do_not_arrive_are_missed(demo: Run) -> None:
    result = demo("losing")
    assert result.exit_code == 1
    assert result.stderr == "passpost: error: 0 emails arrived instead of 2\n"


BROKEN = """
import attrs
import passpost
import passpost_acme
from passpost_acme import parse_config, send_mail

@passpost.hookimpl
def connector_info():
    info = passpost_acme.connector_info()
    return attrs.evolve(info, id="torn", stand_in="{stand_in}")
"""


@pytest.mark.parametrize("stand_in", ["nowhere:StandIn", "passpost_acme:StandIn"])
@pytest.mark.parametrize("extra", ["", "stand-in"])
def test_a_missing_stand_in_says_how_to_install_it(
    run: Run, only: Only, install: Write, stand_in: str, extra: str
) -> None:
    source = BROKEN.replace("{stand_in}", stand_in)
    site = install("passpost-torn", {"passpost.connectors": {"torn": "torn"}}, torn=source)
    if extra:
        with (site / "passpost_torn-1.2.dist-info/METADATA").open("a") as metadata:
            metadata.write(f"Provides-Extra: {extra}\n")
    only("passpost-torn")
    result = run("demo")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith(
        "passpost: warning: the stand-in of passpost-torn cannot be imported: "
    )
    how = ["  help: pip install 'passpost-torn[stand-in]'"] if extra else []
    assert lines[1:] == [
        *how,
        "passpost: error: no stand-in is installed",
        "  help: pip install 'passpost[demo]'",
    ]


def test_a_broken_connector_is_left_out_of_the_demonstration(
    run: Run, only: Only, install: Write
) -> None:
    install("passpost-torn", {"passpost.connectors": {"torn": "torn"}}, torn="1/0")
    only("passpost-acme", "passpost-torn")
    result = run("demo")
    assert result.exit_code == 0
    assert "Subject: Your sign-in code: 482913" in result.stdout
    assert "warning: the connector `torn` of passpost-torn cannot be imported" in result.stderr


def test_a_stand_in_of_a_package_without_metadata_is_only_reported() -> None:
    assert _how_to_install("passpost-nowhere") == ""


def test_without_connectors_there_are_no_guides(run: Run, only: Only) -> None:
    only()
    assert "for example: pip install passpost-smtp" in run("guide").stdout


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a<br>b</div>c", "a\nb\nc"),
        ("a &amp; b\n  c&nbsp;d", "a & b c d"),
        ('<a href="https://x.example/?a=1&amp;b=2">Sign in</a>.', "Sign in [https://x.example/?a=1&b=2]."),
        ("<a>no link</a></a>", "no link"),
        ("<head><title>t</title><style>p {}</style></head><body>x<script>y</script></body>", "x"),
        ("</style>x", "x"),
        ("<p>never &lt;closed", "never <closed"),
    ],
)  # fmt: skip
def test_html_as_text(html: str, text: str) -> None:
    assert readable(html) == text


def test_guides_are_listed_without_an_id(run: Run) -> None:
    result = run("guide")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == "acme Acme Mail (en, zh-CN)".split()
    assert result.stdout.endswith("Show one with: passpost guide ID [--lang TAG]\n")
    assert "sluggish" not in result.stdout


@pytest.mark.parametrize(
    ("environ", "heading"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "# 极致邮件"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN"}, "# 极致邮件"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "# Acme Mail"),
        ({"LANG": "de_DE.UTF-8@euro"}, "# Acme Mail"),
        ({}, "# Acme Mail"),
    ],
)
def test_a_guide_is_in_the_language_of_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], heading: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = run("guide", "acme")
    assert (result.stdout.splitlines()[0], result.stderr) == (heading, "")


APPLICATION = {
    "connectors": {
        "primary": {
            "use": "acme",
            "settings": {"apiKey": "k", "fromEmail": "no-reply@acme.example"},
        }
    },
    "templates": [{"usageType": "SignIn", "subject": "s", "content": "c"}],
}


def test_the_schema_of_an_application_knows_its_connectors(run: Run) -> None:
    result = run("schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(APPLICATION)
    for change in ({"apiKye": "k"}, {"apiKey": 5}):
        wrong = copy.deepcopy(APPLICATION)
        wrong["connectors"]["primary"]["settings"].update(change)  # type: ignore[index]  # JSON
        assert not validator.is_valid(wrong)
    assert not validator.is_valid({**APPLICATION, "conectors": {}})


def test_the_schema_of_an_application_leaves_broken_connectors_out(
    run: Run, install: Callable[..., Path]
) -> None:
    install("passpost-torn", {"passpost.connectors": {"torn": "torn"}}, torn="1/0")
    result = run("schema")
    assert result.exit_code == 0
    assert "passpost-torn" in result.stderr
    assert "settings of acme" in json.loads(result.stdout)["$defs"]


def test_a_connector_that_describes_no_settings_has_no_schema(run: Run) -> None:
    result = run("schema", "sluggish")
    assert result.exit_code == 1
    assert result.stderr == (
        "passpost: error: the connector `sluggish` does not describe its settings\n"
    )


def test_an_application_is_not_a_connector(run: Run) -> None:
    result = run("schema", "application")
    assert result.exit_code == 1
    assert result.stderr.endswith("  help: for an application: passpost schema\n")


def test_python_can_run_it_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "passpost", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"passpost {passpost.__version__}\n")
