"""`passpost send`, interrupted before and after the message left for a server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

LONG = 60
TEMPLATE = {
    "usageType": "Generic", "subject": "Code", "content": "{{code}}", "contentType": "text/plain",
}  # fmt: skip


def conversation(listener: socket.socket, process: subprocess.Popen[bytes], steps: int) -> None:
    """Speak as a server does for so many steps, and interrupt the program then."""
    connection, _ = listener.accept()
    connection.settimeout(LONG)
    with connection, connection.makefile("rb") as lines:
        for reply in (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go")[:steps]:
            connection.sendall(reply + b"\r\n")
            lines.readline()
        process.send_signal(signal.SIGINT)
        process.wait(LONG)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (0, "nothing was sent"),
        (2, "nothing was sent"),
        (4, "nothing was sent"),
        (5, "it is unknown whether the email was sent"),
    ],
)
def test_an_interrupt_says_whether_the_message_had_left(
    steps: int, told: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LONG)
        file = tmp_path / "smtp.json"
        settings = {
            "host": "127.0.0.1", "port": listener.getsockname()[1], "ignoreTLS": True,
            "fromEmail": "no-reply@example.com", "templates": [TEMPLATE],
        }  # fmt: skip
        file.write_text(json.dumps(settings), "utf-8")
        arguments = ["send", str(file), "--connector", "smtp", "--to", "ada@example.com"]
        process = subprocess.Popen(
            [sys.executable, "-m", "passpost", *arguments, "--usage", "Generic", "--code", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            conversation(listener, process, steps)
            out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().endswith(f": interrupted: {told}\n")
