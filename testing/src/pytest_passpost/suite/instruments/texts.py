"""Texts that are easily got wrong, and texts that must be rejected."""

from __future__ import annotations

from typing import Final

REFUSED_IN_LINE: Final = (
    "\x00", "\t", "\n", "\r", "\r\n", "\x1b", "\x7f", "\x85",
    "\u2028", "\u2029", "\u760a", "\u760d",
)  # fmt: skip
"""What may be in no subject, name, address or header; see `passpost._text`."""

SUBJECTS: Final = {
    "chinese": "您的验证码 · Your code",
    "emoji": "Code 🔑 für Zoë",
    "encoded-word": "=?utf-8?q?Code=0D=0ABcc:_eve@example.net?=",
    "percent": "Code%0d%0aBcc:%20eve@example.net",
    "entity": "Code&#13;&#10;Bcc: eve@example.net",
    "escape": "Code\\r\\nBcc: eve@example.net",
    "quotes": "\"Code\" 'for' <Ada> & {Eve}, \\ ; = + % #",
    "spaces": "Code  with   spaces",
    "long": "Code " + "x" * 80 + " 验证码" * 5,
}
"""Subjects that must arrive to the letter."""

BODIES: Final = {
    "chinese": "您的验证码是 123456。\n请勿转发。\n",
    "dots": "one\n.\n..\n.two\n",
    "smuggled": "Code\n.\nMAIL FROM:<eve@example.net>\nRCPT TO:<eve@example.net>\nDATA\nHi\n.\n",
    "long-line": "x" * 3000 + "\n",
    "percent": "100%25 + a=b&c=d; %0d%0a =0D=0A\n",
    "headers": "Bcc: eve@example.net\n\nFrom here on: From: me\nFrom me\n",
    "emoji": "🔑 é é \u200d ﷽\n",
    "spaces": "trailing \t\n  leading\n\n\nend\n",
}
"""Bodies that must arrive to the letter."""

HTML: Final = '<p title="a &amp; b">您的验证码：<b>123456</b> =3D %20 &lt;&#39;&gt;</p>\n'
"""HTML that must arrive to the letter."""

RECIPIENTS: Final = (
    "ada+tag@example.com", "a.b-c_d@sub.example.com", "o'hara@example.com",
    "ada%eve@example.com", "ada@bücher.example", "a&b=c@example.com", "ada'--@example.com",
)  # fmt: skip
"""Addresses of one person each, which careless software takes for several or for none."""

REFUSED_RECIPIENTS: Final = (
    "ada@example.com,eve@example.net", "ada@example.com;eve@example.net",
    "ada@example.com eve@example.net", "ada@example.com\r\nBcc: eve@example.net",
    "ada@example.com\u2028eve@example.net", '"ada,eve"@example.com', '"ada eve"@example.com',
    "Ada <ada@example.com>", "<ada@example.com>", "@example.com", "ada@",
)  # fmt: skip
"""Texts that are not the address of one person."""


def named_character(character: str) -> str:
    """Name a character or two: ``U+000D U+000A``."""
    return " ".join(f"U+{ord(one):04X}" for one in character)
