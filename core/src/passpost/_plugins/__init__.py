"""Connectors and extensions: found, loaded, called, and held to their contract."""
