"""Addresses with placeholders: a value fills in its part and can never add another address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from passpost._messages.addresses import Address, split_name
from passpost._problems import Invalid
from passpost._templates.places import SEND_FROM, Missing, Place
from passpost._templates.texts import TemplateLine
from passpost.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class TemplateAddress:
    """An address with placeholders: ``local@domain`` or ``Name <local@domain>``.

    What is name and what is address is settled when the text is read. So a value may be any name,
    commas, quotes and angle brackets included, and an address that a value went into is checked as
    one single address.

    Args:
        source: The text as the operator wrote it.

    Attributes:
        source: The text.
        variables: The dotted paths that it shows.

    Raises:
        Invalid: It is no Mustache, or no address.
    """

    __slots__ = ("_address", "_fixed", "_name", "source", "variables")

    source: str
    variables: tuple[str, ...]

    def __init__(self, source: str) -> None:
        self.source = source
        # Read as a whole first, so that places in errors are places in the whole.
        self.variables = TemplateLine.compiled(source).variables
        name, address = _split(source)
        # A tag that reaches from the name into the address is cut in two, and so is an error here.
        self._name = TemplateLine.compiled(name)
        self._address = TemplateLine.compiled(address)
        self._fixed: Address | None = None
        if self._address.constant:
            fixed = _checked(_literal(self._address))
            if self._name.constant:
                self._fixed = Address(fixed, _literal(self._name))

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is no text, no Mustache or no address.
        """
        if not isinstance(value, str):
            raise Invalid("must be text", "put it in double quotes")
        return cls(value)

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> Address:
        """Fill in a payload.

        Args:
            payload: The values.
            place: ``replyTo`` or ``sendFrom``.
            missing: What a variable of the name does that the payload lacks; one of the address
                is always an error, since a placeholder is no address.

        Raises:
            MissingVariable: A variable has no value.
            MessageError: A value may not stand there, or makes the address invalid.
        """
        if self._fixed is not None:
            return self._fixed
        name = self._name.render(payload, place, missing).strip()
        address = self._address.render(payload, place, "error")
        try:
            return Address(Address.plain(address).address, name)
        except ValueError as error:
            reason = str(error)
        raise MessageError(
            f"the payload makes no address of {place.name}: {reason}", field=place.name
        )

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        return f"TemplateAddress({self.source!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TemplateAddress):
            return NotImplemented
        return self.source == other.source

    def __hash__(self) -> int:
        return hash((TemplateAddress, self.source))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return (type(self), (self.source,))


def _split(source: str) -> tuple[str, str]:
    try:
        return split_name(source)
    except ValueError as error:
        reason = str(error)
    raise Invalid(f"is no address: {reason}")


def _literal(text: TemplateLine) -> str:
    """Give a text without variables; comments are left out of it."""
    return text.render({}, SEND_FROM, "error").strip()


def _checked(address: str) -> str:
    try:
        return Address.plain(address).address
    except ValueError as error:
        reason = str(error)
    raise Invalid(f"is no address: {reason}", "write Name <local@domain> or local@domain")
