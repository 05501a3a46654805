"""Texts for people in their own language: what connectors make them with, and consoles read.

::

    from passpost.phrases import Phrases, translated

    _ = Phrases("passpost_acme")
    hint = _("set `port` to {port}", port=587)
    print(translated(hint, "zh-CN"))
"""

from __future__ import annotations

from passpost._phrases import Phrase, Phrases, translated

__all__ = ["Phrase", "Phrases", "translated"]
