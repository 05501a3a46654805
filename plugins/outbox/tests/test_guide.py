"""The guides: their commands and programs work together, in both languages."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from postgres_program import PASSWORD, PostgresProgram

from passpost_outbox import FINAL, PRIORITIES, STATES, AsyncOutbox, Worker
from passpost_outbox.engine import REST
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram
from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
GUIDES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")}
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SEND = """
from passpost_outbox import FINAL
id_ = send_code("ada@example.com", "493817")
status = outbox.wait(id_, 60)
assert status is not None and status.state == "accepted", status
outbox.close()
"""

each_guide = pytest.mark.parametrize("name", GUIDES)


def files(guide: str, folder: Path, port: int) -> None:
    """Do what a guide says, in a folder."""
    commands = [line[2:] for line in guide.splitlines() if line.startswith("$ ")]
    for command in commands[1:]:
        words = command.replace("python -c", f"{sys.executable} -c")
        subprocess.run(["/bin/sh", "-c", words], cwd=folder, check=True)
    for program in BLOCK.findall(guide):
        if named := re.match(r"# (\w+\.py)\n", program):
            (folder / named[1]).write_text(program, "utf-8")
    settings = {
        "host": "127.0.0.1", "port": port, "ignoreTLS": True,
        "fromEmail": "no-reply@example.com",
    }  # fmt: skip
    usages = ("SignIn", "Register", "ForgotPassword", "Generic")
    templates = [{"usageType": one, "subject": "Code", "content": "{{code}}"} for one in usages]
    application = {
        "connectors": {"primary": {"use": "smtp", "settings": settings}},
        "templates": templates,
    }
    (folder / "passpost.jsonc").write_text(json.dumps(application), "utf-8")


@pytest.mark.skipif(os.name != "posix", reason="its commands are those of a POSIX shell")
@each_guide
def test_the_programs_send_an_email(name: str, tmp_path: Path) -> None:
    with SmtpServer() as server:
        files(GUIDES[name], tmp_path, server.port)
        python = [sys.executable, "-W", "error"]
        with subprocess.Popen([*python, "worker.py"], cwd=tmp_path) as worker:
            program = (tmp_path / "web.py").read_text("utf-8") + SEND
            done = subprocess.run(
                [*python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            worker.send_signal(signal.SIGTERM)
            assert (done.stderr, done.returncode) == ("", 0)
            assert worker.wait(60) == 0
        assert [mail.recipients for mail in server.mails] == [("ada@example.com",)]


SIGN_UP = """
import sys
from passpost_outbox import Keys
connection = psycopg.connect(sys.argv[1])
outbox = Outbox(store, Keys({"a": b"k" * 32}, use="a"), secret=b"s" * 16)
id_ = sign_up(outbox, connection, "ada@example.com", "493817")
status = outbox.status(id_)
assert status is not None and status.state == "queued", status
with connection.transaction(force_rollback=True):
    lost = sign_up(outbox, connection, "bob@example.com", "493817")
assert outbox.status(lost) is None
connection.close()
outbox.close()
"""


@each_guide
def test_the_programs_of_postgresql_sign_somebody_up(
    name: str, tmp_path: Path, postgres: PostgresProgram, postgres_url: str
) -> None:
    section = re.split(r"^## ", GUIDES[name], flags=re.MULTILINE)
    (text,) = [one for one in section if one.startswith("PostgreSQL\n")]
    store, printing, signing = BLOCK.findall(text)
    printed = subprocess.run(
        [sys.executable, "-c", printing], capture_output=True, text=True, check=True
    )
    # Who owns the schema makes the tables, and the user of the guide's URL cannot.
    schema = re.findall(r"test_\d+", postgres_url)[0]
    role = f"guide_{schema}"
    postgres.execute(f"SET search_path = {schema}; {printed.stdout}")
    postgres.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE ON SCHEMA {schema} TO {role};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.passpost_outbox TO {role};"
        f"GRANT SELECT, UPDATE ON {schema}.passpost_outbox_meta TO {role}"
    )
    for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert f"`{right}`" in text
    url = postgres_url.replace("//postgres:", f"//{role}:")
    opened = re.sub(r'"postgresql://[^"]*"', repr(url), store)
    assert opened != store, "the guide opens another store"
    command = [sys.executable, "-W", "error", "-c", opened + signing + SIGN_UP, url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


@each_guide
def test_the_table_explains_each_state(name: str) -> None:
    above = GUIDES[name].partition("\n## Redis\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|", above, re.MULTILINE)
    assert sorted(rows) == sorted(STATES)
    assert set(rows) > FINAL


def test_the_guides_name_the_defaults() -> None:
    worker = Worker.__init__.__kwdefaults__ or {}
    outbox = AsyncOutbox.__init__.__kwdefaults__ or {}
    assert (worker["keep"], worker["lease"], worker["sweep_every"]) == (86_400, 60, 5)
    assert (worker["poll"], outbox["lifetime"]) == (0.2, 600)
    assert (worker["on_unknown"], outbox["publish_timeout"], outbox["republish"]) == ("stop", 2, 15)
    assert (worker["publish_timeout"], worker["republish"], REST) == (2, 15, 5)
    ranked = sorted(PRIORITIES, key=lambda usage: PRIORITIES[usage])
    assert ranked == ["SignIn", "Register", "ForgotPassword"]


@pytest.mark.parametrize("package", ["outbox", "celery", "procrastinate"])
@each_guide
def test_programs_read_the_secret_as_settings_do(name: str, package: str) -> None:
    # A newline more, and processes with and without a settings file would hash differently.
    guide = (ROOT.parent / package / name).read_text("utf-8")
    assert 'Path("outbox.secret").read_text().strip().encode()' in guide


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_store_in_compose_keeps_what_the_outbox_requires(
    language: str, tmp_path: Path, server: RedisProgram, caplog: pytest.LogCaptureFixture
) -> None:
    page = (ROOT.parents[1] / f"docs/{language}/how-to/outbox.md").read_text("utf-8")
    (block,) = re.findall(r"^```yaml\n# compose.yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    services = yaml.safe_load(block)["services"]
    # The words that the page gives to the server, as settings of the one that runs.
    program, *options = services["store"]["command"].split()
    assert program == "redis-server"
    with server.client() as client:
        for name, value in zip(options[::2], options[1::2], strict=True):
            client.config_set(name.removeprefix("--"), value)

    async def check() -> None:
        store = RedisStore(server.url)
        await store.counts()
        await store.aclose()

    asyncio.run(check())
    assert caplog.text == ""
    words = services["worker"]["command"].split()
    assert words[:2] == ["passpost", "worker"]
    (tmp_path / "passpost.jsonc").write_text("{", "utf-8")
    command = [sys.executable, "-m", "passpost", "worker", "passpost.jsonc", *words[3:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "option" not in done.stderr
    assert "SMTP_PASSWORD" in services["worker"]["environment"]
    assert "SMTP_PASSWORD" not in services["web"]["environment"]
