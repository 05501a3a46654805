"""The emails of the demonstration."""

from __future__ import annotations

from typing import Final

import attrs

import passpost

_ENGLISH: Final = """\
<p>Hello {{user.name}},</p>
<p>your sign-in code for {{application.name}} is</p>
<p style="font-size: 2em; letter-spacing: 0.2em"><b>{{code}}</b></p>
<p>It is valid for 10 minutes. If you did not ask for it, ignore this email.</p>
"""
_ENGLISH_TEXT: Final = """\
Hello {{user.name}},

your sign-in code for {{application.name}} is

    {{code}}

It is valid for 10 minutes. If you did not ask for it, ignore this email.
"""
_CHINESE: Final = """\
<p>{{user.name}}，您好：</p>
<p>您登录{{application.name}}的验证码是</p>
<p style="font-size: 2em; letter-spacing: 0.2em"><b>{{code}}</b></p>
<p>10 分钟内有效。如非本人操作，请忽略本邮件。</p>
"""
_CHINESE_TEXT: Final = """\
{{user.name}}，您好：

您登录{{application.name}}的验证码是

    {{code}}

10 分钟内有效。如非本人操作，请忽略本邮件。
"""


def templates() -> tuple[passpost.Template, ...]:
    """Return the templates: one for each language, in HTML with a plain-text alternative."""
    return (
        passpost.Template(
            usage_type="SignIn",
            locale="en",
            subject="Your sign-in code: {{code}}",
            content=_ENGLISH,
            content_type="text/html",
            text=_ENGLISH_TEXT,
        ),
        passpost.Template(
            usage_type="SignIn",
            locale="zh-CN",
            subject="登录验证码：{{code}}",
            content=_CHINESE,
            content_type="text/html",
            text=_CHINESE_TEXT,
        ),
    )


@attrs.frozen
class Scene:
    """One email of the demonstration.

    Attributes:
        title: Its language, in that language.
        message: The message to send.
    """

    title: str
    message: passpost.Message


def scenes() -> tuple[Scene, ...]:
    """Return the messages."""
    return (
        Scene("English", _sign_in("ada@example.com", "en", "482913", "Ada", "Example")),
        Scene("中文", _sign_in("lin@example.com", "zh-CN", "705138", "林小雨", "示例应用")),
    )


def _sign_in(to: str, locale: str, code: str, user: str, application: str) -> passpost.Message:
    payload = {"code": code, "user": {"name": user}, "application": {"name": application}}
    return passpost.Message(to=to, usage="SignIn", locale=locale, payload=payload)
