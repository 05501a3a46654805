"""Turns an exchange without a response into a `SendError`."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpcore

from passpost._network.reachable import UnreachableAddressError
from passpost.errors import SendError
from passpost_http.phrases import _

BREAKS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    OSError,
)
"""What an exchange that ends without a response raises; `TimeoutError` is an `OSError`."""

_PROXY_TEMPORARY: Final = ("502", "503", "504")

_NOT_ALLOWED: Final = _(
    "Set the endpoint to a host whose addresses are public. Link-local "
    "addresses and metadata services are never reached, and "
    "Host(internal_addresses=False) forbids internal ones."
)

# The peer did not say anything wrong: it stopped talking.
_NO_WRONG_TLS: Final = (
    ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError
)  # fmt: skip


def break_in(error: Exception, *, begun: bool) -> SendError:
    """Return the error for an exchange that ended without a response.

    Args:
        error: What the HTTP client, or the timeout around it, raised; nothing of it is kept.
        begun: Whether the body of the request had begun to go out.
    """
    if begun:
        return SendError(
            _(
                "{what} after the request went out; the email may have been accepted",
                what=_what(error),
            ),
            outcome="unknown",
            scope="network",
            temporary=True,
            hint=_("Check at the provider whether the email was sent."),
        )
    message, temporary, hint = _before(error)
    return SendError(message, outcome="rejected", scope="network", temporary=temporary, hint=hint)


def _what(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException | TimeoutError):
        return _("no response came in time")
    if isinstance(error, httpcore.RemoteProtocolError):
        return _("the connection closed, or the response was not HTTP,")
    return _("the connection broke")


def _before(error: Exception) -> tuple[str, bool, str | None]:
    """Return message, temporary and hint for a request whose body never went out."""
    if isinstance(error, httpcore.ProxyError):
        return _at_proxy(error)
    if isinstance(error, httpcore.PoolTimeout):
        return (
            _("no connection became free in time"),
            True,
            _("All 100 connections are in use: send more slowly."),
        )
    if isinstance(error, httpcore.TimeoutException | TimeoutError):
        return (
            _("the endpoint could not be reached in time"),
            True,
            _("Check the network and any proxy."),
        )
    for cause in _causes(error):
        if (said := _caused_by(cause)) is not None:
            return said
    return (
        _("the endpoint could not be reached"),
        True,
        _("Check endpoint, the network and any proxy."),
    )


def _caused_by(cause: BaseException) -> tuple[str, bool, str | None] | None:
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, _NO_WRONG_TLS):
        return _in_tls(cause)
    if isinstance(cause, UnreachableAddressError):
        return (_("the endpoint leads to an address that is not allowed"), False, _NOT_ALLOWED)
    if isinstance(cause, socket.gaierror):
        return (
            _("the endpoint's name cannot be resolved"),
            True,
            _("Check the endpoint and the DNS."),
        )
    return None


def _in_tls(error: ssl.SSLError) -> tuple[str, bool, str | None]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            _("the endpoint's certificate is not trusted: {reason}", reason=error.verify_message),
            False,
            _(
                "Check endpoint; behind a proxy that inspects TLS, set SSL_CERT_FILE "
                "to its authority."
            ),
        )
    return (
        _("the endpoint, or a proxy before it, does not speak TLS correctly"),
        False,
        _("Check endpoint and the proxy settings of the environment."),
    )


def _at_proxy(error: httpcore.ProxyError) -> tuple[str, bool, str | None]:
    # The text begins with the status of the proxy's response to CONNECT.
    status = str(error)[:3]
    said = _("the proxy rejected the connection")
    if status.isdigit():
        said = _("the proxy rejected the connection (HTTP status {status})", status=status)
    hint = _("Check HTTPS_PROXY and its credentials, and NO_PROXY.")
    return said, status in _PROXY_TEMPORARY, hint


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
