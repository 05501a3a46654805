"""Each page of the console in Chromium: on each screen, in both languages, in light and dark.

With ``PASSPOST_PICTURES`` set to a folder, the pictures of the guides are taken again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from console_driving import TEXT, Running
from inbox_driving import opened, send
from playwright.sync_api import BrowserContext, Page, ViewportSize

import passpost
import passpost_templates
from passpost_console.inbox.faults import Fault, Kind
from passpost_console.inbox.service import Inbox

PATHS: Final = (
    "/", "/add", "/settings", "/connectors/primary", "/json/primary", "/no-such-page",
    "/doctor", "/deliveries", "/templates", "/template/0", "/test", "/inbox", "/inbox/settings",
    *(f"/inbox/emails/1?view={view}" for view in ("html", "text", "source", "headers", "caveats")),
)  # fmt: skip
WIDTHS: Final = (360, 768, 1440)
OUTSIDE: Final = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = ".scroll, .diff, pre, .side, .excerpt, .said, .skip, textarea";
    const outside = [...document.body.querySelectorAll("*")].filter(element => {
        const box = element.getBoundingClientRect();
        return box.width && !element.closest(scrolls) && (box.left < 0 || box.right > width + 1);
    });
    // Words of a button of the page's language are beside each other, as far as there is room.
    const broken = element => {
        const line = parseFloat(getComputedStyle(element).lineHeight);
        return element.matches("button.button") && element.textContent.trim().length < 20
            && element.clientHeight > 2.2 * line;
    };
    // A button, a label or a choice whose words do not fit.
    const cut = [...document.body.querySelectorAll("button, .badge, label, th, h1, h2, select")]
        .filter(element => !element.closest(".said")
            && (element.scrollWidth > element.clientWidth + 1 || broken(element))
            && getComputedStyle(element).display !== "inline");
    const all = document.documentElement;
    const wide = [...outside, ...cut, ...(all.scrollWidth > width ? [all] : [])];
    return wide.map(element => element.outerHTML.slice(0, 99));
}"""
# Paper neither scrolls nor has another side.
CUT: Final = """() => [...document.body.querySelectorAll("*")].filter(element => {
    const { overflowX, overflowY, display } = getComputedStyle(element);
    const tall = overflowY !== "visible" && element.scrollHeight > element.clientHeight + 1;
    const wide = overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    const beyond = element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
    return element.clientHeight && display !== "inline" && !element.closest(".said, .device, input")
        && (tall || wide || beyond);
}).map(element => element.outerHTML.slice(0, 99))"""
PAPER: Final[ViewportSize] = {"width": 718, "height": 1_047}
AXE: Final = """async only => (await axe.run({resultTypes: ["violations"], ...only})).violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))])"""
COLORS: Final = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
SUBJECT: Final = "A subject that is longer than a line of the list, 验证码, " * 3
EMAIL: Final = "<p>Code: 493817</p><form></form><img src='http://127.0.0.1:1/x.png'>"
HOUR: Final = 3_600
NOON: Final = 1_795_348_800


def sends() -> Iterator[str]:
    """Yield the lines of a day's log."""
    for number in range(240):
        accepted = number % 17 and number % 29
        facts = {
            "outcome": "accepted" if accepted else "rejected" if number % 17 else "unknown",
            "connector": "backup" if 96 < number < 120 else "primary",
            "usage": ("SignIn", "SignIn", "Register", "ForgotPassword")[number % 4],
            "recipient": f"{'abcdefg'[number % 7]}…@example.com",
            "milliseconds": 120 + number * 37 % 400,
            **({} if accepted else {"scope": "provider", "code": "451 4.7.1"}),
        }
        yield json.dumps({"time": NOON - 24 * HOUR + number * 360, **facts})


def add_routes(file: Path) -> None:
    routes = '"delivery": {"routes": {"SignIn": ["backup", "primary"], "*": ["primary"]}},'
    file.write_text(
        file.read_text("utf-8").replace('"templates"', f'{routes} "templates"'), "utf-8"
    )


def sign_out(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("Sign out|退出登录")).click()


def leave(page: Page) -> Page:
    """Sign out, and try to come back."""
    sign_out(page)
    page.locator("#secret").fill("not the right secret")
    with page.expect_navigation():
        page.locator("button.primary").click()
    return page


def outside(page: Page, file: Path) -> Iterator[tuple[str, Page]]:
    """Yield what a browser sees that signs out: with a secret, and of a console without one."""
    yield "/sign-in (wrong)", leave(page)
    with Running(file) as running:
        page.goto(running.link)
        sign_out(page)
        yield "/sign-out", page
        page.goto(running.origin)
        yield "/ (signed out)", page


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "deliveries.jsonl"
    path.write_text("\n".join(sends()) + "\n", "utf-8")
    return path


