"""``passpost demo``: mails through every connector, without leaving this machine."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import passpost
from passpost._connector_info import in_language
from passpost_cli.command import Command
from passpost_cli.display import show_facts, show_heading, show_mail
from passpost_cli.extras import missing_extra
from passpost_cli.failures import Refusal, send_facts
from passpost_cli.hosts import make_host
from passpost_cli.readable import readable
from passpost_cli.reading import Part, Reading
from passpost_cli.scenes import scenes, templates
from passpost_cli.terminal import complain, one_line, out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INSTALL: Final = "pip install passpost-smtp"


@click.command(cls=Command)
def command() -> None:
    """Send sign-in codes to servers on this machine.

    For each installed connector that brings a stand-in of its provider, a sign-in code in English
    and one in Chinese are sent for real, over the network of this machine alone, and shown as they
    arrived. One more attempt, with wrong credentials, shows what a failure looks like.
    """
    host = make_host()
    actors = list(_actors(host))
    if not actors:
        raise Refusal("no installed connector brings a stand-in of its provider", _INSTALL)
    refusable = [actor for actor in actors if _play(host, actor)]
    # The last one, so that the failure is one of the provider whose mails the reader just saw.
    if refusable:
        # A wrong SMTP password is the failure that most readers know; without it, any will do.
        _fail(host, max(refusable, key=lambda actor: actor.info.id == "smtp"))


@attrs.frozen
class Actor:
    """A connector that brings a stand-in.

    Attributes:
        info: What the connector says of itself.
        installed: Where it comes from.
        stand_in: The class of the stand-in, as `pytest_passpost.StandIn` describes it. The test kit
            comes along with a stand-in alone: nothing of it can be imported here.
    """

    info: passpost.ConnectorInfo
    installed: passpost.InstalledConnector
    stand_in: Callable[[], Any]


def _actors(host: passpost.Host) -> Iterator[Actor]:
    for installed in host.installed():
        try:
            info = host.info(installed.id)
            if info.stand_in is not None:
                yield Actor(info, installed, _class(info.stand_in, installed))
        except passpost.PluginError as error:
            complain("passpost", str(error), warning=True)


def _class(stand_in: str, installed: passpost.InstalledConnector) -> Any:
    module, _, name = stand_in.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        # An extra that is not installed is no fault of the connector's.
        if missing_extra(error):
            raise
        reason = f"{type(error).__name__}: {error}"
    raise passpost.PluginError(
        f"the stand-in of {installed.distribution} cannot be imported: {reason}",
        connector=installed.id,
        distribution=installed.distribution,
    )


def _play(host: passpost.Host, actor: Actor) -> bool:
    """Send the mails through one connector and show them; says whether it can be refused, too."""
    name = in_language(actor.info.name, "en")
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
        raise Refusal(f"{len(received)} mails arrived instead of {expected}")
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
    show_heading(f"{in_language(actor.info.name, 'en')} with wrong credentials, on purpose")
    with actor.stand_in() as server:
        connector = host.configure(actor.info.id, server.wrong_settings)
        try:
            asyncio.run(_send(connector, [scenes()[0].message]))
        except passpost.SendError as error:
            out(one_line(str(error)))
            show_facts(send_facts(error))
            return
    raise Refusal(f"the stand-in of {actor.installed.distribution} took wrong credentials")
