"""What the environment says of HTTP: which certificates to trust, and which proxy to use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import ssl


def trusted() -> ssl.SSLContext:
    """Return a TLS context with certifi's authorities, or those that the environment names."""
    import ssl  # noqa: PLC0415 - settings are parsed without any of it

    import certifi  # noqa: PLC0415 - likewise

    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


def proxy_for(url: SplitResult) -> SplitResult | None:
    """Return the URL of the proxy for a URL, or None."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - likewise

    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")
