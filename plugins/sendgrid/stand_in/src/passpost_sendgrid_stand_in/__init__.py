"""A server on loopback that stands in for SendGrid."""

from passpost_sendgrid_stand_in.server import StandIn

__all__ = ["StandIn"]
