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
    MISSING_VARIABLES,
    TEMPLATES,
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

    use: str = field(
        minimum=1,
        example="smtp",
        title={"en": "Connector", "zh-CN": "连接器"},
        description={"en": "The connector's ID.", "zh-CN": "连接器 ID。"},
    )
    settings: Settings = field(
        title={"en": "Settings", "zh-CN": "配置"},
        description={
            "en": "The connector's own settings; see its guide.",
            "zh-CN": "该连接器自己的配置，详见其指南。",
        },
    )


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

    connectors: Mapping[str, ConnectorEntry] = field(
        minimum=1,
        title={"en": "Connectors", "zh-CN": "连接器"},
        description={
            "en": "The connectors in order of preference, each with a name of your choice.",
            "zh-CN": "按优先顺序排列的连接器，键为自定义名称。",
        },
    )
    delivery: Policy = field(
        factory=Policy,
        title={"en": "Delivery", "zh-CN": "投递"},
        description={"en": "The delivery policy.", "zh-CN": "投递策略。"},
    )
    stores: StoresEntry | None = field(
        default=None,
        title={"en": "Stores", "zh-CN": "存储"},
        description={
            "en": "What several sends have in common, and where it is remembered.",
            "zh-CN": "多次发送之间需要记住的内容及其存放位置。",
        },
    )
    templates: tuple[Template, ...] = field(default=(), **TEMPLATES)
    missing_variables: MissingVariables | None = field(default=None, **MISSING_VARIABLES)
    outbox: Settings | None = field(
        default=None,
        title={"en": "Outbox", "zh-CN": "发件箱"},
        description={
            "en": "Where requests leave emails for workers; requires `passpost[outbox]`.",
            "zh-CN": "请求把邮件存放在何处，由 worker 发送；需安装 `passpost[outbox]`。",
        },
    )

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
