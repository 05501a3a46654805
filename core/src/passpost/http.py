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
        response = await session.post("/send", body, headers, seconds_left=mail.seconds_left())
        if response.status == 202:
            return Receipt(provider_id=identifier(response.headers.get("x-message-id")))
        raise response.error("Acme")

`HttpClient.post_json` and `post_form` write the usual bodies, `basic_auth` the header of that name,
and `AccessToken` fetches OAuth's. No type of httpcore is part of these names, so that it can be
replaced here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost._http.headers import (
    ascii_headers,
    basic_auth,
    encoded_words,
    literal,
    mailbox,
    mailbox_text,
)
from passpost._http.responses import MAX_WAIT, Fault, Response, fault_of, identifier
from passpost._http.settings import (
    ApiKey,
    Endpoint,
    HttpConfig,
    SenderConfig,
    Timeouts,
    WebAddress,
)
from passpost._lazy import lazy_names

if TYPE_CHECKING:
    from passpost._http.client import HttpClient
    from passpost._http.tokens import AccessToken

Answer = Response
"""The earlier name of `Response`."""

__all__ = [
    "MAX_WAIT",
    "AccessToken",
    "Answer",
    "ApiKey",
    "Endpoint",
    "Fault",
    "HttpClient",
    "HttpConfig",
    "Response",
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


# Hidden from type checkers, which would take any name for one that exists.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "passpost._http.client": ("HttpClient",),
            "passpost._http.tokens": ("AccessToken",),
        },
    )
