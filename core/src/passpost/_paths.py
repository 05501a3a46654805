"""Paths into settings: tuples of keys and indexes, and the same as people read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from passpost._phrases import _

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
"""``("templates", 0, "usageType")`` for ``templates[0].usageType``."""

MAX_DEPTH: Final = 64
"""Levels of nesting; deeper settings are a mistake, or an attack on anyone who walks them."""

TOO_DEEP: Final = _("nested deeper than {max_depth} levels", max_depth=MAX_DEPTH)

_MAX_KEY: Final = 100
"""Characters of a key that are shown; a longer one is cut, and cannot be read back."""

_SPECIAL: Final = '"\\'
_NEEDS_QUOTES: Final = re.compile(r'[\s.\[\]"\\]')
_STEP: Final = re.compile(
    r'\[(?P<index>[0-9]+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\.?(?P<plain>[^.\[\]]+)', re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(?:u\{(?P<code>[0-9a-f]+)\}|(?P<char>.))", re.DOTALL)


def path_text(path: Path) -> str:
    """Return a path as people read it: ``templates[0].usageType``; odd keys are in quotes."""
    return "".join(_step_text(step) for step in path).removeprefix(".")


def path_keys(text: str) -> Path:
    """Return the path of a text that `path_text` returned, as far as it can be read."""
    return tuple(_steps(text))


def joined(prefix: str, path: str) -> str:
    """Return a relative path behind the path that it is relative to."""
    return f"{prefix}.{path}" if prefix and path and not path.startswith("[") else prefix + path


def named(text: str, limit: int = _MAX_KEY) -> str:
    """Return a name in backquotes, a long one cut and characters that do not print escaped."""
    return f"`{_shown(text, limit)}`"


def _shown(text: str, limit: int = _MAX_KEY, special: str = "") -> str:
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(_escaped(char, special) for char in shown)


def _escaped(char: str, special: str) -> str:
    if char in special:
        return f"\\{char}"
    # A key may steer the terminal that shows it, or turn the line around.
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    # A mapping made in Python may have keys of any type; each is a problem that needs a path.
    step = str(step)
    plain = step and len(step) <= _MAX_KEY and step.isprintable() and not _NEEDS_QUOTES.search(step)
    return f".{step}" if plain else f'["{_shown(step, special=_SPECIAL)}"]'


def _steps(text: str) -> Iterator[str | int]:
    position = 0
    while step := _STEP.match(text, position):
        position = step.end()
        if step["index"] is not None:
            yield int(step["index"])
        elif step["quoted"] is not None:
            yield _ESCAPE.sub(_unescaped, step["quoted"])
        else:
            yield step["plain"]


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape["code"], 16)) if escape["code"] else str(escape["char"])
