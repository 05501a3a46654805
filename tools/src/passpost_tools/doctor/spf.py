"""Reads a domain's SPF record and those that it includes (RFC 7208), without a sender's address."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import attrs

from passpost_tools.doctor.diagnosis import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from passpost.phrases import Phrase
    from passpost_tools.doctor.names import Names

MAX_LOOKUPS: Final = 10
"""Terms that ask the DNS; a receiver stops with an error at more (section 4.6.4)."""

# A record with this many is an error in any case, whatever else is in it.
_FOLLOWED: Final = 2 * MAX_LOOKUPS

MAX_VOID: Final = 2
"""Of them those that get no records (section 4.6.4)."""

_TERM: Final = re.compile(
    r"(?P<qualifier>[+?~-])?(?P<name>[A-Za-z][A-Za-z0-9._-]*)(?P<value>[:=/].*)?", re.DOTALL
)
_LONGEST: Final = 254
# Any ASCII but the dot and the backslash, which is an escape in a name.
_DOMAIN: Final = re.compile(r"[:=][!-\-/-\[\]-~]{1,63}(?:\.[!-\-/-\[\]-~]{1,63})*+\.?")
# What may follow `a` and `mx`: a domain, and how much of an address has to be the same.
_HOST: Final = re.compile(
    r"(?P<domain>:[^/]+)?(?:/(?:[12]?\d|3[0-2]))?(?://(?:\d\d?|1[01]\d|12[0-8]))?"
)
_MECHANISMS: Final = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
_ASKING: Final = ("include", "a", "mx", "ptr", "exists")


@attrs.define
class Spf:
    """What a domain's SPF record says, with all that it includes.

    Attributes:
        record: The record; None if there is none.
        includes: The domains that it includes, directly or not.
        lookups: How many of its terms ask the DNS.
        void: How many of them get no records.
        ending: What it says of all other servers: ``-``, ``~``, ``?`` or ``+``; None if nothing.
        faults: What receivers treat as an error, the worst first.
    """

    record: str | None = None
    includes: set[str] = attrs.field(factory=set)
    lookups: int = 0
    void: int = 0
    ending: str | None = None
    faults: list[tuple[str, Phrase]] = attrs.field(factory=list)


async def read_spf(domain: str, names: Names) -> Spf:
    """Read a domain's SPF record and everything that it includes.

    Raises:
        NoAnswerError: A name server did not answer.
    """
    reading = _Reading(names)
    reading.spf.record = await reading.read(domain, (), last_word=True)
    spf = reading.spf
    if spf.lookups > MAX_LOOKUPS:
        count = _("{count} terms ask the DNS, and {most} may", count=spf.lookups, most=MAX_LOOKUPS)
        spf.faults.append(("spf.lookups", count))
    if spf.void > MAX_VOID:
        count = _("{count} terms get no records, and {most} may", count=spf.void, most=MAX_VOID)
        spf.faults.append(("spf.void", count))
    return spf


class _Reading:
    """Follows a record through its includes."""

    def __init__(self, names: Names) -> None:
        self.spf = Spf()
        self._names = names

    async def read(self, domain: str, through: Sequence[str], *, last_word: bool) -> str | None:
        """Read the record of a domain; return it, or None if there is none.

        Args:
            domain: The domain.
            through: The domains whose records led here.
            last_word: Whether its ``all`` is that of the whole record.
        """
        records = [text for text in await self._names.texts(domain) if _is_spf(text)]
        if len(records) > 1:
            several = _("{domain} has {count} SPF records", domain=domain, count=len(records))
            self.spf.faults.append(("spf.several", several))
        if not records:
            return None
        terms = records[0].split()[1:]
        redirect = await self._terms(terms, domain, (*through, domain), last_word=last_word)
        # A record with `all` ignores it.
        if redirect and not any(term.lstrip("+-~?").lower() == "all" for term in terms):
            self.spf.lookups += 1
            if self.spf.lookups <= _FOLLOWED:
                await self._include(redirect, domain, (*through, domain), last_word=last_word)
        return records[0]

    async def _terms(
        self, terms: Sequence[str], domain: str, through: Sequence[str], *, last_word: bool
    ) -> str | None:
        redirect = None
        for term in terms:
            match = _TERM.fullmatch(term)
            name = match["name"].lower() if match else ""
            value = (match["value"] or "") if match else ""
            modifier = value.startswith("=")
            known = modifier or name in _MECHANISMS
            if match is None or not known or not _is_valid(f"{name}=" if modifier else name, value):
                unknown = _("{domain}: `{term}` is not valid", domain=domain, term=term[:60])
                self.spf.faults.append(("spf.syntax", unknown))
            elif name == "all":
                self.spf.ending = (match["qualifier"] or "+") if last_word else self.spf.ending
            elif name == "redirect" and modifier:
                redirect = value[1:]
            elif name in _ASKING and not modifier:
                await self._ask(name, value, domain, through)
        return redirect

    async def _ask(self, name: str, value: str, domain: str, through: Sequence[str]) -> None:
        self.spf.lookups += 1
        target = value.partition("/")[0].removeprefix(":") or domain
        # A macro depends on the email.
        if "%" in target or self.spf.lookups > _FOLLOWED:
            return
        if name == "include":
            await self._include(target, domain, through, last_word=False)
        elif name == "mx":
            self.spf.void += not await self._names.mail_servers(target)
        elif name != "ptr":
            self.spf.void += not await self._names.addresses(target)

    async def _include(
        self, target: str, domain: str, through: Sequence[str], *, last_word: bool
    ) -> None:
        target = target.lower().rstrip(".")
        if "%" in target:
            return
        self.spf.includes.add(target)
        if target in through:
            loop = _(
                "{domain} includes {target}, which includes it again", domain=domain, target=target
            )
            self.spf.faults.append(("spf.loop", loop))
            return
        if await self.read(target, through, last_word=last_word) is None:
            if not await self._names.texts(target):
                self.spf.void += 1
            missing = _(
                "{domain} includes {target}, which has no SPF record", domain=domain, target=target
            )
            self.spf.faults.append(("spf.include", missing))


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def _is_valid(name: str, value: str) -> bool:
    # What a macro becomes depends on the email.
    check = None if "%" in value else _VALUES.get(name)
    return check(value) if check else True


def _is_host(value: str) -> bool:
    match = _HOST.fullmatch(value)
    return match is not None and (match["domain"] is None or _is_domain(match["domain"]))


def _is_domain(value: str) -> bool:
    """Return whether a name, with what is before it, can be asked for."""
    return len(value) <= _LONGEST and bool(_DOMAIN.fullmatch(value))


def _is_network(value: str, version: int) -> bool:
    try:
        return ipaddress.ip_network(value.removeprefix(":"), strict=False).version == version
    except ValueError:
        return False


_VALUES: Final[dict[str, Callable[[str], bool]]] = {
    "all": lambda value: not value,
    "a": _is_host,
    "mx": _is_host,
    "include": lambda value: value.startswith(":") and _is_domain(value),
    "exists": lambda value: value.startswith(":") and _is_domain(value),
    "redirect=": _is_domain,
    "ip4": lambda value: value.startswith(":") and _is_network(value, 4),
    "ip6": lambda value: value.startswith(":") and _is_network(value, 6),
}
