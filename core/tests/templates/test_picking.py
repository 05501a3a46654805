from __future__ import annotations

import functools
import gc
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Message, Template, TemplateNotFound
from passpost._messages.locales import LanguageTag
from passpost._templates.picking import TemplateSet, pick, pick_asking
from passpost.config import Invalid


def template(usage: str, locale: str | None = None, subject: str = "s") -> Template:
    return Template(usage_type=usage, subject=subject, content="{{code}}", locale=locale)


SIGN_IN = template("SignIn")
CHINESE = template("SignIn", "zh")
TAIWAN = template("SignIn", "zh-Hant-TW")
GERMAN = template("SignIn", "de-CH")
GENERIC = template("Test")
GENERIC_GERMAN = template("Generic", "de")
ALL = TemplateSet([SIGN_IN, CHINESE, TAIWAN, GERMAN, GENERIC, GENERIC_GERMAN])


@pytest.mark.parametrize(
    ("usage", "locales", "expected"),
    [
        ("SignIn", [], SIGN_IN),
        ("SignIn", ["fr"], SIGN_IN),
        ("SignIn", ["zh-Hant-TW"], TAIWAN),
        ("SignIn", ["ZH-hant-tw"], TAIWAN),
        ("SignIn", ["zh_Hant_TW"], TAIWAN),
        ("SignIn", ["zh-Hant"], CHINESE),
        ("SignIn", ["zh-CN"], CHINESE),
        ("SignIn", ["fr", "zh-CN"], CHINESE),
        # All of the first wish comes before the second.
        ("SignIn", ["zh-CN", "de-CH"], CHINESE),
        ("SignIn", ["de", "zh"], CHINESE),
        ("SignIn", ["de-CH-1996", "zh"], GERMAN),
        ("SignIn", ["zh-Hant-TW-x-private"], TAIWAN),
        ("SignIn", ["", "-", "x", "zh"], CHINESE),
        # A usage's own template without locale comes before a generic one in the right language.
        ("SignIn", ["de"], SIGN_IN),
        ("Register", ["de-AT"], GENERIC_GERMAN),
        ("Register", ["fr"], GENERIC),
        ("Generic", ["de"], GENERIC_GERMAN),
        ("Test", [], GENERIC),
    ],
)
def test_usage_and_languages_pick_a_template(
    usage: str, locales: list[str], expected: Template
) -> None:
    assert pick(usage, locales, [ALL]) is expected


def test_earlier_source_decides_for_a_usage() -> None:
    first, second = TemplateSet([SIGN_IN]), TemplateSet([CHINESE, GENERIC])
    assert pick("SignIn", ["zh"], [first, second]) is SIGN_IN
    assert pick("SignIn", ["zh"], [second, first]) is CHINESE
    # The usage is sought in all sources before Generic is in any.
    assert pick("SignIn", ["de"], [TemplateSet([GENERIC]), first]) is SIGN_IN
    assert pick("Register", [], [first, second]) is GENERIC


def test_source_without_a_matching_language_is_passed_over() -> None:
    assert pick("SignIn", ["fr"], [TemplateSet([GERMAN]), TemplateSet([SIGN_IN])]) is SIGN_IN


def test_first_of_two_alike_counts() -> None:
    twin = template("SignIn", "ZH", subject="other")
    assert pick("SignIn", ["zh"], [TemplateSet([CHINESE, twin])]) is CHINESE
    assert pick("SignIn", ["zh"], [TemplateSet([twin, CHINESE])]) is twin


@pytest.mark.anyio
async def test_function_is_asked_for_each_tag_in_its_usual_spelling() -> None:
    asked: list[tuple[str, str | None]] = []

    async def find(usage: str, locale: str | None) -> Template | None:
        asked.append((usage, locale))
        return GENERIC if (usage, locale) == ("Generic", None) else None

    wanted = ["ZH_hant_tw", "en-a-bbb-x-cc-DDDD", "de-X-CA", "zh-CN"]
    assert await pick_asking("Test2", wanted, find, []) is GENERIC
    tags = [
        "zh-Hant-TW",
        "zh-Hant",
        "zh",
        "en-a-bbb-x-cc-dddd",
        "en-a-bbb-x-cc",
        "en-a-bbb",
        "en",
        "de-x-ca",
        "de",
        "zh-CN",
        None,
    ]
    assert asked == [(usage, tag) for usage in ("Test2", "Generic") for tag in tags]


