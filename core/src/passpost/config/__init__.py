"""Settings to config: what an operator writes becomes an instance of a connector's own class.

::

    settings = read(Path("smtp.jsonc").read_text(), "smtp.jsonc")
    settings, problems = resolve(settings, environ=os.environ)
    config = parse(SmtpConfig, settings)

Describe a config class with `field` and `rule`, derive it from `ConnectorConfig`, and one source
serves `parse`, the JSON Schema of editors, the reference table of the guide and forms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from passpost.config.fields import field, rule
from passpost.config.jsonc import read
from passpost.config.problems import Invalid, Problem
from passpost.config.references import Referenced, Unresolved, resolve
from passpost.config.settings import Settings
from passpost.config.structure import parse
from passpost.config.values import HostName, is_placeholder
from passpost.config.walk import placeholders, secrets_in, warnings

if TYPE_CHECKING:
    from passpost.config.application import (
        ApplicationSettings,
        ConnectorEntry,
        parse_application,
    )
    from passpost.config.base import (
        ConnectorConfig,
        missing_template,
        missing_usages,
        require_templates,
    )
    from passpost.config.forms import FormField, FormVariant, form_fields
    from passpost.config.policy import Policy
    from passpost.config.reference import reference_table
    from passpost.config.schema import json_schema

# Imported when first used: some need templates, which need the fields above, and few programs
# make schemas and tables.
_HOMES: Final = {
    "ApplicationSettings": "application",
    "ConnectorConfig": "base",
    "ConnectorEntry": "application",
    "FormField": "forms",
    "FormVariant": "forms",
    "Policy": "policy",
    "form_fields": "forms",
    "json_schema": "schema",
    "missing_template": "base",
    "missing_usages": "base",
    "parse_application": "application",
    "reference_table": "reference",
    "require_templates": "base",
}

__all__ = [
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
    "form_fields",
    "is_placeholder",
    "json_schema",
    "missing_template",
    "missing_usages",
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


# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        # Kept, so that the next look-up is an ordinary one.
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))
