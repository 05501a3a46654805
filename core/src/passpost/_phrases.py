"""Texts for people, in English, that can be said in other languages.

What a connector or passpost tells people goes through many hands before somebody reads it: it is
cleared of secrets, pickled, logged. A phrase is text all the way, and remembers what it was made
of. So it can be said again in the reader's language at the very end. The translations of a package
are catalogs of `gettext <https://docs.python.org/3/library/gettext.html>`_ in its folder
``locale``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from gettext import NullTranslations

_PLAIN: Final = (str, int, float, bool, type(None))


class Phrase(str):
    """A text in English, made from a template, that can be said in other languages.

    It behaves as text: it compares, formats and pickles as what it says. Make one with `Phrases`.

    Attributes:
        package: The import name of the package that has the translations.
        template: The text with placeholders: ``set `port` to {port}``.
        values: What the placeholders stand for. A tuple is said as a list, with the commas of the
            language.
    """

    __slots__ = ("package", "template", "values")

    package: str
    template: str
    values: Mapping[str, Any]

    def __new__(cls, package: str, template: str, values: Mapping[str, Any]) -> Self:
        """Fill in the template; values of foreign classes become text, and lists are copied."""
        own = {name: _own(value) for name, value in values.items()}
        phrase = super().__new__(cls, _filled(template, own, ", "))
        for name, value in (("package", package), ("template", template), ("values", own)):
            super().__setattr__(phrase, name, value)
        return phrase

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a phrase does not change")

    def map(self, change: Callable[[str], str]) -> str:
        """Return the phrase with its values changed as the whole text would be.

        Where the change concerns more than single values, the result is plain text.
        """
        values = {name: _changed(value, change) for name, value in self.values.items()}
        whole, mapped = change(str(self)), Phrase(self.package, self.template, values)
        return mapped if str(mapped) == whole else whole

    def in_language(self, language: str) -> str:
        """Return the text in a language, else in that of a shorter tag, else in English."""
        # To gettext, the empty text is the name of the catalog's header.
        if not self.template:
            return ""
        template = _catalog(self.package, language.lower()).gettext(self.template)
        values = {name: _translated(value, language) for name, value in self.values.items()}
        # Translators: What is between the names of a list.
        comma = _catalog("passpost", language.lower()).gettext(_(", "))
        return _filled(template, values, comma)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Phrase, (self.package, self.template, self.values))


class Phrases:
    """Makes the phrases of one package.

    ::

        _ = Phrases("passpost_acme")
        hint = _("set `port` to {port}", port=587)

    Args:
        package: The import name of the package. Its folder ``locale`` has the translations:
            ``locale/zh_CN/LC_MESSAGES/passpost_acme.mo``.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __call__(self, template: str, /, **values: Any) -> Phrase:
        """Return a phrase; a template without values may contain braces."""
        return Phrase(self._package, template, values)


_: Final = Phrases("passpost")
"""Makes the phrases of passpost itself."""


def translated(text: Any, language: str) -> Any:
    """Return a text in a language if it is a phrase; anything else as it is.

    Args:
        text: A hint, a remedy, a finding's evidence, …
        language: A BCP 47 tag, such as ``zh-CN``.
    """
    return text.in_language(language) if type(text) is Phrase else text


def said(error: BaseException) -> str:
    """Return the text of an error, as a phrase if the error was made of one.

    ``str(error)`` is the same text, and says it in English only.
    """
    first = error.args[0] if error.args else None
    text = str(error)
    return first if type(first) is Phrase and first == text else text


def _own(value: Any) -> Any:
    if type(value) is list or type(value) is tuple:
        return tuple(_own_single(one) for one in value)
    return _own_single(value)


def _own_single(value: Any) -> Any:
    return value if any(type(value) is kind for kind in (*_PLAIN, Phrase)) else str(value)


def _filled(template: str, values: Mapping[str, Any], comma: str) -> str:
    if not values:
        return template
    shown = {
        name: comma.join(map(str, value)) if type(value) is tuple else value
        for name, value in values.items()
    }
    return template.format_map(shown)


def _translated(value: Any, language: str) -> Any:
    if type(value) is tuple:
        return tuple(translated(one, language) for one in value)
    return translated(value, language)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if type(value) is tuple:
        return tuple(_changed(one, change) for one in value)
    if type(value) is Phrase:
        return value.map(change)
    return change(value) if type(value) is str else value


# Bounded: the language may come from a request.
@lru_cache(64)
def _catalog(package: str, language: str) -> NullTranslations:
    """Return a package's translations into a language; none where it has no catalog."""
    # Here, since only readers of other languages pay for it.
    from gettext import GNUTranslations, NullTranslations  # noqa: PLC0415
    from importlib import resources  # noqa: PLC0415

    try:
        folder = resources.files(package) / "locale"
        catalogs = {tag.name.replace("_", "-").lower(): tag for tag in folder.iterdir()}
    # A module without a folder, or a package without catalogs.
    except (ImportError, TypeError, OSError):
        return NullTranslations()
    found = catalogs.get(_nearest(language, catalogs) or "")
    if found is None:
        return NullTranslations()
    with (found / "LC_MESSAGES" / f"{package}.mo").open("rb") as file:
        return GNUTranslations(file)


def _nearest(language: str, known: Mapping[str, Any]) -> str | None:
    """Return the tag that serves a reader of a language: the same, a shorter one, or a sibling."""
    tag = language
    while tag:
        if tag in known:
            return tag
        tag = tag.rpartition("-")[0]
    base = language.partition("-")[0]
    return next((tag for tag in sorted(known) if tag.partition("-")[0] == base), None)
