"""The frameworks of docs/en/how-to/embedding.md: the real ones, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from pytest_passpost import Fault, SmtpServer, reply

PAGE = (Path(__file__).parents[1] / "docs/en/how-to/embedding.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

UNKNOWN_USER = Fault("rcpt", reply("550 5.1.1 No such user"))
BUSY = Fault("rcpt", reply("451 4.7.1 Come back later"), times=3)
LOST = Fault("final", "reset")

# What the tests add to the examples: which process has answered.
NAMED = {
    "flask": """
import os
from flask_app import app, mailer

@app.after_request
def name(response):
    response.headers["X-Process"] = str(os.getpid())
    return response
""",
    "fastapi": """
import os
from fastapi_app import app

@app.middleware("http")
async def name(request, call_next):
    response = await call_next(request)
    response.headers["X-Process"] = str(os.getpid())
    return response
""",
    "django": """
import os
from django.core.wsgi import get_wsgi_application
os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"
django = get_wsgi_application()

def app(environ, start_response):
    def named(status, headers, *rest):
        return start_response(status, [*headers, ("X-Process", str(os.getpid()))], *rest)
    return django(environ, named)
""",
    "django_settings": """
SECRET_KEY = "only for tests, and of no use elsewhere"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["passpost_django"]
ROOT_URLCONF = "django_urls"
PASSPOST_FILE = "passpost.jsonc"
USE_TZ = True
""",
    "django_urls": """
from django.urls import path
from django_views import send_code
urlpatterns = [path("codes", send_code)]
""",
    # It has sent before the server forks.
    "flask_that_has_sent": """
import passpost
from flask_named import app, mailer
mailer.send(passpost.Message("first@example.com", "SignIn", {"code": "000000"}))
""",
    "django_that_has_sent": """
from django_named import app
import passpost_django
passpost_django.send("first@example.com", "SignIn", {"code": "000000"})
""",
    # Messages are files in a folder, in place of a broker.
    "worker": """
from celery_tasks import app
folders = {"data_folder_in": "broker", "data_folder_out": "broker", "control_folder": "control"}
app.conf.update(broker_url="filesystem://", broker_transport_options=folders)
""",
}
MODULES = {"flask": "flask_named", "fastapi": "fastapi_named", "django": "django_named"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    """A mail server, and a folder with the settings for it, the examples and what runs them."""
    named = {f"{MODULES.get(name, name)}.py": text for name, text in NAMED.items()}
    for name, text in {**EXAMPLES, **named}.items():
        (tmp_path / name).write_text(text, "utf-8")
    with SmtpServer() as server:
        settings = {
            "host": "127.0.0.1", "port": server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        document = {
            "connectors": {"primary": {"use": "smtp", "settings": settings}},
            "templates": [{"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"}],
        }
        (tmp_path / "passpost.jsonc").write_text(json.dumps(document))
        yield server


def environ() -> dict[str, str]:
    # The examples are in the folder that a command runs in.
    return {**os.environ, "PYTHONPATH": os.pathsep.join([".", os.environ.get("PYTHONPATH", "")])}


@contextmanager
def running(folder: Path, *command: str, sock: socket.socket | None = None) -> Iterator[None]:
    """Run a program; end it at the end, and show what it said where a test has failed."""
    descriptors = () if sock is None else (sock.fileno(),)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder, env=environ(), pass_fds=descriptors, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        except BaseException:
            sys.stdout.write((folder / "log").read_text())
            raise
        finally:
            process.terminate()
            process.wait()


@contextmanager
def serving(folder: Path, *command: str) -> Iterator[Callable[..., tuple[int, str]]]:
    """Run a web server with two workers; yield what posts an address to it.

    Its socket listens before it runs, so that a request waits for it.
    """
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/codes"
        numbered = [part.format(fd=sock.fileno()) for part in command]
        with running(folder, *numbered, sock=sock):
            yield lambda email, **form: post(url, email, **form)


def post(url: str, email: str, *, as_form: bool = False) -> tuple[int, str]:
    """Post an address; return the status and the process that has answered."""
    body = f"email={email}" if as_form else json.dumps({"email": email})
    kind = "application/x-www-form-urlencoded" if as_form else "application/json"
    request = Request(url, body.encode(), {"Content-Type": kind})  # noqa: S310 - on loopback
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
            return response.status, response.headers["X-Process"]
    except HTTPError as error:
        with error:
            return error.code, error.headers["X-Process"]


def gunicorn(app: str, *options: str) -> tuple[str, ...]:
    return ("gunicorn", "--bind", "fd://{fd}", "--workers", "2", *options, f"{app}:app")


SERVERS = {
    "flask": gunicorn("flask_named"),
    "flask, with threads, sent before the fork": gunicorn(
        "flask_that_has_sent", "--preload", "--threads", "4"
    ),
    "django, sent before the fork": gunicorn("django_that_has_sent", "--preload"),
    "fastapi": ("uvicorn", "--fd", "{fd}", "--workers", "2", "fastapi_named:app"),
}
MANY = 200


def codes(server: SmtpServer) -> dict[str, str]:
    """Return the code in the email to each address."""
    return {
        mail.recipients[0]: mail.message.get_content().strip()
        for mail in server.mails
        if mail.recipients[0] != "first@example.com"
    }


@pytest.mark.parametrize("name", SERVERS)
def test_two_processes_send_and_say_what_went_wrong(
    server: SmtpServer, tmp_path: Path, name: str
) -> None:
    form = {"as_form": True} if name.startswith("django") else {}
    with serving(tmp_path, *SERVERS[name]) as ask:
        processes: set[str] = set()
        addresses: list[str] = []
        while len(processes) < 2 and len(addresses) < MANY:
            addresses.append(f"ada{len(addresses)}@example.com")
            status, process = ask(addresses[-1], **form)
            assert status == 202
            processes.add(process)
        assert len(processes) == 2
        statuses = [ask("nobody", **form)[0]]
        for fault in (UNKNOWN_USER, BUSY, LOST):
            server.script(fault)
            statuses.append(ask("bob@example.com", **form)[0])
    assert statuses == [422, 422, 503, 503]
    received = codes(server)
    assert list(received) == addresses
    assert all(re.fullmatch("[0-9]{6}", code) for code in received.values())


def run(folder: Path, program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


ASK_ALL = """
import logging
from fastapi.testclient import TestClient
from django.test import Client
import django_named, fastapi_app, flask_app
logging.disable()
ada = {"email": "ada@example.com"}
with TestClient(fastapi_app.app, raise_server_exceptions=False) as client:
    print(client.post("/codes", json=ada).status_code)
