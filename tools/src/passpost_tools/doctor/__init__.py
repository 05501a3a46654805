"""Looks for what keeps emails from arriving: the connector's steps, and the sender's domain."""
