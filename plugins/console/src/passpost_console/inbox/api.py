"""The inbox for programs: end-to-end tests ask it for emails, and switch faults on."""

from __future__ import annotations

import json
import re
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from passpost_console.inbox.faults import MOST_SECONDS, Fault, Kind
from passpost_console.inbox.reading import read
from passpost_console.inbox.store import Wanted

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from passpost_console.inbox.emails import Email
    from passpost_console.inbox.service import Inbox

PATH: Final = "/api"
"""The path of the API within a site."""

LONGEST_WAIT: Final = 60.0
"""Seconds that a request may wait for an email."""

_MOST: Final = 1_000
_USUAL: Final = 50
_MAX_BODY: Final = 16 << 10
_SECONDS: Final = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*(ms|s)?")
_FIELDS: Final = {"kind", "times", "seconds", "to"}
_PARAMETERS: Final = {"to", "q", "after", "before", "limit", "wait"}


class BadRequestError(Exception):
    """A request asks for something that does not exist.

    Args:
        problem: What is wrong.
    """


class Api:
    """Answers programs that have the token.

    Args:
        inbox: The inbox. Its token has to be sent as ``Authorization: Bearer TOKEN``.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._token = inbox.token.encode()
        self._app = Starlette(
            routes=[
                # Both names: the first is the documented one.
                *(Route(f"/{name}", self._emails, methods=_LIST) for name in _NAMES),
                *(Route(f"/{name}/{{id:int}}", self._email, methods=_LIST) for name in _NAMES),
                *(Route(f"/{name}/{{id:int}}/source", self._source) for name in _NAMES),
                Route("/fault", self._fault, methods=["GET", "PUT", "DELETE"]),
                Route("/settings", self._settings),
            ],
            middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=_MAX_BODY)],
            exception_handlers={HTTPException: _failed, BadRequestError: _bad_request},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the token, and no other."""
        app: ASGIApp = self._app if self._knows(Request(scope)) else _UNKNOWN
        await app(scope, receive, send)

    def _knows(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        scheme, _, token = given.partition(" ")
        return scheme.lower() == "bearer" and compare_digest(token.strip().encode(), self._token)

    async def _emails(self, request: Request) -> Response:
        wanted = _wanted(request)
        if request.method == "DELETE":
            count = await run_in_threadpool(self._inbox.emails.clear, wanted)
            return JSONResponse({"deleted": count})
        most = min(_number(request, "limit", _USUAL), _MOST)
        seconds = _wait(request.query_params.get("wait", "0"))
        if seconds:
            found = await self._inbox.emails.wait_for(wanted, seconds, most)
        else:
            found = await run_in_threadpool(self._inbox.emails.find, wanted, most)
        shown = await run_in_threadpool(lambda: [_document(one) for one in found])
        return JSONResponse({"emails": shown, "total": len(self._inbox.emails)})

    async def _email(self, request: Request) -> Response:
        email = self._found(request)
        if request.method == "DELETE":
            self._inbox.emails.delete(email.id)
            return Response(status_code=204)
        return JSONResponse(await run_in_threadpool(_whole, email))

    async def _source(self, request: Request) -> Response:
        return Response(
            self._found(request).source,
            media_type="message/rfc822",
            headers={"content-disposition": "attachment"},
        )

    async def _settings(self, request: Request) -> Response:  # noqa: ARG002 - it asks for all
        return JSONResponse({one.connector: dict(one.settings) for one in self._inbox.offers})

    async def _fault(self, request: Request) -> Response:
        if request.method != "GET":
            body = await request.body() if request.method == "PUT" else b"null"
            self._inbox.faults.switch(_read_fault(body))
        fault = self._inbox.faults.current
        return JSONResponse(_told(fault) if fault is not None else None)

    def _found(self, request: Request) -> Email:
        email = self._inbox.emails.get(request.path_params["id"])
        if email is None:
            raise HTTPException(404, "there is no such email")
        return email


_LIST: Final = ["GET", "DELETE"]
_NAMES: Final = ("emails", "mails")


def _wanted(request: Request) -> Wanted:
    given = request.query_params
    if unknown := sorted(set(given) - _PARAMETERS):
        known = ", ".join(sorted(_PARAMETERS))
        raise BadRequestError(f"unknown parameter {unknown[0]!r}; parameters are {known}")
    return Wanted(
        to=given.get("to", ""),
        words=given.get("q", ""),
        after=_number(request, "after", 0),
        before=_number(request, "before", 0) or None,
    )


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(2**53))):
        raise BadRequestError(f"{name}: not a whole number")
    return int(text)


def _wait(text: str) -> float:
    match = _SECONDS.fullmatch(text.strip())
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise BadRequestError(f"wait: a time such as 5s, at most {LONGEST_WAIT:g}s")
    return seconds


def _document(email: Email) -> dict[str, Any]:
    """Return what a test asks of an email most often."""
    reading = read(email.source)
    return {
        "id": email.id,
        "at": email.at,
        "via": email.via,
        "from": email.shown_sender,
        "to": list(email.recipients),
        "subject": email.subject,
        "code": reading.code,
        "links": list(reading.links),
        "text": reading.text,
    }


def _whole(email: Email) -> dict[str, Any]:
    reading = read(email.source)
    files = [{"name": a.name, "type": a.kind, "size": a.size} for a in reading.attachments]
    return {
        **_document(email),
        "sender": email.sender,
        "html": reading.html,
        "headers": [list(pair) for pair in reading.headers],
        "attachments": files,
        "size": len(email.source),
    }


def _read_fault(body: bytes) -> Fault | None:
    try:
        given = json.loads(body)
    # ValueError: not JSON, not UTF-8; RecursionError: too deep.
    except (ValueError, RecursionError):
        raise BadRequestError("the body is not JSON") from None
    if given is None:
        return None
    if not isinstance(given, dict) or not set(given) <= _FIELDS or "kind" not in given:
        raise BadRequestError(
            f"an object with kind, and perhaps {', '.join(sorted(_FIELDS - {'kind'}))}"
        )
    kind, times = given["kind"], given.get("times")
    seconds, to = given.get("seconds", 5), given.get("to", "")
    if kind not in [one.value for one in Kind]:
        raise BadRequestError(f"kind: one of {', '.join(one.value for one in Kind)}")
    if times is not None and (type(times) is not int or times < 1):
        raise BadRequestError("times: a whole number from 1 on, or null")
    if type(seconds) not in (int, float) or not 0 <= seconds <= MOST_SECONDS:
        raise BadRequestError(f"seconds: a number from 0 to {MOST_SECONDS:g}")
    if not isinstance(to, str):
        raise BadRequestError("to: an address")
    return Fault(Kind(kind), times, float(seconds), to)


def _told(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind.value, "times": fault.times, "seconds": fault.seconds, "to": fault.to,
    }  # fmt: skip


async def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as Starlette has it
    if not isinstance(error, HTTPException):
        return JSONResponse({"error": "the inbox failed"}, 500)
    return JSONResponse({"error": error.detail}, error.status_code)


async def _bad_request(request: Request, error: Exception) -> Response:  # noqa: ARG001 - likewise
    return JSONResponse({"error": str(error)}, 400)


_UNKNOWN: Final = JSONResponse(
    {"error": "send the token of this inbox: Authorization: Bearer TOKEN"},
    401,
    {"www-authenticate": "Bearer"},
)
