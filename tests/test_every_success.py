"""No status of success is taken for a rejection, whichever connector gets it."""

from __future__ import annotations

from importlib import import_module

import pytest

import passpost
from pytest_passpost import Answer, HttpServer
from pytest_passpost.suite.instruments.pointing import pointed_at

STATUSES = (*range(200, 209), 226)
TEMPLATE = passpost.Template(
    usage_type="Generic", subject="Code", content="{{code}}", content_type="text/plain"
)
POLICY = passpost.Policy(attempts=1)


@pytest.mark.parametrize("name", ["aliyun_dm", "sendgrid", "ses", "webhook"])
@pytest.mark.parametrize("status", STATUSES)
def test_no_success_is_taken_for_a_rejection(name: str, status: int) -> None:
    # kratos#3399: the provider answered 202, the code expected 200, and six emails were sent
    host = passpost.Host(environ={})
    host.register(import_module(f"passpost_{name}.hooks"))
    answer = Answer(status) if status in {204, 205} else Answer.json({}, status)
    with (
        import_module(f"passpost_{name}_stand_in").StandIn() as stand_in,
        HttpServer(answer) as server,
    ):
        settings = pointed_at(stand_in.settings, server.port)
        connector = host.configure(name.replace("_", "-"), settings)
        with passpost.Mailer(connector, templates=[TEMPLATE], policy=POLICY) as mailer:
            message = passpost.Message("ada@example.com", "SignIn", {"code": "123456"})
            try:
                mailer.send(message)
            except passpost.SendError as error:
                assert error.outcome == "unknown"  # noqa: PT017 - or it is accepted
        assert len(server.requests) == 1
