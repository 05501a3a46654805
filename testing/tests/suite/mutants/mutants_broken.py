"""Mutants that fail wrongly, over HTTP and elsewhere, or tell what is secret."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
from acme import Acme, AcmeConfig
from mutant import caught_by, late
from others import Tokens

from passpost import Mail, Receipt, SendError
from passpost.config import field
from passpost.http import Answer
from passpost.wire import about_to_send

# Faults.


@caught_by("test_connection_refused")
class CallsEverythingUnknown(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError as error:
            error.outcome = "unknown"
            raise


@caught_by("test_break_on_connecting")
class SwallowsErrors(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError:
            return Receipt()


@caught_by("test_break_on_the_way")
class BlamesTheRecipient(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError as error:
            error.scope = "recipient"
            raise


@caught_by("test_break_after_it_was_taken")
class CallsABreakRejected(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError as error:
            error.outcome = "rejected"
            raise


@caught_by("test_close_after_it_was_taken")
class CallsACloseRejected(CallsABreakRejected):
    pass


class MarksTooLate(Acme):
    """Tells the client that this sends nothing, and marks it itself, later."""

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        answer: Answer = await session.post_json(
            self.path, self.document(config, mail), self.headers(config), mail, is_email=False
        )
        self.mark()
        return answer

    def mark(self) -> None:
        about_to_send()


@caught_by("test_mark_is_not_too_late")
class MarksTheResponse(MarksTooLate):
    pass


@caught_by("test_crash_at_any_step")
class CrashesBeforeItMarks(MarksTooLate):
    pass


@caught_by("test_mark_of_each_email")
class MarksOneEmail(MarksTooLate):
    marked = False

    def mark(self) -> None:
        if not self.marked:
            self.marked = True
            super().mark()


@caught_by("test_silence")
class HasNoTimeout(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        return await super().post(config, session, attrs.evolve(mail, deadline=None))


@attrs.frozen(kw_only=True)
class Patient(AcmeConfig):
    read_timeout: int = field(default=500)
    total_timeout: int = field(default=600_000)


@caught_by("test_slowness")
class HasATimeoutAndNoDeadline(HasNoTimeout):
    config_class = Patient


@caught_by("test_silence")
class RaisesItsTimeout(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        async with asyncio.timeout((mail.seconds_left() or 0) / 2):
            return await super().post(config, session, mail)


@caught_by("test_name_not_found")
class GivesUpOnANameThatIsNotFound(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError as error:
            error.temporary = "name" not in str(error)
            raise


@caught_by("test_answer_comes_twice")
class KeepsWhatCameTooMuch(Acme):
    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        yield []

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        if not session:
            port = str(config.endpoint).rpartition(":")[2]
            session += await asyncio.open_connection("127.0.0.1", int(port))
        reader, writer = session
        body = json.dumps(self.document(config, mail)).encode()
        lines = [f"{name}: {value}" for name, value in self.headers(config).items()]
        lines += ["host: a", f"content-length: {len(body)}"]
        writer.write("\r\n".join([f"POST {self.path} HTTP/1.1", *lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        return Answer(int(head[9:12]), {}, await reader.readexactly(length))


@caught_by("test_no_hidden_retries")
class TriesAgain(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError:
            return await super().send(config, session, mail)


@caught_by("test_wrong_credentials")
class CallsEverythingTemporary(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.temporary = True  # type: ignore[attr-defined]  # it is a SendError
        return error


@caught_by("test_wrong_credentials")
class HasAScopeOfItsOwn(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.scope = "credentials"  # type: ignore[attr-defined]  # it is a SendError
        return error


@caught_by("test_refusal[throttled]")
class DoesNotKnowThrottling(Acme):
    def refusal(self, answer: Answer) -> Exception:
        return answer.refusal("Acme")


@caught_by("test_garbage_on_the_wire")
class RaisesWhatItGot(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        async with httpx.AsyncClient() as client:
            body = self.document(config, mail)
            url = f"{config.endpoint}{self.path}"
            response = await client.post(url, json=body, headers=self.headers(config))
            return Answer(response.status_code, response.headers, response.content)


# HTTP.


@caught_by("test_http_status[429]")
class CallsThrottlingPermanent(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.temporary = answer.status > 500  # type: ignore[attr-defined]
        return error


@caught_by("test_http_status[400]")
class IgnoresTheStatus(Acme):
    def judged(self, answer: Answer) -> Receipt:
        return Receipt()


@caught_by("test_http_status[502]")
class CallsAGatewayRejected(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.outcome = "rejected"  # type: ignore[attr-defined]  # it is a SendError
        return error


@caught_by("test_http_retry_after")
class IgnoresRetryAfter(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.retry_after = None  # type: ignore[attr-defined]  # it is a SendError
        return error


@caught_by("test_http_retry_after_of_no_use")
class TrustsRetryAfter(Acme):
    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.retry_after = float(answer.headers.get("retry-after", 0))  # type: ignore[attr-defined]  # likewise
        return error


@caught_by("test_http_garbage")
class TakesGarbageForSuccess(Acme):
    def judged(self, answer: Answer) -> Receipt:
        return Receipt() if answer.is_success else super().judged(answer)


class Lax(Acme):
    """Acme on an HTTP client of its own, which may do too much."""

    options: Mapping[str, Any] = {"follow_redirects": False}

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        async with httpx.AsyncClient(**self.options) as client:
            body = self.document(config, mail)
            url = f"{config.endpoint}{self.path}"
            try:
                response = await client.post(url, json=body, headers=self.headers(config))
            except httpx.HTTPError as error:
                raise late("rejected", "network") from error
            return Answer(response.status_code, response.headers, response.content)


@caught_by("test_http_redirect")
class FollowsRedirects(Lax):
    options = {"follow_redirects": True}  # noqa: RUF012 - nobody changes it


@caught_by("test_http_huge_answer")
class ReadsAnyAnswer(Lax):
    pass


@caught_by("test_http_tls[self-signed]")
class TrustsAnybody(Lax):
    options = {"verify": False}  # noqa: RUF012 - nobody changes it


@caught_by("test_http_tls[other-host]")
class IgnoresTheHostName(Lax):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        context.check_hostname = False
        self.options = {"verify": context}
        return await super().post(config, session, mail)


@caught_by("test_http_tls_garbage")
class CallsBrokenTlsUnknown(CallsEverythingUnknown):
    pass


@caught_by("test_http_no_hidden_retries")
class TriesAgainOnAnError(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        answer = await super().post(config, session, mail)
        return answer if answer.is_success else await super().post(config, session, mail)


@caught_by("test_http_url_holds_no_secret")
class PutsItsKeyIntoTheUrl(Acme):
    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        self.path = f"/mails?key={config.api_key.reveal()}"
        return await super().post(config, session, mail)


# Secrets.


@caught_by("test_http_echo")
class LogsWhatTheProviderSays(Acme):
    def refusal(self, answer: Answer) -> Exception:
        logging.getLogger("passpost_acme").info("Acme: %s", answer.document().get("message"))
        return super().refusal(answer)


@caught_by("test_logs_hide_secrets[accepted]")
class LogsItsKey(Acme):
    def headers(self, config: Any) -> dict[str, str]:
        headers = super().headers(config)
        logging.getLogger("acme").debug("sending %s", headers)
        return headers


@caught_by("test_logs_hide_secrets[accepted]")
class LogsTheCodeInBase64(Acme):
    def text(self, mail: Mail) -> str | None:
        encoded = b64encode((mail.text or "").encode())
        logging.getLogger("acme").debug("body %s", encoded)
        return mail.text


@caught_by("test_logs_hide_secrets[accepted]")
class PrintsTheMail(Acme):
    def text(self, mail: Mail) -> str | None:
        print(mail.text)  # noqa: T201 - the mutation
        return mail.text


@caught_by("test_errors_hide_secrets[refused]")
class QuotesItsKey(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError:
            text = f"{config.api_key.reveal()} is refused"
        raise SendError(text, outcome="rejected", scope="account", hint="Look.")


@caught_by("test_errors_hide_secrets[broken]")
class KeepsTheRequestAsItsCause(Acme):
    async def send(self, config: Any, session: Any, mail: Mail) -> Receipt:
        try:
            return await super().send(config, session, mail)
        except SendError as error:
            raise late() from ValueError(str(mail.payload), error)


@caught_by("test_session_hides_secrets")
class HasATalkativeSession(Acme):
    @asynccontextmanager
    async def session(self, config: Any) -> AsyncIterator[Any]:
        class Session:
            def __getattr__(self, name: str) -> Any:
                return getattr(client, name)

            def __repr__(self) -> str:
                return f"Session({config.api_key.reveal()})"

        async with self.client(config) as client:
            yield Session()


@caught_by("test_http_tokens_are_hidden")
class ForgetsToRegisterItsToken(Tokens):
    def registered(self, register_secret: Any) -> Any:
        return lambda token: None
