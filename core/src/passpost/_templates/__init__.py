"""Templates: what mails say, read once, picked by usage and language, filled in with payloads."""

from passpost._templates.addresses import TemplateAddress
from passpost._templates.checks import template_set_problems
from passpost._templates.names import LanguageTag, UsageName, is_language_tag
from passpost._templates.picking import FindTemplate, TemplateSet, pick, pick_asking
from passpost._templates.places import Missing
from passpost._templates.syntax import TemplateSyntaxError
from passpost._templates.template import ContentType, Rendered, Template
from passpost._templates.texts import TemplateLine, TemplateText

__all__ = [
    "ContentType",
    "FindTemplate",
    "LanguageTag",
    "Missing",
    "Rendered",
    "Template",
    "TemplateAddress",
    "TemplateLine",
    "TemplateSet",
    "TemplateSyntaxError",
    "TemplateText",
    "UsageName",
    "is_language_tag",
    "pick",
    "pick_asking",
    "template_set_problems",
]
