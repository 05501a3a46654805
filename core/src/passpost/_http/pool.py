"""The pool of connections of a client, with certificates and proxies from the environment."""

from __future__ import annotations

import os
import ssl
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httpcore

from passpost._http.network import Network
from passpost.errors import SendError

MAX_CONNECTIONS: Final = 100
"""Connections of a client; a request beyond them waits."""

MAX_IDLE: Final = 20
"""Connections that are kept for later."""

KEEPALIVE: Final = 10.0
"""Seconds that an idle connection is kept: less than the 15 and more after which providers' load
balancers close it. An email that crosses such a close on the wire has an unknown outcome."""

_OF_SOCKS: Final = ("socks5", "socks5h")


def made_pool(url: SplitResult) -> httpcore.AsyncConnectionPool:
    """Make the pool; everything that costs time is made here, once.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """
    try:
        return _pool(url)
    # What ssl, httpcore and a SOCKS proxy without its library raise; texts quote the proxy's URL.
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        kind = type(error).__name__
    raise SendError(
        f"the environment names a proxy or certificates that cannot be used ({kind})",
        outcome="rejected",
        scope="network",
        hint="Check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
    )


def trusted() -> ssl.SSLContext:
    """Make the TLS context: certifi's authorities, or those that the environment names."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


def _pool(url: SplitResult) -> httpcore.AsyncConnectionPool:
    options: dict[str, Any] = {
        "max_connections": MAX_CONNECTIONS,
        "max_keepalive_connections": MAX_IDLE,
        "keepalive_expiry": KEEPALIVE,
    }
    # Without TLS the endpoint is this machine itself, and a proxy named in the environment must
    # not see the email.
    if url.scheme == "http":
        return httpcore.AsyncConnectionPool(network_backend=Network(), **options)
    options["ssl_context"] = trusted()
    proxy = _proxy_for(url)
    if proxy is None:
        return httpcore.AsyncConnectionPool(network_backend=Network(), **options)
    return _pool_behind(proxy, {**options, "network_backend": Network(anywhere=True)})


def _proxy_for(url: SplitResult) -> SplitResult | None:
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _pool_behind(proxy: SplitResult, options: dict[str, Any]) -> httpcore.AsyncConnectionPool:
    at = httpcore.URL(scheme=proxy.scheme, host=proxy.hostname or "", port=proxy.port, target="/")
    named = proxy.username is not None
    auth = (unquote(proxy.username or ""), unquote(proxy.password or "")) if named else None
    if proxy.scheme in _OF_SOCKS:
        # httpcore would find out with the first connection only.
        if find_spec("socksio") is None:
            raise ImportError("socksio")
        return httpcore.AsyncSOCKSProxy(at, proxy_auth=auth, **options)
    if proxy.scheme not in ("http", "https"):
        raise ValueError("an unknown kind of proxy")
    own = options["ssl_context"] if proxy.scheme == "https" else None
    return httpcore.AsyncHTTPProxy(at, proxy_auth=auth, proxy_ssl_context=own, **options)
