"""The base of connectors' config classes."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, Literal

import attrs

from passpost._config.fields import ConfigClassError, field, rule
from passpost._connector_info import Server
from passpost._messages.addresses import Address
from passpost._messages.usages import FLOW_USAGES, GENERIC, KNOWN_USAGES, canonical_usage
from passpost._phrases import _
from passpost._problems import Problem
from passpost._templates.picking import template_set_problems
from passpost._templates.template import Template
from passpost._wording import listed, nearest

_LONGEST_LANGUAGE: Final = 3
"""Letters in the longest code of a language; longer ones are valid tags without a language."""

MISSING: Final = "W401"
"""The code of the warning of usages that have no template."""

MissingVariables = Literal["error", "keep", "blank"]
"""What to do about a variable that the payload lacks."""


@attrs.frozen(kw_only=True)
class ConnectorConfig:
    """What every connector's config has: derive yours from it.

    ::

        @attrs.frozen(kw_only=True)
        class AcmeConfig(ConnectorConfig):
            api_key: Secret = field(title={"en": "API key"})

    Attributes:
        templates: The emails.
        missing_variables: What to do about a variable that the payload lacks: ``error``, ``keep``
            (the placeholder stays) or ``blank``.
    """

    default_content_type: ClassVar[Literal["text/plain", "text/html"]] = "text/plain"
    """What a template's content is where the template does not say."""

    templates: tuple[Template, ...] = field(default=(), placeholders=False)
    missing_variables: MissingVariables = field(default="error")

    @property
    def sender(self) -> Address | None:
        """The sender of emails whose template does not name one."""
        return None

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers that emails go to; ``passpost doctor`` looks for faults on the way there."""
        return ()

    @rule("templates")
    def _templates(self) -> Iterator[Problem]:
        yield from template_problems(self.templates)
        yield from template_set_problems(self.templates, self.default_content_type)
        if self.templates:
            yield from missing_templates(self.templates)


def require_templates(config: Any) -> Problem | None:
    """Return the error of a config without any template; None if it has one."""
    if getattr(config, "templates", ()):
        return None
    remedy = _("add one with `usageType`, `subject` and `content`")
    return Problem("templates", _("at least one template is required"), remedy, code="E402")


def check_config(config: Any) -> None:
    """Check the parts of a config that a mailer uses, whatever its class is derived from.

    Raises:
        ConfigClassError: A part is of a wrong type.
        BaseException: Whatever the config's own properties raise.
    """
    templates: Any = getattr(config, "templates", ())
    if not isinstance(templates, Sequence) or not all(isinstance(t, Template) for t in templates):
        raise ConfigClassError("its templates must be a sequence of passpost.Template")
    if not isinstance(getattr(config, "sender", None), Address | None):
        raise ConfigClassError("its sender must be a passpost.Address or None")
    seconds: Any = getattr(config, "repeatable_for", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ConfigClassError("its repeatable_for must be a number of seconds, 0 or more")


def missing_usages(*sources: Iterable[Template]) -> tuple[str, ...]:
    """Return the usages of the sign-up, sign-in and reset flows that have no template."""
    served = {canonical_usage(template.usage_type) for source in sources for template in source}
    return tuple(usage for usage in FLOW_USAGES if usage not in served)


def missing_templates(templates: Iterable[Template]) -> tuple[Problem, ...]:
    """Return the warning of the flows' usages that have no template, if there are any."""
    templates = tuple(templates)
    # A misspelled usage has a warning of its own.
    others = [each.usage_type for each in templates if each.usage_type not in KNOWN_USAGES]
    meant = {nearest(usage, FLOW_USAGES) for usage in others}
    missing = [usage for usage in missing_usages(templates) if usage not in meant]
    return (missing_template(*missing),) if missing else ()


def missing_template(*usages: str) -> Problem:
    """Return the warning of usages without a template; an application with templates drops it.

    Args:
        usages: The usages, at least one.
    """
    if GENERIC not in usages:
        remedy = _("add one for each, or `{generic}` is used", generic=GENERIC)
    elif len(usages) == 1:
        remedy = _("add one")
    else:
        remedy = _(
            "add one for each, or one for `{generic}`, which serves every usage", generic=GENERIC
        )
    message = _("no template for {usages}", usages=listed(usages))
    return Problem("templates", message, remedy, "warning", code=MISSING)


def template_problems(templates: Iterable[Template]) -> Iterator[Problem]:
    """Return the warnings of templates that are never used, or not by the readers meant."""
    first: dict[tuple[str, str], int] = {}
    for index, template in enumerate(templates):
        if template.locale and len(template.locale.partition("-")[0]) > _LONGEST_LANGUAGE:
            yield _no_language(index)
        served = (canonical_usage(template.usage_type), (template.locale or "").lower())
        same = first.setdefault(served, index)
        if same != index:
            yield _hidden(index, same)


def _no_language(index: int) -> Problem:
    return Problem(
        f"templates[{index}].locale",
        _("does not begin with a language code"),
        _("write a code of two or three letters, such as `zh` for Chinese"),
        "warning",
        code="W402",
    )


def _hidden(index: int, first: int) -> Problem:
    # Not an error: settings like these worked before, with their first template.
    return Problem(
        f"templates[{index}].usageType",
        _("not used: `templates[{first}]` has the same usage and locale", first=first),
        _("remove one of the two, or change its locale"),
        "warning",
        code="W403",
    )
