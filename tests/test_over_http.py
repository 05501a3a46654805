"""What holds for every connector that sends over HTTP."""

from __future__ import annotations

import asyncio
import io
import socket
import traceback
from collections.abc import Iterator, Mapping
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import attrs
import pytest
import rich.console
import rich.traceback

import passpost
from pytest_passpost import Action, Answer, CertificateAuthority, Fault, HttpServer, Request
from pytest_passpost.servers.channel import Channel

TEMPLATE = {"usageType": "Generic", "subject": "{{code}}", "content": "{{code}}"}
KEY = "canary-key-of-the-account"
CODE = "canary-code-493817"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@attrs.frozen
class Connector:
    """A connector over HTTP: its settings, and how its provider accepts an email."""

    where: str
    settings: Mapping[str, Any]
    accepted: Answer


CONNECTORS = {
    "sendgrid": Connector(
        "endpoint",
        {"apiKey": KEY, "fromEmail": "a@example.com", "templates": [TEMPLATE]},
        Answer(202, b"", {"X-Message-Id": "{id}"}),
    ),
    "ses": Connector(
        "endpoint",
        {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "secretAccessKey": KEY,
            "region": "us-east-1",
            "fromEmail": "a@example.com",
            "templates": [TEMPLATE],
        },
        Answer(200, b'{"MessageId": "{id}"}'),
    ),
    "aliyun-dm": Connector(
        "endpoint",
        {
            "accessKeyId": "LTAI5tExample",
            "accessKeySecret": KEY,
            "accountName": "a@example.com",
            "templates": [TEMPLATE],
        },
        Answer(200, b'{"EnvId": "{id}"}'),
    ),
    "webhook": Connector("url", {"secret": SECRET}, Answer(202, b'{"id": "{id}"}')),
}


WITH_TEMPLATES = [name for name in CONNECTORS if name != "webhook"]


@attrs.frozen
class Twice(Action):
    """Sends a response, and the same again with another ID, in one write."""

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        await channel.send(honest + honest.replace(b"honest", b"FORGED"))
        return True


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateAuthority:
    """Take the proxies away, and trust an authority of our own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    authority = CertificateAuthority()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write_pem(tmp_path / "authority.pem")))
    return authority


def settings_for(name: str, url: str, **more: Any) -> dict[str, Any]:
    connector = CONNECTORS[name]
    return {**connector.settings, connector.where: url, **more}


def errors_of(caught: pytest.ExceptionInfo[passpost.ConfigError]) -> list[str]:
    return [problem.path for problem in caught.value.problems if problem.severity == "error"]


def outcome(mailer: passpost.Mailer) -> str:
    message = passpost.Message(to="ada@example.com", usage="Generic", payload={"code": "493817"})
    try:
        return str(mailer.send(message).provider_id)
    except passpost.SendError as error:
        return f"{error.outcome} {error.provider_code}"


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_response_too_many(name: str, surroundings: CertificateAuthority, *, tls: bool) -> None:
    connector = CONNECTORS[name]
    accepted = attrs.evolve(
        connector.accepted,
        body=connector.accepted.body.replace(b"{id}", b"honest"),
        headers=dict.fromkeys(connector.accepted.headers, "honest"),
    )
    with HttpServer(
        [accepted, Answer(401), Answer(401), accepted],
        tls=tls,
        authority=surroundings,
        faults=[Fault("answer", Twice())],
    ) as server:
        settings = settings_for(name, server.url)
        with passpost.Mailer(passpost.Host().configure(name, settings)) as mailer:
            outcomes = [outcome(mailer) for _ in range(4)]
        assert len(server.requests) == 4
        # The honest ones go on over one connection.
        assert server.connection_count == 2
    assert outcomes == ["honest", "rejected HTTP 401", "rejected HTTP 401", "honest"]


HIDDEN = "=?utf-8?b?DQpCY2M6IHg=?="


def texts_of(request: Request) -> list[str]:
    """Return every text of a request's document or form, headers of the email among them."""
    is_form = "urlencoded" in (request.header("content-type") or "")
    return list(leaves(request.form if is_form else request.json()))


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", WITH_TEMPLATES)
def test_what_looks_encoded_is_shown_and_not_decoded(name: str) -> None:
    """A subject must not become a line break in the provider's hands."""
    template = {**TEMPLATE, "subject": HIDDEN}
    with HttpServer(Answer(401)) as server:
        settings = settings_for(name, server.url, templates=[template])
        with passpost.Mailer(passpost.Host().configure(name, settings)) as mailer:
            message = passpost.Message("ada@example.com", "Generic", {"code": "1"})
            with pytest.raises(passpost.SendError):
                mailer.send(message)
        texts = texts_of(server.requests[0])
    assert not any(HIDDEN in text for text in texts)
    shown = [str(make_header(decode_header(text))) for text in texts if "=?" in text]
    assert HIDDEN in shown
    assert not any("\n" in text or "Bcc" in text for text in shown)


@pytest.mark.parametrize("name", ["sendgrid", "ses"])
@pytest.mark.parametrize("spelling", ["Auto-Submitted", "auto-submitted", "AUTO-SUBMITTED"])
def test_the_applications_header_replaces_ours(name: str, spelling: str) -> None:
    with HttpServer(Answer(401)) as server:
        connector = passpost.Host().configure(name, settings_for(name, server.url))
        message = passpost.Message(
            "ada@example.com", "Generic", {"code": "1"}, headers={spelling: "no"}
        )
        with passpost.Mailer(connector) as mailer, pytest.raises(passpost.SendError):
            mailer.send(message)
        texts = texts_of(server.requests[0])
    assert [text for text in texts if text.lower() == "auto-submitted"] == [spelling]
    assert "auto-generated" not in texts


