"""Templates and test emails in Chromium: typed and followed, without scripts, and under attack."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from console_driving import TEXT, Running
from playwright.sync_api import BrowserContext, Page, expect

import passpost_templates
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


class Canary:
    """A server that must not be asked for anything."""

    def __init__(self) -> None:
        asked = self.asked = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Send nothing to the log."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


HOSTILE: Final = """<!doctype html><html><head>
<meta http-equiv="refresh" content="0;url=CANARY/refresh">
<link rel="stylesheet" href="CANARY/style.css"><link rel="prefetch" href="CANARY/prefetch">
<link rel="preconnect" href="CANARY/"><base href="CANARY/">
<style>@import url(CANARY/import.css); body { background: url(CANARY/background) }
@font-face { font-family: f; src: url(CANARY/font) } p { font-family: f }</style>
</head><body onload="fetch('CANARY/onload')"><p>Hello</p>
<script>top.document.title = "taken"; fetch("CANARY/script")</script>
<img src="CANARY/picture" onerror="fetch('CANARY/onerror')">
<img srcset="CANARY/srcset 1x"><video src="CANARY/video" poster="CANARY/poster"></video>
<svg><image href="CANARY/svg"/><script>fetch("CANARY/svg-script")</script></svg>
<img src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Cimage href='CANARY/in-data'/%3E%3C/svg%3E">
<iframe src="CANARY/frame"></iframe><object data="CANARY/object"></object><embed src="CANARY/embed">
<form id="f" action="CANARY/form" method="post"><button id="send">Send</button></form>
<a id="out" href="CANARY/top" target="_top">Out</a><a id="here" href="CANARY/here">Here</a>
<a id="ping" href="#x" ping="CANARY/ping">Ping</a>
</body></html>"""  # noqa: E501 - a picture within a picture


def test_a_hostile_template_reaches_nobody(browse: Browse, rich: Path, canary: Canary) -> None:
    with Running(rich) as running:
        page = entered(browse(), running)
        page.goto(f"{running.origin}/template/0")
        title = page.title()
        page.locator("#content").fill(HOSTILE.replace("CANARY", canary.origin))
        for theme in ("light", "dark"):
            choose(page, "theme", theme)
            frame = page.frame_locator(f".device.{theme} iframe")
            expect(frame.locator("p")).to_have_text("Hello")
            for link in ("#send", "#out", "#ping", "#here"):
                if frame.locator(link).count():
                    frame.locator(link).click(no_wait_after=True)
        choose(page, "view", "source")
        expect(page.locator(".pane.source")).to_contain_text("</html>")
        assert page.title() == title
        assert page.url == f"{running.origin}/template/0"
        assert page.context.pages == [page]
    assert canary.asked == []


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
