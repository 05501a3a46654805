"""The connections to one Redis server, and what its failures are called."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript

from passpost import Secret
from passpost.phrases import Phrases
from passpost.stores import StoreError

TIMEOUT: Final = 2.0
"""Seconds that an operation may take, from waiting for a connection to the reply."""

CONNECTIONS: Final = 20
"""Connections of one event loop; each is busy for less than a millisecond at a time."""

_: Final = Phrases("passpost_redis")
"""Makes the phrases of this package; their translations are in ``locale``."""

_REACH: Final = _("Check that Redis runs, and that this process can reach it.")
_COMMAND: Final = _("Check the number of the database in the URL, and the log of Redis.")
_FAILURES: Final = (
    (
        exceptions.AuthenticationError,
        _("rejected the password"),
        _("Check user and password in the URL."),
    ),
    (
        exceptions.NoPermissionError,
        _("does not permit a command"),
        _("The page of passpost-redis lists them."),
    ),
    (
        exceptions.BusyLoadingError,
        _("is still loading its data"),
        _("It answers once all is loaded."),
    ),
    (exceptions.ReadOnlyError, _("is a replica"), _("Use the address of the primary.")),
    (
        exceptions.AskError,
        _("is a node of a cluster"),
        _("Use a single server: a cluster does not share the load of the keys."),
    ),
    (exceptions.OutOfMemoryError, _("is out of memory"), _("Raise `maxmemory`, or add memory.")),
    (exceptions.ResponseError, _("rejected a command"), _COMMAND),
    (exceptions.TimeoutError, _("did not reply in time"), _REACH),
    (exceptions.ConnectionError, _("cannot be reached"), _REACH),
)
"""What is wrong, and what to do; an exception is the first of them that it is an instance of."""

_NOT_PERMITTED: Final = ("can't run this command", "ACL failure in script")
"""What Redis 7.0, and later versions, say of a command within a script."""

_CODE: Final = re.compile(r"[A-Z]{4,20}\b")
"""What an error of Redis begins with; the rest of it may repeat a command."""

_SCHEMES: Final = ("redis://", "rediss://", "unix://")

_SETTINGS: Final = ("appendonly", "appendfsync", "maxmemory-policy")

_Loop = asyncio.AbstractEventLoop
T = TypeVar("T")


class RedisServer:
    """One Redis server, for all stores, event loops and threads of a process.

    Each event loop has its own pool of connections, and so has each process after a fork. An
    operation whose connection breaks is asked once more: all operations of the stores can be
    repeated.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password if needed.
        timeout: Seconds that an operation may take in all.
        prefix: What the names of all keys begin with.

    Raises:
        ValueError: The URL is not valid.
    """

    def __init__(
        self, url: str | Secret, *, timeout: float = TIMEOUT, prefix: str = "passpost:"
    ) -> None:
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._place = place_of(self._url)
        self._timeout = timeout
        self._prefix = prefix
        self._clients: dict[_Loop, tuple[Redis, dict[str, AsyncScript]]] = {}
        _servers.add(self)

    def __str__(self) -> str:
        return f"Redis at {self._place}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._place}>"

    async def run(self, script: str, key: str, *arguments: str | int, synced: bool = False) -> Any:
        """Run a script, and return its reply.

        Args:
            script: The script in Lua; what it does has to be safe to repeat.
            key: The one key that it uses, without the prefix.
            arguments: Its arguments.
            synced: Whether to wait until what it wrote is on the server's disk, which requires
                Redis 7.2 with ``appendonly yes``.

        Raises:
            StoreError: The server cannot be asked.
        """

        async def ask() -> Any:
            call: dict[str, Any] = {"keys": [self._prefix + key], "args": list(arguments)}
            if not synced:
                return await self._script(script)(**call)
            return await self._synced(self._script(script), call)

        return await self._ask(ask)

    async def facts(self) -> dict[str, str]:
        """Return ``version``, and the settings that decide what survives a crash.

        A setting is missing where the user may not read it.

        Raises:
            StoreError: The server cannot be asked.
        """

        async def ask() -> dict[str, str]:
            client = self._client()[0]
            found = {"version": str((await client.info("server"))["redis_version"])}
            with suppress(exceptions.ResponseError):
                for name in _SETTINGS:
                    found |= {name: str((await client.config_get(name))[name])}
            return found

        return await self._ask(ask)

    async def aclose(self) -> None:
        """Close the idle connections of the running event loop; it may connect again."""
        found = self._clients.get(asyncio.get_running_loop())
        if found is not None:
            # Another mailer may be using the others.
            async with asyncio.timeout(self._timeout):
                await found[0].connection_pool.disconnect(inuse_connections=False)

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await ask()
        except TimeoutError:
            failure = self._no_reply()
        except (exceptions.RedisError, OSError, ValueError) as error:
            failure = self._failure(error)
        # Outside of the except block: the exception of the library may repeat a command.
        raise failure

    async def _synced(self, script: AsyncScript, call: dict[str, Any]) -> Any:
        # One connection for both: WAITAOF waits for the writes of its own.
        pipeline = self._client()[0].pipeline(transaction=False)
        await script(**call, client=pipeline)
        pipeline.execute_command("WAITAOF", 1, 0, int(self._timeout * 1_000))
        reply, (synced, _replicas) = await pipeline.execute()
        if not synced:
            raise TimeoutError
        return reply

    def _script(self, script: str) -> AsyncScript:
        client, scripts = self._client()
        if script not in scripts:
            scripts[script] = client.register_script(script)
        return scripts[script]

    def _client(self) -> tuple[Redis, dict[str, AsyncScript]]:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._forget_closed()
            self._clients[loop] = self._connect(), {}
        return self._clients[loop]

    def _connect(self) -> Redis:
        pool = BlockingConnectionPool.from_url(
            self._url.reveal(),
            max_connections=CONNECTIONS,
            # `run` limits an operation as a whole, so its steps have no limits of their own.
            timeout=None,
            socket_timeout=None,
            socket_connect_timeout=None,
            # For a server that was restarted: one that did not reply has had its time.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
            decode_responses=True,
        )
        return Redis(connection_pool=pool)

    def leave_to_parent(self) -> None:
        """Forget the connections of the process that this one was forked from, and close none."""
        for client, _scripts in self._clients.values():
            # At its exit, this process would take them apart, and remove them from the selector
            # that both share: the parent would hear of no reply any more. So they live for ever.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))
        self._clients.clear()

    def _forget_closed(self) -> None:
        for loop in [each for each in self._clients if each.is_closed()]:
            del self._clients[loop]

    def _no_reply(self) -> StoreError:
        message = _(
            "Redis at {place} did not reply within {seconds:g} s",
            place=self._place,
            seconds=self._timeout,
        )
        return StoreError(message, hint=_REACH)

    def _failure(self, error: Exception) -> StoreError:
        if any(words in str(error) for words in _NOT_PERMITTED):
            error = exceptions.NoPermissionError()
        for kind, what, hint in _FAILURES:
            if isinstance(error, kind):
                code = _CODE.match(str(error)) if kind is exceptions.ResponseError else None
                message = _("Redis at {place} {what}", place=self._place, what=what)
                if code:
                    message = _("{problem}: {code}", problem=message, code=code[0])
                return StoreError(message, hint=hint)
        message = _(
            "Redis at {place} failed: {failure}", place=self._place, failure=type(error).__name__
        )
        return StoreError(message, hint=_REACH)


def place_of(url: Secret) -> str:
    """Return the host and port of a URL, or its path, without user and password.

    Raises:
        ValueError: The URL is not valid.
    """
    text = url.reveal()
    try:
        parts = parse_url(text) if text.startswith(_SCHEMES) else None
    except (ValueError, TypeError):
        parts = None
    if parts is None:
        # Outside of the except block: the exception may repeat the password.
        raise ValueError(_("not a valid URL of a Redis server"))
    if path := parts.get("path"):
        return str(path)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}"


_servers: Final[weakref.WeakSet[RedisServer]] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for server in tuple(_servers):
        server.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
