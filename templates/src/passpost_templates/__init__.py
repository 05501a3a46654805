"""Ready-made templates for passpost, as data: ``templates`` of a settings file.

A language is a file of texts, ``TAG.toml``, in a package that names itself in the entry point group
``passpost.template_packs``. One layout serves all languages.
"""

from __future__ import annotations

from collections.abc import Iterable

from passpost_templates._packs import Pack, found

__all__ = ["languages", "templates"]

__version__ = "0.1.0"


def languages() -> tuple[str, ...]:
    """Return the tags of the languages that are installed, in alphabetical order."""
    return tuple(sorted(found()))


def templates(*languages: str, usages: Iterable[str] | None = None) -> list[dict[str, str]]:
    """Return ready-made templates, as ``templates`` in settings has them.

    The templates of the first language also serve readers of all other languages: they come once
    more, without ``locale``. A single language comes only so.

    Args:
        languages: The tags of languages that are installed, the most general one first.
        usages: What the emails are for, all of which the first language has; None for every usage
            that the languages have.

    Raises:
        ValueError: A language is not installed, its file lacks a text, or the first language has
            no template for one of the usages.
    """
    packs = list(dict.fromkeys(_pack(language) for language in languages))
    if not packs:
        raise ValueError(f"no language named; installed: {', '.join(found())}")
    if usages is None:
        wanted = dict.fromkeys(usage for pack in packs for usage in pack.usages)
    else:
        wanted = dict.fromkeys(usages)
        if lacking := [usage for usage in wanted if usage not in packs[0].usages]:
            raise ValueError(f"no template for {', '.join(lacking)} in {packs[0].tag}")
    several = packs if len(packs) > 1 else []
    return [
        *(template for pack in several for template in pack.templates(wanted, pack.locale)),
        *packs[0].templates(wanted, None),
    ]


def _pack(language: str) -> Pack:
    packs = {tag.lower(): pack for tag, pack in found().items()}
    try:
        return packs[language.replace("_", "-").lower()]
    except KeyError:
        installed = ", ".join(sorted(found()))
    raise ValueError(f"no templates for the language {language!r}; installed: {installed}")
