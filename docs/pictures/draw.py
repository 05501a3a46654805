"""Draws the picture of the README in each language.

Run it from anywhere in a checkout::

    python docs/pictures/draw.py
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import attrs

FOLDER: Final = Path(__file__).parent
SIZE: Final = (880, 300)

LIGHT: Final = {
    "page": "#ffffff",
    "box": "#eef2f7",
    "main": "#dbe7fb",
    "line": "#56616f",
    "text": "#1c2430",
    "quiet": "#4b5563",
}
DARK: Final = {
    "page": "#12161c",
    "box": "#222a35",
    "main": "#20365c",
    "line": "#97a3b3",
    "text": "#eef2f7",
    "quiet": "#b6c0cc",
}
"""Colors by their use, in a light and in a dark browser."""


@attrs.frozen
class Words:
    """What the picture says in one language."""

    file: str
    label: str
    application: tuple[str, str, str, str]
    settings: tuple[str, str, str]
    passpost: tuple[str, str, str, str]
    connectors: tuple[str, ...]
    recipient: tuple[str, str]
    message: str
    email: str
    receipt: str


ENGLISH: Final = Words(
    "overview.svg",
    "From an application through passpost and a connector to the recipient",
    ("Your application", "to whom", "what for", "with which data"),
    ("Settings file", "connector, password,", "templates"),
    ("passpost", "checks the settings,", "picks and fills in", "the template"),
    ("SMTP", "Aliyun Direct Mail", "SendGrid", "Amazon SES", "your own service"),
    ("Recipient", "493817"),
    "message",
    "email",
    "receipt or error",
)
CHINESE: Final = Words(
    "overview.zh-CN.svg",
    "邮件从应用经过 passpost 和连接器到达收件人",
    ("你的应用", "发给谁", "什么用途", "哪些数据"),
    ("配置文件", "连接器、密码、", "模板"),
    ("passpost", "检查配置，", "选择模板，", "填入数据"),
    ("SMTP", "阿里云邮件推送", "SendGrid", "Amazon SES", "你自己的服务"),
    ("收件人", "493817"),
    "消息",
    "邮件",
    "回执或错误",
)


def drawn(words: Words) -> str:
    """Return the picture as SVG."""
    width, height = SIZE
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(words.label)}">'
        ),
        f"<style>{_style()}</style>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8Z"/></marker></defs>'
        ),
        f'<rect class="page" width="{width}" height="{height}" rx="12"/>',
        *_box(24, 24, 176, 116, "box", words.application),
        *_box(24, 184, 176, 92, "box", words.settings),
        *_box(292, 92, 176, 116, "main", words.passpost),
        *_connectors(words.connectors),
        *_box(760, 112, 112, 76, "box", words.recipient),
        *_arrow("M200 72 C250 72 240 120 290 120", (218, 60), words.message),
        *_arrow("M200 230 C250 230 240 180 290 180", (0, 0), ""),
        *_arrow("M468 150 H544", (484, 140), words.email),
        *_arrow("M726 150 H758", (0, 0), ""),
        *_arrow("M380 92 V36 H204", (262, 28), words.receipt),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style() -> str:
    dark = f"@media (prefers-color-scheme: dark) {{{_colors(DARK)}}}"
    font = "text{font:14px system-ui,sans-serif}.title{font-weight:600}"
    return f"{font}path{{stroke-width:1.5}}{_colors(LIGHT)}{dark}"


def _colors(color: dict[str, str]) -> str:
    return (
        f".page{{fill:{color['page']}}}"
        f".box{{fill:{color['box']};stroke:{color['line']}}}"
        f".main{{fill:{color['main']};stroke:{color['line']}}}"
        f"text{{fill:{color['quiet']}}}.title{{fill:{color['text']}}}"
        f".arrow{{fill:none;stroke:{color['line']}}}.tip{{fill:{color['line']}}}"
    )


def _box(  # noqa: PLR0913, PLR0917 - a place, a size, a kind and its lines
    x: int, y: int, width: int, height: int, kind: str, lines: tuple[str, ...]
) -> list[str]:
    rect = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
    return [rect, *(_text(x + 16, y + 28 + 22 * n, line, n == 0) for n, line in enumerate(lines))]


def _connectors(names: tuple[str, ...]) -> list[str]:
    boxes = [_box(546, 24 + 52 * n, 180, 44, "box", (name,)) for n, name in enumerate(names)]
    return [part for box in boxes for part in box]


def _arrow(path: str, place: tuple[int, int], label: str) -> list[str]:
    arrow = f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>'
    return [arrow, _text(*place, label)] if label else [arrow]


def _text(x: int, y: int, text: str, title: bool = False) -> str:  # noqa: FBT002 - first lines are
    kind = ' class="title"' if title else ""
    return f'<text{kind} x="{x}" y="{y}">{escape(text)}</text>'


def main() -> None:
    """Write the pictures."""
    for words in (ENGLISH, CHINESE):
        (FOLDER / words.file).write_text(drawn(words), "utf-8")
        sys.stdout.write(f"{words.file} drawn\n")


if __name__ == "__main__":
    main()
