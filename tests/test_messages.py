"""Every text for people has a translation, and the catalogs fit the source."""

from __future__ import annotations

import io
import re
import string
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from passpost.phrases import Phrases, translated

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "release"))

from messages import LANGUAGES, compiled, merged, packages, place, written  # noqa: E402 - a script

CASES = [(package, language) for package in packages() for language in LANGUAGES]
IDS = [f"{package.name}-{language}" for package, language in CASES]
each_catalog = pytest.mark.parametrize(("package", "language"), CASES, ids=IDS)


def catalog(package: Path, language: str) -> Catalog:
    return read_po(io.BytesIO(place(package, language).read_bytes()))


@each_catalog
def test_the_catalog_has_the_phrases_of_the_source(package: Path, language: str) -> None:
    up_to_date = written(merged(package, language))
    assert place(package, language).read_bytes() == up_to_date, "run `make messages`"


@each_catalog
def test_the_compiled_form_is_that_of_the_catalog(package: Path, language: str) -> None:
    path = place(package, language)
    assert path.with_suffix(".mo").read_bytes() == compiled(path.read_bytes()), (
        "run `make messages`"
    )


@each_catalog
def test_each_phrase_is_translated(package: Path, language: str) -> None:
    assert [one.id for one in catalog(package, language) if one.id and not one.string] == []
    assert [one.id for one in catalog(package, language) if one.id and one.fuzzy] == []


def placeholders(template: str) -> set[tuple[str | None, str | None]]:
    return {(name, spec) for _, name, spec, _ in string.Formatter().parse(template) if name}


@each_catalog
def test_a_translation_has_the_placeholders_and_the_code_of_its_phrase(
    package: Path, language: str
) -> None:
    quoted = re.compile(r"`[^`]*`")
    for one in catalog(package, language):
        if not one.id:
            continue
        if "python-brace-format" in one.flags:
            assert placeholders(str(one.string)) == placeholders(str(one.id))
        # A name or value to paste is the same in each language.
        assert sorted(quoted.findall(str(one.string))) == sorted(quoted.findall(str(one.id)))


@each_catalog
def test_a_translation_ends_as_its_phrase_does(package: Path, language: str) -> None:
    for one in catalog(package, language):
        if one.id and language == "zh_CN":
            assert str(one.id).endswith(".") == str(one.string).endswith("。"), one.id
            # House style: full-width marks between Chinese characters.
            assert not re.search(r"[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]", str(one.string))


def test_an_installed_package_finds_its_catalog() -> None:
    phrase = Phrases("passpost")(
        "Replace each <placeholder> in the settings with a value of your own."
    )
    assert translated(phrase, "zh-CN").startswith("请")
