"""Settings to start from, one preset per provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from passpost import Preset

_SUBJECTS: Final = {
    "Register": "Your sign-up code",
    "SignIn": "Your sign-in code",
    "ForgotPassword": "Your password reset code",
    "Generic": "Your verification code",
}

_TEMPLATES: Final = [
    {
        "usageType": usage,
        "subject": subject,
        "content": f"{subject} is {{{{code}}}}. It is valid for 10 minutes.",
        "contentType": "text/plain",
    }
    for usage, subject in _SUBJECTS.items()
]


def _preset(  # noqa: PLR0913 - one for each setting that differs
    id_: str,
    names: tuple[str, str],
    host: str,
    user: str,
    password: str,
    *,
    sender: str = "",
    port: int = 465,
) -> Preset:
    settings: Mapping[str, Any] = {
        "host": host,
        "port": port,
        "auth": {"user": user, "pass": password},
        "fromEmail": sender or user,
        "templates": _TEMPLATES,
    }
    return Preset(id_, dict(zip(("en", "zh-CN"), names, strict=True)), settings)


PRESETS: Final = (
    _preset(
        "gmail", ("Gmail", "Gmail"), "smtp.gmail.com",
        "<your-gmail-address>", "<app-password-of-16-letters>",
    ),
    _preset(
        "sendgrid", ("SendGrid", "SendGrid"), "smtp.sendgrid.net", "apikey", "<api-key>",
        sender="<address-of-a-verified-sender>",
    ),
    _preset(
        "aliyun", ("Aliyun Direct Mail", "阿里云邮件推送"), "smtpdm.aliyun.com",
        "<sender-address>", "<smtp-password-of-the-sender-address>",
    ),
    _preset(
        "qq", ("QQ Mail", "QQ 邮箱"), "smtp.qq.com",
        "<your-qq-address>", "<your-authorization-code>",
    ),
    _preset(
        "netease-163", ("NetEase 163 Mail", "网易 163 邮箱"), "smtp.163.com",
        "<your-163-address>", "<your-authorization-code>",
    ),
    _preset(
        "tencent-exmail", ("Tencent Exmail", "腾讯企业邮箱"), "smtp.exmail.qq.com",
        "<your-exmail-address>", "<your-password>",
    ),
    _preset(
        "generic", ("Another server", "其他服务器"), "<smtp-server>",
        "<user-name>", "<password>", sender="<sender-address>", port=587,
    ),
)  # fmt: skip
"""Gmail, SendGrid, Aliyun, QQ Mail, NetEase, Tencent Exmail, and any other server."""
