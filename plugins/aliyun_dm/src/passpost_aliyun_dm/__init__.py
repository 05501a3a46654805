"""passpost-aliyun-dm: the connector ``aliyun-dm``, which sends through Aliyun Direct Mail."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
