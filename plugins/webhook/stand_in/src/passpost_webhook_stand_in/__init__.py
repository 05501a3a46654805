"""A server on loopback that stands in for your own endpoint."""

from passpost_webhook_stand_in.server import StandIn

__all__ = ["StandIn"]