@pytest.mark.anyio
async def test_function_is_not_asked_further_once_it_answered() -> None:
    asked: list[str | None] = []

    async def find(usage: str, locale: str | None) -> Template | None:
        asked.append(locale)
        return CHINESE if locale == "zh" else None

    assert await pick_asking("SignIn", ["zh-CN", "de"], find, [ALL]) is CHINESE
    assert asked == ["zh-CN", "zh"]


@pytest.mark.anyio
async def test_function_is_asked_a_bounded_number_of_times() -> None:
    asked: list[str | None] = []

    async def find(usage: str, locale: str | None) -> None:
        asked.append(locale)

    many = [f"a{letter}-bb-cc-{letter}" for letter in string.ascii_lowercase]
    for locales in (many, Message("ada@example.org", "SignIn", locale=" ".join(many)).locale):
        asked.clear()
        assert await pick_asking("SignIn", locales, find, [ALL]) is SIGN_IN
        assert len(asked) == 33


def test_nothing_that_readers_choose_is_kept() -> None:
    def kept() -> int:
        caches = [
            each
            for each in gc.get_objects()
            if issubclass(type(each), functools._lru_cache_wrapper)
        ]
        return sum(
            each.cache_info().currsize for each in caches if each.__module__.startswith("passpost")
        )

    pick("SignIn", ["aa"], [ALL])
    before = kept()
    for number in range(100, 200):
        pick("SignIn", [f"aa-{number}"], [ALL])
    assert kept() == before


@pytest.mark.anyio
@pytest.mark.parametrize("usage", ["SignIn", "Generic"])
async def test_no_template_is_an_error_that_names_usage_and_languages(usage: str) -> None:
    asked: list[str] = []

    async def find(usage: str, locale: str | None) -> None:
        asked.append(usage)

    others = [TemplateSet(), TemplateSet([GERMAN] if usage == "Generic" else [])]
    with pytest.raises(TemplateNotFound) as caught:
        await pick_asking(usage, ["zh-CN", "de"], find, others)
    with pytest.raises(TemplateNotFound):
        pick(usage, ["zh-CN", "de"], others)
    assert (caught.value.usage, caught.value.locales) == (usage, ("zh-CN", "de"))
    # Generic is not sought twice.
    assert asked.count("Generic") == 4


@pytest.mark.parametrize(
    "tag",
    [
        "en",
        "zh-CN",
        "zh-Hant",
        "zh-Hant-TW",
        "de-CH-1996",
        "sl-rozaj-biske-1994",
        "es-419",
        "zh-min-nan",
        "en-a-bbb-x-a-ccc",
        "x-whatever",
        "EN-us",
        "tlh",
        "abcd",
        "abcdefgh",
    ],
)
def test_well_formed_tags(tag: str) -> None:
    assert LanguageTag.from_setting(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "e",
        "zh_CN",
        "zh-",
        "-zh",
        "zh--CN",
        "zh CN",
        "abcdefghi",
        "en-x",
        "en-a",
        "en-a-b",
        "zh-CN ",
        "zh-CN\n",
        "français",
        "en-US-GB",
        "12",
        "*",
        "x",
        "zh-\uff28ant",
    ],
)
def test_malformed_tags(tag: str) -> None:
    with pytest.raises(Invalid, match="BCP 47"):
        LanguageTag.from_setting(tag)


@given(st.lists(st.text("azAZ1-_é", max_size=12) | st.text(max_size=5), max_size=4))
def test_any_wish_ends_with_the_template_without_locale(locales: list[str]) -> None:
    assert pick("SignIn", locales, [TemplateSet([SIGN_IN])]) is SIGN_IN


@pytest.mark.parametrize(
    ("locale", "tag"),
    [("zh_CN", "`zh-CN`"), ("zh_Hant_TW", "`zh-Hant-TW`"), ("secret_passw0rd", "such as `en`")],
)
def test_a_locale_of_posix_is_guessed(locale: str, tag: str) -> None:
    with pytest.raises(Invalid) as caught:
        LanguageTag.from_setting(locale)
    assert tag in caught.value.remedy
    assert "secret" not in caught.value.remedy