print(flask_app.app.test_client().post("/codes", json=ada).status_code)
print(Client(raise_request_exception=False).post("/codes", ada).status_code)
"""


def test_an_operators_mistake_is_not_the_users(server: SmtpServer, tmp_path: Path) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text(file.read_text().replace("{{code}}", "{{name}}: {{code}}"))
    assert run(tmp_path, ASK_ALL).split() == ["500"] * 3
    assert server.mails == []


BEGIN = "import sign_ins; print(sign_ins.begin('ada@example.com'))"
DELAY = "import sys, worker, celery_tasks; celery_tasks.send_code.delay(sys.argv[1])"
APPLY = """
import sys, worker, celery_tasks
result = celery_tasks.send_code.apply(args=sys.argv[1:])
print(result.state, type(result.result).__name__)
"""


@pytest.fixture
def sign_in(server: SmtpServer, tmp_path: Path) -> str:
    """Return the ID of a row whose code is easy to find."""
    id = run(tmp_path, BEGIN)  # noqa: A001 - the page calls it so
    path = tmp_path / "sign-ins" / id
    email, code, expires = json.loads(path.read_text())
    assert re.fullmatch("[0-9]{6}", code)
    path.write_text(json.dumps([email, "canary", expires]))
    return id


def test_a_worker_of_celery(server: SmtpServer, tmp_path: Path, sign_in: str) -> None:
    for folder in ("broker", "control"):
        (tmp_path / folder).mkdir()
    run(tmp_path, DELAY, sign_in)
    (queued,) = (tmp_path / "broker").iterdir()
    assert sign_in in queued.read_text()
    assert not re.search("canary|example", queued.read_text())
    worker = ("celery", "-A", "worker", "worker", "--concurrency", "2", "--loglevel", "DEBUG")
    with running(tmp_path, *worker):
        server.wait_for(1, timeout=60)
    assert codes(server) == {"ada@example.com": "canary"}
    log = (tmp_path / "log").read_text()
    assert "send_code" in log
    assert "canary" not in log


@pytest.mark.parametrize(
    ("fault", "became", "codes_sent"),
    [
        (BUSY, "SUCCESS NoneType", ["canary"]),
        (UNKNOWN_USER, "FAILURE SendError", []),
        (LOST, "FAILURE SendError", []),
    ],
)
def test_a_task_is_tried_again_only_if_nothing_was_sent(
    server: SmtpServer,
    tmp_path: Path,
    sign_in: str,
    fault: Fault,
    became: str,
    codes_sent: list[str],
) -> None:
    server.script(fault)
    assert run(tmp_path, APPLY, sign_in) == became
    assert list(codes(server).values()) == codes_sent


def test_a_task_that_comes_too_late_sends_nothing(
    server: SmtpServer, tmp_path: Path, sign_in: str
) -> None:
    path = tmp_path / "sign-ins" / sign_in
    email, code, _ = json.loads(path.read_text())
    path.write_text(json.dumps([email, code, "2026-01-01T00:00:00+00:00"]))
    assert run(tmp_path, APPLY, sign_in) == "FAILURE SendError"
    assert server.mails == []
