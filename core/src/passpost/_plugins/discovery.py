"""Finds what is installed by its entry points, without importing any of it.

Metadata is read here and not by ``importlib.metadata.entry_points``, which gives up at the first
distribution of the environment whose metadata is damaged, related to passpost or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._connector_info import InstalledConnector
from passpost._phrases import _
from passpost._text import quoted, visible
from passpost.errors import PluginError, UnknownConnectorError
from passpost.hookspecs import CONNECTOR_GROUP

if TYPE_CHECKING:
    from importlib.metadata import Distribution

FIRST_PARTY: Final = {
    "smtp": "passpost-smtp",
    "aliyun-dm": "passpost-aliyun-dm",
    "sendgrid": "passpost-sendgrid",
    "ses": "passpost-ses",
    "webhook": "passpost-webhook",
}
"""The packages of this project's connectors: the only ones that an error tells people to install.

A name made from what somebody typed could be a stranger's package.
"""

_FILE: Final = "entry_points.txt"
_UNKNOWN: Final = _("an unknown distribution")
_TARGET: Final = re.compile(r"[\w.]+(?:\s*:\s*[\w.]+)?(?:\s*\[.*\])?")
_METADATA_FOLDER: Final = re.compile(r"(?P<name>[^-]+)(?:-.*)?\.(?:dist|egg)-info")
_MAX_NAME: Final = 64


@attrs.frozen
class EntryPoint:
    """A plugin as a distribution's metadata names it.

    Attributes:
        group: The entry point group.
        name: The plugin's name; of a line that cannot be read, as much of it as is fit to show.
        value: Where the plugin is: ``module`` or ``module:attribute``.
        distribution: The distribution's name.
        version: Its version; empty where that cannot be read.
        error: Why it cannot be loaded, where the metadata shows that already.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str = ""
    error: str | None = None

    def load(self) -> Any:
        """Import the plugin.

        Raises:
            BaseException: Whatever its module raised.
        """
        from importlib import metadata  # noqa: PLC0415 - see `entry_points`

        return metadata.EntryPoint(self.name, self.value, self.group).load()


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, in order of name and distribution.

    Distributions whose metadata is damaged are passed over, unless they claim a place in the group:
    then their entry points say what is wrong.
    """
    # importlib.metadata imports the email package, which a program that sends nothing need not pay.
    from importlib import metadata  # noqa: PLC0415

    found = [
        entry
        for distribution in _distinct(metadata.distributions())
        for entry in _entries(distribution, group)
    ]
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.distribution)))


class Catalog:
    """The connectors that the environment has at one moment."""

    def __init__(self) -> None:
        self._entries: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(CONNECTOR_GROUP):
            self._entries.setdefault(entry.name, []).append(entry)

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs of all connectors, usable or not."""
        return tuple(self._entries)

    def installed(self) -> tuple[InstalledConnector, ...]:
        """Return all connectors, those that share an ID marked as unusable."""
        return tuple(
            InstalledConnector(
                id=entry.name,
                distribution=entry.distribution,
                version=entry.version,
                module=entry.value,
                error=entry.error or clash,
            )
            for entries in self._entries.values()
            for clash in [conflict(entries)]
            for entry in entries
        )

    def find(self, connector: str) -> EntryPoint:
        """Return the one entry point of a connector.

        Raises:
            UnknownConnectorError: No installed package provides the ID.
            PluginError: Several do.
        """
        entries = self._entries.get(connector)
        if entries is None:
            raise unknown_connector(connector, self._entries)
        if clash := conflict(entries):
            raise PluginError(clash, connector=connector)
        return (_usable(entries) or entries)[0]


def unknown_connector(connector: str, known: Iterable[str]) -> UnknownConnectorError:
    """Return the error for an unknown ID: what was meant, and what is there."""
    from passpost._wording import did_you_mean, listed, nearest  # noqa: PLC0415 - only mistakes pay

    known = sorted(set(known))
    shown = quoted(connector if len(connector) <= _MAX_NAME else connector[:_MAX_NAME] + "…")
    message = _("unknown connector {shown}", shown=shown)
    if connector in FIRST_PARTY:
        message = _("the connector {shown} is not installed", shown=shown)
        remedy: str = _("install it with `pip install {package}`", package=FIRST_PARTY[connector])
    else:
        otherwise = _("install one, for example with `pip install passpost-smtp`")
        if known:
            otherwise = _("use one of {known}", known=listed(known))
        remedy = did_you_mean(nearest(connector, [*known, *FIRST_PARTY]), otherwise)
    return UnknownConnectorError(message, connector=connector, remedy=remedy)


