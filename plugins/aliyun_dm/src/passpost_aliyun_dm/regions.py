"""The regions of Direct Mail."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

DEFAULT_REGION: Final = "cn-hangzhou"

REGIONS: Final = MappingProxyType(
    {
        "cn-hangzhou": "China (Hangzhou)",
        "ap-southeast-1": "Singapore",
        # Closed to new accounts.
        "ap-southeast-2": "Australia (Sydney)",
        "eu-central-1": "Germany (Frankfurt)",
        "us-east-1": "US (Virginia)",
    }
)
"""The known regions of Direct Mail, by ID."""


def endpoint_of(region: str) -> str:
    """Return the public hostname of Direct Mail in a region."""
    return "dm.aliyuncs.com" if region == DEFAULT_REGION else f"dm.{region}.aliyuncs.com"
