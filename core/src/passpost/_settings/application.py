"""The settings file of an application: its connectors, its policy and its templates."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._config.fields import field, rule
from passpost._config.reading import Reading
from passpost._config.settings import Settings
from passpost._config.structure import TOOL_KEYS, settings_of, structured
from passpost._frames import without_arguments
from passpost._phrases import _
from passpost._problems import Problem
from passpost._settings.connector_config import (
    MissingVariables,
    template_problems,
)
from passpost._settings.policy import Policy
from passpost._settings.stores import StoresEntry
from passpost._templates.template import Template

_KEYS: Final = TOOL_KEYS.union(
    ("connectors", "delivery", "templates", "missingVariables", "stores", "outbox")
)
_SEVERAL: Final = 2


@attrs.frozen(kw_only=True)
class ConnectorEntry:
    """One connector of an application's settings.

    Attributes:
        use: The connector's ID.
        settings: Its own settings, which know their place in the file.
    """

    use: str = field(minimum=1, example="smtp")
    settings: Settings = field()


@attrs.frozen(kw_only=True)
class ApplicationSettings:
    """An application's settings file, before its connectors have parsed theirs.

    Attributes:
        connectors: The connectors by name, in order of preference.
        delivery: The delivery policy.
        stores: What is remembered between sends, and where; None remembers in the process.
        templates: The application's own templates.
        missing_variables: What to do about a variable that the payload lacks; None leaves it to
            each connector's own setting.
        outbox: The settings of passpost-outbox, which reads them itself.
    """

    connectors: Mapping[str, ConnectorEntry] = field(minimum=1)
    delivery: Policy = field(factory=Policy)
    stores: StoresEntry | None = field(default=None)
    templates: tuple[Template, ...] = field(default=(), placeholders=False)
    missing_variables: MissingVariables | None = field(default=None)
    outbox: Settings | None = field(default=None)

    @rule("templates")
    def _templates(self) -> Iterator[Problem]:
        yield from template_problems(self.templates)

    @rule("connectors", "delivery")
    def _policy(self) -> Iterator[Problem]:
        for problem in self.delivery.unknown_connectors(self.connectors):
            yield attrs.evolve(problem, path=f"delivery.{problem.path}")


@without_arguments
def parse_application(settings: Mapping[str, Any] | str) -> ApplicationSettings:
    """Parse an application's settings; those of its connectors are left to them.

    Args:
        settings: A mapping, or the text of a JSON object with comments.

    Raises:
        ConfigError: With every problem at once.
    """
    application: ApplicationSettings = read_application(settings_of(settings)).result()
    return application


def read_application(settings: Settings) -> Reading:
    """Return what going through an application's settings finds."""
    if "connectors" in settings or len(set(settings) - _KEYS) < _SEVERAL:
        return structured(ApplicationSettings, settings)
    message = _("these look like the settings of one connector")
    remedy = _('put them into `{"connectors": {"primary": {"use": …, "settings": {…}}}}`')
    return Reading(settings, found=[(0, settings.problem((), message, remedy, code="E400"))])
