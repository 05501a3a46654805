"""passpost-aliyun-dm: the connector ``aliyun-dm``, which sends through Aliyun Direct Mail."""

from __future__ import annotations

from typing import Final

from passpost.phrases import Phrases

__version__: Final = "0.1.0"

_: Final = Phrases("passpost_aliyun_dm")
"""Makes the phrases of this package; their translations are in ``locale``."""
