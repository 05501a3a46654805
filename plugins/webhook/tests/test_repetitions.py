"""An email whose response was lost is asked for again, with the same key and body: one is sent."""

from __future__ import annotations

from typing import Any

import pytest

import passpost
from passpost_webhook import hooks
from passpost_webhook_stand_in.server import StandIn
from pytest_passpost import Answer, Fault

CODE = {"code": "123456"}
QUICK = passpost.Policy(backoff=passpost.Backoff(initial=0.01, max=0.01))


def send(service: StandIn, **settings: Any) -> passpost.Receipt | passpost.SendError:
    host = passpost.Host(environ={})
    host.register(hooks)
    connector = host.configure("webhook", {**service.settings, **settings})
    with passpost.Mailer(connector, policy=QUICK) as mailer:
        try:
            return mailer.send(passpost.Message("ada@example.com", "SignIn", CODE))
        except passpost.SendError as error:
            return error


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_lost_response_is_asked_for_again(service: StandIn, how: Any) -> None:
    service.break_with(Fault("answer", how, times=2))
    receipt = send(service, repeatableFor=3600)
    assert isinstance(receipt, passpost.Receipt)
    assert [attempt.result for attempt in receipt.attempts] == ["unknown", "unknown", "accepted"]
    mail: Any = service.received[0]
    assert len(service.received) == 1
    requests = service.server.requests
    assert {request.header("idempotency-key") for request in requests} == {mail.key}
    assert {request.header("webhook-id") for request in requests} == {f"msg_{mail.key[:32]}"}
    assert len({request.body for request in requests}) == 1
    assert len(requests) == 3


def test_a_service_that_does_not_look_at_keys_is_asked_once(service: StandIn) -> None:
    service.break_with(Fault("answer", "reset"))
    error = send(service)
    assert isinstance(error, passpost.SendError)
    assert error.outcome == "unknown"
    assert len(service.server.requests) == 1


def test_a_request_in_progress_is_waited_for(service: StandIn) -> None:
    service.refuse_with(Answer(409, headers={"Retry-After": "0"}))
    assert isinstance(send(service, repeatableFor=60), passpost.Receipt)
    service.refuse_with(Answer(409))
    error = send(service)
    assert isinstance(error, passpost.SendError)
    assert error.outcome == "rejected"


def test_no_later_answer_takes_back_what_may_have_been_sent(service: StandIn) -> None:
    # The first request was accepted, and the second one says that its key names another email.
    service.break_with(Fault("answer", "reset"))
    service.server.answer([Answer(202), Answer(422)])
    error = send(service, repeatableFor=60)
    assert isinstance(error, passpost.SendError)
    assert error.outcome == "unknown"
