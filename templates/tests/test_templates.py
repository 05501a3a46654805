"""The templates as data: complete, in the form of settings, and in markup that is kept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import pytest

import passpost
import passpost_templates
from passpost._messages.usages import KNOWN_USAGES
from pytest_passpost import Inbox

SHIPPED: Final = sorted(
    point.name
    for point in entry_points(group="passpost.template_packs", value="passpost_templates")
)
ALL: Final = passpost_templates.templates("en", "zh-CN")
EACH: Final = [(language, usage) for language in SHIPPED for usage in KNOWN_USAGES]
LINK: Final = "https://accounts.example.com/continue?token=Zm9vYmFy"

TAGS: Final = "a body br div h1 head html meta p span style table td title tr".split()
ATTRIBUTES: Final = (
    "align bgcolor border cellpadding cellspacing charset class content dir href lang name role"
    " style width"
).split()
PROPERTIES: Final = (
    "background-color border border-radius color display font-family font-size font-weight"
    " letter-spacing line-height margin max-width mso-padding-alt overflow-wrap padding"
    " padding-left text-decoration user-select -webkit-user-select word-break"
).split()
"""What Gmail, Outlook and Apple Mail keep, or ignore without harm."""


def settings(language: str, usage: str) -> dict[str, str]:
    (only,) = passpost_templates.templates(language, usages=[usage])
    return only


def bodies(language: str, usage: str, payload: dict[str, Any]) -> tuple[str, str]:
    """Return the plain text and the HTML of an email."""
    written = settings(language, usage)
    email = passpost.Template(
        usage_type=usage,
        subject=written["subject"],
        content=written["content"],
        content_type="text/html",
        text=written["text"],
    ).render(payload)
    assert email.text
    assert email.html
    return email.text, email.html


class Markup(HTMLParser):
    """What a document is made of."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.properties: set[str] = set()
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        for rule in (dict(attrs).get("style") or "").split(";"):
            self.properties.add(rule.partition(":")[0])
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_english_and_chinese_ship() -> None:
    assert set(passpost_templates.languages()) >= {"en", "zh-CN"}
    assert {"en", "zh-CN"} <= set(SHIPPED)


@pytest.mark.parametrize("language", SHIPPED)
def test_a_language_that_ships_has_every_usage(language: str) -> None:
    usages = [template["usageType"] for template in passpost_templates.templates(language)]
    assert usages == list(KNOWN_USAGES)


