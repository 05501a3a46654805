"""Settings to start from, provider by provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from passpost import Preset

_SUBJECTS: Final = {
    "Register": "Your sign-up code",
    "SignIn": "Your sign-in code",
    "ForgotPassword": "Your code to set a new password",
    "Generic": "Your verification code",
}

_TEMPLATES: Final = [
    {
        "usageType": usage,
        "subject": subject,
        "content": f"{subject} is {{{{code}}}}. It is good for 10 minutes.",
        "contentType": "text/plain",
    }
    for usage, subject in _SUBJECTS.items()
]


def _settings(host: str, port: int, user: str, password: str, sender: str) -> Mapping[str, Any]:
    return {
        "host": host,
        "port": port,
        "auth": {"user": user, "pass": password},
        "fromEmail": sender,
        "templates": _TEMPLATES,
    }


PRESETS: Final = (
    Preset(
        "gmail",
        {"en": "Gmail", "zh-CN": "Gmail"},
        _settings(
            "smtp.gmail.com",
            465,
            "<your-gmail-address>",
            "<app-password-of-16-letters>",
            "<your-gmail-address>",
        ),
    ),
    Preset(
        "sendgrid",
        {"en": "SendGrid", "zh-CN": "SendGrid"},
        _settings(
            "smtp.sendgrid.net", 465, "apikey", "<api-key>", "<address-of-a-verified-sender>"
        ),
    ),
    Preset(
        "aliyun",
        {"en": "Aliyun Direct Mail", "zh-CN": "阿里云邮件推送"},
        _settings(
            "smtpdm.aliyun.com",
            465,
            "<sender-address>",
            "<smtp-password-of-the-sender-address>",
            "<sender-address>",
        ),
    ),
    Preset(
        "generic",
        {"en": "Another server", "zh-CN": "其他服务器"},
        _settings("<smtp-server>", 587, "<user-name>", "<password>", "<sender-address>"),
    ),
)
"""Gmail, SendGrid, Aliyun, and what fits any other server."""
