from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from pytest_passpost import Answer, Fault, HttpStandIn, ReadableMail, Refused, Request, StandIn

KEY = "key"


class Acme(HttpStandIn):
    @property
    def settings(self) -> Mapping[str, Any]:
        return {"endpoint": self.server.url, "apiKey": KEY}

    wrong_settings = None

    def admit(self, request: Request) -> None:
        if request.header("authorization") != KEY:
            raise Refused(Answer(401))

    def take(self, request: Request) -> tuple[ReadableMail | None, Answer]:
        if request.method == "GET":
            return None, Answer.json({"account": 1})
        if request.body == b"bad":
            raise Refused(Answer(422))
        mail = ReadableMail(sender="a@example.com", recipient="b@example.com", subject="c")
        return mail, Answer(202)


@pytest.fixture
def acme() -> Iterator[Acme]:
    with Acme() as stand_in:
        yield stand_in


def ask(acme: Acme, method: str = "POST", *, key: str = KEY, body: bytes = b"") -> int:
    with httpx.Client(trust_env=False) as http:
        headers = {"authorization": key}
        return http.request(method, acme.server.url, headers=headers, content=body).status_code


def test_it_follows_the_protocol(acme: Acme) -> None:
    assert isinstance(acme, StandIn)
    assert repr(acme).endswith("Acme, 0 emails>")


def test_it_keeps_what_it_accepts_alone(acme: Acme) -> None:
    assert [ask(acme), ask(acme, "GET"), ask(acme, body=b"bad"), ask(acme, key="x")] == [
        202, 200, 422, 401,
    ]  # fmt: skip
    assert [mail.subject for mail in acme.received] == ["c"]


def test_it_refuses_what_it_is_told_to_and_only_what_is_authentic(acme: Acme) -> None:
    acme.refuse_with(Answer(429), times=2)
    acme.refuse_with(Answer(503))
    assert ask(acme, key="x") == 401
    assert ask(acme, "GET") == 200
    assert [ask(acme) for _ in range(4)] == [429, 429, 503, 202]
    assert len(acme.received) == 1


def test_it_breaks_as_it_is_told_to(acme: Acme) -> None:
    acme.break_with(Fault("answer", "close"))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(acme)
    assert ask(acme) == 202


def test_it_notes_what_it_refused_by_its_own_rules(acme: Acme) -> None:
    acme.refuse_with(Answer(429))
    for key in (KEY, "x", KEY):
        ask(acme, key=key)
    ask(acme, body=b"bad")
    assert acme.violations == ("POST /: HTTP status 401", "POST /: HTTP status 422")


def test_it_remembers_the_tokens_that_it_issues(acme: Acme) -> None:
    tokens = (acme.issue_token(), acme.issue_token())
    assert acme.issued == tokens
    assert len(set(tokens)) == 2
