"""The usages that flows are known to ask for."""

from __future__ import annotations

from typing import Final

GENERIC: Final = "Generic"
"""The usage whose template serves where a usage has none of its own."""

FLOW_USAGES: Final = ("Register", "SignIn", "ForgotPassword", "Generic")
"""What the full sign-up, sign-in and reset flows want; a config that lacks one gets a warning."""

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
    """Give the present name of a usage: ``Test`` was the name of ``Generic`` until 2022."""
    return _OLD_NAMES.get(usage, usage)
