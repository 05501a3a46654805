"""A server on loopback that stands in for Amazon SES."""

from passpost_ses_stand_in.server import StandIn

__all__ = ["StandIn"]
