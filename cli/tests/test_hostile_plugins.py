"""Connectors and extensions that raise what ends programs: the command names them and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

Install = Callable[..., Path]
Run = Callable[..., click.testing.Result]

CONNECTOR = """
import asyncio
from contextlib import asynccontextmanager
import passpost
from passpost import config

class Config(config.ConnectorConfig):
    pass

def maybe(place):
    if place == {place!r}:
        raise {raises}

@passpost.hookimpl
def connector_info():
    maybe("connector_info")
    return passpost.ConnectorInfo(
        id="evil", name={{"en": "Evil"}}, description={{"en": "Evil"}}, config_class=Config
    )

@passpost.hookimpl
def parse_config(settings):
    maybe("parse_config")
    return config.parse(Config, settings)

@passpost.hookimpl
@asynccontextmanager
async def open_session():
    maybe("open_session")
    yield
    maybe("close_session")

@passpost.hookimpl
async def send_mail(mail):
    maybe("send_mail")
    return passpost.Receipt("evil-1")

@passpost.hookimpl
async def check_connection():
    maybe("check_connection")
    return []
"""
EXTENSION = """
import asyncio
from contextlib import asynccontextmanager
import passpost

def maybe(place):
    if place == {place!r}:
        raise {raises}

@passpost.hookimpl
@asynccontextmanager
async def around_send(summary):
    maybe("enter")
    yield
    maybe("leave")

@passpost.hookimpl
def find_template(usage):
    maybe("find_template")
"""
RAISES = ["SystemExit(0)", "asyncio.CancelledError", "BaseException('x')"]
TEMPLATE = {"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}


@pytest.fixture
def evil(install: Install, tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that installs the connector, and returns the settings for it."""

    def installed(place: str, raises: str) -> Path:
        source = CONNECTOR.format(place=place, raises=raises)
        install("passpost-evil", {"passpost.connectors": {"evil": "evil"}}, evil=source)
        path = tmp_path / "evil.json"
        path.write_text(json.dumps({"templates": [TEMPLATE]}))
        return path

    return installed


def send(run: Run, file: Path, connector: str = "evil") -> click.testing.Result:
    to = ("--to", "ada@example.com", "--usage", "SignIn", "--code", "739206")
    return run("send", file, "--connector", connector, *to)


@pytest.mark.parametrize("raises", RAISES)
@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("connector_info", {1}),
        ("parse_config", {1}),
        ("open_session", {1}),
        ("send_mail", {3}),
        ("close_session", {0}),
    ],
)
def test_what_a_connector_raises_never_passes_for_success(
    run: Run, evil: Callable[[str, str], Path], place: str, status: set[int], raises: str
) -> None:
    result = send(run, evil(place, raises))
    assert result.exit_code in status, result.output
    if status == {0}:
        assert "accepted by evil" in result.stdout
    else:
        assert "evil" in result.stderr
        assert "739206" not in result.output


@pytest.mark.parametrize("raises", RAISES)
@pytest.mark.parametrize("place", ["connector_info", "parse_config", "check_connection"])
def test_a_check_never_ends_well_for_a_broken_connector(
    run: Run, evil: Callable[[str, str], Path], place: str, raises: str
) -> None:
    result = run("check", evil(place, raises), "--connector", "evil", "--connect")
    assert result.exit_code == 1, result.output
    assert "passpost-evil" in result.stderr


@pytest.mark.parametrize("raises", RAISES)
@pytest.mark.parametrize("place", ["find_template", "enter", "leave"])
def test_what_an_extension_raises_never_passes_for_success(
    run: Run, install: Install, own: Callable[..., Path], place: str, raises: str
) -> None:
    status = 0 if place == "leave" else 1
    source = EXTENSION.format(place=place, raises=raises)
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd=source)
    file = own(templates=[TEMPLATE])
    result = send(run, file, "acme")
    assert result.exit_code == status, result.output
    if status:
        assert "the extension `odd` of passpost-odd" in result.stderr
        without = send(lambda *args: run("--no-extensions", *args), file, "acme")
        assert without.exit_code == 0, without.output
    else:
        assert "accepted by acme" in result.stdout


IMPORTS = [
    "raise SystemExit(0)",
    "raise KeyboardInterrupt",
    "raise GeneratorExit",
    "import asyncio; raise asyncio.CancelledError",
    "raise BaseException('x')",
    "1/0",
]


@pytest.mark.parametrize("source", IMPORTS)
def test_an_extension_that_fails_on_import_leaves_the_help(
    run: Run, install: Install, source: str
) -> None:
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd=source)
    result = run("--help")
    assert (result.exit_code, "Commands:" in result.stdout) == (0, True)
    assert "`odd` of passpost-odd" in result.stderr
    assert run("send", "--help").stderr == ""
    assert run("--no-extensions", "--help").stderr == ""


