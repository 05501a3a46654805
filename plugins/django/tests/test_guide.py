"""The project that the guides describe runs: its settings, its view and its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import django
import pytest

from pytest_passpost import SmtpServer

GUIDES = [Path(__file__).parents[1] / name for name in ("README.md", "README.zh-CN.md")]
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)

BASE = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "only for tests, and of no use elsewhere"
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = []
USE_TZ = True
"""
URLS = """
from django.urls import path
from views import send_code
urlpatterns = [path("codes", send_code)]
"""
VISIT = """
import django
from django.test import Client
django.setup()
for email in ("ada@example.com", "nobody"):
    print(Client().post("/codes", {"email": email}).status_code)
"""


def run(folder: Path, *arguments: str) -> str:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES, ids=["en", "zh-CN"])
def test_the_project_of_the_guide(
    server: SmtpServer, write: Callable[..., Path], tmp_path: Path, guide: Path
) -> None:
    blocks = dict(BLOCK.findall(guide.read_text("utf-8")))
    assert set(blocks) == {"settings", "settings_for_6_1", "settings_for_allauth", "views"}
    settings = "settings_for_6_1" if django.VERSION >= (6, 1) else "settings"
    write()
    write("codes.jsonc")
    (tmp_path / "settings.py").write_text(BASE + blocks[settings], "utf-8")
    (tmp_path / "views.py").write_text(blocks["views"], "utf-8")
    (tmp_path / "urls.py").write_text(URLS, "utf-8")
    assert "no issues" in run(tmp_path, "-m", "django", "check", "--deploy", "--tag", "passpost")
    assert run(tmp_path, "-m", "django", "sendpasspost", "you@example.com").startswith("accepted")
    assert run(tmp_path, "-c", VISIT).split() == ["202", "422"]
    subjects = [one.message["subject"] for one in server.mails]
    assert subjects == ["Hello", "Your code"]


def test_the_settings_of_both_guides_are_the_same() -> None:
    english, chinese = (dict(BLOCK.findall(guide.read_text("utf-8"))) for guide in GUIDES)
    for name in english.keys() - {"views"}:
        assert english[name] == chinese[name]


@pytest.mark.parametrize("guide", GUIDES, ids=["en", "zh-CN"])
def test_each_code_is_in_the_table(guide: Path) -> None:
    source = (guide.parent / "src/passpost_django/checks.py").read_text("utf-8")
    used = re.findall(r'id="(passpost_django\.\w+)"', source)
    rows = re.findall(r"^\| `(passpost_django\.\w+)`", guide.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(used)
