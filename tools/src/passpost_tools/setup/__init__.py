"""Asks for settings and writes them: what ``passpost init`` and a console's first page share."""