@pytest.mark.parametrize("source", IMPORTS)
def test_a_connector_that_fails_on_import_is_listed_beside_the_others(
    run: Run, install: Install, source: str
) -> None:
    install("passpost-evil", {"passpost.connectors": {"evil": "evil"}}, evil=source)
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd=source)
    result = run("connectors", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    errors = {entry["id"]: entry["error"] for entry in document["connectors"]}
    assert errors["acme"] is None
    assert "passpost-evil" in errors["evil"]
    extensions = {entry["name"]: entry for entry in document["extensions"]}
    assert extensions["odd"]["distribution"] == "passpost-odd"
    assert "cannot be imported" in extensions["odd"]["error"]


INFOS = [
    'name="Evil", description={"en": "x"}, config_class=Config',
    'name={"en": None}, description={"en": "x"}, config_class=Config',
    'name={"en": "x"}, description={"en": "x"}, config_class=Config, capabilities={5, None}',
    'name={"en": "x"}, description={"en": "x"}, config_class=Config, guide=None',
    'name={"en": "x"}, description={"en": "x"}, config_class=Config, presets=(5, None)',
]


@pytest.mark.parametrize("described", INFOS)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_connector_that_describes_itself_wrongly_hides_no_other(
    run: Run, install: Install, described: str, form: tuple[str, ...]
) -> None:
    source = CONNECTOR.format(place="", raises="x").replace(
        'name={"en": "Evil"}, description={"en": "Evil"}, config_class=Config', described
    )
    install("passpost-evil", {"passpost.connectors": {"evil": "evil"}}, evil=source)
    result = run("connectors", *form)
    assert result.exit_code == 0, result.output
    assert "Acme Mail" in result.stdout
    assert "passpost-evil" in result.stdout


PRINTS = [
    "print('noise')",
    "import sys; sys.stdout = None",
    "import sys; sys.stdout.write('noise'); sys.stdout.close()",
    "import sys; sys.stdout.buffer",
]


@pytest.mark.parametrize("source", PRINTS)
def test_what_plugins_print_does_not_spoil_the_document(
    run: Run, install: Install, source: str
) -> None:
    install("passpost-evil", {"passpost.connectors": {"evil": "evil"}}, evil=source)
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd=source)
    result = run("connectors", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert {entry["id"] for entry in document["connectors"]} >= {"acme", "evil"}
    assert ("noise" in result.stderr) == ("noise" in source)


def test_extensions_are_listed_for_people(run: Run, install: Install) -> None:
    works = EXTENSION.format(place="", raises="x")
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd=works)
    install("passpost-torn", {"passpost.extensions": {"torn": "torn"}}, torn="1/0")
    listed = run("connectors").stdout.partition("\nExtensions:\n")[2].splitlines()
    lines = [line.split() for line in listed]
    assert "odd passpost-odd 1.2: around_send, find_template".split() in lines
    torn = lines.index("torn broken (passpost-torn 1.2)".split())
    assert "ZeroDivisionError at torn.py:1" in listed[torn + 1]
    left = run("--no-extensions", "connectors").stdout.partition("\nExtensions:\n")[2]
    assert "odd passpost-odd 1.2: left out".split() in [line.split() for line in left.splitlines()]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("open_session", "nothing was sent"),
        ("send_mail", "it is unknown whether the email was sent"),
    ],
)
def test_an_interrupt_says_whether_the_connector_had_the_email(
    run: Run, evil: Callable[[str, str], Path], place: str, expected: str
) -> None:
    source = "__import__('signal').raise_signal(__import__('signal').SIGINT) or OSError"
    result = send(run, evil(place, source))
    assert result.exit_code == 130, result.output
    assert result.stderr.endswith(f": interrupted: {expected}\n")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_refusal_of_settings_without_an_error_is_not_fine(
    run: Run, evil: Callable[[str, str], Path], tmp_path: Path, form: tuple[str, ...]
) -> None:
    own = evil("parse_config", "passpost.ConfigError([])")
    whole = tmp_path / "application.json"
    entry = {"use": "evil", "settings": {}}
    whole.write_text(json.dumps({"connectors": {"one": entry}, "templates": [TEMPLATE]}))
    for arguments in ((own, "--connector", "evil"), (whole,)):
        result = run("check", *arguments, *form)
        assert result.exit_code == 1, result.output
        assert "passpost-evil" in result.stderr
        assert "are valid" not in result.stdout
