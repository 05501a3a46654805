"""An SMTP session on a channel, with the faults of a script in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pytest_passpost.servers.handshake import secured
from pytest_passpost.servers.smtp.actions import Deaf, Unread
from pytest_passpost.servers.smtp.state import Answer, Progress

if TYPE_CHECKING:
    import ssl

    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.faults import Phase, Script
    from pytest_passpost.servers.smtp.records import SmtpConnection
    from pytest_passpost.servers.smtp.session import SmtpSession


@attrs.define
class Conversation:
    """One connection from its first octet to its last.

    Each step says whether the conversation goes on.

    Attributes:
        channel: The connection.
        session: What is said on it.
        record: What is kept of it.
        script: What goes wrong on it.
        context: What TLS needs, where there is TLS.
        implicit: Whether TLS comes first.
    """

    channel: Channel
    session: SmtpSession
    record: SmtpConnection
    script: Script
    context: ssl.SSLContext | None
    implicit: bool

    async def run(self) -> None:
        """Talk until one side has enough.

        Raises:
            OSError: The client broke off, or what it sent is not TLS.
        """
        goes_on = await self._strike("connect")
        if goes_on and self.implicit:
            goes_on = await self._secure()
        if goes_on:
            goes_on = await self._reply(self.session.greeting())
        while goes_on:
            goes_on = await self._step()

    async def _step(self) -> bool:
        match self.session.due():
            case Answer() as answer:
                return await self._reply(answer)
            case Progress() as progress:
                return await self._progress(progress)
        data = await self.channel.receive()
        self.session.feed(data)
        return bool(data)

    async def _reply(self, answer: Answer) -> bool:
        self.session.feed(self.channel.poll())
        self.session.note_early(answer)
        action = self.script.strike(*answer.phases)
        done = action is None or action.accepts(answer.wire)
        if done:
            answer.commit()
        if action is None:
            await self.channel.send(answer.wire)
        elif not await action.run(self.channel, answer.wire):
            return False
        if isinstance(action, Deaf):
            self.session.drop()
        return await self._follow(answer) if done else True

    async def _follow(self, answer: Answer) -> bool:
        if answer.then == "tls":
            return await self._secure()
        if answer.then == "close":
            await self.channel.close()
            return False
        return await self._strike("idle") if answer.verb == "final" else True

    async def _progress(self, progress: Progress) -> bool:
        action = self.script.strike_body(progress.before, progress.now)
        if isinstance(action, Unread) and not self.session.disown_chunk():
            return True
        return action is None or await action.run(self.channel, b"")

    async def _strike(self, phase: Phase) -> bool:
        action = self.script.strike(phase)
        return action is None or await action.run(self.channel, b"")

    async def _secure(self) -> bool:
        if self.context is None:
            raise AssertionError("TLS without a context")
        self.session.start_over()
        self.record.tls = await secured(self.channel, self.context, self.script)
        return self.record.tls


__all__ = ["Conversation"]
