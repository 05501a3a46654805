"""The applications of the README, as they are there: real servers, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from console_driving import TEXT
from console_forms import form
from itsdangerous import TimestampSigner

PROJECT: Final = Path(__file__).parents[1]
BLOCK: Final = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: Final = dict(BLOCK.findall((PROJECT / "README.md").read_text("utf-8")))
SECRET: Final = "the secret of the sessions"
NAME: Final = "admin.example.com"

SERVER: Final = """
import socket, sys, uvicorn
listening = socket.socket(fileno=int(sys.argv[1]))
config = uvicorn.Config(f"{sys.argv[2]}_app:app", root_path=sys.argv[3], log_level="warning")
uvicorn.Server(config).run(sockets=[listening])
"""

DJANGO_SETTINGS: Final = """
SECRET_KEY = "the secret of the sessions"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_urls"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "users.sqlite3"}}
"""
DJANGO_URLS: Final = """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("the application"))]
"""
# Prints the cookie of each user's session.
DJANGO_USERS: Final = """
import django, json
from django.conf import settings
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.test import Client
made = {}
for name in ("staff", "guest", "left"):
    user = User.objects.create_user(name, is_staff=name != "guest")
    client = Client()
    client.force_login(user)
    made[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
User.objects.filter(username="left").update(is_active=False)
print(json.dumps(made))
"""


def test_both_languages_have_the_same_examples() -> None:
    assert set(EXAMPLES) == {"fastapi_app", "starlette_app", "django_app"}
    assert dict(BLOCK.findall((PROJECT / "README.zh-CN.md").read_text("utf-8"))) == EXAMPLES


class Mounted:
    """A console in an application, and browsers of those who are signed in to the application."""

    def __init__(self, file: Path, port: int, prefix: str, cookies: dict[str, str]) -> None:
        self.file = file
        self.port = port
        self.prefix = prefix
        self._cookies = cookies

    def browser(self, who: str = "", host: str = NAME) -> httpx.Client:
        """Return a browser in front of a proxy with a certificate."""
        headers = {"host": host, "accept-language": "en", "x-forwarded-proto": "https"}
        if who:
            headers["cookie"] = self._cookies[who]
        origin = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=origin, headers=headers, timeout=60)


def signed(**session: Any) -> str:
    data = b64encode(json.dumps(session).encode())
    return f"session={TimestampSigner(SECRET).sign(data).decode()}"


def cookies_of(framework: str, folder: Path, environ: dict[str, str]) -> dict[str, str]:
    """Return the cookies of those who are signed in."""
    if framework != "django":
        staff = {"staff": signed(is_staff=True), "guest": signed(is_staff=False)}
        return {**staff, "left": f"{staff['staff']}x"}
    for name, text in (("django_settings", DJANGO_SETTINGS), ("django_urls", DJANGO_URLS)):
        (folder / f"{name}.py").write_text(text, "utf-8")
    made = subprocess.run(
        [sys.executable, "-c", DJANGO_USERS],
        cwd=folder, env=environ, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return {name: f"sessionid={value}" for name, value in json.loads(made.stdout).items()}


EACH: Final = ("fastapi", "fastapi/site", "starlette", "django", "django/site")


@pytest.fixture(scope="module", params=EACH)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mounted]:
    framework, slash, path = request.param.partition("/")
    root = slash + path
    folder = tmp_path_factory.mktemp(framework)
    (folder / f"{framework}_app.py").write_text(EXAMPLES[f"{framework}_app"], "utf-8")
    file = folder / "passpost.jsonc"
    environ = {**os.environ, "SESSION_SECRET": SECRET, "DJANGO_SETTINGS_MODULE": "django_settings"}
    environ["PYTHONPATH"] = os.pathsep.join([str(folder), *sys.path])
    cookies = cookies_of(framework, folder, environ)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SERVER, str(number), framework, root],
            cwd=folder, env=environ, pass_fds=[number],
        )  # fmt: skip
        try:
            yield Mounted(file, listening.getsockname()[1], f"{root}/email", cookies)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def mounted(served: Mounted) -> Mounted:
    served.file.write_text(TEXT, "utf-8")
    return served


def test_those_whom_the_application_allows_change_settings(mounted: Mounted) -> None:
    own = {"origin": f"https://{NAME}", "sec-fetch-site": "same-origin"}
    with mounted.browser("staff") as browser:
        page = browser.get("/email/connectors/primary")
        assert page.status_code == 200
        here = f"{mounted.prefix}/connectors/primary"
        fields = {**form(page, here), "fromEmail": "sign-in@example.com"}
        review = browser.post("/email/connectors/primary", data=fields, headers=own)
        saving = f"{mounted.prefix}/save"
        done = browser.post("/email/save", data=form(review, saving), headers=own)
        assert done.headers["location"] == f"{here}?saved=1"
    assert "sign-in@example.com" in mounted.file.read_text("utf-8")


def test_all_others_see_and_change_nothing(mounted: Mounted) -> None:
    own = {"origin": f"https://{NAME}", "sec-fetch-site": "same-origin"}
    for who in ("", "guest", "left"):
        with mounted.browser(who) as browser:
            for page in ("/email/", "/email/settings", "/email/connectors/primary"):
                response = browser.get(page)
                assert response.status_code == 403
                assert "You may not use this console." in response.text
                assert "smtp.example.com" not in response.text
            assert (
                browser.post("/email/settings", data={"text": "{}"}, headers=own).status_code == 403
            )
    assert mounted.file.read_text("utf-8") == TEXT


def test_each_link_stays_in_the_console(mounted: Mounted) -> None:
    with mounted.browser("staff") as browser:
        page = browser.get("/email/")
        places = {unescape(one) for one in re.findall(r'(?:src|href|action)="(/[^"]*)"', page.text)}
        assert places
        for place in places - {f"{mounted.prefix}/language"}:
            assert place.startswith(f"{mounted.prefix}/")
            inner = place.removeprefix(mounted.prefix)
            assert browser.get(f"/email{inner}").status_code == 200, place


def test_a_change_from_another_site_is_rejected(mounted: Mounted) -> None:
    with mounted.browser("staff") as browser:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}):
            answer = browser.post("/email/settings", data={"text": "{}"}, headers=headers)
            assert answer.status_code == 403
    assert mounted.file.read_text("utf-8") == TEXT


def test_another_hostname_does_not_lead_to_the_console(mounted: Mounted) -> None:
    for host in ("evil.example", f"{NAME}.evil.example", f"127.0.0.1:{mounted.port}"):
        with mounted.browser("staff", host) as browser:
            assert browser.get("/email/").status_code == 421


def test_behind_a_proxy_with_a_certificate_nothing_of_the_origin_is_sent(mounted: Mounted) -> None:
    with mounted.browser("staff") as browser:
        assert browser.get("/email/").headers["referrer-policy"] == "no-referrer"
        del browser.headers["x-forwarded-proto"]
        assert browser.get("/email/").headers["referrer-policy"] == "same-origin"


def test_the_rest_is_the_application(mounted: Mounted) -> None:
    with mounted.browser() as browser:
        response = browser.get("/")
    is_django = "the application" in response.text
    assert is_django or response.status_code == 404
    assert "content-security-policy" not in response.headers
