"""What is wrong with settings, and what is probably a mistake in them.

::

    for problem in lint(Path("passpost.jsonc").read_text(), file="passpost.jsonc"):
        print(problem)

`lint` finds what `passpost.load` finds, and more: what an email program drops, a variable that no
usage has, a language that lacks a template. Comments ``// passpost: ignore W212`` and the setting
``lint`` decide what is shown.
"""

from passpost_tools.lint.examining import Examined, examine, lint
from passpost_tools.lint.fixes import Fix, fixed
from passpost_tools.lint.settings import LintSettings

__all__ = ["Examined", "Fix", "LintSettings", "examine", "fixed", "lint"]
