"""The examples of docs/en/how-to/embedding.md run; tiny stand-ins play the web frameworks.

What they play is the little that the examples use of each, so that the tests install none.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import passpost
from pytest_passpost import Fault, SmtpServer, reply

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/en/how-to/embedding.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

FRAMEWORKS = {
    "fastapi.py": """
from types import SimpleNamespace as Request

class HTTPException(Exception):
    def __init__(self, status_code, detail):
        self.status_code = status_code

def Body(embed):
    return None

class FastAPI:
    def __init__(self, lifespan):
        self.state, self.lifespan = Request(), lifespan
    def post(self, path, status_code):
        return lambda view: view
""",
    "flask.py": """
from types import SimpleNamespace

request = SimpleNamespace(json={})

class Flask:
    def __init__(self, name):
        pass
    def post(self, path):
        return lambda view: view
""",
    "celery.py": """
from types import SimpleNamespace

class Retry(Exception):
    pass

class Task:
    def __init__(self, run):
        self.run, self.request = run, SimpleNamespace(id="task-1")
    def retry(self, countdown):
        return Retry(countdown)
    def __call__(self, *arguments):
        return self.run(self, *arguments)

def shared_task(bind, max_retries):
    return Task
""",
    "django/__init__.py": "",
    "django/conf.py": """
from types import SimpleNamespace
settings = SimpleNamespace(PASSPOST_FILE="passpost.jsonc")
""",
    "django/http.py": """
class HttpRequest:
    pass

class JsonResponse:
    def __init__(self, data, status):
        self.status_code = status
""",
    "django/views/__init__.py": "",
    "django/views/decorators/__init__.py": "",
    "django/views/decorators/http.py": "require_POST = lambda view: view",
}
NAMES = ("fastapi", "flask", "celery", "django", "console", "codes", "settings_from_env")
REFUSED = Fault("rcpt", reply("550 5.1.1 No such user"))
BUSY = Fault("rcpt", reply("451 4.7.1 Come back later"), times=3)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    """A server, and a folder with the settings for it, the examples and the frameworks."""
    for name, text in {**FRAMEWORKS, **EXAMPLES}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    with SmtpServer() as server:
        settings = {
            "host": "127.0.0.1", "port": server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        template = {"usageType": "SignIn", "subject": "Your code", "content": "{{code}}"}
        connectors = {"primary": {"use": "smtp", "settings": settings}}
        document = {"connectors": connectors, "templates": [template]}
        (tmp_path / "passpost.jsonc").write_text(json.dumps(document))
        yield server
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith(NAMES)]:
        del sys.modules[name]


def sent(server: SmtpServer) -> list[tuple[str, bool]]:
    """Return each email's recipient, and whether there is a code in it."""
    codes = [mail.message.get_content().strip() for mail in server.mails]
    recipients = [recipient for mail in server.mails for recipient in mail.recipients]
    return [
        (recipient, re.fullmatch("[0-9]{6}", code) is not None)
        for recipient, code in zip(recipients, codes, strict=True)
    ]


TO_ADA = [("ada@example.com", True)]


def test_fastapi(server: SmtpServer) -> None:
    example = import_module("fastapi_app")
    request = SimpleNamespace(app=example.app)

    async def main() -> list[int]:
        statuses = []
        async with example.app.lifespan(example.app):
            await example.send_code("ada@example.com", request)
            for email, faults in (
                ("nobody", ()),
                ("bob@example.com", (REFUSED,)),
                ("b@b.org", (BUSY,)),
            ):
                server.script(*faults)
                with pytest.raises(example.HTTPException) as caught:
                    await example.send_code(email, request)
                statuses.append(caught.value.status_code)
        return statuses

    assert asyncio.run(main()) == [422, 422, 503]
    assert sent(server) == TO_ADA


