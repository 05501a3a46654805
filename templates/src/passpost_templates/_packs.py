"""Packs of templates: the texts of a language, put into the layout that all languages share."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from string import Template
from typing import Any, Final

GROUP: Final = "passpost.template_packs"
"""The entry point group: its names are language tags, its values packages with ``TAG.toml``."""

FONT: Final = "'Segoe UI',Helvetica,Arial,'PingFang SC','Microsoft YaHei',sans-serif"
"""Fonts that devices have; Outlook on Windows shows Times if it lacks the first one."""

_SHARED: Final = ("button_fails", "or_code", "expires", "private")
_OWN: Final = ("subject", "heading", "code", "link", "button", "ignore")


@dataclass(frozen=True)
class Pack:
    """The templates of one language.

    Attributes:
        tag: The language, as the entry point names it.
        package: The package that has its texts.
    """

    tag: str
    package: str

    @property
    def locale(self) -> str:
        """Whose templates these are: the tag, unless the file names a wider one."""
        return str(self._texts().get("locale", self.tag))

    @property
    def usages(self) -> tuple[str, ...]:
        """What its emails are for."""
        return tuple(self._texts()["usages"])

    def templates(self, usages: Iterable[str], locale: str | None) -> list[dict[str, str]]:
        """Return its templates for these usages, with this locale or without one."""
        texts, own = self._texts(), self.usages
        return [dict(self._template(usage, texts, locale)) for usage in usages if usage in own]

    def _template(
        self, usage: str, texts: Mapping[str, Any], locale: str | None
    ) -> Iterator[tuple[str, str]]:
        shared, own = texts["shared"], texts["usages"][usage]
        words = {key: shared[key] for key in _SHARED} | {key: own[key] for key in _OWN}
        yield "usageType", usage
        if locale:
            yield "locale", locale
        yield "subject", words["subject"]
        yield "contentType", "text/html"
        yield "content", self._html(words, texts.get("dir", "ltr"))
        yield "text", _composed("txt", words)

    def _html(self, words: Mapping[str, str], direction: str) -> str:
        escaped = {key: escape(text, quote=False) for key, text in words.items()}
        return _composed("html", {**escaped, "font": FONT, "lang": self.tag, "dir": direction})

    def _texts(self) -> dict[str, Any]:
        return _read(self.package, self.tag)


def found() -> dict[str, Pack]:
    """Return the packs that are installed, by the tag of their language."""
    return {point.name: Pack(point.name, point.value) for point in _points()}


def _points() -> list[EntryPoint]:
    # Where two packages bring one language, the other one counts: it was installed on purpose.
    return sorted(entry_points(group=GROUP), key=lambda p: (p.value != __package__, p.value))


def _composed(kind: str, words: Mapping[str, str]) -> str:
    """Return a body, in which a link or a code is required, or a link alone."""
    body = _layout(f"link.{kind}").substitute(words)
    if words["code"]:
        code = _layout(f"code.{kind}")
        beside = code.substitute(words, sentence=words["or_code"], above="24px")
        alone = code.substitute(words, sentence=words["code"], above="0")
        body = f"{{{{#link}}}}\n{body}{{{{#code}}}}\n\n{beside}{{{{/code}}}}\n{{{{/link}}}}\n"
        body += f"{{{{^link}}}}\n{alone}{{{{/link}}}}\n"
    return _layout(f"email.{kind}").substitute(words, body=body)


@cache
def _layout(name: str) -> Template:
    return Template((files(__package__) / "layout" / name).read_text("utf-8"))


@cache
def _read(package: str, tag: str) -> dict[str, Any]:
    """Return the texts of a language.

    Raises:
        ValueError: The file is missing or not TOML, or lacks a text.
    """
    name = f"{package}/{tag}.toml"
    try:
        texts = tomllib.loads((files(package) / f"{tag}.toml").read_text("utf-8"))
    except (ImportError, OSError, ValueError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error
    if wrong := list(_lacking(texts)):
        raise ValueError(f"{name} lacks {', '.join(wrong)}")
    return texts


def _lacking(texts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the key of each text that is missing or not a text."""
    if not isinstance(texts.get("locale", ""), str):
        yield "a text as locale"
    if texts.get("dir", "ltr") not in ("ltr", "rtl"):
        yield "ltr or rtl as dir"
    usages = _table(texts, "usages")
    if not usages:
        yield "usages"
    yield from _no_texts("shared", _table(texts, "shared"), _SHARED)
    for usage in usages:
        yield from _no_texts(f"usages.{usage}", _table(usages, usage), _OWN)


def _no_texts(path: str, table: Mapping[str, Any], keys: Iterable[str]) -> Iterator[str]:
    return (f"{path}.{key}" for key in keys if not isinstance(table.get(key), str))


def _table(texts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = texts.get(key)
    return table if isinstance(table, dict) else {}
