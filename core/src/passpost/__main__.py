"""``python -m passpost``: the command line."""

from __future__ import annotations

from passpost.cli import main

main()
