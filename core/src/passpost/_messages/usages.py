"""What an email is for, and the usages that flows are known to ask for."""

from __future__ import annotations

from typing import Final, Self

from passpost._phrases import _
from passpost._problems import Invalid
from passpost._text import refused_in_line, visible

MAX_NAME: Final = 128
"""Characters in a usage or an idempotency key."""

GENERIC: Final = "Generic"
"""The usage whose template serves every usage without one of its own."""

FLOW_USAGES: Final = ("Register", "SignIn", "ForgotPassword", "Generic")
"""The usages of the sign-up, sign-in and reset flows; a config without one gets a warning."""

KNOWN_USAGES: Final = (
    *FLOW_USAGES,
    "OrganizationInvitation",
    "UserPermissionValidation",
    "BindNewIdentifier",
    "MfaVerification",
    "BindMfa",
)
"""Names with a settled meaning; others are allowed, with a warning."""

_OLD_NAMES: Final = {"Test": GENERIC}


def canonical_usage(usage: str) -> str:
    """Return the present name of a usage: ``Test`` was the name of ``Generic`` until 2022."""
    return _OLD_NAMES.get(usage, usage)


class UsageName(str):
    """The name of a usage; ``Test`` becomes ``Generic``, its present name."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Read a setting.

        Raises:
            Invalid: It is not a name.
        """
        if not isinstance(value, str) or not value or len(value) > MAX_NAME:
            remedy = _("write 1 to {most} characters, such as `SignIn`", most=MAX_NAME)
            raise Invalid(_("not a valid usage"), remedy, code="E230")
        refused = refused_in_line(value) or (visible(value) != value and _("a mark of direction"))
        if refused:
            message = _("not a valid usage: {what} is not allowed", what=refused)
            raise Invalid(message, _("remove the character"), code="E230")
        return cls(canonical_usage(value))
