"""What connectors over HTTP share; the extra ``passpost[http]`` brings httpcore for it.

::

    class AcmeConfig(SenderConfig):
        api_key: ApiKey = field(title={"en": "API key"})


    @hookimpl
    @asynccontextmanager
    async def open_session(config: AcmeConfig) -> AsyncIterator[HttpClient]:
        async with HttpClient(config, config.url("https://api.acme.example"), "acme/1.0") as client:
            yield client


    @hookimpl
    async def send_mail(config: AcmeConfig, session: HttpClient, mail: Mail) -> Receipt:
        answer = await session.post("/send", body, headers, seconds_left=mail.seconds_left())
        if answer.status == 202:
            return Receipt(provider_id=answer.headers.get("x-message-id"))
        raise answer.refusal("Acme")

`HttpClient.post_json` and `post_form` write the usual bodies, `basic_auth` the header of that name,
and `AccessToken` fetches OAuth's. No type of httpcore is part of these names, so that it can be
replaced here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from passpost.http.answers import Answer, Fault, fault_of, identifier
from passpost.http.endpoint import Endpoint, WebAddress
from passpost.http.headers import (
    ascii_headers,
    basic_auth,
    encoded_words,
    literal,
    mailbox,
    mailbox_text,
)
from passpost.http.settings import ApiKey, HttpConfig, SenderConfig, Timeouts

if TYPE_CHECKING:
    from passpost.http.client import HttpClient
    from passpost.http.tokens import AccessToken

__all__ = [
    "AccessToken",
    "Answer",
    "ApiKey",
    "Endpoint",
    "Fault",
    "HttpClient",
    "HttpConfig",
    "SenderConfig",
    "Timeouts",
    "WebAddress",
    "ascii_headers",
    "basic_auth",
    "encoded_words",
    "fault_of",
    "identifier",
    "literal",
    "mailbox",
    "mailbox_text",
]


_AT_FIRST_USE = {"AccessToken": "tokens", "HttpClient": "client"}

# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # httpcore is imported with the first session: describing a connector does not need it.
        if name not in _AT_FIRST_USE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"passpost.http.{_AT_FIRST_USE[name]}"), name)
