"""Checks the domain of a sender: what Gmail and Outlook look at before they accept its emails.

Sources: RFC 7208 (SPF), RFC 6376 (DKIM), RFC 9989 (DMARC), RFC 7505 (null MX), Gmail's *Email
sender guidelines*, and Outlook's requirements for senders of many emails.
"""

from __future__ import annotations

import ipaddress
import re
import time
from typing import TYPE_CHECKING

import attrs

from passpost_tools.doctor.diagnosis import Diagnosis, Result, _
from passpost_tools.doctor.dkim import TOO_WEAK, WEAK, Key, read_key
from passpost_tools.doctor.dmarc import Dmarc, read_dmarc
from passpost_tools.doctor.names import NoAnswerError
from passpost_tools.doctor.spf import MAX_LOOKUPS, Spf, read_spf
from passpost_tools.providers import owner_of, provider_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from passpost.phrases import Phrase
    from passpost_tools.doctor.names import Names


async def check_sender(
    domain: str, host: str, names: Names, *, addresses: Iterable[str] = ()
) -> AsyncGenerator[Diagnosis, None]:
    """Check the domain of a sender; nothing is sent.

    Args:
        domain: The domain of the sender's address, in ASCII.
        host: The server that emails go to; it tells the provider.
        names: The DNS.
        addresses: The IP addresses that emails leave from, where they are known.
    """
    sender = _Sender(domain, host, names, tuple(addresses))
    for name, step in (
        ("domain", sender.check_domain),
        ("spf", sender.check_spf),
        ("dkim", sender.check_dkim),
        ("dmarc", sender.check_dmarc),
        ("ptr", sender.check_addresses),
    ):
        started = time.monotonic()
        try:
            found = await step()
        except NoAnswerError as error:
            why = _("the DNS gave no answer: {why}", why=error.why)
            found = [sender.found(f"{name}.unanswered", "skipped", why)]
        for one in found:
            yield attrs.evolve(one, seconds=time.monotonic() - started)
        # All else would be a consequence.
        if any(one.id in {"domain.missing", "domain.others"} for one in found):
            return


