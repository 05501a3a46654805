"""References in settings: ``"${NAME}"`` to the environment, ``"${file:/path}"`` to a file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final, Self

import attrs

from passpost._config.settings import Settings
from passpost._paths import MAX_DEPTH, TOO_DEEP, Path, named
from passpost._phrases import _
from passpost._problems import Invalid, Problem
from passpost._secret import Secret
from passpost._wording import known

MAX_FILE: Final = 64 * 1024
"""Bytes in a file that a reference names."""

# Only a text that is a reference as a whole is one: a password may contain "${" somewhere.
_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Windows has none of the first two, and reads text unless told otherwise.
_UNBLOCKED: Final = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
_HOW: Final = _("write `${NAME}` for an environment variable or `${file:/path}` for a file")


class Referenced(str):
    """A text that a reference or a secret stood for; its ``repr`` does not show it.

    The environment knows texts only, so a setting that is true or false takes one from here. It is
    no reference itself, whatever it looks like.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Unresolved(str):
    """A reference that could not be followed, as written.

    Attributes:
        problem: What is wrong; `parse` reports this, and nothing else, where it meets the value.
    """

    __slots__ = ("problem",)

    problem: Problem

    def __new__(cls, reference: str, problem: Problem) -> Self:
        """Mark a reference with what is wrong with it."""
        text = super().__new__(cls, reference)
        text.problem = problem
        return text

    def __reduce__(self) -> tuple[type[Unresolved], tuple[str, Problem]]:
        return Unresolved, (str(self), self.problem)


def revealed(value: Any) -> Any:
    """Return what a secret in settings made in Python holds, and any other value as it is.

    Secrets are those of passpost and whatever has a method ``get_secret_value``, as pydantic's do.
    """
    if isinstance(value, Secret):
        return Referenced(value.reveal())
    if not hasattr(type(value), "get_secret_value"):
        return value
    held = value.get_secret_value()
    if isinstance(held, bytes):
        # What is not UTF-8 becomes a character that no setting may have.
        held = held.decode("utf-8", "surrogateescape")
    return Referenced(held) if isinstance(held, str) else held


def resolve(
    settings: Mapping[str, Any], *, environ: Mapping[str, str], read_files: bool = True
) -> tuple[Settings, tuple[Problem, ...]]:
    """Replace each reference in settings with what it stands for.

    What a reference stands for is used unchanged, except for one line end at the end of a file,
    which editors and ``echo`` add. A relative path is relative to the settings' own file.

    Args:
        settings: The settings.
        environ: The environment.
        read_files: Whether files may be read; else a reference to one is a problem.

    Returns:
        The settings, at the same places, and what is wrong. A reference that could not be followed
        becomes an `Unresolved`, which `parse` reports as the same problem.
    """
    walk = _Walk(Settings.of(settings), environ, read_files)
    data = walk.mapping(walk.settings.data, ())
    return walk.settings.having(data), tuple(walk.problems)


@attrs.frozen
class _Walk:
    settings: Settings
    environ: Mapping[str, str]
    read_files: bool
    problems: list[Problem] = attrs.field(factory=list)

    def mapping(self, value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        return {key: self._value(item, (*path, key)) for key, item in value.items()}

    def _value(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        # Settings made in Python may hold themselves.
        if isinstance(value, Mapping | list | tuple) and len(path) >= MAX_DEPTH:
            return self._unresolved("", path, Invalid(TOO_DEEP, code="E017"))
        if isinstance(value, Mapping):
            return self.mapping(value, path)
        if isinstance(value, list | tuple):
            return [self._value(item, (*path, index)) for index, item in enumerate(value)]
        return revealed(value)

    def _text(self, value: str, path: Path) -> str:
        if isinstance(value, Unresolved):
            self.problems.append(value.problem)
            return value
        reference = _REFERENCE.fullmatch(value)
        # What came from outside is used unchanged, however often settings are resolved.
        if reference is None or isinstance(value, Referenced):
            return value
        return self._resolved(value, reference[1], path)

    def _resolved(self, reference: str, target: str, path: Path) -> str:
        try:
            return Referenced(self._followed(target))
        except Invalid as error:
            return self._unresolved(reference, path, error)

    def _unresolved(self, reference: str, path: Path, error: Invalid) -> Unresolved:
        problem = self.settings.problem(path, error.message, error.remedy, code=error.code)
        self.problems.append(problem)
        return Unresolved(reference, problem)

    def _followed(self, target: str) -> str:
        if target.startswith("file:"):
            return self._file(target.removeprefix("file:"))
        if _NAME.fullmatch(target):
            return self._variable(target)
        raise Invalid(_("not a valid reference"), _HOW, code="E050")

    def _variable(self, name: str) -> str:
        value = self.environ.get(name)
        if value is None:
            message = _("environment variable `{name}` is not set", name=name)
            raise Invalid(
                message, _("set `{name}`, or write the value here", name=name), code="E051"
            )
        if not value:
            message = _("environment variable `{name}` is empty", name=name)
            raise Invalid(message, _("set `{name}` to the value", name=name), code="E052")
        return value

    def _file(self, name: str) -> str:
        if not self.read_files:
            message = _("references to files are not allowed here")
            raise Invalid(message, _("write the value itself"), code="E053")
        if not name:
            raise Invalid(_("the reference does not name a file"), _HOW, code="E050")
        text = _read(self._path(name), named(name), self._remedy(name))
        text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
        if not text:
            message = _("the file {name} is empty", name=named(name))
            raise Invalid(message, _("write the value to the file"), code="E055")
        return text

    def _path(self, name: str) -> FilePath:
        path = FilePath(name)
        if path.is_absolute() or self.settings.file is not None:
            return FilePath(self.settings.file or "").parent / path
        message = _("a relative path requires a settings file to start from")
        raise Invalid(message, _("write the absolute path"), code="E056")

    def _remedy(self, name: str) -> str:
        if name.startswith("~"):
            return _("write the absolute path: `~` is not expanded")
        check = _("check the path and its permissions")
        if FilePath(name).is_absolute():
            return check
        return _(
            "{check}; it is relative to the folder of {file}",
            check=check,
            file=named(self.settings.file or ""),
        )


def _read(path: FilePath, name: str, remedy: str) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except OSError as error:
        reason = known((error.strerror or type(error).__name__).lower())
    except UnicodeDecodeError:
        reason = _("not valid UTF-8")
    except Invalid as error:
        reason = error.message
    except ValueError:
        reason = _("not a valid file name")
    # Outside of the except blocks: an error of decoding contains the file's content.
    raise Invalid(
        _("the file {name} cannot be read: {reason}", name=name, reason=reason), remedy, code="E054"
    )


def _bytes(path: FilePath) -> bytes:
    # The opened file itself is checked, and nothing blocks: neither a pipe, nor a file of /proc
    # that calls itself regular.
    descriptor = os.open(path, os.O_RDONLY | _UNBLOCKED)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Invalid(_("not a regular file"))
        data = b""
        while len(data) <= MAX_FILE and (chunk := os.read(descriptor, MAX_FILE + 1 - len(data))):
            data += chunk
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE:
        raise Invalid(_("larger than {max_file} KiB", max_file=MAX_FILE >> 10))
    return data