@pytest.mark.parametrize("name", WITH_TEMPLATES)
@pytest.mark.parametrize("where", ["sendFrom", "replyTo", "reply_to"])
def test_addresses_outside_of_ascii_are_not_sent(name: str, where: str) -> None:
    given = {where: "n <é@example.com>"} if where != "reply_to" else {}
    with HttpServer(Answer(401)) as server:
        settings = settings_for(name, server.url, templates=[{**TEMPLATE, **given}])
        with passpost.Mailer(passpost.Host().configure(name, settings)) as mailer:
            message = passpost.Message(
                "ada@example.com",
                "Generic",
                {"code": "1"},
                reply_to=None if given else "ü@x.example",
            )
            with pytest.raises(passpost.SendError, match="outside of ASCII") as caught:
                mailer.send(message)
        assert server.requests == []
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "message")


@pytest.mark.parametrize("name", WITH_TEMPLATES)
def test_addresses_of_settings_are_ascii(name: str) -> None:
    settings = settings_for(name, "api.example.com", replyTo="ü@x.example")
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.Host().configure(name, settings)
    assert errors_of(caught) == ["replyTo"]


@pytest.mark.parametrize("name", CONNECTORS)
def test_no_endpoint_is_a_metadata_service(name: str) -> None:
    for host in ("169.254.169.254", "[::ffff:a9fe:a9fe]", "[fe80::1]", "100.100.100.200"):
        with pytest.raises(passpost.ConfigError) as caught:
            passpost.Host().configure(name, settings_for(name, f"https://{host}/"))
        assert errors_of(caught) == [CONNECTORS[name].where]


@pytest.mark.parametrize("name", CONNECTORS)
def test_internal_endpoints_can_be_forbidden(name: str) -> None:
    host = passpost.Host(internal_addresses=False)
    for url in ("https://10.0.0.1", "https://localhost", "http://127.0.0.1:8080", "https://[::1]"):
        passpost.Host().configure(name, settings_for(name, url))
        with pytest.raises(passpost.ConfigError, match="internal address"):
            host.configure(name, settings_for(name, url))


@pytest.mark.anyio
@pytest.mark.parametrize("name", [*CONNECTORS, "smtp"])
@pytest.mark.parametrize(
    ("address", "internal"), [("169.254.169.254", True), ("127.0.0.1", False), ("::1", False)]
)
async def test_a_name_that_leads_inside_is_not_connected_to(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch, *, internal: bool
) -> None:
    def look_up(_: Any, port: int, *__: Any, **___: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    with HttpServer() as server:
        if name == "smtp":
            settings = {
                "host": "rebound.example", "port": server.port, "fromEmail": "a@example.com",
                "templates": [TEMPLATE],
            }  # fmt: skip
        else:
            settings = settings_for(name, f"https://rebound.example:{server.port}")
        connector = passpost.Host(internal_addresses=internal).configure(name, settings)
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        async with passpost.AsyncMailer(connector) as mailer:
            with pytest.raises(passpost.SendError) as caught:
                await mailer.send(passpost.Message("ada@example.com", "Generic", {"code": "1"}))
        assert server.connection_count == 0
    assert caught.value.outcome == "rejected"
    assert "leads to an address that is not allowed" in str(caught.value)


FAULTS = [
    Fault("connect", "reset"),
    Fault("request", "close"),
    Fault("answer", "reset"),
    Fault("answer", "garbage"),
    Fault("answer", "silence"),
]
KINDS = ["cancelled", "timeout", *map(str, FAULTS)]


async def failure_of(name: str, url: str, kind: str) -> BaseException:
    """Send, and give what comes out; no local variable here holds a key or a code."""
    connector = passpost.Host().configure(
        name, settings_for(name, url, readTimeout=60_000 if kind in KINDS[:2] else 300)
    )
    async with passpost.AsyncMailer(connector) as mailer:
        try:
            if kind == "timeout":
                async with asyncio.timeout(0.2):
                    await mailer.send(message_with_code())
            elif kind == "cancelled":
                task = asyncio.create_task(mailer.send(message_with_code()))
                asyncio.get_running_loop().call_later(0.2, task.cancel)
                await task
            else:
                await mailer.send(message_with_code())
        except (passpost.SendError, TimeoutError, asyncio.CancelledError) as error:
            return error
    raise AssertionError("it was sent")


def message_with_code() -> passpost.Message:
    return passpost.Message("ada@example.com", "Generic", {"code": CODE})


def chain(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        yield from chain(error.__context__, seen)
        error = error.__cause__


def with_locals(error: BaseException) -> Iterator[str]:
    yield from traceback.TracebackException.from_exception(error, capture_locals=True).format(
        chain=False
    )


def with_rich(error: BaseException) -> Iterator[str]:
    shown = io.StringIO()
    trace = rich.traceback.Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=100_000
    )
    rich.console.Console(file=shown, width=200).print(trace)
    yield shown.getvalue()


SHOWING = {"locals": with_locals, "rich": with_rich}


@pytest.mark.anyio
@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", SHOWING)
async def test_no_frame_that_the_application_gets_holds_a_key_or_a_code(
    name: str, kind: str, tool: str
) -> None:
    fault = FAULTS[KINDS.index(kind) - 2] if kind in KINDS[2:] else Fault("answer", "silence")
    with HttpServer(Answer(202), faults=[attrs.evolve(fault, times=None)]) as server:
        error = await failure_of(name, server.url, kind)
    shown = "".join(text for one in chain(error, set()) for text in SHOWING[tool](one))
    assert "Error" in shown
    secrets = [KEY, CODE, SECRET, SECRET.removeprefix("whsec_")]
    assert [secret for secret in secrets if secret in shown] == []
