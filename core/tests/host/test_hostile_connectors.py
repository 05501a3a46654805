"""Hostile connectors: whatever they raise or say of themselves is theirs, and is named."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import traceback
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

import passpost
from passpost import config

from .conftest import HEALTHY, TEMPLATES, Install, Recorder, RecorderConfig

# What plugins raise and say ---------------------------------------------------------------------

RAISES = {
    "SystemExit": "raise SystemExit(0)",
    "GeneratorExit": "raise GeneratorExit",
    "CancelledError": "import asyncio\nraise asyncio.CancelledError",
    "Own": "class Own(BaseException): pass\nraise Own('x')",
    "BaseExceptionGroup": "raise BaseExceptionGroup('x', [SystemExit()])",
    "Mute": "class Mute(Exception):\n def __str__(self): raise ValueError\nraise Mute",
    "Odd": "class Odd(Exception):\n def __str__(self): return 5\nraise Odd",
    "Blind": "class Blind(Exception):\n @property\n def __traceback__(self): 1 / 0\nraise Blind",
}


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("kind", RAISES)
def test_whatever_a_module_raises_on_import_is_its_defect(kind: str, install: Install) -> None:
    install("bad-1.0.dist-info", "[passpost.connectors]\nbad = bad_one\n", bad_one=RAISES[kind])
    host = passpost.Host()
    with pytest.raises(
        passpost.PluginError, match=f"`bad` of bad cannot be imported: {kind}"
    ) as caught:
        host.info("bad")
    assert caught.value.distribution == "bad"
    traceback.format_exception(caught.value)
    assert host.info("good").id == "good"


class Liar(Recorder):
    """Describes itself as it is told."""

    facts: Mapping[str, Any]

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.facts = facts
        self.asked = 0

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        self.asked += 1
        facts: dict[str, Any] = {
            "id": "recorder",
            "name": {"en": "Recorder"},
            "description": {"en": "Keeps emails"},
            "config_class": RecorderConfig,
        }
        return passpost.ConnectorInfo(**{**facts, **self.facts})


class Torn(dict[str, str]):
    def __iter__(self) -> Any:
        raise ZeroDivisionError


WRONG: list[tuple[str, Any]] = [
    ("name", "Evil"),
    ("name", 5),
    ("name", {"en": None}),
    ("name", {5: "x"}),
    ("name", {}),
    ("description", None),
    ("capabilities", {5, None}),
    ("capabilities", "text"),
    ("capabilities", [[]]),
    ("capabilities", None),
    ("config_class", RecorderConfig()),
    ("guide", None),
    ("guide", "text"),
    ("guide", {5: "x"}),
    ("presets", (5, None)),
    ("presets", None),
    ("presets", (passpost.Preset(5, {"en": "x"}, {}),)),  # type: ignore[arg-type]
    ("presets", (passpost.Preset("x", "y", {}),)),  # type: ignore[arg-type]
    ("presets", (passpost.Preset("x", {}, "z"),)),  # type: ignore[arg-type]
    ("stand_in", 5),
    ("deliveries", "text"),
    ("deliveries", None),
    ("id", "Tiny Mail"),
    ("id", ""),
    ("id", 5),
]


@pytest.mark.parametrize(("part", "value"), WRONG)
def test_a_description_of_wrong_types_is_named(part: str, value: Any) -> None:
    host = passpost.Host()
    with pytest.raises(passpost.PluginError, match=f"Liar.*describes itself wrongly: .*{part}"):
        host.register(Liar(**{part: value}))
    assert "recorder" not in [one.id for one in host.installed()]


def test_a_description_that_cannot_be_read_is_a_defect() -> None:
    with pytest.raises(passpost.PluginError, match="fails to describe itself: ZeroDivisionError"):
        passpost.Host().register(Liar(guide=Torn()))


def test_a_connector_is_asked_once_what_it_is() -> None:
    liar = Liar()
    passpost.Host().register(liar)
    assert liar.asked == 1


class Thrower(Recorder):
    """Raises in a hook that does no I/O."""

    def __init__(self, where: str, error: BaseException) -> None:
        super().__init__()
        self.where, self.error = where, error

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        if self.where == "connector_info":
            raise self.error
        return super().connector_info()

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> RecorderConfig:
        if self.where == "parse_config":
            raise self.error
        return super().parse_config(settings)


class BlindError(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError


THROWN = [
    BlindError(),
    SystemExit(0),
    GeneratorExit(),
    KeyError("x"),
    BaseExceptionGroup("x", [SystemExit()]),
]


@pytest.mark.parametrize("error", THROWN)
def test_whatever_the_pure_hooks_raise_is_a_plugin_error(error: BaseException) -> None:
    host = passpost.Host()
    with pytest.raises(passpost.PluginError, match=type(error).__name__):
        host.register(Thrower("connector_info", error))
    host.register(Thrower("parse_config", error))
    with pytest.raises(passpost.PluginError, match=type(error).__name__):
        host.configure("recorder", {})


WARNING = config.Problem("x", "is odd", "", "warning")


@pytest.mark.parametrize("problems", [[], [WARNING]])
def test_a_refusal_without_a_reason_is_a_defect_and_loses_no_connector(
    problems: list[config.Problem],
) -> None:
    host = passpost.Host()
    host.register(Thrower("parse_config", passpost.ConfigError(problems)))
    with pytest.raises(passpost.PluginError, match=r"Thrower.*without saying why"):
        host.configure("recorder", {})
    one = {"use": "recorder", "settings": {}}
    with pytest.raises(passpost.ConfigError, match=r"connectors\.one\.use: .*without saying why"):
        passpost.Mailer.from_settings({"connectors": {"one": one}, "templates": TEMPLATES}, host)


@pytest.mark.parametrize("part", ["path", "message", "remedy", "code"])
def test_a_problem_of_wrong_types_is_the_connectors_defect(part: str) -> None:
    parts: dict[str, Any] = {"path": "x", "message": "is odd", "remedy": "", part: 5}
    error = passpost.ConfigError([WARNING])
    error.problems = (config.Problem(**parts),)
    host = passpost.Host()
    host.register(Thrower("parse_config", error))
    with pytest.raises(passpost.PluginError, match="contains something else than text"):
        host.configure("recorder", {})


# Secrets in what connectors say -----------------------------------------------------------------


class Parrot(Recorder):
    """Parses by hand, and repeats what it was given."""

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> RecorderConfig:
        told = f"bad settings {dict(settings)}"
        raise passpost.ConfigError(
            [config.Problem(f"key.{settings['key']}", told, told, code=told), WARNING]
        ) from ValueError(told)


@pytest.mark.parametrize("secret", ["hunter2secret", "${SECRET}", passpost.Secret("hunter2secret")])
def test_a_connectors_own_problems_repeat_no_secret(secret: Any) -> None:
    host = passpost.Host(environ={"SECRET": "hunter2secret"})
    host.register(Parrot())
    given = {
        "key": secret,
        "other": "${SECRET}",
        "accessToken": "hunter3secret",
        "host": "a.example",
    }
    with pytest.raises(passpost.ConfigError) as caught:
        host.configure("recorder", given)
    trace = caught.value.__traceback__
    seen = "".join(
        traceback.TracebackException(
            type(caught.value), caught.value, trace and trace.tb_next, capture_locals=True
        ).format()
    )
    for text in (seen, repr(caught.value.problems)):
        assert "hunter2secret" not in text
        assert "hunter3secret" not in text
    assert "a.example" in str(caught.value)
    assert "warning: x: is odd" in str(caught.value)


# Forks ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
# What Python warns of from 3.12 on is what this is about.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.usefixtures("good")
def test_a_child_forked_while_a_connector_was_loaded_loads_connectors(install: Install) -> None:
    """The import ends when the fork has begun to wait for it, or soon after."""
    source = f"import slow_gate\nslow_gate.begun.set()\nslow_gate.go.wait(0.2)\n{HEALTHY}"
    source = source.replace('"good"', '"slow"')
    gate = "import threading\nbegun, go = threading.Event(), threading.Event()\n"
    lines = "[passpost.connectors]\nslow = slow_one\n"
    install("slow_one-1.0.dist-info", lines, slow_one=source, slow_gate=gate)
    import slow_gate  # type: ignore[import-not-found] # noqa: PLC0415 - made by this test

    host = passpost.Host()
    loader = threading.Thread(target=host.info, args=("slow",))
    loader.start()
    assert slow_gate.begun.wait(10)
    child = os.fork()
    if not child:
        # The system ends a child that hangs. A second thread might get the ID of the dead one,
        # and with it the lock.
        signal.alarm(10)
        status = 1
        try:
            status = 0 if (host.info("slow").id, host.info("good").id) == ("slow", "good") else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    loader.join()


class Plain:
    """A config that is not of an attrs class."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)


