"""Settings to config: what an operator writes becomes an instance of a connector's own class.

::

    settings = read(Path("smtp.jsonc").read_text(), "smtp.jsonc")
    settings, problems = resolve(settings, environ=os.environ)
    config = parse(SmtpConfig, settings)

Describe a config class with `field` and `rule`, derive it from `ConnectorConfig`, and one source
serves `parse`, the JSON Schema of editors, the reference table of the guide and forms. The last
three (`json_schema`, `reference_table`, `form_fields`) require ``passpost-tools``, which
``passpost[cli]`` and ``passpost[testing]`` install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost._config.fields import field, rule
from passpost._config.jsonc import read
from passpost._config.reading import placeholders, warnings
from passpost._config.references import Referenced, Unresolved, resolve
from passpost._config.secrecy import secrets_in
from passpost._config.settings import Settings
from passpost._config.structure import parse
from passpost._config.values import HostName, is_placeholder
from passpost._lazy import lazy_names
from passpost._problems import Invalid, Problem

if TYPE_CHECKING:
    from passpost._connector_info import LANGUAGES
    from passpost._descriptions import (
        FormField,
        FormVariant,
        form_fields,
        json_schema,
        reference_table,
    )
    from passpost._host.sections import load_section
    from passpost._plugins.kinds import find_kind, names_of_kinds
    from passpost._settings.application import (
        ApplicationSettings,
        ConnectorEntry,
        parse_application,
    )
    from passpost._settings.connector_config import (
        ConnectorConfig,
        missing_template,
        missing_usages,
        require_templates,
    )
    from passpost._settings.policy import Policy

__all__ = [
    "LANGUAGES",
    "ApplicationSettings",
    "ConnectorConfig",
    "ConnectorEntry",
    "FormField",
    "FormVariant",
    "HostName",
    "Invalid",
    "Policy",
    "Problem",
    "Referenced",
    "Settings",
    "Unresolved",
    "field",
    "find_kind",
    "form_fields",
    "is_placeholder",
    "json_schema",
    "load_section",
    "missing_template",
    "missing_usages",
    "names_of_kinds",
    "parse",
    "parse_application",
    "placeholders",
    "read",
    "reference_table",
    "require_templates",
    "resolve",
    "rule",
    "secrets_in",
    "warnings",
]


# Hidden from type checkers, which would take any name for one that exists.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "passpost._connector_info": ("LANGUAGES",),
            "passpost._descriptions": (
                "FormField",
                "FormVariant",
                "form_fields",
                "json_schema",
                "reference_table",
            ),
            "passpost._host.sections": ("load_section",),
            "passpost._plugins.kinds": ("find_kind", "names_of_kinds"),
            "passpost._settings.application": (
                "ApplicationSettings",
                "ConnectorEntry",
                "parse_application",
            ),
            "passpost._settings.connector_config": (
                "ConnectorConfig",
                "missing_template",
                "missing_usages",
                "require_templates",
            ),
            "passpost._settings.policy": ("Policy",),
        },
    )
