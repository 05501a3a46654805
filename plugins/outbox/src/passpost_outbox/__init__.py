"""An outbox for passpost: web processes store encrypted emails, and workers send them.

::

    outbox = Outbox(SqliteStore("outbox.sqlite"), Keys.from_folder("keys"), secret=secret)
    ticket = outbox.enqueue(passpost.Message(to="ada@example.com", usage="SignIn", …))

`passpost_outbox.testing` has the contract of stores, as tests.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from passpost_outbox.names import *  # noqa: F403 - each name is listed there
else:
    # Each mailer of the environment loads the extension, and few of them have an outbox.
    def __getattr__(name: str) -> Any:
        names = import_module(f"{__name__}.names")
        if name == "__all__" or name in names.__all__:
            return getattr(names, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return list(__getattr__("__all__"))
