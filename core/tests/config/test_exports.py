from __future__ import annotations

import subprocess
import sys

import pytest

import passpost.config

NAMES = {
    "ApplicationSettings",
    "ConnectorConfig",
    "ConnectorEntry",
    "FormField",
    "FormVariant",
    "HostName",
    "Invalid",
    "LANGUAGES",
    "Policy",
    "Problem",
    "Referenced",
    "Settings",
    "Unresolved",
    "field",
    "find_kind",
    "form_fields",
    "is_placeholder",
    "json_schema",
    "load_section",
    "missing_template",
    "missing_usages",
    "names_of_kinds",
    "parse",
    "parse_application",
    "placeholders",
    "read",
    "reference_table",
    "require_templates",
    "resolve",
    "rule",
    "secrets_in",
    "warnings",
}


def test_exports_exactly_its_names() -> None:
    assert set(passpost.config.__all__) == NAMES
    for name in NAMES:
        assert getattr(passpost.config, name) is not None
    assert set(dir(passpost.config)) >= NAMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        passpost.config.nothing  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "first",
    [
        "passpost.config",
        "passpost._templates",
        "passpost._settings.connector_config",
        "passpost.errors",
    ],
)
def test_imports_nothing_heavy_and_in_any_order(first: str) -> None:
    program = f"import {first}, passpost.config, sys; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "email", "json", "difflib", "idna", "importlib.resources"} & {*output}
