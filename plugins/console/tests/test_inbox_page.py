"""The page about the development inbox: its example runs, and its twin has the same examples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from console_driving import Served
from inbox_driving import TOKEN, opened

from passpost_console.inbox_site import InboxSite

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (DOCS / "en/how-to/development-inbox.md").read_text("utf-8")
FENCES: Final = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)


def fenced(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_a_test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as inbox:
        settings: dict[str, Any] = json.loads(fenced("json"))
        settings["connectors"]["inbox"]["settings"]["port"] = inbox.port
        settings["templates"] = [
            {"usageType": "SignIn", "subject": "Hi", "content": "Your code is {{code}}."}
        ]
        path = tmp_path / "passpost.jsonc"
        path.write_text(json.dumps(settings), "utf-8")
        with Served(lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts)) as served:
            monkeypatch.setenv("INBOX_API", f"{served.origin}/api")
            monkeypatch.setenv("PASSPOST_INBOX_TOKEN", TOKEN)
            monkeypatch.setenv("PASSPOST_SETTINGS", str(path))
            names: dict[str, Any] = {}
            exec(compile(fenced("python"), "test_sign_in.py", "exec"), names)  # noqa: S102 - ours
            names["test_a_code_arrives"]()
        assert len(inbox.emails) == 0


def test_the_settings_of_the_page_are_those_that_the_inbox_offers() -> None:
    shown = json.loads(fenced("json"))["connectors"]["inbox"]["settings"]
    with opened() as inbox:
        assert {**inbox.offers[0].settings, "port": 1025} == shown


def test_both_languages_have_the_same_examples() -> None:
    chinese = (DOCS / "zh-CN/how-to/development-inbox.md").read_text("utf-8")
    assert FENCES.findall(chinese) == FENCES.findall(PAGE)
    headings = [len(re.findall("^## ", page, re.MULTILINE)) for page in (PAGE, chinese)]
    assert headings[0] == headings[1]
