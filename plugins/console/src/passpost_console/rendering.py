"""Pages as HTML: Jinja templates whose texts are phrases in the reader's language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from passpost.phrases import Phrase, translated
from passpost_console.language import DEFAULT
from passpost_console.phrases import _

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # A phrase becomes text of the reader's language wherever it is shown.
        finalize=pass_context(_said),
    )
    made.globals["_"] = _
    return made


def _said(context: Context, value: Any) -> Any:
    if type(value) is Phrase:
        return value.in_language(context.get("language", DEFAULT))
    return value


def say(text: str, language: str) -> str:
    """Return a phrase in a language, and any other text as it is."""
    said: str = translated(text, language)
    return said


def render(template: str, language: str, **values: Any) -> str:
    """Return a page, or a part of one, as HTML."""
    return _environment().get_template(template).render(language=language, **values)


def quoted(text: str, language: str) -> Markup:
    """Return a text whose `names` in backquotes are shown as code."""
    parts = say(text, language).split("`")
    marked = (Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))
    return Markup("").join(marked)