def _usable(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    return [entry for entry in entries if entry.error is None]


def conflict(entries: Sequence[EntryPoint]) -> str | None:
    """Return what is wrong with entry points of one name: several packages claim it."""
    claims = _usable(entries)
    if len(claims) < 2:  # noqa: PLR2004 - two make a conflict
        return None
    from passpost._wording import in_pairs  # noqa: PLC0415 - only mistakes pay

    names = sorted({claim.distribution for claim in claims})
    connector = claims[0].name
    if len(names) == 1:
        return _(
            "{names} claims the ID {connector} more than once; reinstall or report it",
            names=names[0],
            connector=quoted(connector),
        )
    return _(
        "{names} both claim the ID {connector}; uninstall all but one",
        names=in_pairs(names),
        connector=quoted(connector),
    )


def _distinct(distributions: Iterable[Distribution]) -> Iterator[Distribution]:
    """Leave out what an earlier folder of the path shadows, and what pip left behind."""
    seen = set()
    for distribution in distributions:
        # pip renames what it replaces to begin with ~, and may be interrupted before it deletes it.
        if _folder(distribution).startswith("~"):
            continue
        match = _METADATA_FOLDER.fullmatch(_folder(distribution))
        name = match["name"] if match else _metadata(distribution, "Name")
        key = re.sub(r"[-_.]+", "-", name).lower()
        if not key or key not in seen:
            seen.add(key)
            yield distribution


def _entries(distribution: Distribution, group: str) -> Iterator[EntryPoint]:
    """Return what a distribution has in a group; most have nothing, and are not looked at twice."""
    try:
        text = distribution.read_text(_FILE) or ""
    except UnicodeDecodeError as error:
        text = error.object.decode("latin-1")
        readable = False
    except OSError:
        return
    else:
        readable = "\0" not in text
    if group not in text.replace("\0", ""):
        return
    known = _metadata(distribution, "Name")
    name = known or _from_folder(distribution)
    if not readable:
        yield EntryPoint(group, name, "", name, error=_damaged(_FILE))
        return
    damage = None if known else _damaged("METADATA")
    blank = EntryPoint(group, "", "", name, _metadata(distribution, "Version"), damage)
    for line in dict.fromkeys(_lines(text, group)):
        yield _entry(line, blank)


def _entry(line: str, blank: EntryPoint) -> EntryPoint:
    name, equals, value = (part.strip() for part in line.partition("="))
    shown = visible(name[:_MAX_NAME])
    if equals and name and shown == name and _TARGET.fullmatch(value):
        return attrs.evolve(blank, name=name, value=value)
    return attrs.evolve(blank, name=shown or blank.distribution, error=_damaged(_FILE))


def _lines(text: str, group: str) -> Iterator[str]:
    """Return the lines of one section. Lines of other sections may be anything."""
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
            # A heading that is not closed is a mistake in this section.
            if not inside and line.strip("[] ") == group:
                yield line
        elif inside and line and not line.startswith("#"):
            yield line


def _damaged(file: str) -> str:
    return _("cannot be used: its {file} is damaged or missing; reinstall the package", file=file)


def _metadata(distribution: Distribution, key: str) -> str:
    """Return a distribution's name or version; nothing where its metadata is damaged."""
    try:
        # None where the file lacks it, whatever its type says.
        found: Any = distribution.metadata[key]
    except Exception:  # noqa: BLE001 - each version of Python and each finder raises its own
        return ""
    return visible(found) if isinstance(found, str) else ""


def _folder(distribution: Distribution) -> str:
    # No public name: other finders than Python's own may have none.
    return str(getattr(getattr(distribution, "_path", None), "name", ""))


def _from_folder(distribution: Distribution) -> str:
    match = _METADATA_FOLDER.fullmatch(_folder(distribution))
    return visible(match["name"]) if match else _UNKNOWN
