"""``passpost demo``: sends emails through every connector, within this machine."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import passpost
from passpost.phrases import said
from passpost_cli.command import Command
from passpost_cli.display import show_facts, show_heading, show_mail
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError, send_facts
from passpost_cli.language import _, language, say
from passpost_cli.readable import readable
from passpost_cli.reading import Part, Reading
from passpost_cli.scenes import scenes, templates
from passpost_cli.terminal import complain, one_line, out
from passpost_tools.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INSTALL: Final = "pip install 'passpost[demo]'"

_EXTRA: Final = "stand-in"
"""The extra of a connector that installs its stand-in."""


@click.command(cls=Command)
def command() -> None:
    """Send sign-in codes to servers on this machine.

    A stand-in is a server on this machine in place of a connector's provider. Each installed
    connector with a stand-in sends a sign-in code in English and one in Chinese, shown as they
    arrive. One more email, with wrong credentials, shows what a failure looks like.
    """
    host = make_host()
    actors = list(_actors(host))
    if not actors:
        raise CommandError(_("no stand-in is installed"), _INSTALL)
    refusable = [actor for actor in actors if _play(host, actor)]
    if refusable:
        # A wrong SMTP password is the failure that most readers know.
        _fail(host, max(refusable, key=lambda actor: actor.info.id == "smtp"))


@attrs.frozen
class Actor:
    """A connector and its stand-in.

    Attributes:
        info: The connector's description.
        installed: The connector's package.
        stand_in: The class of the stand-in: a `pytest_passpost.StandIn`, of which nothing can be
            imported here, since the test kit is installed only together with a stand-in.
    """

    info: passpost.ConnectorInfo
    installed: passpost.InstalledConnector
    stand_in: Callable[[], Any]


def _actors(host: passpost.Host) -> Iterator[Actor]:
    for installed in host.installed():
        try:
            info = host.info(installed.id)
        except passpost.PluginError as error:
            complain("passpost", said(error), warning=True)
            continue
        if info.stand_in is None:
            continue
        try:
            yield Actor(info, installed, _class(info.stand_in))
        except (ImportError, AttributeError) as error:
            problem = _(
                "the stand-in of {distribution} cannot be imported: {error}",
                distribution=installed.distribution,
                error=error,
            )
            complain("passpost", problem, _how_to_install(installed.distribution), warning=True)


def _class(stand_in: str) -> Any:
    module, _, name = stand_in.partition(":")
    return getattr(import_module(module), name)


def _how_to_install(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, metadata  # noqa: PLC0415 - rarely needed

    try:
        extras = metadata(distribution).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    return f"pip install '{distribution}[{_EXTRA}]'" if _EXTRA in extras else ""


def _play(host: passpost.Host, actor: Actor) -> bool:
    """Send the emails through one connector and show them. Return whether it can show a failure."""
    name = in_language(actor.info.name, language())
    show_heading(f"{name} ({actor.installed.distribution} {actor.installed.version})")
    played = scenes()
    with actor.stand_in() as server:
        connector = host.configure(actor.info.id, server.settings)
        asyncio.run(_send(connector, [scene.message for scene in played]))
        for scene, mail in zip(played, _arrived(server, len(played)), strict=True):
            show_mail(_reading(scene.title, mail))
        return server.wrong_settings is not None


def _arrived(server: Any, expected: int) -> tuple[Any, ...]:
    received: tuple[Any, ...] = server.received
    if len(received) != expected:
        raise CommandError(
            _(
                "{number} emails arrived instead of {expected}",
                number=len(received),
                expected=expected,
            )
        )
    return received


async def _send(connector: passpost.Connector, messages: list[passpost.Message]) -> None:
    async with passpost.AsyncMailer(connector, templates=templates()) as mailer:
        for message in messages:
            await mailer.send(message)


def _reading(title: str, mail: Any) -> Reading:
    headers = (("From", mail.sender), ("To", mail.recipient), ("Subject", mail.subject))
    body = mail.text if mail.text is not None else readable(mail.html or "")
    return Reading(title, headers, (Part("", body),))


def _fail(host: passpost.Host, actor: Actor) -> None:
    name = in_language(actor.info.name, language())
    show_heading(say(_("{name} with wrong credentials, on purpose", name=name)))
    with actor.stand_in() as server:
        connector = host.configure(actor.info.id, server.wrong_settings)
        try:
            asyncio.run(_send(connector, [scenes()[0].message]))
        except passpost.SendError as error:
            out(one_line(say(said(error))))
            show_facts(send_facts(error))
            return
    raise CommandError(
        _(
            "the stand-in of {distribution} accepted wrong credentials",
            distribution=actor.installed.distribution,
        )
    )
