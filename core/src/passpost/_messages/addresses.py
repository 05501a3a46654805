"""Email addresses: one mailbox, no more (RFC 5321 section 4.1.2, RFC 6531 section 3.3)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from contextlib import suppress
from typing import Final

import attrs

from passpost._phrases import _
from passpost._text import refused_in_line

MAX_LOCAL: Final = 64
"""Octets in a local part (RFC 5321 section 4.5.3.1.1)."""
MAX_DOMAIN: Final = 255
"""Octets in a domain (RFC 5321 section 4.5.3.1.2)."""
MAX_ADDRESS: Final = 254
"""Octets in a whole address: a path of 256 less its angle brackets (RFC 5321, erratum 1690)."""

_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_DOT_ATOM: Final = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# Nearly every address: nothing can be wrong with one of this form that is not too long.
_COMMON: Final = re.compile(
    r"(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    rf"@{_LABEL.pattern}(?:\.{_LABEL.pattern})*"
)
_QUOTED: Final = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"')
# An encoded word of RFC 2047 in a local part: some software reads another mailbox out of it.
_ENCODED_WORD: Final = re.compile(r"=\?[^?]*\?[bqBQ]\?")
# What `str.isprintable` takes for visible though nothing is to be seen of it: the combining
# grapheme joiner, Hangul fillers, Khmer vowels, Mongolian and other variation selectors, and the
# empty pattern of braille.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SEPARATOR: Final = re.compile("[@,;]")
_JOINERS: Final = dict.fromkeys((0x200C, 0x200D))
# Unquoted, these look like a second address.
_NOT_IN_NAME: Final = re.compile(r"[<>@]")
_NEEDS_QUOTES: Final = re.compile(r'[()<>\[\]:;@\\,."]')


@attrs.frozen
class Address:
    """One mailbox, with the name that is shown beside it.

    Build one with `parse` or `Address.plain`, which check it; the class holds what it is given.

    Attributes:
        address: ``local@domain`` as written, the domain perhaps internationalized.
        name: The display name, decoded; empty if there is none.
    """

    address: str
    name: str = ""

    @property
    def local(self) -> str:
        """The part before the ``@``."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The part after the ``@``, as written."""
        return self.address.rpartition("@")[2]

    @property
    def ascii_domain(self) -> str:
        """The domain in its ASCII form (A-labels, RFC 5890), as DNS and envelopes require it."""
        return ascii_domain(self.domain)

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part has a form in Unicode only (RFC 6531)."""
        return not self.local.isascii()

    @property
    def wire(self) -> str:
        """The address with its domain in ASCII, for an envelope."""
        return f"{self.local}@{self.ascii_domain}"

    def __str__(self) -> str:
        if not self.name:
            return self.address
        return f"{_quoted(self.name)} <{self.address}>"

    @classmethod
    def plain(cls, text: str) -> Address:
        """Check an address without a display name.

        Raises:
            ValueError: What is wrong with it, in words that do not repeat the address.
        """
        _check(text)
        return cls(text)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``local@domain``, ``Name <local@domain>`` or ``"Name, quoted" <local@domain>``.

        Raises:
            ValueError: What is wrong with it, in words that do not repeat the address.
        """
        refuse_controls(text)
        name, address = split_name(text)
        _check(address)
        return cls(address, name)


def split_name(text: str) -> tuple[str, str]:
    """Split ``Name <address>`` into the name, without its quotes, and the address, unchecked.

    Raises:
        ValueError: The name requires quotes around the whole of it, or is another address.
    """
    text = text.strip()
    if not text.endswith(">") or "<" not in text:
        return "", text
    name, _, address = text[:-1].rpartition("<")
    return _unquoted(name.strip()), address


def refuse_controls(text: str) -> None:
    """Raise an error for control characters and their disguises.

    Raises:
        ValueError: Names the first such character and its position.
    """
    if refused := refused_in_line(text):
        raise ValueError(_("{what} is not allowed in an address", what=refused))


