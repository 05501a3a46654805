"""The settings of the connector ``sendgrid``."""

# No postponed annotations here: the types of settings are looked up at run time.
from typing import ClassVar

import attrs

from passpost.config import field
from passpost.http import ApiKey, SenderConfig


@attrs.frozen(kw_only=True)
class SendGridConfig(SenderConfig):
    """The settings of SendGrid; each attribute's description is in its metadata."""

    public_url: ClassVar[str] = "https://api.sendgrid.com"

    api_key: ApiKey = field(
        title={"en": "API key", "zh-CN": "API 密钥"},
        description={
            "en": "A key with the permission Mail Send. It begins with SG.",
            "zh-CN": "具有 Mail Send 权限的密钥，以 SG. 开头。",
        },
        example="${SENDGRID_API_KEY}",
    )
