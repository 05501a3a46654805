"""A text for people stays text, and can be said in another language at the end."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost._genuine import plain
from passpost.phrases import Phrase, Phrases, translated
from passpost.wire import Redactor

CATALOG = {
    "": "Content-Type: text/plain; charset=utf-8\n",
    "no route": "没有路由",
    "known: {names}": "已知：{names}",
    "set `port` to {port}": "请将 `port` 设为 {port}",
    "{server}: {why}": "{server}：{why}",
}


def compiled(catalog: Mapping[str, str]) -> bytes:
    """Return a catalog in the format of GNU gettext: a table, and the texts behind it."""
    texts = [(key.encode(), value.encode()) for key, value in sorted(catalog.items())]
    head, body, spans = 28 + 16 * len(texts), b"", []
    for column in (0, 1):
        for pair in texts:
            spans.append(struct.pack("<II", len(pair[column]), head + len(body)))
            body += pair[column] + b"\0"
    lengths = (0x950412DE, 0, len(texts), 28, 28 + 8 * len(texts), 0, head)
    return struct.pack("<7I", *lengths) + b"".join(spans) + body


@pytest.fixture
def phrases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phrases:
    """The phrases of a package that has a catalog in Chinese."""
    name = f"acme_{tmp_path.name}"
    folder = tmp_path / name / "locale/zh_CN/LC_MESSAGES"
    folder.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (folder / f"{name}.mo").write_bytes(compiled(CATALOG))
    monkeypatch.syspath_prepend(str(tmp_path))
    return Phrases(name)


def test_a_phrase_is_the_english_text(phrases: Phrases) -> None:
    phrase: Any = phrases("set `port` to {port}", port=587)
    assert phrase == "set `port` to 587"
    assert json.dumps(phrase) == '"set `port` to 587"'
    assert phrases("write `{ … }`") == "write `{ … }`"
    with pytest.raises(AttributeError, match="a phrase does not change"):
        phrase.values = {}


@pytest.mark.parametrize("language", ["zh-CN", "zh", "zh-cn", "zh-Hans", "zh-CN-x-private"])
def test_it_is_said_in_the_readers_language(phrases: Phrases, language: str) -> None:
    assert translated(phrases("set `port` to {port}", port=587), language) == "请将 `port` 设为 587"


@pytest.mark.parametrize("language", ["en", "de-CH", "", "../zh_CN"])
def test_without_a_translation_it_stays_english(phrases: Phrases, language: str) -> None:
    assert translated(phrases("no route"), language) == "no route"
    assert translated(phrases("not in the catalog"), "zh-CN") == "not in the catalog"
    assert translated(phrases(""), "zh-CN") == ""


def test_a_package_without_catalogs_speaks_english() -> None:
    assert translated(Phrases("json")("no route"), "zh-CN") == "no route"
    assert translated(Phrases("no_such_package")("no route"), "zh-CN") == "no route"
    assert translated("no route", "zh-CN") == "no route"
    assert translated(None, "zh-CN") is None


def test_phrases_within_phrases_are_said_in_the_language_too(phrases: Phrases) -> None:
    phrase = phrases("{server}: {why}", server="mx.example", why=phrases("no route"))
    assert phrase == "mx.example: no route"
    assert translated(phrase, "zh-CN") == "mx.example：没有路由"


def test_a_list_has_the_commas_of_the_language(phrases: Phrases) -> None:
    names: list[Any] = ["a", phrases("no route"), 3]
    phrase = phrases("known: {names}", names=names)
    names.clear()
    for each in (phrase, pickle.loads(pickle.dumps(phrase))):  # noqa: S301 - its own
        assert each == "known: a, no route, 3"
        assert translated(each, "zh-CN") == "已知：a、没有路由、3"
        assert translated(each, "de") == "known: a, no route, 3"
    assert translated(phrases("known: {names}", names=()), "zh-CN") == "已知："


def test_what_is_in_a_list_is_masked_and_of_known_classes(phrases: Phrases) -> None:
    values: list[Any] = ["hunter2hunter2", Path("a/b")]
    values.append(values)
    phrase = phrases("known: {names}", names=values)
    assert [type(value) for value in phrase.values["names"]] == [str, str, str]
    cleared = Redactor(["hunter2hunter2"]).clean(phrases("known: {names}", names=values[:2]))
    assert translated(cleared, "zh-CN") == "已知：***、a/b"
    # One that begins in a name and ends in the next is masked in the whole text.
    cleared = Redactor(["aaaa, bbbb"]).clean(phrases("known: {names}", names=["aaaa", "bbbb"]))
    assert cleared == "known: ***"
    assert translated(cleared, "zh-CN") == "known: ***"


def test_a_pickle_keeps_the_translation(phrases: Phrases) -> None:
    error = passpost.SendError(
        "no", outcome="rejected", scope="network", hint=phrases("set `port` to {port}", port=25)
    )
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert translated(copy.hint, "zh-CN") == "请将 `port` 设为 25"


def test_a_secret_is_masked_in_each_language(phrases: Phrases) -> None:
    clean = Redactor(["hunter2hunter2"]).clean
    cleared = clean(phrases("{server}: {why}", server="hunter2hunter2", why=phrases("no route")))
    assert cleared == "***: no route"
    assert translated(cleared, "zh-CN") == "***：没有路由"


def test_a_secret_across_values_leaves_plain_text(phrases: Phrases) -> None:
    cleared = Redactor(["mx.example: 4321"]).clean(
        phrases("{server}: {why}", server="mx.example", why=4321)
    )
    assert type(cleared) is str
    assert "4321" not in translated(cleared, "zh-CN")


def test_a_value_of_a_foreign_class_becomes_text_at_once(phrases: Phrases) -> None:
    class Other(str):  # noqa: SLOT000 - as foreign as can be
        def __str__(self) -> str:
            return "shown"

        def __format__(self, spec: str) -> str:
            raise AssertionError

    phrase = phrases("set `port` to {port}", port=Other("port"))
    assert translated(phrase, "zh-CN") == "请将 `port` 设为 shown"


def test_a_subclass_does_not_pass_for_a_phrase(phrases: Phrases) -> None:
    class Fake(Phrase):
        def map(self, change: Any) -> str:
            raise AssertionError

    fake = Fake("acme", "no route", {})
    assert type(plain(fake)) is str
    assert Redactor(["route"]).clean(fake) == "no ***"
    assert translated(fake, "zh-CN") == "no route"
    assert type(plain(phrases("no route"))) is Phrase
