"""Host: connectors of the process, and what it makes of faulty ones."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import pytest

import passpost

from .conftest import TEMPLATES, Recorder, RecorderConfig


def test_a_registered_connector_is_listed_and_used(recorder: Recorder) -> None:
    host = passpost.Host(environ={})
    assert host.register(recorder).name == {"en": "Recorder"}
    first = host.installed()[0]
    assert (first.id, first.distribution, first.module) == ("recorder", "", "Recorder")
    assert host.info("recorder").id == "recorder"
    with pytest.raises(passpost.PluginError, match="registered already"):
        host.register(Recorder())


def test_what_is_no_connector_is_refused() -> None:
    with pytest.raises(passpost.PluginError, match="lacks the hook connector_info"):
        passpost.Host().register(object())


def test_settings_may_be_text_with_comments(recorder: Recorder) -> None:
    host = passpost.Host(environ={})
    host.register(recorder)
    connector = host.configure("recorder", '{"templates": [], /* none */ }', name="main")
    assert (connector.id, connector.name) == ("recorder", "main")


def test_a_reference_that_leads_nowhere_is_one_problem(recorder: Recorder) -> None:
    host = passpost.Host(environ={})
    host.register(recorder)
    with pytest.raises(passpost.ConfigError) as caught:
        host.configure("recorder", {"key": "${NO_SUCH_VARIABLE}", "templates": TEMPLATES})
    errors = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert [problem.path for problem in errors] == ["key"]


def test_a_host_may_be_kept_from_reading_files(recorder: Recorder) -> None:
    host = passpost.Host(environ={}, read_files=False)
    host.register(recorder)
    with pytest.raises(passpost.ConfigError, match="key"):
        host.configure("recorder", {"key": "${file:/etc/hostname}"})


class Careless(Recorder):
    """Parses by hand, and badly."""

    result: Any = None

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Any:
        if self.result is None:
            raise ValueError(f"bad key {settings['key']}")
        return self.result


def test_a_connector_that_fails_to_parse_quotes_no_setting() -> None:
    host = passpost.Host(environ={})
    host.register(Careless())
    settings = {"key": "s3cr3t"}
    with pytest.raises(passpost.PluginError, match=r"ValueError at test_host\.py") as caught:
        host.configure("recorder", settings)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_connector_that_returns_no_config_is_defective() -> None:
    host = passpost.Host(environ={})
    careless = Careless()
    careless.result = {"key": "s3cr3t"}
    host.register(careless)
    with pytest.raises(passpost.PluginError, match="does not return a RecorderConfig"):
        host.configure("recorder", {"key": "s3cr3t"})


def test_unresolved_references_are_reported_for_connectors_that_parse_by_hand() -> None:
    host = passpost.Host(environ={})
    careless = Careless()
    careless.result = RecorderConfig()
    host.register(careless)
    with pytest.raises(passpost.ConfigError, match="NO_SUCH_VARIABLE"):
        host.configure("recorder", {"key": "${NO_SUCH_VARIABLE}"})


def test_a_connector_without_a_check_says_so(connector: passpost.Connector) -> None:
    assert not connector.hooks.checks_connection
    with pytest.raises(passpost.PluginError, match="cannot check"):
        connector.hooks.check_connection(connector.config, None)
