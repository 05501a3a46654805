"""How Sphinx builds the site; ``docs/build_site.py`` runs it once for each language."""  # noqa: INP001 - settings

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pygments.lexers.data import JsonLexer

import passpost

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "passpost"
release = passpost.__version__
html_title = "passpost"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
# Explanations of problems show settings that go wrong; some are not even JSON.
suppress_warnings = ["misc.highlighting_failure"]
# The same anchors as in a repository's view of a page.
myst_heading_anchors = 4

# Docstrings name things between single backticks, as prose does.
default_role = "code"
napoleon_use_ivar = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "imported-members": True}
# A promise about words belongs to `Problem`, not to what each class inherits.
autodoc_class_signature = "mixed"

html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_use_index = False
templates_path = ["templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

LANGUAGES: Final = {"en": "English", "zh-CN": "中文"}
"""The languages of the site: the folder of each, and its name in itself."""


def _add_languages(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Tell a page where it is in the other language: there, or at that language's first page."""
    del template, doctree
    others = []
    for folder, name in LANGUAGES.items():
        if folder == app.srcdir.name:
            continue
        there = (app.srcdir.parent / folder / page).with_suffix(".md").is_file()
        up = "../" * (page.count("/") + 1)
        others.append((name, f"{up}{folder}/{page if there else 'index'}.html"))
    context["other_languages"] = others


def setup(app: Sphinx) -> None:
    """Add what is not a setting."""
    app.add_lexer("jsonc", JsonLexer)
    app.connect("html-page-context", _add_languages)