@pytest.fixture
def pages(
    browse: Callable[..., BrowserContext], file: Path, log: Path
) -> Iterator[Callable[[str], Iterator[tuple[str, Page]]]]:
    """Return what shows each page in a language."""
    cookies: list[Any] = []

    def shown(language: str) -> Iterator[tuple[str, Page]]:
        file.write_text(TEXT.replace("${SENDGRID_KEY}", "SG.example"), "utf-8")
        context = browse(locale=language)
        context.add_cookies(cookies)
        page = context.new_page()
        if not cookies:
            page.goto(running.link)
            cookies.extend(context.cookies())
        for path in PATHS:
            page.goto(f"{running.origin}{path}")
            yield path, page
        # What came of a test: the inbox, the conversation, a fault.
        for fault in (None, Fault(Kind.REJECT, times=1)):
            inbox.faults.switch(fault)
            page.goto(f"{running.origin}/test")
            page.locator("#to").fill("ada@example.com")
            with page.expect_navigation():
                page.locator("[name=inbox]").click()
            yield f"/test ({'rejected' if fault else 'accepted'})", page
        page.goto(f"{running.origin}/deliveries?usage=nothing")
        yield "/deliveries (none)", page
        page.goto(f"{running.origin}/connectors/primary")
        page.locator("#input-host").fill("smtp.example.org")
        page.locator("#input-port").fill("70000")
        with page.expect_navigation():
            page.locator(".actions button.primary").click()
        yield "/connectors/primary (errors)", page
        page.goto(f"{running.origin}/connectors/primary")
        page.locator("#input-fromEmail").fill("sign-in@example.com")
        with page.expect_navigation():
            page.locator(".actions button.primary").click()
        yield "/connectors/primary (what changes)", page
        add_routes(file)
        page.goto(f"{running.origin}/")
        yield "/ (routes)", page
        page.get_by_role("button", name="primary", exact=False).first.click()
        yield "/ (what changes)", page
        # Nothing listens there: the answer comes at once.
        text = file.read_text("utf-8").replace("smtp.example.com", "127.0.0.1")
        file.write_text(text.replace("587", "1"), "utf-8")
        page.goto(f"{running.origin}/doctor")
        page.locator("[name=senders]").uncheck()
        page.locator("[name=connector]").select_option("primary")
        with page.expect_navigation():
            page.locator(".actions button.primary").click()
        page.get_by_role("status").wait_for()
        yield "/doctor (findings)", page
        yield from outside(page, file)

    secret = "the secret of this test"
    with opened() as inbox, Running(file, log=log, inbox=inbox, secret=secret) as running:
        send(inbox, "somebody-with-a-long-name@subdomain.example.com", html=EMAIL, subject=SUBJECT)
        yield shown


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_page_fits_each_screen_and_everybody_can_use_it(
    pages: Callable[[str], Iterator[tuple[str, Page]]], language: str
) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    found: list[Any] = []
    for path, page in pages(language):
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found += [(path, width, one) for one in page.evaluate(OUTSIDE)]
            _note(page, path, language, width)
        page.set_viewport_size(PAPER)
        page.emulate_media(media="print")
        found += [(path, "paper", one) for one in page.evaluate(CUT)]
        _note(page, path, language, "paper")
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        # The content policy does not hold for the debugger.
        page.evaluate(axe)
        found += [(path, "light", one) for one in page.evaluate(AXE, {})]
        # Between the themes, the colors alone differ.
        page.emulate_media(color_scheme="dark")
        found += [(path, "dark", one) for one in page.evaluate(AXE, COLORS)]
        page.emulate_media(color_scheme="light")
    assert found == []


def _note(page: Page, path: str, language: str, width: int | str) -> None:
    """Keep a picture of the page in the folder that ``PASSPOST_LOOKS`` names."""
    if folder := os.environ.get("PASSPOST_LOOKS"):
        name = "".join(one if one.isalnum() else "-" for one in path).strip("-") or "overview"
        page.screenshot(path=Path(folder) / f"{name}.{language}.{width}.png", full_page=True)


PICTURES: Final = Path(__file__).parents[3] / "docs/pictures"
SHOWN: Final = {
    "overview": "/", "connector": "/connectors/primary", "deliveries": "/deliveries",
    "template": "/template/new?usage=SignIn&locale={0}&from={0}",
}  # fmt: skip


def shown_in_inbox(inbox: Inbox, language: str) -> None:
    """Send what the picture of the inbox shows."""
    settings = {
        "connectors": {"inbox": {"use": "smtp", "settings": dict(inbox.offers[0].settings)}},
        "templates": passpost_templates.templates(language, usages=["SignIn"]),
    }
    payload = {"code": "493817", "expiresInMinutes": 10, "application": {"name": "Example"}}
    with passpost.Mailer.from_settings(settings) as mailer:
        mailer.send(passpost.Message("ada@example.com", "SignIn", payload, locale=language))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pictures_of_the_guides_can_be_taken_again(
    browse: Callable[..., BrowserContext], file: Path, log: Path, tmp_path: Path, language: str
) -> None:
    folder = Path(os.environ.get("PASSPOST_PICTURES") or tmp_path)
    screen = {"width": 1200, "height": 760}
    page = browse(locale=language, viewport=screen, device_scale_factor=1).new_page()

    def take(name: str, url: str) -> None:
        page.goto(url)
        page.screenshot(path=folder / f"console-{name}.{language}.png")

    with Running(file, log=log) as running:
        page.goto(running.link)
        for name, path in SHOWN.items():
            take(name, f"{running.origin}{path.format(language)}")
    with opened() as inbox, Running(file, inbox=inbox) as running:
        shown_in_inbox(inbox, language)
        page.goto(running.link)
        take("inbox", f"{running.origin}/inbox/emails/1")
    names = f"console-*.{language}.png"
    assert {one.name for one in folder.glob(names)} == {one.name for one in PICTURES.glob(names)}
    assert sum(one.stat().st_size for one in PICTURES.glob(names)) < 700_000
