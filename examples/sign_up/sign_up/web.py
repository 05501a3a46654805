"""The web process: a page and a JSON API. ``uvicorn --factory sign_up.web:make_app``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import pydantic
from fastapi import APIRouter, Depends, FastAPI, Form, Header, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

import passpost
from passpost.stores import StoreError
from passpost_outbox import Outbox
from sign_up.settings import FILE, STATE, make_engine
from sign_up.sign_ups import Sender, SignUps, TooManyError, WrongCodeError

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LONGEST: Final = 320
"""Characters of an address."""

pages = Jinja2Templates(Path(__file__).parent)
routes = APIRouter()


class NewSignUp(pydantic.BaseModel):
    """The body of a request for a code."""

    email: Annotated[str, pydantic.Field(max_length=LONGEST)]


class Confirmation(pydantic.BaseModel):
    """The body of a request that confirms an address."""

    code: Annotated[str, pydantic.Field(max_length=20)]


class ByOutbox:
    """Stores emails for workers. It raises what `Outbox.enqueue` raises.

    Args:
        outbox: The outbox.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, message: passpost.Message) -> str:
        """Store an email; an older code of the same address that is still waiting is not sent."""
        supersedes = (message.to.address, message.usage)
        return self._outbox.enqueue(message, supersedes=supersedes).id

    def state(self, id_: str) -> str:
        """Return the state of an email."""
        status = self._outbox.status(id_)
        return "unknown" if status is None else status.state


def sign_ups(request: Request) -> SignUps:
    """Return those of the application."""
    found: SignUps = request.app.state.sign_ups
    return found


Ups = Annotated[SignUps, Depends(sign_ups)]
Languages = Annotated[str, Header(alias="Accept-Language")]


# Not coroutines: FastAPI calls these in threads, since a database on disk blocks.
@routes.post("/api/sign-ups", status_code=202)
def begin(body: NewSignUp, ups: Ups, languages: Languages = "") -> dict[str, str]:
    """Send a code."""
    return {"id": ups.begin(body.email, locales(languages))}


@routes.get("/api/sign-ups/{id_}")
def state(id_: str, ups: Ups) -> dict[str, str]:
    """Return what became of the email."""
    return {"email": known(ups, id_)}


@routes.post("/api/sign-ups/{id_}/confirm")
def confirm(id_: str, body: Confirmation, ups: Ups) -> dict[str, str]:
    """Make an account."""
    return {"account": ups.confirm(id_, body.code)}


@routes.get("/", response_class=HTMLResponse)
def page(request: Request) -> Response:
    """Ask for an address."""
    return pages.TemplateResponse(request, "page.html", {"step": "address"})


@routes.post("/", response_class=HTMLResponse)
def begin_here(
    request: Request,
    ups: Ups,
    email: Annotated[str, Form(max_length=LONGEST)],
    languages: Languages = "",
) -> Response:
    """Send a code, and ask for it."""
    try:
        id_ = ups.begin(email, locales(languages))
    except (passpost.MessageError, TooManyError, StoreError) as error:
        status, text = told(error)
        told_here = {"step": "address", "problem": text}
        return pages.TemplateResponse(request, "page.html", told_here, status_code=status)
    return RedirectResponse(f"/sign-ups/{id_}", status_code=303)


@routes.get("/sign-ups/{id_}", response_class=HTMLResponse)
def ask_for_code(request: Request, id_: str, ups: Ups) -> Response:
    """Ask for the code."""
    told_here = {"step": "code", "id": id_, "state": known(ups, id_)}
    return pages.TemplateResponse(request, "page.html", told_here)


@routes.post("/sign-ups/{id_}", response_class=HTMLResponse)
def confirm_here(
    request: Request, id_: str, ups: Ups, code: Annotated[str, Form(max_length=20)]
) -> Response:
    """Make an account."""
    try:
        account = ups.confirm(id_, code)
    except WrongCodeError as error:
        status, text = told(error)
        told_here = {"step": "address" if error.is_over else "code", "id": id_, "problem": text}
        return pages.TemplateResponse(request, "page.html", told_here, status_code=status)
    return pages.TemplateResponse(request, "page.html", {"step": "done", "account": account})


def known(ups: SignUps, id_: str) -> str:
    """Return the state of an email of which there is a sign-up."""
    found = ups.state(id_)
    if found is None:
        raise HTTPException(404)
    return found


def locales(header: str) -> list[str]:
    """Return the languages that a browser prefers, as far as they are language tags."""
    found: list[str] = []
    for part in header[:200].split(","):
        tag = part.partition(";")[0].strip()
        if tag and all(word.isascii() and word.isalnum() for word in tag.split("-")):
            found.append(tag)
    return found


def told(error: Exception) -> tuple[int, str]:
    """Return the status and the text of a response."""
    match error:
        case TooManyError():
            return 429, "This address has had several codes. Try again in an hour."
        case WrongCodeError(is_over=True):
            return 410, "This code is not valid any more. Ask for a new one."
        case WrongCodeError():
            return 403, "This is not the code that we sent."
        case StoreError():
            return 503, "Emails cannot be sent now. Try again in a minute."
    return 422, "This is not a valid email address."


def respond(_request: Request, error: Exception) -> Response:
    """Return a failure as JSON."""
    status, text = told(error)
    return JSONResponse({"error": text}, status)


def application(sender: Sender, close: Callable[[], None]) -> FastAPI:
    """Return the application.

    Args:
        sender: Sends the codes.
        close: What to call at the end.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        close()

    app = FastAPI(title="Sign up", lifespan=lifespan)
    pepper = (STATE / "pepper").read_bytes()
    app.state.sign_ups = SignUps(STATE / "application.sqlite", pepper, sender)
    app.include_router(routes)
    for kind in (passpost.MessageError, TooManyError, WrongCodeError, StoreError):
        app.add_exception_handler(kind, respond)

    @app.middleware("http")
    async def harden(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    return app


def make_app() -> FastAPI:
    """Return the application, which stores its emails in an outbox."""
    outbox = Outbox.from_file(FILE, engine=make_engine())
    return application(ByOutbox(outbox), outbox.close)