class _Sender:
    """The checks of one domain; each later one knows what the earlier ones found."""

    def __init__(self, domain: str, host: str, names: Names, addresses: tuple[str, ...]) -> None:
        self._domain = domain
        self._names = names
        self._addresses = addresses
        self._provider = provider_of(host)
        self._is_providers = self._provider is not None and domain in self._provider.own
        self._spf = Spf()
        self._keys: dict[str, Key] = {}

    def found(
        self, name: str, result: Result, evidence: str, remedy: str = "", record: str = ""
    ) -> Diagnosis:
        """Return a diagnosis of this domain."""
        subject = {
            "domain": _("domain {domain}", domain=self._domain),
            "spf": _("SPF of {domain}", domain=self._domain),
            "dkim": _("DKIM of {domain}", domain=self._domain),
            "dmarc": _("DMARC of {domain}", domain=self._domain),
            "ptr": _("reverse name"),
        }[name.partition(".")[0]]
        return Diagnosis(
            id=name, subject=subject, result=result, evidence=evidence, remedy=remedy, record=record
        )

    async def check_domain(self) -> list[Diagnosis]:
        """Check that replies and bounces have somewhere to go."""
        if owner_of(self._domain) is not None and not self._is_providers:
            other = _(
                "addresses at {domain} belong to mailboxes of another provider", domain=self._domain
            )
            use = _("Use a sender at a domain of your own, or send through that provider.")
            return [self.found("domain.others", "error", other, use)]
        servers = await self._names.mail_servers(self._domain)
        if list(servers) == ["."]:
            null = _("its MX record says that it accepts no email")
            other = _("Receivers reject senders that nobody can answer. Use another sender.")
            return [self.found("domain.null-mx", "error", null, other)]
        if servers:
            return [self.found("domain.ok", "ok", f"MX {', '.join(servers)}")]
        if await self._names.addresses(self._domain):
            return [self.found("domain.ok", "ok", _("no MX record, but an address"))]
        nothing = _("it has neither an MX record nor an address")
        check = _("Check the spelling of the sender's domain, or create its records.")
        return [self.found("domain.missing", "error", nothing, check)]

    async def check_spf(self) -> list[Diagnosis]:
        """Check that the provider may send for the domain."""
        if self._is_providers:
            return [self.found("spf.ok", "ok", _("the provider's own domain"))]
        self._spf = spf = await read_spf(self._domain, self._names)
        include = self._provider.spf if self._provider else ""
        if spf.record is None:
            return [self._without_spf(include)]
        if spf.faults:
            return [self._faulty_spf(name, fault) for name, fault in spf.faults[:3]]
        if spf.ending == "+":
            anyone = _("`+all` lets every server send for the domain")
            return [self.found("spf.open", "error", anyone, *self._closed(spf.record))]
        if include and include not in spf.includes:
            other = _(
                "the record does not include {include}: {record}",
                include=include,
                record=spf.record,
            )
            record = self._txt(_including(spf.record, include))
            return [self.found("spf.provider", "warning", other, _CHANGE, record)]
        count = _("{count} of {most} look-ups", count=spf.lookups, most=MAX_LOOKUPS)
        return [self.found("spf.ok", "ok", _("{record} ({count})", record=spf.record, count=count))]

    def _closed(self, record: str) -> tuple[Phrase, str]:
        """Return how to exclude other servers, and the record that does it."""
        closed = _closed(record)
        if closed == record:
            return _("Remove `redirect=`, or tell who runs the domain that it names."), ""
        return _("Change the end of the record to `~all`."), self._txt(closed)

    def _without_spf(self, include: str) -> Diagnosis:
        none = _("no SPF record")
        if not include and self._provider:
            # The provider's return path has a record of its own.
            return self.found("spf.elsewhere", "ok", _("not needed: the provider's own is checked"))
        terms = f"include:{include}" if include else "mx"
        return self.found("spf.missing", "error", none, _CREATE, self._txt(f"v=spf1 {terms} ~all"))

    def _faulty_spf(self, name: str, fault: Phrase) -> Diagnosis:
        remedy = {
            "spf.lookups": _("Remove what is not used, or write the addresses of one as `ip4:`."),
            "spf.void": _("Remove the terms whose names do not exist."),
            "spf.several": _("Join them: receivers ignore a domain with several SPF records."),
            "spf.loop": _("Remove one of the two."),
            "spf.include": _("Remove it, or correct its spelling."),
            "spf.syntax": _("Correct it: receivers ignore a record with a mistake."),
        }[name]
        return self.found(name, "error", fault, remedy)

    async def check_dkim(self) -> list[Diagnosis]:
        """Check the keys of the provider's selectors, where they are known."""
        selectors = self._provider.selectors if self._provider else ()
        if self._is_providers or not selectors:
            return []
        for selector in selectors:
            if (key := await read_key(selector, self._domain, self._names)) is not None:
                self._keys[selector] = key
        if not self._keys:
            names = [f"{one}._domainkey.{self._domain}" for one in selectors]
            none = _("no key at {names}", names=names)
            sign = _(
                "Turn DKIM on at the provider for this domain, and create the records it shows."
            )
            return [self.found("dkim.missing", "warning", none, sign)]
        return [self._judged(selector, key) for selector, key in self._keys.items()]

    def _judged(self, selector: str, key: Key) -> Diagnosis:
        new = _("Create a new key of 2048 bits at the provider.")
        what = _(
            "selector {selector}: {kind}, {bits} bits",
            selector=selector,
            kind=key.kind,
            bits=key.bits,
        )
        if not key.valid:
            broken = _("selector {selector}: the key cannot be read", selector=selector)
            copy = _("Copy the record from the provider again.")
            return self.found("dkim.invalid", "error", broken, copy)
        if key.bits == 0:
            revoked = _("selector {selector}: the key was withdrawn", selector=selector)
            return self.found("dkim.revoked", "error", revoked, new)
        if key.kind == "rsa" and key.bits < TOO_WEAK:
            return self.found("dkim.weak", "error", what, new)
        if key.kind == "rsa" and key.bits < WEAK:
            return self.found("dkim.short", "warning", what, new)
        return self.found("dkim.ok", "ok", what)

    async def check_dmarc(self) -> list[Diagnosis]:
        """Check the policy, and whether emails through this provider can meet it."""
        if self._is_providers:
            return []
        dmarc = await read_dmarc(self._domain, self._names)
        if dmarc is None:
            none = _("no DMARC record")
            # Without reports, since nobody knows here who reads them.
            record = f'_dmarc.{self._domain}. IN TXT "v=DMARC1; p=none"'
            return [self.found("dmarc.missing", "warning", none, _DMARC, record)]
        return list(self._judged_dmarc(dmarc))

    def _judged_dmarc(self, dmarc: Dmarc) -> Iterator[Diagnosis]:
        if dmarc.several:
            several = _("{domain} has several DMARC records", domain=dmarc.domain)
            join = _("Keep one: receivers ignore all of them.")
            yield self.found("dmarc.several", "error", several, join)
            return
        policy = dmarc.policy(self._domain)
        if policy not in ("none", "quarantine", "reject"):
            wrong = _("the policy `{policy}` is not valid", policy=policy[:40])
            use = _("Use `p=none`, `p=quarantine` or `p=reject`.")
            yield self.found("dmarc.syntax", "error", wrong, use)
        elif self._is_unaligned():
            what = _(
                "{record}, and neither SPF nor DKIM vouches for this provider", record=dmarc.record
            )
            fix = _("Fix SPF or DKIM above first: with `{policy}`, emails are lost.", policy=policy)
            result: Result = "warning" if policy == "none" else "error"
            yield self.found("dmarc.unaligned", result, what, fix)
        else:
            where = "" if dmarc.domain == self._domain else _(" (at {domain})", domain=dmarc.domain)
            yield self.found(
                "dmarc.ok", "ok", _("{record}{where}", record=dmarc.record, where=where)
            )

    def _is_unaligned(self) -> bool:
        """Return whether it is certain that neither SPF nor DKIM passes for the domain."""
        provider = self._provider
        # A server that is not known may sign.
        if provider is None:
            return False
        by_spf = bool(provider.spf) and provider.spf in self._spf.includes and not self._spf.faults
        # A provider whose selectors are not known may sign.
        by_dkim = not provider.selectors or any(
            key.valid and key.bits for key in self._keys.values()
        )
        return not (by_spf or by_dkim)

    async def check_addresses(self) -> list[Diagnosis]:
        """Check that each sending address has a name that leads back to it (RFC 1912)."""
        found = []
        for address in self._addresses:
            names = await self._names.names_of(address)
            # As many as receivers look at (RFC 7208 section 4.6.4).
            back = [name for name in names[:_MOST_NAMES] if await self._leads(name, address)]
            if back:
                found.append(self.found("ptr.ok", "ok", f"{address}: {back[0]}"))
                continue
            none = _("{address} has no name that leads back to it", address=address)
            ask = _("Ask who provides the address to set its PTR record to the server's hostname.")
            found.append(self.found("ptr.missing", "error", none, ask))
        return found

    async def _leads(self, name: str, address: str) -> bool:
        wanted = ipaddress.ip_address(address)
        return wanted in map(ipaddress.ip_address, await self._names.addresses(name))

    def _txt(self, text: str) -> str:
        # One string of a record has at most 255 characters.
        parts = [text[at : at + _MOST_TEXT] for at in range(0, len(text), _MOST_TEXT)]
        quoted = " ".join('"' + re.sub(r'(["\\])', r"\\\1", part) + '"' for part in parts)
        return f"{self._domain}. IN TXT {quoted}"


_MOST_NAMES = 10
_MOST_TEXT = 255
_CHANGE = _("Change the SPF record to this one.")
_CREATE = _("Create this SPF record.")
_DMARC = _("Create this DMARC record. Gmail and Outlook require one of senders of many emails.")


def _including(record: str, include: str) -> str:
    """Return an SPF record that includes one domain more, before its last word."""
    terms = record.split()
    at = next(
        (i for i, term in enumerate(terms) if term.lstrip("+-~?").lower() == "all"), len(terms)
    )
    return " ".join([*terms[:at], f"include:{include}", *terms[at:]])


def _closed(record: str) -> str:
    return " ".join("~all" if term.lower() in ("all", "+all") else term for term in record.split())
