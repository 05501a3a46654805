"""Where does the time of an email go? Microseconds of CPU for each stage of the connector ``smtp``.

    python bench/bench_smtp_stages.py [--quick]

Each stage is run in a loop of its own, many rounds by turns, and the best round counts: what else
the machine does can only make a round slower. What has no loop of its own is a difference of two
that have: a session's own work is a whole send less the building and the protocol. The total is the
real path against the sink, which runs in a process of its own. What is left of it is passpost's own
part, and what all stages cost more with the others between them than alone in their caches.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import mails
import sink

import passpost
from passpost._delivery.compose import Composer
from passpost._delivery.identity import SendIdentity
from passpost._plugins.connector_hooks import ConnectorHooks
from passpost._templates.picking import TemplateSet, pick
from passpost.config import ConnectorConfig
from passpost_smtp.connection import Connection
from passpost_smtp.context import SessionContext
from passpost_smtp.hooks import open_session
from passpost_smtp.mime import MailBuilder
from passpost_smtp.opening import Opening
from passpost_smtp.pooled_connection import PooledConnection
from passpost_smtp.transaction import Transaction

AT_ONCE: Final = 10
CONNECTIONS: Final = 5

Step = Callable[[], Awaitable[Any] | Any]
"""One go at a stage."""


def settings(port: int, kind: str) -> dict[str, Any]:
    """Return the connector's settings."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "ignoreTLS": True,
        "fromEmail": "Example <no-reply@example.com>",
        "auth": {},
        "pool": {"maxConnections": CONNECTIONS, "maxMessages": 1_000_000},
        "templates": [
            {
                "usageType": "SignIn",
                "contentType": "text/html" if kind == "HTML" else "text/plain",
                "subject": "Your code is {{code}}",
                "content": mails.KINDS[kind],
            }
        ],
    }


def message() -> passpost.Message:
    """Make a message, as an application does for each email."""
    return passpost.Message(
        to="ada@example.org", usage="SignIn", payload={"code": "123456"}, locale="en"
    )


class _Trivial:
    """A connector that does nothing, so that only the calling of its hooks is measured."""

    receipt = passpost.Receipt()

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        texts = {"en": "trivial"}
        return passpost.ConnectorInfo(
            id="trivial", name=texts, description=texts, config_class=ConnectorConfig
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> ConnectorConfig:  # noqa: ARG002 - the hook's own signature
        return ConnectorConfig(templates=())

    @passpost.hookimpl
    async def send_mail(self) -> passpost.Receipt:
        return self.receipt


class Rounds:
    """Runs every stage in turn, and keeps the best time of each.

    Args:
        goes: How often a stage runs in one round.
        rounds: How many rounds.
    """

    def __init__(self, goes: int, rounds: int) -> None:
        self._goes = goes
        self._rounds = rounds

    async def best(self, steps: Mapping[str, Step]) -> dict[str, float]:
        """Return the microseconds of each stage."""
        best = dict.fromkeys(steps, float("inf"))
        for _ in range(self._rounds):
            for name, step in steps.items():
                best[name] = min(best[name], await self._round(step))
        return best

    async def _round(self, step: Step) -> float:
        began = time.process_time()
        if asyncio.iscoroutinefunction(step):
            await asyncio.gather(*(self._share(step) for _ in range(AT_ONCE)))
        else:
            for _ in range(self._goes):
                step()
        return (time.process_time() - began) / self._goes * 1e6

    async def _share(self, step: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(self._goes // AT_ONCE):
            await step()


async def open_connections(
    context: SessionContext, stack: AsyncExitStack
) -> list[PooledConnection]:
    """Open connections that no pool knows of, so many that nobody waits for one."""
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(AT_ONCE):
        opening = Opening(context, loop.time() + 10)
        await opening.run()
        stack.push_async_callback(_close, opening.connection)
        opened.append(PooledConnection(opening.connection, opening.offer, loop.time()))
    return opened


async def _close(connection: Connection) -> None:
    await connection.close()


async def stages(port: int, kind: str, rounds: Rounds) -> dict[str, float]:
    """Measure the stages of one kind of email."""
    connector = passpost.Host().configure("smtp", settings(port, kind))
    config: Any = connector.config
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(config, set[str]().add))
        mailer = await stack.enter_async_context(passpost.AsyncMailer(connector))
        free = await open_connections(session.context, stack)
        best = await rounds.best(_steps(connector, session, mailer, free))
    return _shares(best)


def _steps(
    connector: passpost.Connector,
    session: Any,
    mailer: passpost.AsyncMailer,
    free: list[PooledConnection],
) -> dict[str, Step]:
    config: Any = connector.config
    composer, wanted = Composer(connector), message()
    template, sources = config.templates[0], (TemplateSet(config.templates),)
    mail = composer.compose(wanted, SendIdentity.of(wanted))
    builder = MailBuilder(config.from_email, config.reply_to, config.custom_headers)
    built = builder.build(mail, eight_bit=True, smtputf8=True)
    trivial = ConnectorHooks("trivial", _Trivial(), "the benchmark")
    deadline = asyncio.get_running_loop().time() + 3600

    async def protocol() -> None:
        pooled = free.pop()
        await Transaction(session.context, pooled, built, deadline).run("chunked")
        free.append(pooled)

    async def hook() -> None:
        await trivial.send_mail(None, None, mail)  # type: ignore[misc]  # this one is a coroutine

    async def send_mail() -> None:
        await session.send(mail)

    async def whole() -> None:
        await mailer.send(message())

    return {
        "validate": message,
        "pick": lambda: pick(wanted.usage, wanted.locale, sources),
        "render": lambda: template.render(wanted.payload),
        "compose": lambda: composer.compose(wanted, SendIdentity.of(wanted)),
        "build": lambda: builder.build(mail, eight_bit=True, smtputf8=True),
        "hook": hook,
        "protocol": protocol,
        "send": send_mail,
        "whole": whole,
    }


def _shares(best: Mapping[str, float]) -> dict[str, float]:
    """Turn what was measured into shares of the whole."""
    composed = best["compose"] - best["pick"] - best["render"]
    session = best["send"] - best["build"] - best["protocol"]
    host = best["whole"] - best["validate"] - best["compose"] - best["hook"] - best["send"]
    return {
        "validate the message": best["validate"],
        "pick the template": best["pick"],
        "render it": best["render"],
        "put the email together": composed,
        "call the hook": best["hook"],
        "deadline, receipt, the rest": host,
        "build the bytes": best["build"],
        "session and pool": session,
        "protocol and sockets": best["protocol"],
        "the whole path": best["whole"],
    }


def report(columns: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table with one column for each kind of email."""
    names = list(next(iter(columns.values())))
    print(f"{'µs of CPU for one email':<28}" + "".join(f"{kind:>16}" for kind in columns))
    for name in names:
        cells = ""
        for column in columns.values():
            share = column[name] / column["the whole path"]
            cells += f"{column[name]:>9.1f}{share:>7.0%}"
        print(f"{name:<28}{cells}")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Where the time of an email goes.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    rounds = Rounds(goes=200, rounds=25 if options.quick else 150)
    run: Callable[..., Any] = asyncio.run
    if options.loop == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra, needed for this option alone

        run = uvloop.run
    with sink.built() as program, sink.running(program) as server:
        columns = {kind: run(stages(server.port, kind, rounds)) for kind in mails.KINDS}
    print(
        f"{options.loop}, {AT_ONCE} at a time, unencrypted, CHUNKING; "
        f"Python {sys.version.split()[0]}"
    )
    report(columns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
