"""Finds the address of a provider in settings, and points settings at another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_URL: Final = re.compile(
    r"(?P<scheme>https?://)?(?P<host>127\.0\.0\.1|localhost|\[::1\]):(?P<port>[0-9]{2,5})"
)

Path = tuple[str | int, ...]
"""Where a value is in settings: keys and indexes."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every value in settings that holds no others, with where it is."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def replaced(value: Any, change: Callable[[Path, Any], Any], path: Path = ()) -> Any:
    """Copy settings with every leaf changed."""
    if isinstance(value, Mapping):
        return {key: replaced(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(item, change, (*path, index)) for index, item in enumerate(value)]
    return change(path, value)


def with_value(settings: Mapping[str, Any], path: Path, new: Any) -> dict[str, Any]:
    """Copy settings with another value at one place."""
    changed = replaced(settings, lambda at, value: new if at == path else value)
    if len(path) == 1:
        # What is there may not be a leaf, or not exist at all.
        changed[path[0]] = new
    return dict(changed)


def port_in(settings: Mapping[str, Any]) -> int:
    """Return the port on loopback that settings lead to.

    It is looked for in texts such as ``http://127.0.0.1:4711``, and in settings named ``port`` or
    the like beside a loopback host.

    Raises:
        LookupError: There is none, or more than one.
    """
    found = {int(match["port"]) for match in _urls(settings)}
    found |= {int(value) for path, value in leaves(settings) if _is_port(settings, path, value)}
    if len(found) != 1:
        raise LookupError(
            f"settings lead to {len(found)} ports on loopback instead of one: build them from the "
            "stand-in's own address, or override the suite's method `pointed`"
        )
    return found.pop()


def speaks_http(settings: Mapping[str, Any]) -> bool:
    """Whether settings lead to an HTTP server: by a URL."""
    return any(match["scheme"] for match in _urls(settings))


def pointed_at(
    settings: Mapping[str, Any], port: int, *, old: int | None = None, tls: bool = False
) -> dict[str, Any]:
    """Copy settings so that they lead to another port on loopback.

    Args:
        settings: The settings.
        port: The other port.
        old: The port that they lead to now, where that is known.
        tls: Whether ``http`` becomes ``https``; certificates are for ``localhost`` then.

    Raises:
        LookupError: It is not clear where they lead now.
    """
    old = port_in(settings) if old is None else old

    def change(path: Path, value: Any) -> Any:
        if isinstance(value, str):
            value = _URL.sub(lambda match: _url(match, old, port, tls=tls), value)
        if _is_port(settings, path, value) and int(value) == old:
            return str(port) if isinstance(value, str) else port
        return value

    return dict(replaced(settings, change))


def with_host(settings: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Copy settings so that they lead to another host than loopback."""

    def change(_: Path, value: Any) -> Any:
        if value in _LOOPBACK:
            return host
        if not isinstance(value, str):
            return value
        return _URL.sub(lambda match: f"{match['scheme'] or ''}{host}:{match['port']}", value)

    return dict(replaced(settings, change))


def _url(match: re.Match[str], old: int, port: int, *, tls: bool) -> str:
    if int(match["port"]) != old:
        return match.group()
    if not tls:
        return f"{match['scheme'] or ''}{match['host']}:{port}"
    return f"{'https://' if match['scheme'] else ''}localhost:{port}"


def _urls(settings: Mapping[str, Any]) -> Iterator[re.Match[str]]:
    for _, value in leaves(settings):
        if isinstance(value, str):
            yield from _URL.finditer(value)


def _is_port(settings: Mapping[str, Any], path: Path, value: Any) -> bool:
    """Whether a value is the port that belongs to a loopback host beside it."""
    if not (path and "port" in str(path[-1]).lower()):
        return False
    if isinstance(value, bool) or not str(value).isdecimal():
        return False
    beside: Any = settings
    for step in path[:-1]:
        beside = beside[step]
    return any(item in _LOOPBACK for item in beside.values() if isinstance(item, str))
