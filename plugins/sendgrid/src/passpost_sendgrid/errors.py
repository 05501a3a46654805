"""What the errors of SendGrid mean."""

from collections.abc import Mapping
from typing import Final

from passpost.http import Fault, Response
from passpost_sendgrid import _

# By the first part of the field that SendGrid names in its error.
_FIELDS: Final[Mapping[str, Fault]] = {
    "from": Fault("account", _("Verify the sender in SendGrid, or authenticate its domain.")),
    "personalizations": Fault(
        "recipient", _("SendGrid considers the recipient's address invalid.")
    ),
}


def fault_of(response: Response) -> Fault | None:
    """Return what SendGrid says is wrong, or None where the status alone says it."""
    errors = response.document().get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    field = first.get("field") if isinstance(first, dict) else None
    if response.status not in (400, 403) or not isinstance(field, str):
        return None
    return _FIELDS.get(field.partition(".")[0], Fault("message", _("SendGrid rejected the email.")))
