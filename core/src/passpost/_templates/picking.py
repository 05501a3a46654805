"""Picking the template for a usage and the languages that a reader prefers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from passpost._messages.locales import MAX_LOCALES
from passpost._messages.usages import GENERIC, canonical_usage
from passpost._phrases import _
from passpost._problems import Problem
from passpost._templates.checks import ContentType, check_content
from passpost.errors import TemplateNotFound

if TYPE_CHECKING:
    from passpost._templates.template import Template

FindTemplate = Callable[[str, "str | None"], Awaitable["Template | None"]]
"""From usage and locale (None: without one) to the template of exactly these, or None."""

_SCRIPT: Final = 4
_REGION: Final = 2
_MAX_TRIED: Final = 2 * MAX_LOCALES
_NO_TAGS: Final = (None,)


class TemplateSet:
    """Templates that are found by usage and locale at once.

    Where two serve the same usage and locale, the first one counts.

    Args:
        templates: The templates, in order of preference.
    """

    __slots__ = ("_index",)

    def __init__(self, templates: Iterable[Template] = ()) -> None:
        self._index: dict[str, dict[str | None, Template]] = {}
        for template in templates:
            locale = template.locale.lower() if template.locale else None
            self._index.setdefault(template.usage_type, {}).setdefault(locale, template)

    def find(self, usage: str, tags: Sequence[str | None]) -> Template | None:
        """Return the template of a usage for the first tag that it has one for.

        Args:
            usage: The usage by its present name.
            tags: Tags in lower case, best first; None stands for no locale.
        """
        by_tag = self._index.get(usage)
        if by_tag is None:
            return None
        for tag in tags:
            if tag in by_tag:
                return by_tag[tag]
        return None


def pick(usage: str, locales: Sequence[str], sources: Sequence[TemplateSet]) -> Template:
    """Pick the template for a usage and the languages preferred (RFC 4647 section 3.4, lookup).

    The first source that has a template for the usage decides: within it each tag is tried,
    then shortened, and last the template without a locale. Only if no source has one for the
    usage, the same is done for ``Generic``.

    Args:
        usage: What the email is for.
        locales: BCP 47 tags, best first.
        sources: Where templates come from, in order.

    Raises:
        TemplateNotFound: There is none for the usage, nor for ``Generic``.
    """
    tags = _lookup(locales)
    for name in _usages(usage):
        if template := _first(name, tags, sources):
            return template
    raise TemplateNotFound(canonical_usage(usage), locales)


async def pick_asking(
    usage: str, locales: Sequence[str], ask: FindTemplate, sources: Sequence[TemplateSet]
) -> Template:
    """Pick as `pick` does, with a first source that is asked.

    Args:
        usage: What the email is for.
        locales: BCP 47 tags, best first.
        ask: Called for each tag in its usual spelling (``zh-Hant-TW``), like ``find_template``.
        sources: Where templates come from otherwise, in order.

    Raises:
        TemplateNotFound: There is none for the usage, nor for ``Generic``.
    """
    tags = _lookup(locales)
    for name in _usages(usage):
        for tag in tags:
            if asked := await ask(name, tag and _spelt(tag)):
                return asked
        if template := _first(name, tags, sources):
            return template
    raise TemplateNotFound(canonical_usage(usage), locales)


def _usages(usage: str) -> tuple[str, ...]:
    wanted = canonical_usage(usage)
    return (wanted,) if wanted == GENERIC else (wanted, GENERIC)


def _first(
    usage: str, tags: Sequence[str | None], sources: Iterable[TemplateSet]
) -> Template | None:
    return next((found for source in sources if (found := source.find(usage, tags))), None)


def _lookup(locales: Sequence[str]) -> Sequence[str | None]:
    """Return the tags to try in lower case, best first and None last."""
    if not locales:
        return _NO_TAGS
    if len(locales) == 1 and locales[0].isalpha():
        return (locales[0].lower(), None)
    # Readers choose them: no more than these are looked at, and asked for from an extension.
    folded = (locale.replace("_", "-").lower() for locale in islice(locales, MAX_LOCALES))
    tags = dict.fromkeys(tag for locale in folded for tag in _shortened(locale))
    return [*islice(tags, _MAX_TRIED), None]


def _shortened(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
        # What a single letter announced is gone, so the letter goes with it.
        if tag[-2:-1] in ("-", ""):
            tag = tag[:-2]


def _spelt(locale: str) -> str:
    """Spell a tag in lower case as RFC 5646 section 2.1.1 recommends."""
    parts = locale.split("-")
    for index, part in enumerate(parts[1:], 1):
        if len(parts[index - 1]) == 1:
            # What follows a single letter is an extension, all in lower case.
            break
        if len(part) == _REGION:
            parts[index] = part.upper()
        elif len(part) == _SCRIPT:
            parts[index] = part.title()
    return "-".join(parts)


def template_set_problems(
    templates: Sequence[Template], content_type: ContentType
) -> Iterator[Problem]:
    """Yield the warnings of templates taken together, with paths from ``templates``.

    Args:
        templates: The setting ``templates``.
        content_type: What a content is where its template does not say.
    """
    for index, template in enumerate(templates):
        # A template that names its type has said this of itself.
        if template.content_type is None:
            for problem in check_content(template.content, template.text, content_type):
                yield attrs.evolve(problem, path=f"templates[{index}].{problem.path}")
    served = {template.usage_type for template in templates if template.locale is None}
    first = {template.usage_type: index for index, template in reversed([*enumerate(templates)])}
    for usage, index in first.items():
        if not served & {usage, GENERIC}:
            yield Problem(
                f"templates[{index}].locale",
                _(
                    "every template for `{usage}` is for one language: others get no email",
                    usage=usage,
                ),
                _("add a template without `locale`"),
                "warning",
                code="W208",
            )
