"""The types of settings that say where requests go: an endpoint's host, or a whole address."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from passpost._config.values import HostName, is_placeholder
from passpost._network.reachable import refused_host
from passpost._problems import Invalid
from passpost._text import refused_in_line

_HOST_REMEDY: Final = "write a host such as mail.example.com, with :port or https:// if need be"
_URL_REMEDY: Final = "write a URL such as https://mail.example.com/hooks/mail"

# The characters of a path (RFC 3986 section 3.3), with whole percent-encodings only.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


class Endpoint(str):
    """A host, a host with a port, or an ``https`` URL without path.

    ``http`` is for this machine itself, where a test's server listens: anywhere else the mail and
    the code in it would cross a network in clear.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check an endpoint.

        Raises:
            Invalid: It is none.
        """
        text = _text(value, "an endpoint")
        parts = _split(text if "://" in text else f"https://{text}", "is no endpoint", _HOST_REMEDY)
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise Invalid("must be a host without path or query", _HOST_REMEDY)
        return cls(_origin(parts, _HOST_REMEDY))

    @property
    def host(self) -> str:
        """The host name or IP address, without brackets."""
        return urlsplit(self).hostname or ""

    @property
    def on_this_machine(self) -> bool:
        """Whether the host is a loopback address."""
        return _is_loopback(self.host)


class WebAddress(str):
    """A whole ``https`` URL with its path, for a service of the operator's own.

    It has no query: HTTP clients log URLs, and what stands in a query is often a key. ``http`` is
    for this machine itself, as with `Endpoint`. A placeholder passes, to be warned of later.
    """

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Check an address.

        Raises:
            Invalid: It is none.
        """
        text = _text(value, "a URL")
        if is_placeholder(text):
            return cls(text)
        parts = _split(text, "is no URL", _URL_REMEDY)
        if parts.query or parts.fragment:
            raise Invalid(
                "must not have a query or a fragment",
                "logs show URLs: let the service know this sender by its signature",
            )
        if not _PATH.fullmatch(parts.path):
            raise Invalid("has a path with characters that no URL has", "percent-encode them")
        return cls(_origin(parts, _URL_REMEDY) + (parts.path or "/"))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Invalid("must be text", "put it in double quotes")
    # Before anything else: urlsplit drops line ends and tabs without a word.
    if refused := refused_in_line(value):
        raise Invalid(f"{refused} is not allowed in {what}")
    return value


def _split(text: str, says: str, remedy: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    # urlsplit lets through what a browser would read as a slash, and a port that is none.
    if parts is None or port == 0 or "\\" in text or text != text.strip():
        raise Invalid(says, remedy)
    if parts.scheme not in ("https", "http"):
        raise Invalid("must be an https URL", remedy)
    if "@" in parts.netloc:
        raise Invalid("must not hold credentials", "put them into settings of their own")
    return parts


def _origin(parts: SplitResult, remedy: str) -> str:
    """Give scheme, host in ASCII, and port where one is named."""
    host = _host(parts, remedy)
    if kind := refused_host(host):
        raise Invalid(f"must not be {kind}", "write the public host of the service")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid("must use https: a mail must not cross a network in clear", "write https://")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port is not None else "")


def _host(parts: SplitResult, remedy: str) -> str:
    name = parts.hostname or ""
    # A zone (RFC 6874) is a matter of one machine, and a placeholder is no host yet.
    if "%" not in name and not is_placeholder(name):
        try:
            return HostName.from_setting(name).ascii
        except ValueError:
            pass
    raise Invalid("holds no host name", remedy)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
