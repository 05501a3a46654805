"""An operator in a browser: with a mouse, or with nothing but a keyboard."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from passpost_console.phrases import _
from passpost_console.rendering import say

_MOST: int = 200


class Operator:
    """Does on a page what it is told to, and waits for the page that follows.

    Args:
        page: The page.
        keyboard: Whether to use nothing but the keyboard.
        scripts: Whether the browser runs scripts.
        language: The language of the page. Links, buttons and labels are named in English.
    """

    def __init__(
        self, page: Page, *, keyboard: bool = False, scripts: bool = True, language: str = "en"
    ) -> None:
        self.page = page
        self._language = language
        self._scripts = scripts
        self._keyboard = keyboard

    def read(self, text: str, **values: str) -> str:
        """Return a text of the pages in the language of the page."""
        return say(_(text, **values), self._language)

    def follow(self, name: str) -> None:
        """Follow a link."""
        self.open(self.page.get_by_role("link", name=self.read(name), exact=True).first)

    def open(self, link: Locator) -> None:
        """Follow a link that has no name of its own."""
        self._press(link)

    def push(self, name: str) -> None:
        """Press a button that leads to another page."""
        buttons = self.page.get_by_role("button", name=self.read(name), exact=True)
        # One for those who press Enter is hidden from all others.
        self._press(buttons.last)

    def fill(self, name: str, text: str) -> None:
        """Fill in an input."""
        # A form that shows what is ready-made may have an input of the same name.
        field = self.page.locator(f'form[method="post"] [name="{name}"]')
        self._unfold(name)
        if not self._keyboard:
            field.fill(text)
            return
        self._reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, label: str, option: str) -> None:
        """Choose one of several."""
        field = self.page.get_by_label(self.read(label), exact=True)
        if self._keyboard:
            self._reach(field)
            self.page.keyboard.type(option)
        else:
            field.select_option(label=option)
        expect(field.locator("option:checked")).to_have_text(option)

    def pick(self, name: str, value: str) -> None:
        """Choose one of the values of a setting."""
        self._unfold(name)
        field = self.page.locator(f'form[method="post"] [name="{name}"]')
        if self._keyboard:
            self._reach(field)
            self.page.keyboard.type(field.locator(f'[value="{value}"]').inner_text())
        else:
            field.select_option(value)
        expect(field).to_have_value(value)

    def untick(self, name: str) -> None:
        """Clear a box."""
        box = self.page.locator(f'[name="{name}"]')
        if self._keyboard:
            self._reach(box)
            self.page.keyboard.press("Space")
        else:
            box.uncheck()
        expect(box).not_to_be_checked()

    def show(self, name: str, kind: str) -> None:
        """Show the settings of another kind: a script does so at once."""
        field = self.page.locator(f'[name="{name}:kind"]')
        self._unfold(f"{name}:kind")
        if not self._scripts:
            field.select_option(label=kind)
            self._press(self.page.locator(f'[id="{field.get_attribute("data-switches")}"]'))
            return
        with self.page.expect_navigation():
            if self._keyboard:
                self._reach(field)
                self.page.keyboard.press(kind[0])
            else:
                field.select_option(label=kind)

    def _unfold(self, name: str) -> None:
        """Open what a field is folded up in, unless it is open."""
        folded = self.page.locator(f'details:not([open]):has([name="{name}"]) > summary')
        if not folded.count():
            return
        if self._keyboard:
            self._reach(folded.first)
            self.page.keyboard.press("Enter")
        else:
            folded.first.click()

    def _press(self, target: Locator) -> None:
        with self.page.expect_navigation():
            if self._keyboard:
                self._reach(target)
                self.page.keyboard.press("Enter")
            else:
                target.click()

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _time in range(_MOST):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")
