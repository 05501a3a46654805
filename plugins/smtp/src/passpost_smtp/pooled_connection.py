"""An open connection, with what the pool has to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passpost_smtp.connection import Connection
    from passpost_smtp.ehlo import Offer


class PooledConnection:
    """An open connection as the pool sees it.

    Attributes:
        connection: The connection, signed in.
        offer: What the server offers.
        address: The server's IP address.
        emails: How many emails it has carried, or tried to.
        born: When it was opened, in the loop's time.
        idle_since: When it was last given back.
    """

    __slots__ = ("address", "born", "connection", "emails", "idle_since", "offer")

    def __init__(self, connection: Connection, offer: Offer, now: float) -> None:
        self.connection = connection
        self.offer = offer
        self.address = connection.peer_ip
        self.emails = 0
        self.born = self.idle_since = now