def test_the_check_of_settings_finds_nothing(tmp_path: Path) -> None:
    smtp = {
        "host": "smtp.example.com",
        "fromEmail": "Example <no-reply@example.com>",
        "auth": {"user": "no-reply@example.com", "pass": "${SMTP_PASSWORD}"},
    }
    connectors = {"primary": {"use": "smtp", "settings": smtp}}
    whole = json.dumps(
        {"connectors": connectors, "templates": passpost_templates.templates(*SHIPPED)}
    )
    (tmp_path / "passpost.json").write_text(whole, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "passpost", "check", "passpost.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path), "SMTP_PASSWORD": "correct-horse"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "passpost.json: settings are valid (primary)\n"


@pytest.mark.parametrize(("reader", "subject"), [
    ("en-GB", "Sign in to your account"),
    ("zh-CN,zh;q=0.9,en;q=0.8", "登录您的账号"),
    ("zh-Hans-SG", "登录您的账号"),
    ("fr en", "Sign in to your account"),
    ("fr", "登录您的账号"),
    (None, "登录您的账号"),
])  # fmt: skip
def test_readers_get_their_language_and_others_the_first(
    reader: str | None, subject: str, passpost_inbox: Inbox
) -> None:
    shipped = {"templates": passpost_templates.templates("zh-CN", "en")}
    message = passpost.Message(
        to="ada@example.com", usage="SignIn", payload={"code": "493817"}, locale=reader
    )
    with passpost.Mailer.from_settings({**passpost_inbox.application, **shipped}) as mailer:
        mailer.send(message)
    assert passpost_inbox.mails[0].subject == subject


INVITATION: Final = "OrganizationInvitation"
each = pytest.mark.parametrize(("language", "usage"), EACH)
of_codes = pytest.mark.parametrize(
    ("language", "usage"), [case for case in EACH if case[1] != INVITATION]
)


@each
def test_a_template_is_small_and_has_no_code_in_its_subject(language: str, usage: str) -> None:
    written = settings(language, usage)
    assert written["contentType"] == "text/html"
    assert len(written["content"].encode()) < 10_000
    assert "{{" not in written["subject"]
    assert len(written["subject"]) <= 40


@each
def test_an_email_without_code_and_link_is_not_sent(language: str, usage: str) -> None:
    with pytest.raises(passpost.MissingVariable):
        bodies(language, usage, {"expiresInMinutes": 10, "application": {"name": "Acme"}})


@of_codes
def test_an_email_says_what_the_payload_has_and_nothing_else(language: str, usage: str) -> None:
    text, html = bodies(language, usage, {"code": "493817"})
    for body in (text, html):
        assert body.count("493817") == 1
        assert not re.search(r"href|minutes|分钟|\{\{|\$", body)
    text, html = bodies(language, usage, {"link": LINK})
    assert text.count(f"\n{LINK}\n") == 1
    assert html.count(f'href="{LINK}"') == 2
    assert "code" not in text
    assert "验证码" not in text
    everything = {"code": "493817", "link": LINK, "expiresInMinutes": 15}
    for body in bodies(language, usage, {**everything, "application": {"name": "Acme"}}):
        assert all(part in body for part in ("493817", LINK, "15", "Acme"))


@pytest.mark.parametrize("language", SHIPPED)
def test_an_invitation_requires_a_link_and_has_no_code(language: str) -> None:
    with pytest.raises(passpost.MissingVariable):
        bodies(language, INVITATION, {"code": "493817"})
    for body in bodies(language, INVITATION, {"code": "493817", "link": LINK}):
        assert LINK in body
        assert "493817" not in body


def test_an_invitation_names_the_organization() -> None:
    payload = {"link": LINK, "organization": {"name": "A & <b>"}}
    text, html = bodies("en", INVITATION, payload)
    assert "join A & <b>\n" in text
    assert "join A &amp; &lt;b&gt;<" in html


@each
def test_both_bodies_have_the_same_words(language: str, usage: str) -> None:
    code = {} if usage == INVITATION else {"code": "493817"}
    text, html = bodies(language, usage, {**code, "link": LINK, "expiresInMinutes": 15})
    paragraphs = text.strip().split("\n\n")
    assert len(paragraphs) == (8 if code else 6)
    assert [words for words in paragraphs if words not in html] == []


@each
def test_email_programs_keep_the_markup(language: str, usage: str) -> None:
    content = settings(language, usage)["content"]
    markup = Markup(content)
    assert markup.open == []
    assert markup.tags <= set(TAGS)
    assert markup.attributes <= set(ATTRIBUTES)
    assert markup.properties <= {*PROPERTIES, ""}
    assert "url(" not in content


def test_one_language_serves_every_reader() -> None:
    assert [t.get("locale") for t in passpost_templates.templates("zh-CN", usages=["SignIn"])] == [
        None
    ]
    several = passpost_templates.templates("en", "zh-CN", usages=["SignIn"])
    assert [t.get("locale") for t in several] == ["en", "zh", None]
    assert several[2]["subject"] == several[0]["subject"]


def test_languages_are_named_in_any_case_and_once() -> None:
    assert passpost_templates.templates("EN", "zh_cn", "en") == ALL


def test_usages_are_those_asked_for() -> None:
    made = passpost_templates.templates("en", usages=iter(["SignIn", "SignIn", "Generic"]))
    assert [template["usageType"] for template in made] == ["SignIn", "Generic"]


@pytest.mark.parametrize(("languages", "usages", "words"), [
    (["tlh"], None, "no templates for the language 'tlh'; installed: .*en, zh-CN"),
    ([], None, "no language named; installed: .*en, zh-CN"),
    (["en"], ["Newsletter", "SignIn"], "no template for Newsletter in en"),
])  # fmt: skip
def test_what_is_not_installed_is_named(languages: list[str], usages: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        passpost_templates.templates(*languages, usages=usages)
