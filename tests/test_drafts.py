"""Settings with a placeholder are a draft, whichever connector's and whichever setting's it is."""

from __future__ import annotations

import pytest

import passpost
from passpost._plugins.discovery import FIRST_PARTY

PRESETS = [
    (connector, preset)
    for connector in FIRST_PARTY
    for preset in passpost.Host().info(connector).presets
]


@pytest.mark.parametrize(
    ("connector", "preset"), PRESETS, ids=lambda value: getattr(value, "id", value)
)
def test_each_placeholder_of_a_preset_has_to_be_filled_in(
    connector: str, preset: passpost.Preset
) -> None:
    made = passpost.Host(environ={}).configure(connector, preset.settings)
    warned = {one.path for one in made.warnings if one.message == "still a placeholder"}
    assert {one.path for one in made.placeholders} == warned != set()
