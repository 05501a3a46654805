"""Checking a connection: every step with what it brought, and no email."""

from __future__ import annotations

from typing import Any

import pytest

from passpost import Address, Finding
from passpost_smtp import hooks
from pytest_passpost import Fault, SmtpServer, refusing_port, reply

USERS = {"ada": "correct horse"}
LOGIN = {"user": "ada", "pass": "correct horse"}


async def checked(kit: Any, config: Any, to: str | None = None) -> list[Finding]:
    async with kit.session(config) as session:
        return list(await hooks.check_connection(session, Address.plain(to) if to else None))


def results(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject: finding.result for finding in findings}


@pytest.mark.anyio
async def test_all_is_well(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        findings = await checked(kit, kit.config(server, auth=LOGIN))
        assert [(finding.subject, finding.result) for finding in findings] == [
            ("connection", "ok"),
            ("greeting", "ok"),
            ("TLS", "ok"),
            ("certificate", "ok"),
            ("extensions", "ok"),
            ("sign-in", "ok"),
            ("sender", "ok"),
        ]
        evidence = {finding.subject: finding.evidence for finding in findings}
        assert "127.0.0.1" in evidence["connection"]
        assert "TLSv1.3" in evidence["TLS"]
        assert "passpost tests" in evidence["certificate"]
        assert "PIPELINING" in evidence["extensions"]
        assert "PLAIN" in evidence["sign-in"]
        assert server.mails == []
        assert server.connections[0].verbs[-3:] == ["MAIL", "RSET", "QUIT"]
        assert server.violations == []


@pytest.mark.anyio
async def test_what_could_be_better_is_a_warning(kit: Any) -> None:
    with SmtpServer(extensions=["8BITMIME"]) as server:
        findings = await checked(kit, kit.config(server))
        warned = [finding for finding in findings if finding.result == "warning"]
        assert {finding.subject for finding in warned} == {"TLS", "extensions"}
        assert all(finding.remedy for finding in warned)


@pytest.mark.anyio
async def test_an_unverified_certificate_is_a_warning(kit: Any) -> None:
    with SmtpServer(tls="implicit", certificate="expired") as server:
        config = kit.config(server, secure=True, tls={"rejectUnauthorized": False})
        assert results(await checked(kit, config))["certificate"] == "warning"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("phase", "action", "subject"),
    [
        ("greeting", "close", "greeting"),
        ("ehlo", reply("550 no"), "extensions"),
        ("starttls", reply("454 later"), "TLS"),
        ("auth", reply("535 5.7.8 wrong"), "sign-in"),
        ("mail", reply("550 5.7.1 not you"), "sender"),
        ("mail", "close", "sender"),
    ],
)
async def test_the_step_that_fails_is_the_last_and_says_what_to_do(
    phase: Any, action: Any, subject: str, kit: Any
) -> None:
    faults = [Fault(phase, action, times=None)]
    with SmtpServer(tls="starttls", auth=USERS, faults=faults) as server:
        findings = await checked(kit, kit.config(server, auth=LOGIN))
        assert (findings[-1].subject, findings[-1].result) == (subject, "error")
        # What a server has not said, its documentation cannot explain.
        said_nothing = action == "close"
        assert ("documentation" in findings[-1].remedy) <= (not said_nothing)
        assert findings[-1].remedy
        assert all(finding.result != "error" for finding in findings[:-1])
        assert server.mails == []


@pytest.mark.anyio
async def test_nobody_there(kit: Any) -> None:
    with refusing_port() as port:
        findings = await checked(kit, kit.config(port))
    assert [(finding.subject, finding.result) for finding in findings] == [("connection", "error")]


@pytest.mark.anyio
async def test_a_bad_certificate_is_named(kit: Any) -> None:
    with SmtpServer(tls="implicit", certificate="self-signed") as server:
        findings = await checked(kit, kit.config(server, secure=True))
        assert (findings[-1].subject, findings[-1].result) == ("TLS", "error")
        assert "tls.ca" in findings[-1].remedy


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_quit_holds_nobody_up(kit: Any) -> None:
    with SmtpServer(faults=[Fault("quit", "silence")]) as server:
        findings = await checked(kit, kit.config(server, socketTimeout=100))
        assert findings[-1] == Finding(
            "sender", "ok", "the server accepts emails from no-reply@example.com", id="sender.ok"
        )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, ("recipient.ok", "ok")),
        ("550 5.1.1 no such user", ("recipient.rejected", "error")),
        ("450 4.2.0 greylisted, try again later", ("recipient.later", "warning")),
        ("554 5.7.1 relay access denied", ("recipient.relay", "error")),
        ("530 5.7.0 authenticate first", ("auth.required", "error")),
    ],
)
async def test_a_recipient_is_asked_for_and_nothing_is_sent(
    answer: str | None, expected: tuple[str, str], kit: Any
) -> None:
    faults = [Fault("rcpt", reply(answer), times=None)] if answer else []
    with SmtpServer(faults=faults) as server:
        findings = await checked(kit, kit.config(server), "ada@example.org")
        assert (findings[-1].id, findings[-1].result) == expected
        assert server.connections[0].verbs[-4:] == ["MAIL", "RCPT", "RSET", "QUIT"]
        assert server.mails == []
        assert server.violations == []


@pytest.mark.anyio
async def test_a_password_that_works_for_a_while_is_a_warning(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passpost_smtp.check._OFFICE", "127.0.0.1")
    with SmtpServer(tls="starttls", auth=USERS) as server:
        findings = await checked(kit, kit.config(server, auth=LOGIN))
        (warned,) = [one for one in findings if one.result == "warning"]
        assert warned.id == "auth.ends"
        assert "OAuth2" in warned.remedy
