"""Finds a domain's DMARC policy by the tree walk of RFC 9989."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passpost_tools.doctor.names import Names

MAX_QUERIES: Final = 8
"""Questions in one walk: of a longer name, labels are left out (section 4.10)."""


@attrs.frozen
class Dmarc:
    """A domain's DMARC policy.

    Attributes:
        domain: Where the record is: the domain itself, or one above it.
        record: The record.
        tags: Its tags, in lower case.
        several: Whether there is more than one record, so that receivers ignore them.
    """

    domain: str
    record: str
    tags: Mapping[str, str]
    several: bool = False

    def policy(self, sender: str) -> str:
        """Return what receivers do with emails that fail: ``none``, ``quarantine``, ``reject``."""
        own = self.tags.get("p", "none")
        return own if sender == self.domain else self.tags.get("sp", own)


async def read_dmarc(domain: str, names: Names) -> Dmarc | None:
    """Return the policy that receivers apply to a domain, or None.

    Raises:
        NoAnswerError: A name server did not answer.
    """
    several = None
    for place in _walk(domain):
        records = [text for text in await names.texts(f"_dmarc.{place}") if _is_dmarc(text)]
        if len(records) == 1:
            return Dmarc(place, records[0], _tags(records[0]))
        if records and several is None:
            several = Dmarc(place, records[0], _tags(records[0]), several=True)
    return several


def _walk(domain: str) -> Iterator[str]:
    """Yield a domain and those above it, as many as receivers look at."""
    labels = domain.lower().rstrip(".").split(".")
    yield ".".join(labels)
    labels = labels[1:] if len(labels) < MAX_QUERIES else labels[1 - MAX_QUERIES :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def _is_dmarc(text: str) -> bool:
    return text.partition(";")[0].replace(" ", "") == "v=DMARC1"


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}
