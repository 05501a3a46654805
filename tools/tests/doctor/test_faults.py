"""Each fault is produced for real, and named by its cause, once, with its remedy."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from passpost import Application, ConnectorInfo, Host, Policy, Receipt, hookimpl
from passpost.config import parse
from passpost.http import SenderConfig
from passpost.phrases import translated
from passpost_tools.doctor import (
    Diagnosis,
    Names,
    Wishes,
    diagnose,
    names,
)
from pytest_passpost import Answer, HttpServer, refusing_port, reply, silent_port

sys.path.insert(0, str(Path(__file__).parent))
from name_server import serving
from world import (
    DOMAIN,
    Made,
    answering,
    at_port,
    behind_proxy,
    certified,
    examined,
    garbage,
    http,
    impatient,  # noqa: F401 - a fixture
    named,
    silent_server,
    smtp,
    with_settings,
)

IMPLICIT = {"secure": True}

HEALTHY: dict[str, Made] = {
    "STARTTLS": smtp(),
    "TLS from the first byte": smtp(IMPLICIT, tls="implicit"),
    "no TLS within the machine": smtp({"ignoreTLS": True, "auth": None}, tls=None, auth=None),
    "an intermediate authority": certified(chain=True),
    "a provider over HTTP": http(),
    "a name": smtp({"host": "localhost"}),
}

FAULTS: dict[str, tuple[Made, str, str]] = {
    # The name of the server
    "a host that does not exist": (named("nowhere.example.test", {}), "dns.missing", "spelling"),
    "a misspelt provider": (named("smtp.gmial.com", {}), "dns.missing", "smtp.gmail.com"),
    "a name that has no address": (
        named("text.example.test", {"text.example.test": ["TXT hello"]}),
        "dns.missing",
        "no address",
    ),
    "a broken zone": (
        named("lame.example.test", {"lame.example.test": ["SERVFAIL"]}),
        "dns.failed",
        "broken",
    ),
    "a name server that is silent": (
        named("mute.example.test", {"mute.example.test": ["SILENT"]}),
        "dns.unanswered",
        "name servers",
    ),
    "a machine that does not ask the DNS": (
        named("hidden.example.test", {"hidden.example.test": ["A 192.0.2.7"]}),
        "dns.system",
        "nsswitch",
    ),
    "a name that leads to the metadata service": (
        named("meta.example.test", {"meta.example.test": ["A 169.254.169.254"]}),
        "dns.not-allowed",
        "internal",
    ),
    # The connection
    "a closed port": (at_port(refusing_port), "connect.refused", "nothing listens"),
    "a firewall": (at_port(silent_port), "connect.timeout", "firewall"),
    "one of two addresses": (
        smtp(
            {"host": "two.example.test", "servername": "localhost"},
            {"two.example.test": ["A 127.0.0.1", "A 127.0.0.2"]},
        ),
        "connect.address",
        r"127\.0\.0\.2",
    ),
    # TLS
    "an expired certificate": (smtp(certificate="expired"), "tls.expired", "Renew"),
    "an expired one from the first byte": (
        smtp(IMPLICIT, tls="implicit", certificate="expired"),
        "tls.expired",
        "expired on 20",
    ),
    "a certificate that ends soon": (certified(ends=12), "tls.expires-soon", "1[12] days"),
    "a certificate of tomorrow": (certified(begins=1), "tls.not-yet-valid", "clock"),
    "a certificate for another name": (
        smtp(certificate="other-host"),
        "tls.name",
        r"other\.example\.test, not 127",
    ),
    "a self-signed certificate": (
        smtp({"host": "localhost"}, certificate="self-signed"),
        "tls.self-signed",
        r"tls\.ca",
    ),
    "an unknown authority": (smtp(certificate="unknown-authority"), "tls.issuer", r"tls\.ca"),
    "a missing intermediate": (certified(chain=False), "tls.chain", "whole chain"),
    "TLS 1.1 alone": (certified(old=True), "tls.version", "TLS 1.2"),
    "TLS where there is none": (smtp(IMPLICIT), "tls.plaintext", "STARTTLS"),
    "STARTTLS where TLS comes first": (
        smtp(tls="implicit"),
        "smtp.tls-first",
        "secure to true",
    ),
    "no STARTTLS": (smtp(tls=None), "tls.not-offered", "465"),
    "STARTTLS rejected": (answering("starttls", reply("454 later")), "tls.starttls", "454 later"),
    "no verification": (
        smtp({"tls": {"rejectUnauthorized": False}}, certificate="self-signed"),
        "tls.unverified",
        "not verified",
    ),
    # SMTP
    "a server that is mute": (at_port(silent_server), "smtp.silent", "says nothing"),
    "another protocol": (at_port(garbage), "smtp.garbage", "does not speak SMTP"),
    "a busy server": (
        answering("greeting", reply("421 4.3.2 too busy")),
        "smtp.unavailable",
        "too busy",
    ),
    "a server that knows this machine": (
        answering("greeting", reply("554 5.7.1 blocked")),
        "smtp.rejected",
        "blocked",
    ),
    "a server that hangs up": (answering("greeting", "close"), "smtp.silent", "closes"),
    "EHLO rejected": (answering("ehlo", reply("550 bad name")), "smtp.ehlo", "EHLO"),
    # The account
    "a wrong password": (
        smtp({"auth": {"user": "ada", "pass": "wrong"}}),
        "auth.rejected",
        "password",
    ),
    "no authentication offered": (smtp(auth=None), "auth.not-offered", "AUTH"),
    "authentication required": (
        smtp({"auth": None}),
        "auth.required",
        r"auth\.user",
    ),
    "a rejected sender": (
        answering("mail", reply("550 5.7.1 not your address")),
        "sender.rejected",
        "fromEmail",
    ),
    "a rejected recipient": (
        answering("rcpt", reply("550 5.1.1 no such user")),
        "recipient.rejected",
        "no such user",
    ),
    "greylisting": (
        answering("rcpt", reply("450 4.2.0 greylisted")),
        "recipient.later",
        "greylisting",
    ),
    "no relay": (
        answering("rcpt", reply("554 5.7.1 relay access denied")),
        "recipient.relay",
        "relay",
    ),
    # HTTP
    "HTTP 401": (http(Answer(401)), "auth.rejected", "credentials"),
    "HTTP 403": (http(Answer(403)), "auth.rejected", "credentials"),
    "HTTP 404": (http(Answer(404)), "auth.failed", "endpoint"),
    "a redirect": (http(Answer(308, b"", {"Location": "/"})), "auth.failed", "endpoint"),
    "a key without the right": (
        http(Answer.json({"scopes": ["stats.read"]})),
        "auth.not-allowed",
        "Mail Send",
    ),
    "a clock that is ahead": (http(off=3600), "clock.skewed", "ahead"),
    "a clock that is behind": (http(off=-120), "clock.skewed", "behind"),
    # The settings
    "a variable that is not set": (
        with_settings("sendgrid", {"apiKey": "${NOT_SET_ANYWHERE}", "fromEmail": "a@example.com"}),
        "settings.E0",
        "NOT_SET_ANYWHERE",
    ),
    "a placeholder": (
        with_settings(
            "sendgrid",
            {
                "apiKey": "<your-api-key>",
                "fromEmail": "a@example.com",
                "endpoint": "http://127.0.0.1:9",
            },
        ),
        "settings.placeholder",
        "apiKey",
    ),
    # The sender
    "a sender whose domain does not exist": (
        smtp({"fromEmail": "a@nowhere.example.net"}),
        "domain.missing",
        "spelling",
    ),
    "a sender at somebody else's domain": (
        smtp({"fromEmail": "a@gmail.com"}),
        "domain.others",
        "domain of your own",
    ),
    "no SPF record": (
        smtp(records={"example.com": ["MX 10 mx.example.com."]}),
        "spf.missing",
        "Create",
    ),
    "no DMARC record": (
        smtp(records={"_dmarc.example.com": ["TXT nothing"]}),
        "dmarc.missing",
        "DMARC",
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_set_up_gives_no_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(HEALTHY[name], monkeypatch)
    assert [one for one in found if one.result != "ok"] == []
    assert {"settings.ok", "connect.ok", "auth.ok", "spf.ok"} <= {one.id for one in found}


@pytest.mark.parametrize("name", FAULTS)
def test_the_cause_is_named_once_with_its_remedy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, expected, words = FAULTS[name]
    found = examined(made, monkeypatch)
    wrong = [one for one in found if one.result in {"warning", "error"}]
    assert [one.id[: len(expected)] for one in wrong] == [expected], found
    (fault,) = wrong
    assert re.search(words, f"{fault.evidence} {fault.remedy}"), fault
    assert fault.remedy
    # Nothing says that the same thing works.
    works = {one.subject for one in found if one.result == "ok"}
    assert fault.result == "warning" or fault.subject not in works


@pytest.mark.parametrize("status", [407, None])
def test_a_proxy_that_does_not_work_is_named(
    status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(Answer(status or 200)) as server, refusing_port() as closed:
        port = server.port if status else closed
        monkeypatch.setenv("HTTPS_PROXY", f"http://u:canary@127.0.0.1:{port}")
        found = examined(behind_proxy(), monkeypatch)
    wrong = [one for one in found if one.result in {"warning", "error"}]
    assert [one.id for one in wrong] == ["auth.failed" if status else "connect.refused"]
    assert "proxy" in wrong[0].remedy.lower() or "HTTPS_PROXY" in wrong[0].remedy
    assert "canary" not in repr(found)


def test_each_text_is_said_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a closed port", "an expired certificate", "a misspelt provider"):
        (fault,) = [one for one in examined(FAULTS[name][0], monkeypatch) if one.result == "error"]
        for text in (fault.evidence, fault.remedy):
            said: Any = translated(text, "zh-CN")
            assert said != text


def test_a_connector_that_is_slow_takes_no_time_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with at_port(silent_server)() as slow, http()() as quick:
        host = Host()
        connectors = tuple(host.configure(one.connector, one.settings) for one in (slow, quick))
        application = Application(connectors=connectors, policy=Policy())
        # Less than the silent server is given, and more than the other needs.
        wishes = Wishes(senders=False, seconds=0.9)
        found = asyncio.run(collected(application, wishes))
    by_name = {one.connector: one.id for one in found if one.id in {"time.over", "auth.ok"}}
    assert by_name == {"smtp": "time.over", "sendgrid": "auth.ok"}


async def collected(application: Application, wishes: Wishes) -> list[Diagnosis]:
    return [one async for one in diagnose(application, wishes)]


def test_a_name_server_that_is_silent_is_asked_one_question() -> None:
    async def run() -> set[str]:
        async with serving({name: ["SILENT"] for name in "abcde"}) as (server, resolver):
            dead = Names(resolver)
            for name in "abcde":
                with pytest.raises(names.NoAnswerError, match="no answer within"):
                    await dead.texts(name)
            return set(server.asked)

    assert asyncio.run(run()) == {"TXT a"}


def test_a_connector_of_others_gets_the_way_and_the_sender_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @attrs.frozen(kw_only=True)
    class AcmeConfig(SenderConfig):
        public_url: ClassVar[str] = "https://api.acme.example.test"

    class Acme:
        @hookimpl
        def connector_info(self) -> ConnectorInfo:
            texts = {"en": "Acme"}
            return ConnectorInfo(id="acme", name=texts, description=texts, config_class=AcmeConfig)

        @hookimpl
        def parse_config(self, settings: Any) -> AcmeConfig:
            return parse(AcmeConfig, settings)

        @hookimpl
        async def send_mail(self) -> Receipt:
            raise AssertionError("an email is sent")

    found = examined(
        with_settings("acme", {"fromEmail": "no-reply@example.com"}, plugin=Acme()), monkeypatch
    )
    assert [(one.id, one.result) for one in found] == [
        ("settings.ok", "ok"),
        ("dns.missing", "error"),
        ("check.skipped", "skipped"),
        ("domain.ok", "ok"),
        ("spf.ok", "ok"),
        ("dmarc.ok", "ok"),
    ]


def test_an_examination_may_be_stopped_early() -> None:
    async def run() -> int:
        with at_port(silent_server)() as world:
            connector = Host().configure(world.connector, world.settings)
            async with aclosing(diagnose(connector)) as found:
                await anext(found)
            return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


def test_a_config_whose_servers_raise_is_a_defect_and_the_sender_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("passpost_smtp.config.SmtpConfig.servers", property(raises))
    found = examined(smtp(), monkeypatch)
    assert {"check.defect", "spf.ok"} <= {one.id for one in found}


def test_a_dead_network_is_asked_once_and_each_step_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = {name: ["SILENT"] for name in (*DOMAIN, "mute.example.test")}
    found = examined(named("mute.example.test", records), monkeypatch)
    assert [one.id for one in found if one.result == "error"] == ["dns.unanswered"]
    skipped = {one.id: one.evidence for one in found if one.result == "skipped"}
    assert set(skipped) == {
        "check.skipped",
        "domain.unanswered",
        "spf.unanswered",
        "dmarc.unanswered",
    }
    assert all(skipped.values())
