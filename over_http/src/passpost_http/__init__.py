"""What connectors over HTTP share: `passpost.http`, which the extra ``passpost[http]`` installs.

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

Requests:

- `HttpClient` is the session; its `HttpClient.post`, `HttpClient.post_json` and
  `HttpClient.post_form` make one request, once, and return a `Response`. A break or a timeout is a
  `passpost.SendError` with an honest outcome.
- `basic_auth` returns the header for a user name and a password (RFC 7617), and `AccessToken`
  fetches and renews OAuth 2.0 tokens (RFC 6749).
- `mailbox` and `mailbox_text` return an address as JSON and as text, `literal`, `encoded_words` and
  `ascii_headers` values of headers in the forms that APIs expect (RFC 2047).

Responses:

- `Response.error` returns the error for a response that does not accept the email: what the status
  means (`fault_of`), or a `Fault` of your own table. A wait is at most `MAX_WAIT` seconds.
- `identifier` returns the ID in a response, if it is one.

Settings: `SenderConfig` and `HttpConfig` are bases of a config, with `Timeouts` in milliseconds;
`ApiKey`, `Endpoint` and `WebAddress` are types of fields.

The client uses httpcore, but none of its types is part of these names: it can be replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost._lazy import lazy_names
from passpost_http.headers import (
    ascii_headers,
    basic_auth,
    encoded_words,
    literal,
    mailbox,
    mailbox_text,
)
from passpost_http.responses import MAX_WAIT, Fault, Response, fault_of, identifier
from passpost_http.settings import (
    ApiKey,
    Endpoint,
    HttpConfig,
    SenderConfig,
    Timeouts,
    WebAddress,
    server_at,
)

if TYPE_CHECKING:
    from passpost_http.client import HttpClient
    from passpost_http.tokens import AccessToken

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
    "server_at",
]


# Hidden from type checkers, which would take any name for one that exists.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "passpost_http.client": ("HttpClient",),
            "passpost_http.tokens": ("AccessToken",),
        },
    )
