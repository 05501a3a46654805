"""A server on loopback that stands in for an SMTP server."""

from passpost_smtp_stand_in.server import StandIn

__all__ = ["StandIn"]
