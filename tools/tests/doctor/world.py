"""A small world with a fault in it: name servers, mail servers, certificates, clocks."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import dns.resolver
import pytest
import trustme
from name_server import serving

from passpost import ConfigError, Host
from passpost_tools.doctor import Diagnosis, Names, Wishes, diagnose, names, protocols, way
from passpost_tools.doctor.summary import invalid_settings
from pytest_passpost import (
    Answer,
    Fault,
    HttpServer,
    Request,
    SmtpServer,
    default_authority,
    reply,
)

Records = Mapping[str, Sequence[str]]

USERS = {"ada": "correct horse"}
DOMAIN = {
    "example.com": ["MX 10 mx.example.com.", "TXT v=spf1 mx ~all"],
    "mx.example.com": ["A 192.0.2.1"],
    "_dmarc.example.com": ["TXT v=DMARC1; p=none"],
}
TEMPLATES = [{"usageType": "Generic", "subject": "Your code", "content": "{{code}}"}]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is certain here after a moment; and no proxy of this machine matters."""
    monkeypatch.setattr(names, "PATIENCE", 0.4)
    monkeypatch.setattr(way, "CONNECT", 0.4)
    monkeypatch.setattr(protocols, "REPLY", 1.0)
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@attrs.frozen
class World:
    """A set-up to examine: a connector with its settings, and what the DNS says."""

    settings: Mapping[str, Any]
    connector: str = "smtp"
    records: Records = DOMAIN
    internal: bool = True
    plugin: object = None


Made = Callable[[], AbstractContextManager[World]]


def smtp(
    settings: Mapping[str, Any] | None = None, records: Records | None = None, **how: Any
) -> Made:
    """Make a world with an SMTP server on loopback."""

    @contextmanager
    def made() -> Iterator[World]:
        options: dict[str, Any] = {"tls": "starttls", "auth": USERS, **how}
        with SmtpServer(**options) as server:
            yield World(
                _smtp_settings(server.port, settings), records={**DOMAIN, **(records or {})}
            )
            assert server.mails == []

    return made


def at_port(port: Callable[[], AbstractContextManager[int]], **settings: Any) -> Made:
    """Make a world in which something else than an SMTP server is at the port."""

    @contextmanager
    def made() -> Iterator[World]:
        with port() as number:
            yield World(_smtp_settings(number, settings))

    return made


def named(host: str, records: Records, **how: Any) -> Made:
    """Make a world in which the DNS matters."""

    @contextmanager
    def made() -> Iterator[World]:
        settings = _smtp_settings(2525, {"host": host})
        yield World(settings, records={**DOMAIN, **records}, **how)

    return made


def _smtp_settings(port: int, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "fromEmail": "Example <no-reply@example.com>",
        "auth": {"user": "ada", "pass": "correct horse"},
        "tls": {"ca": default_authority().pem},
        "templates": TEMPLATES,
        **(more or {}),
    }


def http(answer: Answer | None = None, *, off: int = 0, head: Answer | None = None) -> Made:
    """Make a world with a provider over HTTP, which answers a request for the key's rights.

    Args:
        answer: What it answers; by default that the key may send.
        off: Seconds that its clock is behind this machine's.
        head: What it answers to a request without credentials.
    """

    @contextmanager
    def made() -> Iterator[World]:
        now = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=off)
        date = {"Date": f"{now:%a, %d %b %Y %H:%M:%S} GMT"}

        def answered(request: Request) -> Answer:
            if request.method == "HEAD":
                return head or Answer(404, b"", date)
            return answer or Answer.json({"scopes": ["mail.send"]})

        with HttpServer(answered) as server:
            yield World(_sendgrid(server.url), "sendgrid")

    return made


def _sendgrid(url: str) -> dict[str, Any]:
    return {
        "apiKey": "SG.key.key",
        "endpoint": url,
        "fromEmail": "no-reply@example.com",
        "templates": TEMPLATES,
    }


