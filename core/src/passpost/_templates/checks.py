"""What is unlikely to be meant in the templates of one config, taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from passpost._messages.usages import GENERIC
from passpost._problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from passpost._templates.template import ContentType, Template


def template_set_problems(
    templates: Sequence[Template], content_type: ContentType
) -> Iterator[Problem]:
    """Give the warnings of templates under a connector's defaults, with paths from ``templates``.

    Args:
        templates: The setting ``templates``.
        content_type: What a content is where its template does not say.
    """
    for index, template in enumerate(templates):
        # A template that names its type has said this of itself.
        for problem in () if template.content_type else template.problems_as(content_type):
            yield attrs.evolve(problem, path=f"templates[{index}].{problem.path}")
    yield from _without_default(templates)


def _without_default(templates: Sequence[Template]) -> Iterator[Problem]:
    """Warn of usages that readers of some languages get no mail for."""
    served = {template.usage_type for template in templates if template.locale is None}
    if GENERIC in served:
        return
    first = {template.usage_type: index for index, template in reversed([*enumerate(templates)])}
    for usage, index in first.items():
        if usage not in served:
            yield Problem(
                f"templates[{index}].locale",
                f"every template for {usage} is for one language: readers of others get no mail",
                "add one without locale",
                "warning",
            )
