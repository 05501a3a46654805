"""Mutants that send wrongly, or look after their sessions badly."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from acme import CAPABILITIES, Acme
from mutant import caught_by, late

from passpost import Capability, Finding, Mail, Receipt, SendError
from passpost.http import Answer

# Emails that go well.


@caught_by("test_mail_arrives")
class ReturnsNothing(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Any:
        await super().send(config, session, mail)


@caught_by("test_mail_arrives")
class CountsItsIds(Acme):
    def judged(self, answer: Answer) -> Receipt:
        accepted = super().judged(answer)
        return Receipt(provider_id=len(accepted.provider_id or ""))  # type: ignore[arg-type]  # the mutation


@caught_by("test_mail_arrives")
class SendsNothing(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        return Receipt()


@caught_by("test_mail_through_the_mailer")
class NeedsALocale(Acme):
    def subject(self, mail: Mail) -> str:
        return super().subject(mail) if mail.locale else str(1 / 0)


@caught_by("test_no_second_recipient")
class GreetsWhenParsing(Acme):
    def parse(self, settings: Mapping[str, Any]) -> Any:
        config = super().parse(settings)
        if config.endpoint:
            port = int(str(config.endpoint).rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as greeting:
                greeting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                greeting.recv(1)
        return config


@caught_by("test_injection_is_refused")
class GreetsBeforeRefusing(GreetsWhenParsing):
    pass


@caught_by("test_exactly_one_recipient")
class SendsACopy(Acme):
    def recipients(self, mail: Mail) -> list[str]:
        return [mail.to.address, "archive@example.com"]


@caught_by("test_exactly_one_recipient")
class DropsTheTag(Acme):
    def recipients(self, mail: Mail) -> list[str]:
        return [mail.to.address.replace("+tag", "")]


@caught_by("test_exactly_one_recipient")
class SplitsTheRecipient(Acme):
    def recipients(self, mail: Mail) -> list[str]:
        return mail.to.address.replace("%", "@example.com ").split()


@caught_by("test_subject_to_the_letter[percent]")
class DecodesTheSubject(Acme):
    def subject(self, mail: Mail) -> str:
        return unquote(mail.subject or "")


@caught_by("test_subject_to_the_letter[chinese]")
class SpeaksLatinOnly(Acme):
    def subject(self, mail: Mail) -> str:
        return (mail.subject or "").encode("ascii", "replace").decode()


@caught_by("test_body_to_the_letter[dots]")
class EndsAtADot(Acme):
    def text(self, mail: Mail) -> str | None:
        return mail.text and mail.text.partition("\n.\n")[0]


@caught_by("test_capability[reply_to]")
class LosesReplyTo(Acme):
    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        return {k: v for k, v in super().document(config, mail).items() if k != "reply_to"}


@caught_by("test_capability[message_id]")
class ClaimsMessageId(Acme):
    capabilities = CAPABILITIES | {Capability.MESSAGE_ID}


@caught_by("test_capability[provider_templates]")
class LosesTheUsage(Acme):
    capabilities = frozenset({Capability.PROVIDER_TEMPLATES, Capability.CHECK_CONNECTION})

    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        hosted = {"payload": dict(mail.payload)}
        return {"to": self.recipients(mail), "from": str(config.from_email), "hosted": hosted}


@caught_by("test_capability[html]")
class LosesHtml(Acme):
    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        document = super().document(config, mail)
        html = document.pop("html", "")
        return {**document, "text": document.get("text") or html}


@caught_by("test_capability[sender]")
class IgnoresTheSender(Acme):
    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        return {**super().document(config, mail), "from": str(config.from_email)}


@caught_by("test_capability[headers]")
class LosesHeaders(Acme):
    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        return {**super().document(config, mail), "headers": {}}


@caught_by("test_capability[check_connection]")
class ChecksBySending(Acme):
    async def check(self, config: Any, session: Any) -> Sequence[Finding]:
        document = {"to": ["me@example.com"], "from": "me@example.com", "subject": "Test"}
        body = json.dumps(document).encode()
        answer = await session.post("/mails", body, self.headers(config))
        result = Finding("key", "error", "refused", "take another")
        return [Finding("key", "ok", "it works")] if answer.is_success else [result]


@caught_by("test_concurrent_sends")
class SharesItsState(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        session.mail = mail
        await asyncio.sleep(0)
        return await super().post(config, session, session.mail)


@caught_by("test_connections_are_reused")
class OpensASessionPerMail(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        async with self.client(config) as client:
            return await super().post(config, client, mail)


# Sessions.


@caught_by("test_session_is_closed[a mail]")
class NeverCloses(Acme):
    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        client = self.client(config)
        LEFT_OPEN.append(client)
        yield await client.__aenter__()


LEFT_OPEN: list[Any] = []


@caught_by("test_session_is_closed[nothing]")
class LeavesATaskBehind(Acme):
    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        LEFT_OPEN.append(asyncio.create_task(asyncio.sleep(60)))
        async with self.client(config) as client:
            yield client


@caught_by("test_session_is_closed[an error]")
class ClosesOnlyAfterSuccess(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError:
            LEFT_OPEN.append(asyncio.create_task(asyncio.sleep(60)))
            raise


@caught_by("test_session_outlives_an_error")
class GivesUpAfterAnError(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        if getattr(session, "broken", False):
            raise late("rejected")
        try:
            return await super().send(config, session, mail)
        except SendError:
            session.broken = True
            raise


@caught_by("test_sessions_are_independent")
class SharesOneClient(Acme):
    shared: Any = None

    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        if self.shared is None:
            self.shared = await self.client(config).__aenter__()
        session = self.shared
        yield session
        self.shared = None
        await session.__aexit__(None, None, None)
        session.is_shut = True

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        if getattr(session, "is_shut", False):
            raise late("rejected")
        return await super().post(config, session, mail)


@caught_by("test_cancellation")
class SwallowsCancellation(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except asyncio.CancelledError:
            raise late() from None


@caught_by("test_cancellation")
class CannotBeCancelled(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        task = asyncio.ensure_future(super().send(config, session, mail))
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                continue
        return task.result()


@caught_by("test_loop_is_not_blocked")
class BlocksTheLoop(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        body = json.dumps(self.document(config, mail)).encode()
        request = urllib.request.Request(  # noqa: S310 - a stand-in on loopback
            f"{config.endpoint}{self.path}", body, self.headers(config)
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310, ASYNC210 - the mutation
            return Answer(response.status, {}, response.read())