def with_settings(connector: str, settings: Mapping[str, Any], *, plugin: object = None) -> Made:
    """Make a world without any server."""

    @contextmanager
    def made() -> Iterator[World]:
        yield World({"templates": TEMPLATES, **settings}, connector, plugin=plugin)

    return made


def provider(url: str) -> Made:
    """Make a world with a provider over HTTP that is elsewhere."""
    return with_settings("sendgrid", _sendgrid(url))


def behind_proxy() -> Made:
    """Make a world whose provider is reached through a proxy."""
    return provider("https://api.example.test")


@contextmanager
def garbage() -> Iterator[int]:
    """Return the port of a server that speaks something else, and first."""
    with SmtpServer(faults=[Fault("greeting", reply("SSH-2.0-OpenSSH_9.2"), times=None)]) as server:
        yield server.port


@contextmanager
def silent_server() -> Iterator[int]:
    """Return the port of a server that accepts connections, and never says a word."""
    with SmtpServer(faults=[Fault("connect", "silence", times=None, optional=True)]) as server:
        yield server.port


def days(count: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=count)


def certified(
    begins: int = -1, ends: int = 90, *, chain: bool | None = None, old: bool = False
) -> Made:
    """Make a world whose server has a certificate of its own kind.

    Args:
        begins: Days from now when the certificate begins.
        ends: Days from now when it ends.
        chain: Whether it is by an intermediate authority, whose certificate is sent.
        old: Whether the server knows TLS 1.1 alone.
    """
    root = trustme.CA()
    issuer = root if chain is None else root.create_child_ca()
    leaf = issuer.issue_cert("127.0.0.1", not_before=days(begins), not_after=days(ends))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pems = leaf.cert_chain_pems[:1] if chain is False else leaf.cert_chain_pems
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        octets = [leaf.private_key_pem.bytes(), *(pem.bytes() for pem in pems)]
        file.write_bytes(b"".join(octets))
        context.load_cert_chain(file)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    ca = root.cert_pem.bytes().decode()
    return smtp({"tls": {"ca": ca}}, certificate=context)


def answering(phase: Any, action: Any, **how: Any) -> Made:
    """Make a world whose server fails at one step, each time."""
    return smtp(faults=[Fault(phase, action, times=None)], **how)


def examined(
    made: Made, monkeypatch: Any, *, recipient: str = "bob@example.org"
) -> list[Diagnosis]:
    """Return what an examination of a world finds, where its DNS is that of the machine."""

    async def run(world: World) -> list[Diagnosis]:
        async with serving(world.records) as (_, resolver):
            monkeypatch.setattr(socket, "getaddrinfo", _looks_up(resolver))
            host = Host(internal_addresses=world.internal)
            if world.plugin is not None:
                host.register(world.plugin)
            try:
                connector = host.configure(world.connector, world.settings)
            except ConfigError as error:
                return list(invalid_settings(error, "settings"))
            found = diagnose(connector, Wishes(recipient="bob@example.org"), names=Names(resolver))
            return [one async for one in found]

    with made() as world:
        return asyncio.run(run(world))


_real = socket.getaddrinfo


def _looks_up(resolver: Any) -> Callable[..., Any]:
    """Return `getaddrinfo` for a machine whose name server is the test's."""
    blocking = dns.resolver.Resolver(configure=False)
    blocking.nameservers, blocking.port = resolver.nameservers, resolver.port

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        # What is not a name, or is only for this machine, is not looked up.
        if host in {"localhost", None} or host.replace(".", "").isdigit() or ":" in host:
            return _real(host, *rest, **more)
        if host == "hidden.example.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = []
        for kind in ("A", "AAAA"):
            try:
                answer = blocking.resolve(f"{host}.", kind, lifetime=0.5, raise_on_no_answer=False)
            except dns.exception.DNSException:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            for record in answer:
                found += _real(str(record), *rest, **more)
        if not found:
            raise socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
        return found

    return look_up