class Slotted:
    __slots__ = ("key", "unset")

    def __init__(self, key: passpost.Secret) -> None:
        self.key = key


class Broken:
    @property
    def templates(self) -> Any:
        raise SystemExit(0)


@attrs.frozen
class Untyped:
    templates: tuple = ()  # type: ignore[type-arg]  # the mistake


class Keeps(Recorder):
    """Has whatever config it is told to have."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        name = {"en": "Keeps"}
        return passpost.ConnectorInfo(
            id="keeps", name=name, description=name, config_class=type(self.config)
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Any:
        return self.config


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (Broken(), "SystemExit at test_hostile_connectors.py"),
        (Untyped(), "Untyped.templates: <class 'tuple'> is not a type"),
        (Plain(templates=5), "its templates must be a sequence of passpost.Template"),
        (Plain(templates=[5]), "its templates must be a sequence of passpost.Template"),
        (Plain(sender="a@example.com"), "its sender must be a passpost.Address or None"),
    ],
)
def test_a_config_that_cannot_be_used_is_the_connectors_defect(settings: Any, fault: str) -> None:
    host = passpost.Host(environ={})
    host.register(Keeps(settings))
    with pytest.raises(passpost.PluginError) as caught:
        host.configure("keeps", {})
    assert f"has a config that cannot be used: {fault}" in str(caught.value)


KEY = passpost.Secret("s3cr3t-key")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "settings",
    [
        Plain(key=KEY),
        Slotted(KEY),
        dataclasses.make_dataclass("Data", ["key"])(KEY),
        {"keys": [{KEY: 1}]},
        Plain(inner=Plain(keys={KEY})),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_secrets_are_masked_whatever_the_config_is_made_of(
    settings: Any, message: passpost.Message
) -> None:
    keeps = Keeps(settings)
    keeps.behave = lambda mail: passpost.Receipt("id", f"OK {KEY.reveal()}")
    host = passpost.Host(environ={})
    host.register(keeps)
    template = passpost.Template(usage_type="Generic", subject="x", content="{{code}}")
    connector = host.configure("keeps", {})
    async with passpost.AsyncMailer(connector, templates=[template]) as mailer:
        assert (await mailer.send(message)).response == "OK ***"


def test_a_connector_that_claims_to_be_closed_may_have_sent(
    recorder: Recorder, configure: Any, message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(_mail: object) -> None:
        raise passpost.MailerClosedError("493817")

    recorder.behave = gone
    caplog.set_level("DEBUG")
    with passpost.Mailer(configure()) as mailer, pytest.raises(passpost.SendError) as caught:
        mailer.send(message)
    assert caught.value.outcome == "unknown"
    assert "493817" not in f"{caught.value}{caplog.text}"


def test_a_check_shows_nothing_of_a_connector_that_claims_to_be_closed() -> None:
    class Closed(Recorder):
        @passpost.hookimpl
        async def check_connection(self) -> None:
            raise passpost.MailerClosedError("493817")

    host = passpost.Host(environ={})
    host.register(Closed())
    closed = pytest.raises(passpost.MailerClosedError, match="the mailer is closed")
    with passpost.Mailer(host.configure("recorder", {"templates": TEMPLATES})) as mailer, closed:
        mailer.check()
