"""The example of sign-ups: started by its command, used by people and programs, and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import httpx
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples/sign_up"
PATIENCE = 90.0
NEEDED = {
    "redis": (["/usr/bin/redis-server"], "redis-server"),
    "postgres": (["/usr/lib/postgresql/*/bin/initdb"], "postgresql"),
    "sqlite": (["/bin/sh"], "dash"),
}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the example is for POSIX systems")


class Example:
    """The example, as someone sees it in a terminal."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._said: SimpleQueue[str] = SimpleQueue()
        self.log = ""
        assert process.stdout is not None
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        self.url = self.wait_for(r"Sign up: (http://127\.0\.0\.1:\d+/)")

    def wait_for(self, pattern: str) -> str:
        """Return what a line has that the example prints from now on."""
        while True:
            line = self._said.get(timeout=PATIENCE)
            assert line, f"the example has ended:\n{self.log}"
            if found := re.search(pattern, line):
                return found[1]

    def code_of(self, address: str) -> str:
        """Return the code in the next email to an address."""
        self.wait_for(rf"^To: ({re.escape(address)})$")
        return self.wait_for(r"^  \| (\d{6})$")

    def _read(self, said: IO[str]) -> None:
        for line in said:
            self.log += line
            self._said.put(line)
        self._said.put("")


@pytest.fixture(params=NEEDED)
def example(request: pytest.FixtureRequest) -> Iterator[Example]:
    patterns, package = NEEDED[request.param]
    if not any(list(Path("/").glob(pattern[1:])) for pattern in patterns):
        missing = f"{package} is not installed: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    command = [sys.executable, "-m", "sign_up", "--store", request.param, "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=EXAMPLE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        children: list[int] = []
        try:
            found = Example(process)
            children = [int(one) for one in children_of(process.pid)]
            assert len(children) >= 2
            yield found
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(PATIENCE)
        assert status == 0, found.log
        assert "Traceback" not in found.log
        assert not [one for one in children if Path(f"/proc/{one}").exists()]


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()


def post(example: Example, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    response = httpx.post(example.url + path, json=body, timeout=PATIENCE, trust_env=False)
    found: dict[str, Any] = response.json()
    return response.status_code, found


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_people_and_programs_sign_up(example: Example) -> None:
    # A program.
    status, begun = post(example, "api/sign-ups", email="ada@example.com")
    assert status == 202
    code = example.code_of("ada@example.com")
    confirm = f"api/sign-ups/{begun['id']}/confirm"
    assert post(example, confirm, code=other(code))[0] == 403
    assert post(example, confirm, code=code) == (200, {"account": "ada@example.com"})
    assert post(example, confirm, code=code)[0] == 410, "a code serves twice"
    # A person.
    with httpx.Client(base_url=example.url, timeout=PATIENCE, trust_env=False) as browser:
        assert "Email address" in browser.get("/").text
        asked = browser.post("/", data={"email": "bob@example.com"}, follow_redirects=True)
        assert "We sent you a code" in asked.text
        code = example.code_of("bob@example.com")
        path = asked.url.path
        assert browser.post(path, data={"code": other(code)}).status_code == 403
        assert "Welcome, bob@example.com" in browser.post(path, data={"code": code}).text
        assert browser.post("/", data={"email": "<b>bob"}).status_code == 422


@pytest.mark.parametrize("example", ["sqlite"], indirect=True)
def test_attempts_and_emails_are_limited(example: Example) -> None:
    _status, begun = post(example, "api/sign-ups", email="ada@example.com")
    code = example.code_of("ada@example.com")
    confirm = f"api/sign-ups/{begun['id']}/confirm"
    assert [post(example, confirm, code=other(code))[0] for _ in range(5)] == [403] * 5
    assert post(example, confirm, code=code)[0] == 410, "a sixth attempt was allowed"
    again = [post(example, "api/sign-ups", email="ada@EXAMPLE.com")[0] for _ in range(3)]
    assert again == [202, 202, 429]
    assert post(example, "api/sign-ups", email="ada")[0] == 422
    missing = httpx.get(example.url + "api/sign-ups/none", timeout=PATIENCE, trust_env=False)
    assert missing.status_code == 404
