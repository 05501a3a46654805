"""Each template as Chromium shows it: on narrow and wide screens, in light and dark."""

from __future__ import annotations

import colorsys
import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Request

import passpost
import passpost_templates
from passpost._templates.template import Rendered

CODE: Final = "7KQM-2XVD"
LINK: Final = "https://accounts.example.com/continue?token=" + "Zm9vYmFyYmF6cXV4" * 6
PAYLOADS: Final[dict[str, dict[str, Any]]] = {
    "code": {"code": CODE},
    "everything": {
        "code": CODE,
        "link": LINK,
        "expiresInMinutes": 10,
        "application": {"name": "Acme <Accounts> & Sons" + "Very" * 16},
        "organization": {"name": "W" * 40},
    },
    "a long code": {"code": "W" * 64},
}
LANGUAGES: Final = sorted(
    point.name
    for point in entry_points(group="passpost.template_packs", value="passpost_templates")
)
SHIPPED: Final = [
    (language, template["usageType"])
    for language in LANGUAGES
    for template in passpost_templates.templates(language)
]
SCREENS: Final = [*product((320, 768), ("light", "dark"))]

OUTSIDE: Final = """() => {
    const width = document.documentElement.clientWidth;
    const outside = [...document.body.querySelectorAll("*")].filter(element => {
        const box = element.getBoundingClientRect();
        return box.left < 0 || box.right > width || element.scrollWidth > element.clientWidth
            && getComputedStyle(element).display !== "inline";
    });
    const all = document.documentElement;
    return [...outside, ...(all.scrollWidth > all.clientWidth ? [all] : [])].map(e => e.outerHTML);
}"""
TEXTS: Final = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        if (!texts.currentNode.data.trim()) continue;
        let element = texts.currentNode.parentElement;
        const style = getComputedStyle(element);
        const clear = "rgba(0, 0, 0, 0)";
        while (element && getComputedStyle(element).backgroundColor === clear)
            element = element.parentElement;
        found.push({
            text: texts.currentNode.data,
            color: style.color,
            ground: element ? getComputedStyle(element).backgroundColor : "none",
            size: parseFloat(style.fontSize),
            weight: Number(style.fontWeight),
        });
    }
    return found;
}"""

Color = tuple[float, float, float]
Screen = tuple[int, str]
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def pages(chromium: Browser) -> dict[Screen, Page]:
    """A page for each screen, without a network."""
    pages: dict[Screen, Page] = {}
    for width, theme in SCREENS:
        context = chromium.new_context(
            viewport={"width": width, "height": 600},
            color_scheme="dark" if theme == "dark" else "light",
            offline=True,
        )
        pages[width, theme] = context.new_page()
    return pages


@pytest.fixture
def show(pages: dict[Screen, Page]) -> Iterator[Show]:
    """Return what shows an email on a screen; the test fails if the email asks for anything."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def shown(html: str | None, width: int = 320, theme: str = "light") -> Page:
        assert html is not None
        page = pages[width, theme]
        page.set_content(html)
        return page

    for page in pages.values():
        page.on("request", note)
    yield shown
    for page in pages.values():
        page.remove_listener("request", note)
    assert asked == []


def rendered(language: str, usage: str, payload: dict[str, Any]) -> Rendered:
    (template,) = passpost_templates.templates(language, usages=[usage])
    if usage == "OrganizationInvitation":
        payload = {"link": LINK, **payload}
    made = passpost.Template(
        usage_type=usage,
        subject=template["subject"],
        content=template["content"],
        content_type="text/html",
    )
    return made.render(payload)


