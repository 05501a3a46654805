"""The guides: their program runs, and their tables name what is exported, in both languages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost_otel.instruments import USAGES
from pytest_passpost import SmtpServer

from .conftest import Provider, Sdk

ROOT = Path(__file__).parents[1]
GUIDES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")}
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`((?:passpost|error)\.[a-z_.]+)`")
Connect = Callable[..., list[passpost.Connector]]

SEND = """
mailer.send(passpost.Message("ada@example.com", "SignIn", {"code": "QZ-493817"}))
mailer.close()
tracers.shutdown()
metrics.get_meter_provider().shutdown()
"""


@pytest.mark.parametrize("name", GUIDES)
def test_the_program_runs(name: str, tmp_path: Path) -> None:
    (program,) = BLOCK.findall(GUIDES[name])
    usages = ("SignIn", "Register", "ForgotPassword", "Generic")
    templates = [{"usageType": one, "subject": "Code", "content": "{{code}}"} for one in usages]
    with SmtpServer() as server:
        settings = {
            "host": "127.0.0.1", "port": server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        application = {
            "connectors": {"primary": {"use": "smtp", "settings": settings}},
            "templates": templates,
        }
        (tmp_path / "passpost.jsonc").write_text(json.dumps(application), "utf-8")
        command = [sys.executable, "-W", "error", "-c", program + SEND]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.stderr, done.returncode, len(server.mails)) == ("", 0, 1)
    for exported in ("passpost.send", "passpost.send.duration", "passpost.breaker.open"):
        assert f'"name": "{exported}"' in done.stdout
    assert "QZ-" not in done.stdout
    assert "ada@" not in done.stdout


def test_installing_the_package_traces_nothing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "entry-points" not in project


def test_both_languages_have_the_same_program() -> None:
    english, chinese = (BLOCK.findall(text) for text in GUIDES.values())
    assert english == chinese


def exported(sdk: Sdk, connect: Connect) -> tuple[set[str], set[str]]:
    """Return the attributes of spans, and the names of metrics, of sends that end in many ways."""
    error = passpost.SendError(
        "no",
        outcome="rejected",
        scope="provider",
        temporary=True,
        retry_after=1,
        provider_code="421",
    )
    policy = passpost.Policy(recipient_cooldowns={"Cooled": 60})
    telemetry = sdk.telemetry(recipient_domain=True)
    both = connect(telemetry, Provider("primary", error), Provider("backup"))
    with passpost.Mailer(*both, policy=policy) as mailer:
        telemetry.observe(mailer)
        for usage in ("SignIn", "Cooled", "Cooled"):
            try:
                mailer.send(
                    passpost.Message("ada@example.com", usage, {"code": "1", "link": ""}, "en")
                )
            except passpost.Throttled:
                continue
        data: Any = sdk.reader.get_metrics_data()
    spans = sdk.exporter.get_finished_spans()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return (
        {name for span in spans for name in (span.attributes or {})},
        {metric.name for metric in metrics},
    )


@pytest.mark.parametrize("name", GUIDES)
def test_every_attribute_and_metric_is_explained(name: str, sdk: Sdk, connect: Connect) -> None:
    text = GUIDES[name]
    attributes, metrics = exported(sdk, connect)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = {found for row in rows for found in NAME.findall(row)}
    # Counters that counted nothing are not exported.
    silent = {"passpost.replayed", "passpost.unavailable"}
    # Those of an outbox have a test with one.
    of_outbox = {name for name in named if name.startswith("passpost.outbox.")}
    assert named - of_outbox == attributes | metrics | silent
    assert f" {USAGES} " in text
