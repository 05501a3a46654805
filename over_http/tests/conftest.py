"""What the tests of connectors over HTTP share: settings, and an environment without proxies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from passpost import Address, Mail
from passpost.http import HttpClient, Timeouts
from pytest_passpost import CertificateAuthority

Open = Callable[..., HttpClient]

# A machine that is busy with other tests takes its time; how much says nothing about the code.
hypothesis.settings.register_profile("passpost", deadline=None)
hypothesis.settings.load_profile("passpost")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateAuthority:
    """An authority that the clients of this test trust."""
    made = CertificateAuthority()
    monkeypatch.setenv("SSL_CERT_FILE", str(made.write_pem(tmp_path / "authority.pem")))
    return made


@pytest.fixture
def opened() -> Open:
    """Make a client for a URL, with other timeouts where they are given."""

    def make(url: str, **timeouts: int) -> HttpClient:
        return HttpClient(Timeouts(**timeouts), url, "passpost-test/1.0")

    return make


@pytest.fixture
def mail() -> Mail:
    return Mail(
        message_id="<0123456789abcdef@mail.example.com>",
        to=Address("ada@example.com"),
        usage="SignIn",
        date=dt.datetime.now(dt.UTC),
        subject="Your code",
        text="Your code is 123456",
    )