def channels(color: str) -> Color:
    assert color.startswith("rgb("), f"{color} is not an opaque color"
    red, green, blue = (int(part) / 255 for part in color[4:-1].split(","))
    return red, green, blue


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colors, as WCAG 2.2 defines it."""
    parts = [
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        for color in (one, other)
    ]
    dark, light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in parts)
    return (light + 0.05) / (dark + 0.05)


def inverted(color: Color) -> Color:
    """Return a color as email programs change it that force a dark theme: dark becomes light."""
    hue, light, saturation = colorsys.rgb_to_hls(*color)
    return colorsys.hls_to_rgb(hue, 1 - light, saturation)


def required(text: dict[str, Any]) -> float:
    large = text["size"] >= 24 or (text["size"] >= 18.66 and text["weight"] >= 700)
    return 3.0 if large else 4.5


@pytest.mark.parametrize("case", PAYLOADS)
@pytest.mark.parametrize(("language", "usage"), SHIPPED)
def test_a_template_fits_each_screen_and_can_be_read(
    language: str, usage: str, case: str, show: Show
) -> None:
    html = rendered(language, usage, PAYLOADS[case]).html
    for width, theme in SCREENS:
        page = show(html, width, theme)
        assert page.evaluate(OUTSIDE) == [], (width, theme)
        for text in page.evaluate(TEXTS):
            color, ground = channels(text["color"]), channels(text["ground"])
            assert contrast(color, ground) >= required(text), (theme, text)
            if theme == "light":
                assert contrast(inverted(color), inverted(ground)) >= required(text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dark_screen_shows_light_text_on_dark(language: str, show: Show) -> None:
    html = rendered(language, "SignIn", PAYLOADS["everything"]).html

    def grounds(theme: str) -> list[float]:
        colors = {text["ground"] for text in show(html, theme=theme).evaluate(TEXTS)}
        return sorted(contrast(channels(color), (0, 0, 0)) for color in colors)

    light, dark = grounds("light"), grounds("dark")
    # The page, the card, the box of the code and the button, which has light text in both.
    assert len(light) == len(dark) == 4
    assert max(dark) < 5
    assert min(light[1:]) > 15


@pytest.mark.parametrize("case", ["code", "everything"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_click_selects_the_large_code_and_nothing_else(
    language: str, case: str, show: Show
) -> None:
    page = show(rendered(language, "SignIn", PAYLOADS[case]).html)
    code = page.get_by_text(CODE, exact=True)
    code.click()
    assert page.evaluate("getSelection().toString()") == CODE
    assert code.evaluate("code => code.childNodes.length") == 1
    assert code.evaluate("code => parseFloat(getComputedStyle(code).fontSize)") >= 28


@pytest.mark.parametrize(("language", "usage"), SHIPPED)
def test_a_screen_reader_gets_language_title_and_structure(
    language: str, usage: str, show: Show
) -> None:
    email = rendered(language, usage, PAYLOADS["everything"])
    page = show(email.html)
    assert page.title() == email.subject
    # Email programs on the web keep the body alone.
    for part in ("html", "body > div"):
        assert page.locator(part).get_attribute("lang") == language
        assert page.locator(part).get_attribute("dir") == "ltr"
    assert page.locator("table:not([role=presentation])").count() == 0
    assert page.get_by_role("heading", level=1).count() == 1
    assert {link.get_attribute("href") for link in page.get_by_role("link").all()} == {LINK}


PICTURES: Final = Path(__file__).parents[2] / "docs/pictures"
SHOWN: Final[dict[str, Any]] = {
    "code": "493817",
    "expiresInMinutes": 10,
    "application": {"name": "Example"},
}


def test_the_pictures_of_the_documentation_can_be_taken_again(show: Show, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PASSPOST_PICTURES") or tmp_path)
    for language, theme in product(("en", "zh-CN"), ("light", "dark")):
        page = show(rendered(language, "SignIn", SHOWN).html, 320, theme)
        page.locator("body > div").screenshot(path=folder / f"sign-in.{language}.{theme}.png")
    taken = {path.name for path in folder.glob("sign-in.*.png")}
    assert taken == {path.name for path in PICTURES.glob("sign-in.*.png")}
    assert sum(path.stat().st_size for path in PICTURES.glob("sign-in.*.png")) < 200_000
