"""An HTTP/1.1 connection on a channel, with the faults of a script in it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

import attrs
import h11

from pytest_passpost.servers.http.messages import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_passpost.servers.actions import Action
    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.faults import Phase, Script

_WITHOUT_BODY: Final = (204, 304)


@attrs.define
class Conversation:
    """One connection after TLS is up, if it comes up, to its last octet.

    Attributes:
        channel: The connection.
        number: Its number.
        script: What goes wrong on it.
        record: Notes a request.
        handle: Gives the answer to a request.
        http: What is known of the protocol's state.
    """

    channel: Channel
    number: int
    script: Script
    record: Callable[[Request], None]
    handle: Callable[[Request], Awaitable[Answer]]
    http: h11.Connection = attrs.field(factory=lambda: h11.Connection(h11.SERVER), init=False)

    async def run(self) -> None:
        """Answer requests until one side has enough.

        Raises:
            OSError: The client broke off.
        """
        while (request := await self._request()) is not None:
            self.record(request)
            if not await self._strike("request") or not await self._answer(request):
                return
            if not await self._strike("idle"):
                return
            if self.http.our_state is not h11.DONE:
                break
            self.http.start_next_cycle()
        await self.channel.close()

    async def _request(self) -> Request | None:
        """Return the next request, or None where no more will come."""
        try:
            head = await self._event()
            if not isinstance(head, h11.Request):
                return None
            return _request(head, await self._body(), self.number)
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
        await self.channel.send(self._wire(Answer(status, "that is not HTTP")))
        return None

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
        return bytes(body)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self.channel.send(self.http.send(go_on) or b"")
            self.http.receive_data(await self.channel.receive())
        return cast("h11.Event | type[h11.PAUSED]", event)

    async def _answer(self, request: Request) -> bool:
        answer = await self.handle(request)
        wire = self._wire(answer, with_body=request.method != "HEAD")
        action: Action | None = answer.fault or self.script.strike("answer")
        if action is None:
            await self.channel.send(wire)
            return True
        goes_on = await action.run(self.channel, wire)
        if goes_on and not action.accepts(wire):
            # What came in place of the answer has no end that a client could know.
            await self.channel.close()
            return False
        return goes_on

    def _wire(self, answer: Answer, *, with_body: bool = True) -> bytes:
        headers = list(answer.headers.items())
        given = {name.lower() for name in answer.headers}
        if answer.status not in _WITHOUT_BODY and "content-length" not in given:
            headers.append(("Content-Length", str(len(answer.body))))
        response = h11.Response(status_code=answer.status, headers=headers, reason=_reason(answer))
        events: list[h11.Event] = [response, h11.EndOfMessage()]
        if answer.body and with_body:
            events.insert(1, h11.Data(answer.body))
        return b"".join(self.http.send(event) or b"" for event in events)

    async def _strike(self, phase: Phase) -> bool:
        action = self.script.strike(phase)
        return action is None or await action.run(self.channel, b"")


def _request(head: h11.Request, body: bytes, number: int) -> Request:
    headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers)
    return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers, body, number)


def _reason(answer: Answer) -> str:
    try:
        return HTTPStatus(answer.status).phrase
    except ValueError:
        return ""


__all__ = ["Conversation"]
