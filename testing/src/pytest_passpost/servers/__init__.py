"""Servers for tests, on loopback: what all of them share, and a folder for each protocol."""
