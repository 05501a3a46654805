"""The settings of passpost itself have a title and a description in each language."""

from typing import Any, Literal

import attrs
import pytest

from passpost._connector_info import LANGUAGES
from passpost._settings.stores import SqliteSettings
from passpost.config import ApplicationSettings, ConnectorConfig, field
from passpost_tools.descriptions import inner_classes
from passpost_tools.texts import described_fields, own_texts


def classes(*found: type[Any]) -> set[type[Any]]:
    inner = [classes(*inner_classes(one.type)) for cls in found for one in described_fields(cls)]
    return set(found).union(*inner)


OWN = classes(ApplicationSettings, ConnectorConfig, SqliteSettings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_setting_is_described(language: str) -> None:
    untold = [
        (cls.__name__, one.name)
        for cls in OWN
        for one in described_fields(cls)
        if not (one.options.title.get(language) and one.options.description.get(language))
    ]
    assert untold == []


def test_no_text_is_left_of_what_is_gone() -> None:
    known = {cls.__name__: {one.name for one in described_fields(cls)} for cls in OWN}
    assert {name: set(texts) for name, texts in own_texts().items()} == known


@attrs.frozen(kw_only=True)
class AcmeConfig(ConnectorConfig):
    region: str = field(default="eu", title={"en": "Region"})
    missing_variables: Literal["error", "keep", "blank"] = field(
        default="keep", title={"en": "Gaps"}
    )


def test_a_connector_describes_an_inherited_setting_as_passpost_does_or_itself() -> None:
    titles = {one.name: one.options.title.get("en") for one in described_fields(AcmeConfig)}
    assert titles == {"region": "Region", "missing_variables": "Gaps", "templates": "Templates"}
