"""Signing in: one mechanism, the right one, and no second try."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Receipt
from passpost_smtp import auth
from passpost_smtp.reply import Reply
from pytest_passpost import Fault, SmtpServer, accept_then, reply

USERS = {"ada": "correct horse"}
LOGIN = {"user": "ada", "pass": "correct horse"}


@pytest.mark.anyio
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_each_mechanism_signs_in(mechanism: str, kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS, mechanisms=[mechanism]) as server:
        assert isinstance(await kit.send(kit.config(server, auth=LOGIN)), Receipt)
        assert [shown.mechanism for shown in server.credentials] == [mechanism]
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize("user", ["ada", "ада@пример.рф", "a" * 300])
@pytest.mark.parametrize("password", ["pass word/1", "пароль", "x" * 500, "%00\\"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_any_user_and_password_arrive_as_they_are(
    user: str, password: str, mechanism: str, kit: Any
) -> None:
    with SmtpServer(tls="starttls", auth={user: password}, mechanisms=[mechanism]) as server:
        login = {"user": user, "pass": password}
        assert isinstance(await kit.send(kit.config(server, auth=login)), Receipt)
        assert server.violations == []


@pytest.mark.anyio
async def test_the_older_form_of_the_settings_signs_in_too(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        config = kit.config(server, username="ada", password="correct horse")
        assert isinstance(await kit.send(config), Receipt)
        assert server.mails[0].user == "ada"
        assert server.mails[0].tls


@pytest.mark.anyio
async def test_a_relay_without_credentials_is_not_signed_in_to(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS, require_auth=False) as server:
        assert isinstance(await kit.send(kit.config(server, auth={})), Receipt)
        assert server.credentials == []
        assert server.mails[0].user is None


@pytest.mark.anyio
async def test_a_wrong_password_is_shown_once_however_many_mechanisms_there_are(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        error = await kit.refusal(kit.config(server, auth={"user": "ada", "pass": "incorrect"}))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
        assert error.provider_code == "535 5.7.8"
        assert len(server.credentials) == 1


@pytest.mark.anyio
async def test_credentials_without_a_way_to_show_them_are_an_error(kit: Any) -> None:
    with SmtpServer(tls="starttls") as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
        assert "does not offer authentication" in str(error)
        assert server.mails == []


@pytest.mark.anyio
async def test_a_server_with_other_mechanisms_is_named(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS, mechanisms=["XOAUTH2"]) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert "offers XOAUTH2" in str(error)
        assert server.credentials == []


@pytest.mark.anyio
async def test_a_token_signs_in(kit: Any) -> None:
    users = {"ada@example.com": "ya29.token"}
    login = {"type": "oauth2", "user": "ada@example.com", "accessToken": "ya29.token"}
    with SmtpServer(tls="starttls", auth=users) as server:
        assert isinstance(await kit.send(kit.config(server, auth=login)), Receipt)
        assert [shown.mechanism for shown in server.credentials] == ["XOAUTH2"]
        assert server.violations == []


@pytest.mark.anyio
async def test_a_long_token_waits_for_its_turn(kit: Any) -> None:
    token = "ya29." + "x" * 1500
    login = {"user": "ada", "accessToken": token}
    with SmtpServer(tls="starttls", auth={"ada": token}) as server:
        assert isinstance(await kit.send(kit.config(server, auth=login)), Receipt)
        assert "AUTH XOAUTH2" in server.connections[0].commands
        assert server.violations == []


@pytest.mark.anyio
async def test_a_refused_token_is_answered_to_hear_the_refusal(kit: Any) -> None:
    login = {"user": "ada", "accessToken": "expired"}
    with SmtpServer(tls="starttls", auth={"ada": "ya29.token"}) as server:
        error = await kit.refusal(kit.config(server, auth=login))
        assert error.provider_code == "535 5.7.8"
        assert (error.scope, error.temporary) == ("account", False)
        assert "OAuth2" in (error.hint or "")
        assert len(server.credentials) == 1
        assert server.violations == []


@pytest.mark.anyio
async def test_a_server_that_never_stops_asking_is_told_to_stop(kit: Any) -> None:
    more = Fault("auth", reply("334 more"), times=None)
    with SmtpServer(tls="starttls", auth=USERS, faults=[more]) as server:
        error = await kit.refusal(kit.config(server, auth=LOGIN))
        assert (error.outcome, error.scope) == ("rejected", "account")
        # EHLO, STARTTLS, EHLO, AUTH, and the star that ends it.
        assert len(server.connections[0].commands) == 5


@pytest.mark.anyio
async def test_a_challenge_in_clear_as_some_servers_send_it_does_no_harm(kit: Any) -> None:
    faults = [Fault("auth", accept_then(reply("334 Username:")))]
    with SmtpServer(tls="starttls", auth=USERS, mechanisms=["LOGIN"], faults=faults) as server:
        assert isinstance(await kit.send(kit.config(server, auth=LOGIN)), Receipt)


@pytest.mark.parametrize(
    ("offered", "encrypted", "clear", "chosen"),
    [
        (("LOGIN", "CRAM-MD5", "PLAIN"), True, False, "PLAIN"),
        (("LOGIN", "CRAM-MD5"), True, False, "LOGIN"),
        (("CRAM-MD5", "DIGEST-MD5"), True, False, "CRAM-MD5"),
        (("PLAIN", "LOGIN", "CRAM-MD5"), False, False, "CRAM-MD5"),
        (("PLAIN", "LOGIN", "CRAM-MD5"), False, True, "CRAM-MD5"),
        (("LOGIN", "PLAIN"), False, True, "PLAIN"),
        (("LOGIN", "PLAIN"), False, False, None),
        (("XOAUTH2", "GSSAPI"), True, True, None),
        ((), True, True, None),
    ],
)
def test_one_mechanism_is_chosen_for_a_password(
    offered: tuple[str, ...], encrypted: bool, clear: bool, chosen: str | None
) -> None:
    made = auth.choose(offered, oauth2=False, encrypted=encrypted, clear_allowed=clear)
    assert made == chosen


@pytest.mark.parametrize(
    ("offered", "encrypted", "clear", "chosen"),
    [
        (("PLAIN", "XOAUTH2"), True, False, "XOAUTH2"),
        (("PLAIN", "XOAUTH2"), False, False, None),
        (("PLAIN", "XOAUTH2"), False, True, "XOAUTH2"),
        (("PLAIN", "LOGIN"), True, True, None),
    ],
)
def test_one_mechanism_is_chosen_for_a_token(
    offered: tuple[str, ...], encrypted: bool, clear: bool, chosen: str | None
) -> None:
    made = auth.choose(offered, oauth2=True, encrypted=encrypted, clear_allowed=clear)
    assert made == chosen


def test_cram_md5_gives_the_digest_of_its_rfc() -> None:
    exchange = auth.cram_md5("tim", "tanstaaftanstaaf")
    assert next(exchange) == b"AUTH CRAM-MD5\r\n"
    challenge = Reply(334, (b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",))
    answer = exchange.send(auth.challenge_of(challenge))
    assert answer == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"


@given(st.binary(max_size=100))
def test_any_challenge_can_be_read(text: bytes) -> None:
    assert isinstance(auth.challenge_of(Reply(334, (text,))), bytes)


@given(st.sampled_from(["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"]), st.text(), st.text())
def test_no_mechanism_lets_a_line_end_through(mechanism: str, user: str, secret: str) -> None:
    try:
        f"{user}{secret}".encode()
    except UnicodeEncodeError:
        return
    exchange = auth.MECHANISMS[mechanism](user, secret)
    lines = [next(exchange)]
    for _ in range(4):
        try:
            lines.append(exchange.send(b"challenge\r\n"))
        except StopIteration:
            break
    for line in lines:
        assert line.endswith(b"\r\n")
        assert line.isascii()
        assert not set(line[:-2]) & set(b"\r\n\0")
