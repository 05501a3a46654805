"""The setting ``lint``: which rules count, and which variables the application has."""

# No postponed annotations here: the types of settings are looked up at run time.
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

import attrs

from passpost._config.structure import LINT_KEY, structured
from passpost._wording import did_you_mean, kind_of, nearest
from passpost.config import Problem, Settings, field
from passpost.phrases import Phrases

_: Final = Phrases("passpost_tools")

Level = Literal["error", "warning", "off"]
"""What a rule's problems are; ``off``: they are not shown."""

WARNINGS: Final = (
    "W101", "W102", "W103", "W104", "W105",
    "W201", "W202", "W203", "W204", "W205", "W206", "W207", "W208", "W210", "W211", "W212", "W213",
    "W214", "W215", "W216", "W217", "W218", "W301",
    "W401", "W402", "W403", "W404",
)  # fmt: skip
"""The codes of warnings, which can be ignored and have a level."""

_ERROR: Final = re.compile(r"(?:[\w.-]+-)?E\d{1,3}")
_OWN: Final = re.compile(r"([\w.-]+)-W\d{1,3}")


@attrs.frozen(kw_only=True)
class LintSettings:
    """What ``passpost check`` is told at the top of a settings file.

    Attributes:
        rules: The level of warnings by their code.
        variables: The variables that the application supplies besides the known ones.
    """

    rules: Mapping[str, Level] = field(
        factory=dict,
        placeholders=False,
        title={"en": "Rules", "zh-CN": "规则"},
        description={
            "en": "The level of a warning by its code: `error`, `warning` or `off`.",
            "zh-CN": "按代码设置警告的级别：`error`、`warning` 或 `off`。",
        },
        example={"W212": "off"},
    )
    variables: tuple[str, ...] = field(
        default=(),
        placeholders=False,
        title={"en": "Variables", "zh-CN": "变量"},
        description={
            "en": "Variables that the application supplies besides the known ones.",
            "zh-CN": "除已知变量外，应用还会提供的变量。",
        },
        example=["shop.name"],
    )


def read_settings(
    settings: Settings, connectors: Collection[str]
) -> tuple[LintSettings, list[Problem]]:
    """Return the setting ``lint`` of a file, and what is wrong with it.

    Args:
        settings: The file.
        connectors: The IDs of the connectors whose codes may be named.
    """
    if LINT_KEY not in settings:
        return LintSettings(), []
    if not isinstance(settings[LINT_KEY], Mapping):
        message = _("must be an object, not {kind}", kind=kind_of(settings[LINT_KEY]))
        wrong = settings.problem((LINT_KEY,), message, _("write `{ … }`"), code="E103")
        return LintSettings(), [wrong]
    reading = structured(LintSettings, settings.sub(LINT_KEY))
    read = LintSettings() if reading.failed else reading.config
    return read, [*reading.problems, *_unknown(settings, read, connectors)]


def _unknown(
    settings: Settings, read: LintSettings, connectors: Collection[str]
) -> Iterator[Problem]:
    for code in read.rules:
        if wrong := fault_of(code, connectors):
            yield settings.problem((LINT_KEY, "rules", code), *wrong, key=True, code="E403")


def fault_of(code: str, connectors: Collection[str]) -> tuple[str, str] | None:
    """Return what is wrong with the code of a warning, and how to fix it; None if it is known."""
    own = _OWN.fullmatch(code)
    if code in WARNINGS or (own and own[1] in connectors):
        return None
    if _ERROR.fullmatch(code):
        return _("an error cannot be ignored"), _("fix it, or name the code of a warning")
    otherwise = _("list the codes with `passpost explain`")
    return _("unknown code of a warning"), did_you_mean(nearest(code, WARNINGS), otherwise)
