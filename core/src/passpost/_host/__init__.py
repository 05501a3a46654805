"""Turns installed connectors into configured ones."""
