"""How much goes in one write: what the server offers, less what it has failed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from passpost_smtp.ehlo import Offer

Form = Literal["chunked", "pipelined", "plain"]
"""``chunked``: MAIL, RCPT and BDAT with the message in one write. ``pipelined``: MAIL, RCPT and
DATA in one, then the message. ``plain``: one command at a time."""

FORMS: Final[tuple[Form, ...]] = ("chunked", "pipelined", "plain")
"""From one round trip to four."""

_LESSER: Final[dict[Form, Form]] = {
    "chunked": "pipelined",
    "pipelined": "plain",
    "plain": "plain",
}


class Mastery:
    """What a server has failed at, remembered for the session."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: set[Form] = set()

    def form(self, offer: Offer, most: Form = "chunked") -> Form:
        """Choose the form for the next mail.

        Args:
            offer: What the server offers.
            most: The form that is tried at most.
        """
        form = most
        while form in self._failed or not _offered(form, offer):
            form = _LESSER[form]
        return form

    def forget(self, form: Form) -> None:
        """Never try this form again, nor one with more in a write."""
        # The plain form is what every server knows: failing at it says nothing of the others.
        if form != "plain":
            self._failed.update(FORMS[: FORMS.index(form) + 1])


def lesser(form: Form) -> Form:
    """Give the form with the next less in one write."""
    return _LESSER[form]


def _offered(form: Form, offer: Offer) -> bool:
    if form == "chunked":
        return offer.pipelining and offer.chunking
    return form == "plain" or offer.pipelining
