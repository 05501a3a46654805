"""A stray response never becomes the next email's receipt, whichever connector sends over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

import passpost
from passpost.testing import Action, Answer, CertificateAuthority, Fault, HttpServer
from passpost.testing.channel import Channel

TEMPLATE = {"usageType": "Generic", "subject": "{{code}}", "content": "{{code}}"}
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
        {"apiKey": "SG.key", "fromEmail": "a@example.com", "templates": [TEMPLATE]},
        Answer(202, b"", {"X-Message-Id": "{id}"}),
    ),
    "ses": Connector(
        "endpoint",
        {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "secretAccessKey": "key",
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
            "accessKeySecret": "key",
            "accountName": "a@example.com",
            "templates": [TEMPLATE],
        },
        Answer(200, b'{"EnvId": "{id}"}'),
    ),
    "webhook": Connector("url", {"secret": SECRET}, Answer(202, b'{"id": "{id}"}')),
}


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
        settings = {**connector.settings, connector.where: server.url}
        with passpost.Mailer(passpost.Host().configure(name, settings)) as mailer:
            outcomes = [outcome(mailer) for _ in range(4)]
        assert len(server.requests) == 4
        # The honest ones go on over one connection.
        assert server.connection_count == 2
    assert outcomes == ["honest", "rejected HTTP 401", "rejected HTTP 401", "honest"]
