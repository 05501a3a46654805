"""The console as an ASGI application."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import passpost
from passpost._plugins.defects import describe_defect
from passpost_console.gate import Gate
from passpost_console.inbox.api import PATH, Api
from passpost_console.language import language_of
from passpost_console.pages import PAGES, failures
from passpost_console.pages.entering import entering
from passpost_console.pages.inbox import inbox_pages
from passpost_console.rendering import STATIC
from passpost_console.security import LOOPBACK, Hosts, Rejected, check_request, protecting
from passpost_console.visit import Page, Visit
from passpost_console.workspace import Workspace

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from passpost_console.inbox.service import Inbox

log: Final = logging.getLogger("passpost.console")

Allow = Callable[["Scope"], bool | Awaitable[bool]]
"""Decides from the ASGI scope of a request whether it may enter."""

_MAX_BODY: Final = 4 << 20
_MAX_FIELDS: Final = 2_000

EMPTY: Final[Mapping[str, ASGIApp]] = MappingProxyType({})


class Site:
    """The pages of one site, and who may enter: what console and inbox have in common.

    Args:
        pages: The pages.
        allow: Decides who may enter.
        hosts: The hostnames under which it answers.
        name: What the head of each page calls it.
        workspace: The settings file, where there is one.
        inbox: The development inbox, likewise.
        apis: What programs ask, by path; they decide on their own who may.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that sites differ in
        self,
        pages: tuple[Page, ...],
        *,
        allow: Allow,
        hosts: Iterable[str] | Hosts = LOOPBACK,
        name: str = "",
        workspace: Workspace | None = None,
        inbox: Inbox | None = None,
        apis: Mapping[str, ASGIApp] = EMPTY,
    ) -> None:
        self._pages = pages
        self._name = name
        self._workspace = workspace
        self._inbox = inbox
        self._apis = dict(apis)
        self._hosts = hosts if isinstance(hosts, Hosts) else Hosts(hosts)
        self._allow = allow
        self._gate = allow if isinstance(allow, Gate) else None
        self._app = self._built()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, protecting(send, scope))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        try:
            check_request(scope, self._hosts, programs=tuple(self._apis))
        except Rejected as rejected:
            visit = self._visit(Request(scope, receive))
            app = failures.rejected(visit, rejected)
        # Somebody who leaves while sending a request is not an error.
        with suppress(ClientDisconnect):
            await app(scope, receive, send)

    def _built(self) -> Starlette:
        own = entering(self._gate) if self._gate is not None else ()
        return Starlette(
            routes=[
                Mount("/static", StaticFiles(directory=STATIC)),
                *(self._route(page, is_open=True) for page in own),
                *(self._route(page) for page in self._pages),
                *(Mount(path, api) for path, api in self._apis.items()),
            ],
            middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=_MAX_BODY)],
            exception_handlers={HTTPException: self._failed},
        )

    def _route(self, page: Page, *, is_open: bool = False) -> Route:
        methods = ["GET", "POST"] if page.posts else ["GET"]
        endpoint = partial(self._serve, page, is_open)
        return Route(page.path, endpoint, methods=methods)

    async def _serve(self, page: Page, is_open: bool, request: Request) -> Response:
        if not is_open and not await self._is_allowed(request.scope):
            return failures.closed(self._visit(request), self._gate)
        visit = self._visit(request)
        if request.method == "POST":
            sent = await request.form(max_files=0, max_fields=_MAX_FIELDS, max_part_size=_MAX_BODY)
            visit = self._visit(request, {k: v for k, v in sent.items() if isinstance(v, str)})
        try:
            return await run_in_threadpool(page.answer, visit)
        # The server would log the exception with its text, which may quote the settings.
        except Exception as error:  # noqa: BLE001
            what = describe_defect(error)
        log.error("the console failed at %s: %s", page.path, what)
        return failures.failed(visit, 500)

    async def _is_allowed(self, scope: Scope) -> bool:
        allowed = self._allow(scope)
        return bool(await allowed if inspect.isawaitable(allowed) else allowed)

    def _visit(self, request: Request, form: dict[str, str] | None = None) -> Visit:
        return Visit(
            request,
            self._pages,
            language_of(request),
            form or {},
            name=self._name,
            settings=self._workspace,
            inbox=self._inbox,
            entered=self._gate is not None and self._gate(request.scope),
        )

    async def _failed(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return failures.failed(self._visit(request), status)


class Console(Site):
    """The console of a settings file, to mount in an application or to run on its own.

    It answers HTTP requests at any root path, and rejects WebSockets.

    Args:
        path: The settings file of an application. It need not exist yet.
        allow: Decides who may enter: called with the ASGI scope of each request, it returns a
            boolean, or an awaitable of one. There is no default, since the console changes
            settings.
        hosts: The hostnames under which it answers, such as ``admin.example.com`` or
            ``admin.example.com:8443``; this machine's own by default.
        host: Where connectors are looked up; a new `passpost.Host` by default.
        log: The log of the application's deliveries: a JSON document in each line.
        inbox: A development inbox that runs; its pages are here, too.
    """

    def __init__(  # noqa: PLR0913 - most have defaults
        self,
        path: str | os.PathLike[str],
        *,
        allow: Allow,
        hosts: Iterable[str] | Hosts = LOOPBACK,
        host: passpost.Host | None = None,
        log: str | os.PathLike[str] | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self.workspace = Workspace(path, host or passpost.Host(), log)
        pages = PAGES if inbox is None else (*PAGES, *inbox_pages(inbox))
        super().__init__(
            pages,
            allow=allow,
            hosts=hosts,
            name=self.workspace.path.name,
            workspace=self.workspace,
            inbox=inbox,
            apis={PATH: Api(inbox)} if inbox is not None else EMPTY,
        )
