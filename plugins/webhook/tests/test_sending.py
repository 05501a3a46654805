from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
import standardwebhooks

import passpost
from passpost import Address, ConfigError, Host, Mail, Receipt, SendError
from passpost.config import form_fields, placeholders, warnings
from passpost_webhook import hooks
from passpost_webhook_stand_in.server import OTHER_SECRET, PATH, SECRET, StandIn
from pytest_passpost import Answer, HttpServer

pytestmark = pytest.mark.anyio


async def attempt(config: Any, mail: Mail) -> Receipt | SendError:
    async with hooks.open_session(config) as session:
        try:
            return await hooks.send_mail(config, session, mail)
        except SendError as error:
            return error


async def refused(config: Any, mail: Mail) -> SendError:
    result = await attempt(config, mail)
    assert isinstance(result, SendError)
    return result


async def test_a_mail_is_handed_over(service: StandIn, configure: Any, make_mail: Any) -> None:
    payload = MappingProxyType({"code": "123456", "user": {"name": "Zoë", "list": [1, None]}})
    sent = make_mail(to=Address("ada@邮件.example"), payload=payload, idempotency_key="k 1")
    receipt = await attempt(configure(), sent)
    mail: Any = service.received[0]
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == mail.id
    assert mail.document == {
        "usage": "SignIn",
        "to": "ada@xn--5nq051n.example",
        "locale": "zh-CN",
        "payload": {"code": "123456", "user": {"name": "Zoë", "list": [1, None]}},
        "messageId": "<0123456789abcdef@localhost>",
        "timestamp": "2026-01-02T03:04:05.678+00:00",
        "idempotencyKey": "k 1",
    }


async def test_the_reference_library_accepts_a_request(
    service: StandIn, configure: Any, make_mail: Any
) -> None:
    await attempt(configure(secret=OTHER_SECRET, previousSecret=SECRET), make_mail())
    assert len(service.received) == 1
    (request,) = service.server.requests
    for secret in (SECRET, OTHER_SECRET):
        theirs = standardwebhooks.Webhook(secret)
        assert theirs.verify(request.body, dict(request.headers)) == request.json()


async def test_a_repetition_is_recognised(service: StandIn, configure: Any, make_mail: Any) -> None:
    first = await attempt(configure(), make_mail())
    again = await attempt(configure(), make_mail())
    other = await attempt(configure(), make_mail(message_id="<other@localhost>"))
    assert len(service.received) == 2
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert isinstance(other, Receipt)
    assert first.provider_id == again.provider_id != other.provider_id


def test_the_same_idempotency_key_is_the_same_mail(service: StandIn) -> None:
    host = Host(environ={})
    host.register(hooks)
    message = passpost.Message(to="ada@example.com", usage="SignIn", idempotency_key="k")
    with passpost.Mailer(host.configure("webhook", service.settings)) as mailer:
        mailer.send(message)
        mailer.send(message)
    assert len(service.server.requests) == 2
    assert len(service.received) == 1


@pytest.mark.parametrize(
    ("status", "outcome", "scope", "temporary"),
    [
        (301, "rejected", "account", False),
        (308, "rejected", "account", False),
        (400, "rejected", "message", False),
        (401, "rejected", "account", False),
        (403, "rejected", "account", False),
        (302, "unknown", "account", False),
        (303, "unknown", "account", False),
        (307, "rejected", "account", False),
        (404, "rejected", "account", False),
        (405, "rejected", "account", False),
        (408, "rejected", "provider", True),
        (410, "rejected", "account", False),
        (413, "rejected", "message", False),
        (415, "rejected", "provider", False),
        (422, "rejected", "message", False),
        (429, "rejected", "provider", True),
        (500, "unknown", "provider", True),
        (502, "unknown", "provider", True),
        (503, "rejected", "provider", True),
        (504, "unknown", "provider", True),
    ],
)
async def test_statuses(
    service: StandIn,
    configure: Any,
    make_mail: Any,
    status: int,
    outcome: str,
    scope: str,
    *,
    temporary: bool,
) -> None:
    headers = {"Retry-After": "7", "Location": "https://example.com/"}
    service.refuse(status, headers=headers)
    error = await refused(configure(), make_mail())
    assert (error.outcome, error.scope, error.temporary) == (outcome, scope, temporary)
    assert error.retry_after == (7 if temporary else None)
    assert error.hint
    assert service.received == ()


@pytest.mark.parametrize(
    ("answer", "provider_id"),
    [
        (Answer(204), None),
        (Answer(200), None),
        (Answer(200, b"null"), None),
        (Answer.json({"ok": True}), None),
        (Answer.json({"error": None, "errors": []}), None),
        (Answer.json({"id": "a1"}, 201), "a1"),
        (Answer.json({"id": 7}, 202), "7"),
        (Answer.json({"id": "a\nb"}, 202), None),
    ],
)
async def test_what_is_an_acceptance(
    configure: Any, make_mail: Any, answer: Answer, provider_id: str | None
) -> None:
    with HttpServer(answer) as server:
        receipt = await attempt(configure(url=server.url), make_mail())
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == provider_id
    assert server.requests[0].target == "/"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please sign in</html>",
        b"ok",
        b"\xff",
        b"x" * 70_000,
        b"NaN",
        b'{"id": Infinity}',
        b"false",
        b'{"error": "no such user"}',
        b'{"errors": [{"code": 7}]}',
    ],
)
async def test_what_is_none(configure: Any, make_mail: Any, body: bytes) -> None:
    with HttpServer(Answer(200, body)) as server:
        error = await refused(configure(url=server.url), make_mail())
    assert (error.outcome, error.scope, error.temporary) == ("unknown", "provider", False)


@pytest.mark.parametrize("key", ["secret", "previousSecret"])
def test_a_placeholder_signs_nothing(configure: Any, key: str) -> None:
    with pytest.raises(SendError, match="placeholder") as caught:
        hooks.open_session(configure(**{key: "<your-secret>"}))
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "account")


def test_settings() -> None:
    with pytest.raises(ConfigError) as caught:
        hooks.parse_config({"url": "http://example.com", "secret": "x", "templates": []})
    assert {p.path for p in caught.value.problems} == {"url", "secret", "templates"}
    same = hooks.parse_config(
        {"url": "https://a.example", "secret": SECRET, "previousSecret": SECRET}
    )
    assert [problem.path for problem in warnings(same)] == ["previousSecret"]
    widgets = {one.key: one.widget for one in form_fields(type(same))}
    assert (widgets["secret"], widgets["previousSecret"]) == ("password", "password")


def test_the_preset() -> None:
    (preset,) = hooks.connector_info().presets
    config = hooks.parse_config(preset.settings)
    assert [problem.path for problem in placeholders(config)] == ["url", "secret"]


def test_where_requests_go(configure: Any) -> None:
    assert (
        configure(url=f"https://mail.example.com{PATH}").url
        == "https://mail.example.com/hooks/mail"
    )
