"""AUTH, step by step (RFC 4954)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from pytest_passpost import SmtpServer


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


TOKEN = b64("user=ada\x01auth=Bearer right\x01\x01")
WRONG_TOKEN = b64("user=ada\x01auth=Bearer wrong\x01\x01")


@pytest.mark.parametrize(
    "steps",
    [
        [(f"AUTH PLAIN {b64(chr(0) + 'ada' + chr(0) + 'right')}", "235")],
        [("AUTH PLAIN", "334 "), (b64("\0ada\0right"), "235")],
        [
            ("auth login", "334 VXNlcm5hbWU6"),
            (b64("ada"), "334 UGFzc3dvcmQ6"),
            (b64("right"), "235"),
        ],
        [(f"AUTH LOGIN {b64('ada')}", "334"), (b64("right"), "235")],
        [(f"AUTH XOAUTH2 {TOKEN}", "235")],
        [("AUTH XOAUTH2", "334 "), (TOKEN, "235")],
        [(f"AUTH XOAUTH2 {WRONG_TOKEN}", "334 eyJ"), ("", "535")],
        [(f"AUTH PLAIN {b64(chr(0) + 'ada' + chr(0) + 'wrong')}", "535")],
        [(f"AUTH PLAIN {b64(chr(0) + 'bob' + chr(0) + 'right')}", "535")],
        [("AUTH LOGIN", "334"), ("*", "501 5.7.0"), ("NOOP", "250")],
        [("AUTH PLAIN !", "501 5.5.2"), ("NOOP", "250")],
        [("AUTH PLAIN =", "501 5.5.2")],
        [(f"AUTH PLAIN {b64('ada')}", "501 5.5.2")],
        [("AUTH PLAIN AP8AeA==", "501 5.5.2")],
        [(f"AUTH CRAM-MD5 {b64('ada')}", "501 5.5.2")],
        [("AUTH CRAM-MD5", "334"), (b64("ada"), "501 5.5.2")],
        [("AUTH CRAM-MD5", "334"), (b64("ada 0"), "535")],
        [(f"AUTH XOAUTH2 {b64('user=ada')}", "501 5.5.2")],
        [(f"AUTH XOAUTH2 {b64(chr(1).join(['user=ada', 'auth=Bearer right']))}", "501 5.5.2")],
        [(f"AUTH XOAUTH2 {WRONG_TOKEN}", "334"), (b64("x"), "501 5.5.2")],
        [("AUTH GSSAPI", "504")],
    ],
)
def test_an_exchange(steps: list[tuple[str, str]], greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        for said, expected in steps:
            assert wire.ask(said).startswith(expected)
        accepted = steps[-1][1] == "235"
        assert [c.accepted for c in server.credentials] == [accepted] * len(server.credentials)
        assert server.connections[0].user == ("ada" if accepted else None)
        assert "ada" not in "".join(server.connections[0].commands)


def test_cram_md5_proves_the_password_without_saying_it(
    greeted: Callable[[SmtpServer], Any],
) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        challenge = base64.b64decode(wire.ask("AUTH CRAM-MD5").removeprefix("334 "))
        digest = hmac.new(b"right", challenge, "md5").hexdigest()
        assert wire.ask(b64(f"ada {digest}")).startswith("235")
        assert server.credentials[0].secret.reveal() == digest


def test_auth_a_second_time(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        wire.ask(f"AUTH XOAUTH2 {TOKEN}")
        assert wire.ask(f"AUTH XOAUTH2 {TOKEN}").startswith("503")
        assert "a second time" in server.violations[0].what


def test_a_response_sent_before_the_challenge(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        wire.send(f"AUTH LOGIN\r\n{b64('ada')}\r\n".encode())
        assert wire.reply().startswith("334")
        assert wire.reply().startswith("334")
        assert "before the reply to AUTH" in server.violations[0].what


def test_a_bare_lf_in_a_response(greeted: Callable[[SmtpServer], Any]) -> None:
    with SmtpServer(auth={"ada": "right"}) as server:
        wire = greeted(server)
        wire.ask("AUTH LOGIN")
        wire.send(b"YWRh\n")
        assert wire.reply().startswith("500")
        assert "bare LF" in server.violations[0].what
        assert "YWRh" not in str(server.violations[0])
