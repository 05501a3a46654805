"""The inbox in Chromium: emails as they arrive, and emails of an attacker that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Final

import pytest
from canary import Canary, hostile
from console_driving import Served
from inbox_driving import mailer_of, message_to, opened, send
from playwright.sync_api import BrowserContext, Page, expect

from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Emails
from passpost_console.inbox_site import InboxSite

Browse = Callable[..., BrowserContext]

AXE: Final = """async () => (await axe.run({resultTypes: ["violations"]})).violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))])"""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with opened() as inbox:
        yield inbox


@pytest.fixture
def served(inbox: Inbox) -> Iterator[Served]:
    with Served(lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts)) as served:
        yield served


def entered(context: BrowserContext, served: Served) -> Page:
    page = context.new_page()
    page.goto(served.link)
    return page


@pytest.mark.parametrize("view", ["", "/html"])
def test_an_email_of_an_attacker_asks_nobody_and_leads_nowhere(
    browse: Browse, served: Served, inbox: Inbox, view: str
) -> None:
    with Canary() as canary:
        send(inbox, html=hostile(canary))
        context = browse(viewport={"width": 1200, "height": 3000})
        page = entered(context, served)
        here = f"{served.origin}/inbox/emails/1{view}"
        page.goto(here)
        title = page.title()
        shown = page.main_frame if view else page.frames[1]
        # Where the address bar shows the email itself, its links are those of any page.
        for name in ("send", "run") if view else ("send", "run", "new", "top", "own"):
            box = shown.locator(f"#{name}").bounding_box()
            assert box is not None
            page.mouse.click(box["x"] + 2, box["y"] + 2)
        assert (page.url, page.title(), len(context.pages)) == (here, title, 1)
        # What was on its way has come before this.
        page.goto(f"{served.origin}/inbox")
    assert canary.heard == []
    assert len(inbox.emails) == 1


def test_the_canary_hears_what_a_page_without_protection_asks(browse: Browse) -> None:
    with Canary() as canary:
        page = browse().new_page()
        # Its first picture only: the rest of it would not let the browser go.
        page.set_content(f'<img src="{canary.url}/picture">')
    assert canary.heard[0].startswith(b"GET /picture")


def test_an_attacker_is_text_in_every_other_view(
    browse: Browse, served: Served, inbox: Inbox
) -> None:
    with Canary() as canary:
        evil = f"<script>fetch('{canary.url}')</script><img src={canary.url}>"
        send(inbox, html=hostile(canary), text=evil, subject=evil)
        page = entered(browse(), served)
        for view in ("text", "source", "headers", "caveats"):
            page.goto(f"{served.origin}/inbox/emails/1?view={view}")
            expect(page.get_by_role("heading", level=1)).to_have_text(evil)
            assert page.locator("main script, main img").count() == 0
    assert canary.heard == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_test_email_is_seen_at_once(
    browse: Browse, served: Served, inbox: Inbox, scripts: bool
) -> None:
    page = entered(browse(java_script_enabled=scripts), served)
    expect(page.get_by_role("heading", level=2).first).to_have_text("No emails yet")
    with mailer_of(inbox) as mailer:
        mailer.send(message_to("ada@example.com"))
    if not scripts:
        page.reload()
    page.get_by_role("link", name="ada@example.com").click()
    expect(page.locator("#code")).to_have_text("493817")
    expect(page.frame_locator("iframe.letter").locator("b")).to_have_text("493817")
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.locator("pre")).to_contain_text("Your code is 493817.")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("No emails yet")


def test_the_code_is_copied(browse: Browse, served: Served, inbox: Inbox) -> None:
    send(inbox)
    context = browse(permissions=["clipboard-read", "clipboard-write"])
    page = entered(context, served)
    page.goto(f"{served.origin}/inbox/emails/1")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "493817"


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])
def test_everybody_can_use_each_page_on_each_screen(
    browse: Browse, served: Served, inbox: Inbox, language: str, theme: str
) -> None:
    source = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    send(inbox, "ada@example.com", html="<p>Hi</p>", subject="A" * 200)
    context = browse(locale=language, color_scheme=theme)
    page = entered(context, served)
    for path in ("", "/settings", "/emails/1", "/emails/1?view=headers", "/emails/1?view=caveats"):
        for width in (1440, 768, 360):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"{served.origin}/inbox{path}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (path, width)
        page.evaluate(source)
        assert page.evaluate(AXE) == [], path


def test_a_full_inbox_is_a_page_like_any_other(browse: Browse, inbox: Inbox) -> None:
    emails = Emails(most=3)
    for number in range(5):
        emails.add("smtp", "", ("ada@example.com",), b"Subject: number %d\r\n\r\nx" % number)
    inbox.emails = emails
    with Served(lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts)) as served:
        page = entered(browse(), served)
        expect(page.get_by_role("status")).to_contain_text("the oldest were dropped: 2")
