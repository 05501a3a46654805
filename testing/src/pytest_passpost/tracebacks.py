"""Shows what passpost leaves out of its errors: the text and the traceback of a defect."""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import TYPE_CHECKING

from passpost._plugins.defects import watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _on_stderr(text: str) -> None:
    sys.stderr.write(text)


@contextlib.contextmanager
def show_defects(show: Callable[[str], object] = _on_stderr) -> Iterator[None]:
    """Show each exception that a connector or an extension must not raise, while the block runs.

    passpost tells but the type and the line of such an exception, since its text may quote a
    password or a code. While you develop a connector you want all of it::

        with show_defects():
            mailer.send(message)

    Args:
        show: Takes the traceback with the exception's text; by default it goes to ``stderr``.
    """
    shown: list[BaseException] = []

    def watch(error: BaseException) -> None:
        if not any(error is one for one in shown):
            shown.append(error)
            show("".join(traceback.format_exception(error)))

    watchers.append(watch)
    try:
        yield
    finally:
        watchers.remove(watch)


__all__ = ["show_defects"]
