"""The inbox as an ASGI application of its own, without a settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost_console.app import Site
from passpost_console.inbox.api import PATH, Api
from passpost_console.pages import language
from passpost_console.pages.inbox import inbox_pages, start
from passpost_console.security import LOOPBACK
from passpost_console.visit import Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from passpost_console.app import Allow
    from passpost_console.inbox.service import Inbox
    from passpost_console.security import Hosts


class InboxSite(Site):
    """The pages of an inbox, and its JSON API.

    Args:
        inbox: An inbox that runs.
        allow: Decides who may see the pages.
        hosts: The hostnames under which it answers.
    """

    def __init__(
        self, inbox: Inbox, *, allow: Allow, hosts: Iterable[str] | Hosts = LOOPBACK
    ) -> None:
        super().__init__(
            (Page("/", start), *inbox_pages(inbox), language.PAGE),
            allow=allow,
            hosts=hosts,
            name="inbox",
            inbox=inbox,
            apis={PATH: Api(inbox)},
        )
