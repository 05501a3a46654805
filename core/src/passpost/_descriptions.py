"""Config classes described for people: the module of `passpost_tools`, if that is installed."""

from __future__ import annotations

from passpost._lazy import replace_by

# Type checkers read _descriptions.pyi.
replace_by(
    "passpost_tools.descriptions",
    "what describes settings",
    module=__name__,
    install="passpost-tools",
)
