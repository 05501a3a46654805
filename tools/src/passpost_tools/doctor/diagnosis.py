"""One thing that the doctor found."""

from __future__ import annotations

from typing import Final, Literal

import attrs

from passpost.phrases import Phrases

_: Final = Phrases("passpost_tools")
"""Makes the phrases of this package."""

Result = Literal["ok", "warning", "error", "skipped"]
"""``skipped``: not reached, and the evidence says why."""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """One thing that the doctor found.

    Attributes:
        id: What it is, for programs and for the documentation: ``spf.missing``. It stays the same
            when the words change.
        subject: What was looked at: ``TLS``, ``SPF of example.com``.
        result: ``ok``, ``warning``, ``error`` or ``skipped``.
        evidence: What was found, without secrets.
        remedy: What to do about it; empty if there is nothing to do.
        record: The DNS record to create or to change to, ready to paste; empty if there is none.
        seconds: How long the step took.
        connector: The name of the connector that it concerns.
    """

    id: str
    subject: str
    result: Result
    evidence: str
    remedy: str = ""
    record: str = ""
    seconds: float = 0.0
    connector: str = ""
