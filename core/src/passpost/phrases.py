"""Texts for people in their own language: what connectors make them with, and consoles read.

::

    from passpost.phrases import Phrases, translated

    _ = Phrases("passpost_acme")
    hint = _("set `port` to {port}", port=587)
    print(translated(hint, "zh-CN"))

- `Phrases` makes the `Phrase` of a package. A phrase is English text wherever it goes.
- `translated` returns a phrase in a reader's language, and any other value as it is.
- `said` returns the text of an error as a phrase: ``translated(said(error), "zh-CN")``.
"""

from __future__ import annotations

from passpost._phrases import Phrase, Phrases, said, translated

__all__ = ["Phrase", "Phrases", "said", "translated"]
