"""The console of passpost: set up connectors in a browser, and save what changed.

``passpost console FILE`` opens it on this machine. An application mounts it beside its own pages::

    app.mount("/email", Console("passpost.jsonc", allow=lambda scope: scope["user"].is_staff))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passpost_console.app import Console

__all__ = ["Console"]


# Each application of the environment loads extensions, and few of them have a console.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "Console":
            from passpost_console.app import Console  # noqa: PLC0415 - see above

            return Console
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
