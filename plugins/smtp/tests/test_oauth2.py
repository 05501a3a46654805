"""OAuth2: tokens are fetched when they are needed, once, and from nowhere but where it was said."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import passpost
from passpost import Receipt, SendError
from passpost._network.reachable import reaching
from passpost_smtp.oauth2 import TokenSource
from pytest_passpost import Answer, Fault, HttpServer, SmtpServer, refusing_port, reply

USER = "ada@example.com"
TOKEN = "ya29.fresh"
GOOD = Answer.json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})


def refreshing(tokens: HttpServer | int, **more: Any) -> dict[str, Any]:
    port = tokens if isinstance(tokens, int) else tokens.port
    return {
        "type": "oauth2",
        "user": USER,
        "clientId": "client-1",
        "clientSecret": "client secret&1",
        "refreshToken": "1//refresh",
        "accessUrl": f"http://127.0.0.1:{port}/token",
        **more,
    }


@pytest.mark.anyio
async def test_a_token_is_fetched_with_the_refresh_token_and_used_again(kit: Any) -> None:
    with HttpServer(GOOD) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        config = kit.config(server, auth=refreshing(tokens), pool={"maxMessages": 1})
        async with kit.session(config) as session:
            for _ in range(3):
                await session.send(kit.mail())
        assert len(server.credentials) == 3
        (request,) = tokens.requests
        assert (request.method, request.path) == ("POST", "/token")
        assert request.form == {
            "grant_type": "refresh_token",
            "client_id": "client-1",
            "client_secret": "client secret&1",
            "refresh_token": "1//refresh",
        }


@pytest.mark.anyio
async def test_many_mails_at_once_fetch_one_token(kit: Any) -> None:
    with HttpServer(GOOD) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        async with kit.session(kit.config(server, auth=refreshing(tokens))) as session:
            await asyncio.gather(*(session.send(kit.mail()) for _ in range(10)))
        assert len(tokens.requests) == 1
        assert len(server.mails) == 10


@pytest.mark.anyio
@pytest.mark.parametrize(("expires", "fetched"), [(-1.0, 1), (30.0, 1), (3600.0, 0), (None, 0)])
async def test_a_token_to_begin_with_serves_until_it_expires(
    expires: float | None, fetched: int, kit: Any
) -> None:
    more: dict[str, Any] = {"accessToken": TOKEN}
    if expires is not None:
        more["expires"] = round((time.time() + expires) * 1000)
    with HttpServer(GOOD) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        config = kit.config(server, auth=refreshing(tokens, **more))
        assert isinstance(await kit.send(config), Receipt)
        assert len(tokens.requests) == fetched


@pytest.mark.anyio
async def test_a_token_that_the_server_refuses_is_fetched_anew_for_the_next_mail(kit: Any) -> None:
    with HttpServer(GOOD) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        config = kit.config(server, auth=refreshing(tokens, accessToken="ya29.stale"))
        async with kit.session(config) as session:
            assert isinstance(await kit.outcome(session, kit.mail()), SendError)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert len(tokens.requests) == 1


@pytest.mark.anyio
async def test_a_token_that_has_expired_for_good_is_an_error(kit: Any) -> None:
    auth = {"type": "oauth2", "user": USER, "accessToken": TOKEN, "expires": 1}
    with SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        error = await kit.refusal(kit.config(server, auth=auth))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
        assert "expired" in str(error)
        assert server.credentials == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "scope", "temporary", "words"),
    [
        (Answer.json({"error": "invalid_grant"}, 400), "account", False, "invalid_grant"),
        (Answer.json({"error": "1//refresh"}, 400), "account", False, "without a reason"),
        (Answer(200, "not json"), "account", False, ""),
        (Answer.json({"token_type": "Bearer"}), "account", False, ""),
        (
            Answer(302, "", headers={"Location": "https://evil.example/"}),
            "account",
            False,
            "",
        ),
    ],
)
async def test_a_token_that_is_not_given_is_an_error(
    answer: Answer, scope: str, temporary: bool, words: str, kit: Any
) -> None:
    with HttpServer(answer) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        error = await kit.refusal(kit.config(server, auth=refreshing(tokens)))
        assert error.outcome == "rejected"
        assert (error.scope, error.temporary) == (scope, temporary)
        assert words in str(error)
        assert "1//refresh" not in f"{error!r} {error.facts()}"
        assert error.__context__ is None
        assert server.credentials == []
        assert all(request.path == "/token" for request in tokens.requests)


@pytest.mark.anyio
async def test_a_token_server_out_of_reach_may_be_back(kit: Any) -> None:
    with refusing_port() as port, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        error = await kit.refusal(kit.config(server, auth=refreshing(port)))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", True)


@pytest.mark.anyio
async def test_a_token_server_that_says_nothing_is_not_waited_for(kit: Any) -> None:
    faults = [Fault("answer", "silence", times=None)]
    with (
        HttpServer(GOOD, faults=faults) as tokens,
        SmtpServer(tls="starttls", auth={USER: TOKEN}) as server,
    ):
        config = kit.config(server, auth=refreshing(tokens))
        error = await kit.refusal(config, kit.mail(seconds=0.4))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", True)
        assert "OAuth2 token" in str(error)


def service_key(passphrase: bytes | None = None) -> tuple[rsa.RSAPrivateKey, str]:
    key = rsa.generate_private_key(65537, 2048)
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return key, pem.decode()


def claims(assertion: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Check an assertion's signature (RFC 7515, RS256), and give what it says."""
    signed, _, signature = assertion.rpartition(".")
    key.public_key().verify(
        _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    said: dict[str, Any] = json.loads(_decoded(signed.partition(".")[2]))
    return said


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.anyio
@pytest.mark.parametrize("passphrase", [None, "pass phrase"])
async def test_a_service_account_signs_for_its_token(passphrase: str | None, kit: Any) -> None:
    key, pem = service_key(passphrase.encode() if passphrase else None)
    private = {"key": pem, "passphrase": passphrase} if passphrase else pem
    with HttpServer(GOOD) as tokens, SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        url = f"http://127.0.0.1:{tokens.port}/token"
        auth = {
            "user": USER,
            "serviceClient": "mailer@project.iam.gserviceaccount.com",
            "privateKey": private,
            "accessUrl": url,
        }
        assert isinstance(await kit.send(kit.config(server, auth=auth)), Receipt)
        (request,) = tokens.requests
        assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        said = claims(request.form["assertion"], key)
        assert said["iss"] == "mailer@project.iam.gserviceaccount.com"
        assert said["sub"] == USER
        assert said["scope"] == "https://mail.google.com/"
        # Service accounts are Google's own, and so is whom they are for.
        assert said["aud"] == "https://oauth2.googleapis.com/token"


@pytest.mark.anyio
async def test_a_key_that_is_none_is_an_error_of_the_account(kit: Any) -> None:
    auth = {"user": USER, "serviceClient": "c", "privateKey": "canary key"}
    with SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        error = await kit.refusal(kit.config(server, auth=auth))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
        assert "canary" not in str(error)
        assert error.__context__ is None


@pytest.mark.anyio
async def test_without_the_library_the_error_names_the_extra(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.oauth2", None)
    with SmtpServer(tls="starttls", auth={USER: TOKEN}) as server:
        error = await kit.refusal(kit.config(server, auth=refreshing(1)))
        assert "passpost-smtp[oauth2]" in str(error)
        assert (error.scope, error.temporary) == ("account", False)


@pytest.mark.anyio
async def test_a_wrong_reply_keeps_the_token(kit: Any) -> None:
    # 454 is the server's own trouble: the token is as good as before.
    faults = [Fault("auth", reply("454 4.7.0 later"))]
    with (
        HttpServer(GOOD) as tokens,
        SmtpServer(tls="starttls", auth={USER: TOKEN}, faults=faults) as server,
    ):
        async with kit.session(kit.config(server, auth=refreshing(tokens))) as session:
            assert isinstance(await kit.outcome(session, kit.mail()), SendError)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert len(tokens.requests) == 1


@pytest.mark.anyio
async def test_no_token_is_fetched_from_an_address_that_may_not_be_reached(kit: Any) -> None:
    with HttpServer(GOOD) as tokens:
        source = TokenSource(kit.config(25, auth=refreshing(tokens)), kit.registered.append)
        with reaching(internal=False), pytest.raises(SendError, match="not reachable"):
            await source.token(5)
        assert tokens.requests == []


@pytest.mark.anyio
async def test_who_asks_while_a_token_is_fetched_gets_the_same(kit: Any) -> None:
    with HttpServer(GOOD) as tokens:
        source = TokenSource(kit.config(25, auth=refreshing(tokens)), kit.registered.append)
        got = await asyncio.gather(*(source.token(5) for _ in range(10)))
        assert {token.reveal() for token in got} == {TOKEN}
        assert len(tokens.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(("phase", "code"), [("auth", "535 5.7.8"), ("final", "554 5.7.1")])
async def test_a_token_that_was_fetched_is_masked_wherever_a_server_repeats_it(
    phase: Any, code: str, kit: Any
) -> None:
    echo = Fault(phase, reply(f"{code} what is {TOKEN} to you?"))
    with (
        HttpServer(GOOD) as tokens,
        SmtpServer(tls="starttls", auth={USER: TOKEN}, faults=[echo]) as server,
    ):
        settings = kit.settings(server, auth=refreshing(tokens))
        connector = passpost.Host().configure("smtp", settings)
        async with passpost.AsyncMailer(connector) as mailer:
            with pytest.raises(SendError) as caught:
                await mailer.send(
                    passpost.Message("ada@example.org", "Generic", payload={"code": "314159"})
                )
    assert caught.value.response == f"{code[4:]} what is *** to you?"
    assert TOKEN not in f"{caught.value} {caught.value.facts()}"
