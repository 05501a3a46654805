"""The console in Chromium: entered, used without scripts and by keyboard, and looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from console_driving import SECRET, TEXT, Running
from playwright.sync_api import BrowserContext, Page, expect

Browse = Callable[..., BrowserContext]


def entered(context: BrowserContext, running: Running) -> Page:
    page = context.new_page()
    page.goto(running.link)
    return page


def change_port(page: Page, origin: str, port: str) -> None:
    page.goto(f"{origin}/connectors/primary")
    page.get_by_label("Port", exact=True).fill(port)
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_role("button", name="Show what changes").last.click()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_operator_enters_changes_a_setting_and_saves_it(
    browse: Browse, running: Running, file: Path, scripts: bool
) -> None:
    page = entered(browse(java_script_enabled=scripts), running)
    assert page.url == f"{running.origin}/"
    page.get_by_role("link", name="primary").click()
    change_port(page, running.origin, "465")
    expect(page.locator("tr.plus")).to_have_count(1)
    assert file.read_text("utf-8") == TEXT
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert file.read_text("utf-8") == TEXT.replace("587", "465")


def test_the_token_is_in_no_history_and_works_once(browse: Browse, running: Running) -> None:
    page = entered(browse(), running)
    token = running.link.partition("=")[2]
    assert token not in page.content()
    assert page.evaluate("document.referrer") == ""
    page.goto(f"{running.origin}/settings")
    page.go_back()
    assert page.url == f"{running.origin}/"
    other = browse().new_page()
    response = other.goto(running.link)
    assert response is not None
    assert response.status == 403
    assert "smtp.example.com" not in other.content()


def test_nothing_reaches_standard_error(
    browse: Browse, running: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    page = entered(browse(), running)
    change_port(page, running.origin, "465")
    page.goto(f"{running.origin}/no-such-page")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_page_elsewhere_changes_nothing(browse: Browse, running: Running, file: Path) -> None:
    context = browse()
    page = entered(context, running)
    change_port(page, running.origin, "465")
    draft = page.locator("input[name=draft]").input_value()
    # A page of another origin on this machine: another port is another origin, but the same site.
    foreign = running.origin.replace("127.0.0.1", "localhost")
    hostile = context.new_page()
    hostile.route(
        f"{foreign}/hostile",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{running.origin}/save">'
            f'<input name="draft" value="{draft}"></form>'
            "<script>document.forms[0].submit()</script>",
        ),
    )
    with hostile.expect_response(f"{running.origin}/save") as response:
        hostile.goto(f"{foreign}/hostile")
    assert response.value.status == 403
    assert file.read_text("utf-8") == TEXT


def test_the_kind_of_a_setting_is_chosen_with_and_without_scripts(
    browse: Browse, file: Path
) -> None:
    for scripts in (True, False):
        with Running(file) as running:
            page = entered(browse(java_script_enabled=scripts), running)
            page.goto(f"{running.origin}/connectors/primary")
            page.get_by_label("Authentication: Kind").select_option(label="OAuth2 token")
            if not scripts:
                page.get_by_role("button", name="Show its settings").first.click()
            expect(page.get_by_label("Refresh token")).to_be_visible()


def test_the_first_connector_goes_into_an_empty_file(browse: Browse, tmp_path: Path) -> None:
    path = tmp_path / "new.jsonc"
    with Running(path) as running:
        page = entered(browse(), running)
        page.get_by_role("link", name="Add a connector").click()
        page.get_by_label("Provider").select_option("smtp:gmail")
        page.get_by_role("button", name="Show what changes").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("primary")
    text = path.read_text("utf-8")
    assert '"use": "smtp"' in text
    assert '"host": "smtp.gmail.com"' in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_reader_changes_the_language(browse: Browse, running: Running) -> None:
    page = entered(browse(), running)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("概览")
    page.goto(f"{running.origin}/connectors/primary")
    # The guide, too.
    expect(page.locator(".guide h2").first).to_contain_text(re.compile("[\u4e00-\u9fff]"))


def test_a_keyboard_is_enough(browse: Browse, running: Running, file: Path) -> None:
    page = entered(browse(), running)
    page.goto(f"{running.origin}/connectors/backup")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "fromEmail":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("sign-in@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("tr.plus")).to_have_count(1)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Save":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert "sign-in@example.com" in file.read_text("utf-8")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_order_of_connectors_is_changed(
    browse: Browse, running: Running, file: Path, scripts: bool
) -> None:
    page = entered(browse(java_script_enabled=scripts), running)
    page.get_by_role("button", name="Move up backup").click()
    expect(page.locator("tr.plus").first).to_be_visible()
    assert file.read_text("utf-8") == TEXT
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    expect(page.locator(".connectors h3").first).to_have_text("backup")
    page.get_by_role("button", name="Remove primary").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".connectors h3")).to_have_text(["backup"])
