"""Templates: what mails say, read once, picked by usage and language, filled in with payloads."""

from passpost.templates.addresses import TemplateAddress
from passpost.templates.checks import template_set_problems
from passpost.templates.names import LanguageTag, UsageName, is_language_tag
from passpost.templates.picking import FindTemplate, TemplateSet, pick, pick_asking
from passpost.templates.places import Missing
from passpost.templates.syntax import TemplateSyntaxError
from passpost.templates.template import ContentType, Rendered, Template
from passpost.templates.texts import TemplateLine, TemplateText

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
