"""Looks at what a connector says of itself, before anybody relies on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._connector_info import Capability, ConnectorInfo, Preset
from passpost._phrases import _

_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*")
_PARTS: Final = tuple(attribute.name for attribute in attrs.fields(ConnectorInfo))
_TEXTS: Final = _('must be texts by language, such as {"en": "Acme Mail"}')


def description_mistakes(info: ConnectorInfo) -> Iterator[str]:
    """Return what is wrong with the types and forms of a description.

    The class itself takes anything: an error raised while a connector describes itself would lose
    its words, which may come from anywhere.
    """
    # Whatever the class declares: nothing held the connector to it.
    parts: dict[str, Any] = {name: getattr(info, name) for name in _PARTS}
    if not isinstance(parts["id"], str) or not _ID.fullmatch(parts["id"]):
        yield _("`id` must be a name such as acme-mail: letters, digits and single hyphens")
    for part in ("name", "description"):
        if not _are_texts(parts[part]) or not parts[part]:
            yield _("{part} {texts}", part=part, texts=_TEXTS)
    if not _are_texts(parts["deliveries"]):
        yield _("{part} {texts}", part="deliveries", texts=_TEXTS)
    if not isinstance(parts["config_class"], type):
        yield _("config_class must be a class, not an instance")
    if not _are_guides(parts["guide"]):
        yield _('guide must be texts by language, such as passpost.guides("passpost_acme")')
    yield from _mistakes_in_capabilities(parts["capabilities"])
    yield from _mistakes_in_presets(parts["presets"])
    if parts["stand_in"] is not None and not isinstance(parts["stand_in"], str):
        yield _('stand_in must be text such as "passpost_acme_stand_in:StandIn", or None')
    seconds = parts["repeatable_for"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        yield _("repeatable_for must be a number of seconds, 0 or more")
    if not isinstance(parts["marks_departure"], bool):
        yield _("marks_departure must be True or False")


def _mistakes_in_capabilities(capabilities: Any) -> Iterator[str]:
    known = set(Capability)
    if not isinstance(capabilities, frozenset) or not capabilities <= known:
        names = [str(one) for one in sorted(known)]
        yield _("capabilities must be a set of passpost.Capability ({names})", names=names)


def _mistakes_in_presets(presets: Any) -> Iterator[str]:
    if not isinstance(presets, tuple | list):
        yield _("presets must be a tuple of passpost.Preset")
        return
    for number, preset in enumerate(presets):
        if not isinstance(preset, Preset):
            yield _("presets[{number}] must be a passpost.Preset", number=number)
        else:
            own = _mistakes_in_preset(preset.id, preset.name, preset.settings)
            yield from (f"presets[{number}].{mistake}" for mistake in own)


def _mistakes_in_preset(preset: Any, name: Any, settings: Any) -> Iterator[str]:
    if not isinstance(preset, str) or not preset:
        yield _("`id` must be text")
    if not _are_texts(name):
        yield _("{part} {texts}", part="name", texts=_TEXTS)
    if not isinstance(settings, Mapping):
        yield _("settings must be a mapping")


def _are_guides(guide: Any) -> bool:
    # The values are left alone: reading a guide costs I/O.
    return isinstance(guide, Mapping) and all(isinstance(language, str) for language in guide)


def _are_texts(texts: Any) -> bool:
    return isinstance(texts, Mapping) and all(
        isinstance(part, str) for item in texts.items() for part in item
    )
