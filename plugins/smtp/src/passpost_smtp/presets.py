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


# Hosts, ports and user names, in the providers' own words:
# Gmail: https://knowledge.workspace.google.com/admin/gmail/send-email-from-a-printer-scanner-or-app
# https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api
# https://www.alibabacloud.com/help/en/direct-mail/smtp-endpoints
# https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html (a host for each region; 465 or 587)
# https://postmarkapp.com/support/article/811-what-are-the-smtp-details-credentials-i-should-be-using
# https://resend.com/docs/send-with-smtp
# https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp
PRESETS: Final = (
    _preset(
        "gmail", ("Gmail", "Gmail"), "smtp.gmail.com",
        "<your-gmail-address>", "<app-password-of-16-letters>",
    ),
    Preset(
        "outlook",
        {"en": "Outlook and Microsoft 365", "zh-CN": "Outlook 与 Microsoft 365"},
        {
            "host": "smtp.office365.com",
            "port": 587,
            "auth": {
                "type": "oauth2",
                "user": "<your-outlook-address>",
                "clientId": "<your-client-id>",
                "clientSecret": "<your-client-secret>",
                "refreshToken": "<your-refresh-token>",
                "accessUrl": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            },
            "fromEmail": "<your-outlook-address>",
            "templates": _TEMPLATES,
        },
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
        # No region by default: the credentials of another are rejected.
        "ses", ("Amazon SES", "Amazon SES"), "<email-smtp.your-region.amazonaws.com>",
        "<your-smtp-user-name>", "<your-smtp-password>", sender="<your-verified-sender>",
    ),
    _preset(
        "postmark", ("Postmark", "Postmark"), "smtp.postmarkapp.com",
        "<your-server-token>", "<your-server-token>", sender="<your-verified-sender>", port=587,
    ),
    _preset(
        "resend", ("Resend", "Resend"), "smtp.resend.com", "resend", "<your-api-key>",
        sender="<address-at-your-verified-domain>",
    ),
    _preset(
        "mailgun", ("Mailgun (US)", "Mailgun（美国）"), "smtp.mailgun.org",
        "<your-smtp-login>", "<your-smtp-password>", sender="<address-at-your-domain>",
    ),
    _preset(
        "mailgun-eu", ("Mailgun (EU)", "Mailgun（欧盟）"), "smtp.eu.mailgun.org",
        "<your-smtp-login>", "<your-smtp-password>", sender="<address-at-your-domain>",
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
    Preset(
        "local",
        {"en": "A test server on this machine", "zh-CN": "本机上的测试服务器"},
        {
            "host": "127.0.0.1",
            "port": 1025,
            "ignoreTLS": True,
            "fromEmail": "<sender-address>",
            "templates": _TEMPLATES,
        },
    ),
)  # fmt: skip
"""The providers of the guide, any other server, and one for tests on this machine."""
