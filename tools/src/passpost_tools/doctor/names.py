"""Asks the DNS, and tells "there is none" from "there was no answer"."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from passpost_tools.doctor.diagnosis import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passpost.phrases import Phrase

PATIENCE: Final = 4.0
"""Seconds for one question, its repetitions included."""


class NoAnswerError(Exception):
    """No name server answered, or none could; nothing is known of the name.

    Attributes:
        why: The reason, for people.
        silent: Whether there was no answer at all, rather than one of a failure.
    """

    def __init__(self, why: Phrase, *, silent: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.silent = silent


class Names:
    """Asks the DNS, each question once.

    Args:
        resolver: Whom to ask; the system's name servers by default.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, str], Sequence[str]] = {}
        self._heard = False
        self._silence: NoAnswerError | None = None

    async def texts(self, name: str) -> Sequence[str]:
        """Return the TXT records of a name, each in one piece.

        Raises:
            NoAnswerError: No name server answered.
        """
        return await self._ask(name, "TXT")

    async def addresses(self, name: str) -> Sequence[str]:
        """Return the IPv4 and IPv6 addresses of a name.

        Raises:
            NoAnswerError: No name server answered.
        """
        return [*await self._ask(name, "A"), *await self._ask(name, "AAAA")]

    async def mail_servers(self, name: str) -> Sequence[str]:
        """Return the hosts of a name's MX records; ``.`` for one that accepts no email (RFC 7505).

        Raises:
            NoAnswerError: No name server answered.
        """
        return await self._ask(name, "MX")

    async def names_of(self, address: str) -> Sequence[str]:
        """Return the names of an IP address (PTR).

        Raises:
            NoAnswerError: No name server answered.
        """
        # Without the zone of `fe80::1%eth0`, which no name server knows.
        reverse = ipaddress.ip_address(address.partition("%")[0]).reverse_pointer
        return await self._ask(reverse, "PTR")

    async def _ask(self, name: str, kind: str) -> Sequence[str]:
        question = name.rstrip(".").lower(), kind
        if question not in self._known:
            # Where nobody ever answered, each question would take its whole time.
            if self._silence is not None and not self._heard:
                raise NoAnswerError(self._silence.why, silent=True)
            try:
                self._known[question] = await self._answer(*question)
            except NoAnswerError as error:
                self._heard = self._heard or not error.silent
                self._silence = error if error.silent else self._silence
                raise
            self._heard = True
        return self._known[question]

    async def _answer(self, name: str, kind: str) -> list[str]:
        try:
            # Made here: reading the system's settings may fail as well.
            self._resolver = self._resolver or dns.asyncresolver.Resolver()
            answer = await self._resolver.resolve(
                f"{name}.", kind, lifetime=PATIENCE, raise_on_no_answer=False, search=False
            )
            return [_text(record) for record in answer]
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.LifetimeTimeout as error:
            silent = not _answers_in(error)
            why = _("no answer within {seconds:g} s", seconds=PATIENCE)
        except dns.resolver.NoNameservers as error:
            silent = not _answers_in(error)
            why = _("the name servers failed to answer")
        except dns.resolver.NoResolverConfiguration:
            silent, why = True, _("this machine has no name server")
        except (dns.exception.DNSException, OSError) as error:
            silent = isinstance(error, OSError)
            why = _("the question failed with {error}", error=type(error).__name__)
        raise NoAnswerError(why, silent=silent)


def _answers_in(error: dns.exception.DNSException) -> bool:
    """Return whether any of the name servers answered, if only that it failed."""
    # Each is the name server, whether over TCP, the port, the exception, and the answer.
    return any(one[4] is not None for one in error.kwargs.get("errors", ()))


def _text(record: object) -> str:
    """Return what a record says: the text of TXT, the name of the others."""
    for part in ("strings", "exchange", "target", "address"):
        found = getattr(record, part, None)
        if isinstance(found, tuple):
            return b"".join(found).decode("utf-8", "replace")
        if found is not None:
            return str(found).rstrip(".").lower() or "."
    return str(record)
