"""Names of a public module that are imported when they are first used (PEP 562).

A program pays for what it touches: `import passpost` imports no mailer, and describing a connector
over HTTP imports no HTTP client.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    module: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a module that exports others' names.

    A module hides both from type checkers, which would take any name for one that exists.

    Args:
        module: The module's own name.
        homes: For each module that defines names, by its full name, the names.
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    exported = vars(sys.modules[module])

    def getattr_(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # Kept, so that the next look-up is an ordinary one.
        value = exported[name] = getattr(import_module(home), name)
        return value

    def dir_() -> list[str]:
        dunders = {name for name in exported if name.startswith("__")}
        return sorted(dunders | set(exported["__all__"]))

    return getattr_, dir_


def replace_by(package: str, what: str, *, module: str, install: str) -> None:
    """Put a package, or a module of one, in the place of a module, which is another name of it.

    Args:
        package: Its name. The package requires passpost, which therefore knows its name only.
        what: What it is, for people.
        module: The module's own name.
        install: What to install for it.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    try:
        sys.modules[module] = import_module(package)
    except ModuleNotFoundError as error:
        name = error.name
        if name != package.partition(".")[0]:
            raise
    else:
        return
    raise ModuleNotFoundError(f"{what} is not installed: pip install '{install}'", name=name)
