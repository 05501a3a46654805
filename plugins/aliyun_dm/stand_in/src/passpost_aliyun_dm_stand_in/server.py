"""A server on loopback that stands in for Direct Mail: for the demonstration, and for tests.

What it accepts, the service would accept: it verifies the signature of either version, the skew of
the time, the freshness of the nonce and every parameter, and answers with the documented error
codes. It is stricter in one thing: parameters that it does not know are rejected, not ignored.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from passpost_aliyun_dm_stand_in.service import AcceptedMail, Sender, Service
from passpost_aliyun_dm_stand_in.signatures import Key
from passpost_aliyun_dm_stand_in.wire import Incoming
from pytest_passpost import Answer, HttpServer, Request, ServerStandIn

KEY_ID: Final = "LTAI5tStandInPermanent"
SECRET: Final = "StandInSecretPermanent"  # noqa: S105 - of a key that opens nothing
STS_KEY_ID: Final = "STS.StandInTemporary"
STS_SECRET: Final = "StandInSecretTemporary"  # noqa: S105 - likewise
STS_TOKEN: Final = "StandInToken/with+signs=="  # noqa: S105 - likewise
INACTIVE_KEY_ID: Final = "LTAI5tStandInInactive"

SENDER: Final = "no-reply@mail.example.com"
OTHER_SENDER: Final = "accounts@mail.example.com"
FROZEN_SENDER: Final = "frozen@mail.example.com"
BATCH_SENDER: Final = "news@mail.example.com"

Taker = Callable[[AcceptedMail, Answer], Awaitable[Answer]]

_JSON: Final = MappingProxyType({"Content-Type": "application/json;charset=utf-8"})


class StandIn(ServerStandIn[HttpServer]):
    """Direct Mail in the region ``cn-hangzhou``, on a port of 127.0.0.1.

    ::

        with StandIn() as aliyun:
            connector = host.configure("aliyun-dm", {**aliyun.settings, "templates": [...]})
            with passpost.Mailer(connector) as mailer:
                mailer.send(message)
            assert aliyun.received[0].subject == "Your code"

    Args:
        clock: Seconds since the epoch, as the service's clock has them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._service = Service(
            {
                KEY_ID: Key(SECRET),
                STS_KEY_ID: Key(STS_SECRET, STS_TOKEN),
                INACTIVE_KEY_ID: Key(SECRET, active=False),
            },
            (
                Sender(SENDER),
                Sender(OTHER_SENDER),
                Sender(FROZEN_SENDER, active=False),
                Sender(BATCH_SENDER, kind="batch"),
            ),
            clock,
        )
        self._taker: Taker | None = None
        super().__init__(HttpServer(self._answer))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, complete but for ``templates``."""
        return {
            "accessKeyId": KEY_ID,
            "accessKeySecret": SECRET,
            "accountName": SENDER,
            "fromAlias": "Example",
            "endpoint": self.server.url,
        }

    @property
    def wrong_settings(self) -> Mapping[str, Any]:
        """The same with a secret that does not belong to the key."""
        return {**self.settings, "accessKeySecret": "NotTheSecretOfThisKey"}

    @property
    def temporary_settings(self) -> Mapping[str, Any]:
        """The same with temporary credentials (STS)."""
        return {
            **self.settings,
            "accessKeyId": STS_KEY_ID,
            "accessKeySecret": STS_SECRET,
            "securityToken": STS_TOKEN,
        }

    @property
    def received(self) -> tuple[AcceptedMail, ...]:
        """The emails that were accepted so far: one for each recipient."""
        return self._service.received

    @property
    def service(self) -> Service:
        """The service behind the server: its account and what it allows."""
        return self._service

    def refuse(self, code: str, message: str = "", *, status: int = 400, times: int = 1) -> None:
        """Answer the next authentic calls with an error code.

        Args:
            code: ``Throttling.User``.
            message: What the service says about it.
            status: The HTTP status.
            times: How many calls.
        """
        self._service.refuse_next(code, message, status, times)

    def hand_over(self, taker: Taker) -> None:
        """Hand emails over to a function; see `pytest_passpost.HttpStandIn.hand_over`."""
        self._taker = taker

    def __repr__(self) -> str:
        return f"<StandIn of Direct Mail, {len(self.received)} mails>"

    def _answer(self, request: Request) -> Answer | Awaitable[Answer]:
        path, _, query = request.target.partition("?")
        headers = {name: request.header(name) or "" for name, _ in request.headers}
        answer = self._service.answer(Incoming(request.method, path, query, headers, request.body))
        response = Answer(answer.status, answer.body, _JSON)
        return response if self._taker is None else self._handed_over(self._taker, response)

    async def _handed_over(self, taker: Taker, answer: Answer) -> Answer:
        for mail in self._service.withdraw():
            answer = await taker(mail, answer)
        return answer
