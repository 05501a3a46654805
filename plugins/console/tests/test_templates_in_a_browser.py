"""Templates and test emails in Chromium: typed and followed, without scripts, and under attack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from canary import Canary, hostile
from console_driving import TEXT, Running
from playwright.sync_api import BrowserContext, Page, Route, expect

import passpost_templates
from passpost_console.pages import frame
from pytest_passpost import SmtpServer

Browse = Callable[..., BrowserContext]

FRAME: Final = ".device.light iframe"


def entered(context: BrowserContext, running: Running) -> Page:
    page = context.new_page()
    page.goto(running.link)
    return page


def choose(page: Page, name: str, value: str) -> None:
    # The input lies over its label.
    page.locator(f"[name={name}][value={value}]").check(force=True)


@pytest.fixture
def rich(file: Path) -> Path:
    """Settings with ready-made templates, and one with findings."""
    wrong = {
        "usageType": "Generic", "subject": "Your code {{cod}}", "contentType": "text/html",
        "content": "<p>{{code}}</p>\n<script></script>\n<a href='http://x.example'>x</a>",
    }  # fmt: skip
    listed = json.dumps([wrong, *passpost_templates.templates("en", "zh-CN")], ensure_ascii=False)
    start = TEXT.index('"templates"')
    file.write_text(f'{TEXT[:start]}"templates": {listed}}}', "utf-8")
    return file


def test_a_preview_follows_what_is_typed(browse: Browse, rich: Path) -> None:
    text = rich.read_text("utf-8")
    with Running(rich) as running:
        page = entered(browse(), running)
        page.goto(f"{running.origin}/template/0")
        page.locator("#content").fill("<p>Hello\n{{user.name}}</p>\n<form></form>")
        expect(page.frame_locator(FRAME).locator("p")).to_have_text("Hello Ada")
        expect(page.locator("#finding-content .wrong")).to_contain_text("<form>")
        page.locator("#payload").fill('{"code": "1", "user": {"name": "Grace"}}')
        expect(page.frame_locator(FRAME).locator("p")).to_have_text("Hello Grace")
        page.locator("#payload").fill("{")
        expect(page.locator("#payload-fault")).to_contain_text("not valid JSON")
        choose(page, "view", "source")
        expect(page.locator(".pane.source")).to_be_visible()
        expect(page.locator(".pane.html")).to_be_hidden()
    assert rich.read_text("utf-8") == text


def test_without_scripts_a_button_shows_the_preview(browse: Browse, rich: Path) -> None:
    with Running(rich) as running:
        page = entered(browse(java_script_enabled=False), running)
        page.goto(f"{running.origin}/template/0")
        page.locator("#content").fill("<p>Hello {{code}}</p>")
        choose(page, "width", "tablet")
        with page.expect_navigation():
            page.get_by_role("button", name="Preview").last.click()
        expect(page.frame_locator(FRAME).locator("p")).to_have_text("Hello 482913")
        expect(page.locator("[name=width][value=tablet]")).to_be_checked()
        page.locator(".actions .primary").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Saved")
    assert "<p>Hello {{code}}</p>" in rich.read_text("utf-8")


@pytest.mark.parametrize(("width", "wide"), [("phone", 375), ("tablet", 768), ("desktop", 1280)])
def test_an_email_has_the_width_of_its_device(
    browse: Browse, rich: Path, width: str, wide: int
) -> None:
    with Running(rich) as running:
        page = entered(browse(), running)
        page.goto(f"{running.origin}/template/1")
        choose(page, "width", width)
        frame = page.locator(FRAME)
        assert frame.evaluate("element => element.clientWidth") == wide
        shown = frame.bounding_box()
        around = page.locator(".stage").bounding_box()
        assert shown is not None
        assert around is not None
        assert shown["width"] <= around["width"]


def test_a_dark_preview_has_the_dark_styles(browse: Browse, rich: Path) -> None:
    with Running(rich) as running:
        # Whichever theme the reader's own browser has.
        page = entered(browse(color_scheme="dark"), running)
        page.goto(f"{running.origin}/template/1")
        light = page.frame_locator(FRAME).locator("body")
        expect(light).to_have_css("background-color", "rgb(243, 244, 246)")
        choose(page, "theme", "dark")
        dark = page.frame_locator(".device.dark iframe").locator("body")
        expect(dark).to_have_css("background-color", "rgb(17, 19, 23)")


OUT: Final = '</iframe></textarea><script>top.document.title = "taken"</script>'
OPEN: Final = "default-src * data: 'unsafe-inline'; frame-ancestors 'self'"


def unlock(page: Page, lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what keeps an email in its frame."""
    if "header" in lacking:
        policy = OPEN if "policy" in lacking else frame.HEADERS["content-security-policy"][9:]
        monkeypatch.setattr(frame, "HEADERS", {**frame.HEADERS, "content-security-policy": policy})
    if "attribute" in lacking:

        def without(route: Route) -> None:
            response = route.fetch()
            assert 'sandbox=""' in response.text()
            route.fulfill(response=response, body=response.text().replace('sandbox=""', ""))

        page.route("**/template/0", without)


# Each of two locks keeps the email in its frame.
@pytest.mark.parametrize("lacking", ["nothing", "attribute", "header"])
def test_a_hostile_template_reaches_nobody(
    browse: Browse, rich: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    with Running(rich) as running, Canary() as canary:
        page = entered(browse(), running)
        unlock(page, lacking, monkeypatch)
        page.goto(f"{running.origin}/template/0")
        title = page.title()
        page.locator("#subject").fill(OUT)
        page.locator("#text").fill(OUT)
        page.locator("#content").fill(hostile(canary))
        for theme in ("light", "dark"):
            choose(page, "theme", theme)
            shown = page.frame_locator(f".device.{theme} iframe")
            expect(shown.locator("p")).to_have_text("x")
            # Not "#own": Chromium connects for a click within the frame before it asks the policy.
            for link in ("#send", "#run", "#new", "#top"):
                shown.locator(link).dispatch_event("click")
        choose(page, "view", "source")
        expect(page.locator(".pane.source")).to_contain_text("</html>")
        assert page.title() == title
        assert page.url == f"{running.origin}/template/0"
        assert page.context.pages == [page]
        # What was on its way has come before this.
        page.goto(f"{running.origin}/templates")
    assert canary.heard == []


def test_without_its_locks_the_same_template_would(
    browse: Browse, rich: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Running(rich) as running, Canary() as canary:
        page = entered(browse(), running)
        unlock(page, "attribute, header and policy", monkeypatch)
        page.goto(f"{running.origin}/template/0")
        with page.expect_request(f"{canary.url}/script"):
            page.locator("#content").fill(hostile(canary))


def test_a_test_email_with_a_keyboard(browse: Browse, file: Path) -> None:
    with SmtpServer() as server:
        start = TEXT.index('"auth"')
        plain = '"secure": false, "ignoreTLS": true,' + TEXT[TEXT.index("\n", start) :]
        text = TEXT[:start] + plain
        file.write_text(text.replace("smtp.example.com", server.host).replace("587", str(server.port)), "utf-8")  # fmt: skip  # noqa: E501
        with Running(file) as running:
            page = entered(browse(), running)
            page.goto(f"{running.origin}/test")
            page.locator("#to").focus()
            page.keyboard.type("ada@example.com")
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_contain_text("accepted by primary")
        assert [mail.recipients for mail in server.mails] == [("ada@example.com",)]