def test_flask(server: SmtpServer) -> None:
    example = import_module("flask_app")

    def status(email: str) -> Any:
        example.request.json = {"email": email}
        return example.send_code()[1]

    with example.mailer:
        assert status("ada@example.com") == 202
        assert status("nobody") == 422
        server.script(REFUSED)
        assert status("bob@example.com") == 422
        server.script(BUSY)
        assert status("bob@example.com") == 503
    assert sent(server) == TO_ADA


def test_django(server: SmtpServer) -> None:
    example = import_module("django_views")

    def status(email: str) -> Any:
        return example.send_code(SimpleNamespace(POST={"email": email})).status_code

    with example.mailer():
        assert status("ada@example.com") == 202
        assert status("nobody") == 422
        server.script(REFUSED)
        assert status("bob@example.com") == 422
        server.script(BUSY)
        assert status("bob@example.com") == 503
    assert sent(server) == TO_ADA


def test_celery(server: SmtpServer) -> None:
    example, framework = import_module("celery_tasks"), import_module("celery")
    passpost = import_module("passpost")
    server.script(BUSY)
    with example.mailer():
        with pytest.raises(framework.Retry) as caught:
            example.send_code("ada@example.com")
        assert caught.value.__context__ is None
        assert example.send_code("ada@example.com").endswith("@example.com>")
        server.script(Fault("final", "reset"))
        with pytest.raises(passpost.SendError):
            example.send_code("ada@example.com")
    assert sent(server) == TO_ADA


def test_a_console(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_SECRET", "canary")
    example = import_module("console")
    settings = {"host": "${HOME_SECRET}", "fromEmail": "${file:/etc/hostname}"}
    assert [one["path"] for one in example.problems("smtp", settings)] == ["host", "fromEmail"]


def test_every_example_is_tested() -> None:
    assert len(re.findall("^```python$", PAGE, re.MULTILINE)) == len(EXAMPLES) == 8


WANTS_A_NAME = {"usageType": "SignIn", "subject": "Your code", "content": "{{name}}: {{code}}"}


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_an_operators_mistake_is_not_the_users(server: SmtpServer, framework: str) -> None:
    document = json.loads(Path("passpost.jsonc").read_text())
    Path("passpost.jsonc").write_text(json.dumps({**document, "templates": [WANTS_A_NAME]}))
    missing = import_module("passpost").MissingVariable
    if framework == "flask":
        example = import_module("flask_app")
        example.request.json = {"email": "ada@example.com"}
        call, mailer = example.send_code, example.mailer
    else:
        example = import_module("django_views")
        request = SimpleNamespace(POST={"email": "ada@example.com"})
        call, mailer = (lambda: example.send_code(request)), example.mailer()
    with mailer, pytest.raises(missing):
        call()
    assert server.mails == []


def test_settings_from_the_environment(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"HOST": "127.0.0.1", "PORT": server.port, "FROM": "a@example.com", "TLS": "off"}
    for name, value in {**variables, "PASSWORD": "pw"}.items():
        monkeypatch.setenv(f"SMTP_{name}", str(value))
    (connector,) = import_module("settings_from_env").mailer().connectors
    assert (connector.config.port, connector.config.auth.pass_.reveal()) == (server.port, "pw")


def test_each_try_of_a_task_sends_the_same_code() -> None:
    scope: dict[str, Any] = {}
    exec(EXAMPLES["codes.py"], scope)  # noqa: S102 - the page's own example
    assert scope["code_of"]("a") == scope["code_of"]("a")


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_typed(name: str) -> None:
    for node in ast.walk(ast.parse(EXAMPLES[name])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.returns is not None
            assert all(one.annotation for one in node.args.args)


def test_the_pages_name_the_default_timeout() -> None:
    default = f"{passpost.Policy().timeout:g}"
    promises = (ROOT / "docs/en/explanation/promises.md").read_text("utf-8")
    assert f"{default} s by default" in promises
    assert f"{default} s for one send in all" in PAGE