def ascii_domain(domain: str) -> str:
    """Return a domain's ASCII form by IDNA 2008 with the mapping of UTS 46.

    Raises:
        ValueError: The domain is not a valid hostname.
    """
    if domain.isascii():
        return domain
    import idna  # noqa: PLC0415 - its tables cost milliseconds that ASCII domains need not pay

    with suppress(idna.IDNAError):
        return idna.encode(domain, uts46=True).decode("ascii")
    # Not in an except block: the original error repeats the domain.
    raise ValueError(_("its domain is not a valid internationalized domain name"))


def shortened(address: str) -> str:
    """Shorten an address for logs: ``a…@example.com``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if at else f"{address[:1]}…"


def _check(text: str) -> None:
    if len(text) > MAX_ADDRESS or "=?" in text or not _COMMON.fullmatch(text):
        _check_thoroughly(text)


def _check_thoroughly(text: str) -> None:
    refuse_controls(text)
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError(_("it has no @"))
    # A comma or a second address is one recipient here and two elsewhere; a quoted local part can
    # hide both, and no provider gives such addresses to users.
    if _ENCODED_WORD.search(local) or not _is_plain_local(local):
        raise ValueError(_fault_of_local(local))
    if len(local.encode()) > MAX_LOCAL:
        raise ValueError(
            _("the part before its @ is longer than {max_local} octets", max_local=MAX_LOCAL)
        )
    name = _checked_domain(domain)
    if len(local.encode()) + 1 + max(len(domain.encode()), len(name)) > MAX_ADDRESS:
        raise ValueError(_("it is longer than {max_address} octets", max_address=MAX_ADDRESS))


def _is_plain_local(local: str) -> bool:
    if local.isascii():
        return _DOT_ATOM.fullmatch(local) is not None
    # Full-width "＠" and "，" and wide spaces become their ASCII twins wherever text is normalized;
    # invisible characters make two addresses look like one.
    folded = unicodedata.normalize("NFKC", local)
    return _is_visible(local) and _DOT_ATOM.fullmatch(folded) is not None


def _fault_of_local(local: str) -> str:
    if not local:
        return _("it has nothing before its @")
    if _SEPARATOR.search(unicodedata.normalize("NFKC", local)):
        return _("it is more than one address")
    return _("the part before its @ contains a character that is not allowed there")


def _is_visible(text: str) -> bool:
    return text.isprintable() and _UNSEEN.search(text) is None


def _checked_domain(domain: str) -> str:
    if domain.startswith("["):
        _check_literal(domain)
        return domain
    # IDNA drops most invisible characters; two of them join letters of some scripts.
    if not _is_visible(domain.translate(_JOINERS)):
        raise ValueError(_("the part after its @ has invisible characters"))
    # Before IDNA, whose tables are slow going for a text of any length.
    name = ascii_domain(domain) if len(domain) <= MAX_DOMAIN else ""
    if len(name) > MAX_DOMAIN or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(_("the part after its @ is not a valid domain"))
    return name


def _check_literal(domain: str) -> None:
    inner = domain.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    with suppress(ValueError):
        # A zone names an interface of this machine (RFC 4007), and is not part of an address.
        inner = inner.replace("%", " ")
        form = "[IPv6:{}]" if ipaddress.ip_address(inner).version == 6 else "[{}]"  # noqa: PLR2004 - IPv6
        if domain == form.format(inner):
            return
    raise ValueError(_("the part after its @ is not a valid address literal"))


def _unquoted(name: str) -> str:
    quoted = _QUOTED.fullmatch(name)
    if quoted is None:
        if '"' in name:
            raise ValueError(_("its display name has quotes other than around the whole of it"))
        if _NOT_IN_NAME.search(name):
            raise ValueError(_("it is more than one address, or its display name requires quotes"))
        return name
    return re.sub(r"\\(.)", r"\1", quoted["text"])


def _quoted(name: str) -> str:
    if name == name.strip() and not _NEEDS_QUOTES.search(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
