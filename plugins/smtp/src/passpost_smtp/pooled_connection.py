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
        users: How many emails are on it: one, or two that overlap.
        follows_well: Whether an email that followed another in one write was answered.
        emails: How many emails it has carried, or tried to.
        accepted: How many of these the server has accepted.
        born: When it was opened, in the loop's time.
        idle_since: When it was last given back.
    """

    __slots__ = (
        "accepted",
        "address",
        "born",
        "connection",
        "emails",
        "follows_well",
        "idle_since",
        "offer",
        "users",
    )

    def __init__(self, connection: Connection, offer: Offer, now: float) -> None:
        self.connection = connection
        self.offer = offer
        self.address = connection.peer_ip
        self.emails = 0
        self.accepted = 0
        self.users = 1
        self.follows_well = False
        self.born = self.idle_since = now
