"""What one pass over settings finds besides the config: problems, warnings and placeholders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._config.fields import Rule, config_fields, rules
from passpost._config.settings import Settings
from passpost._config.values import doubt_of_secret, is_placeholder, is_secret_placeholder
from passpost._messages.addresses import Address
from passpost._paths import Path, joined, named, path_text
from passpost._phrases import _
from passpost._problems import Invalid, Problem
from passpost._secret import Secret
from passpost.errors import ConfigError

PLACEHOLDER: Final = _("still a placeholder")
_FILL_IN: Final = _("replace it with your own value")

# The order of warnings: those of rules by their object, then placeholders, then doubts.
_PLACEHOLDERS: Final = 1 << 30
_DOUBTS: Final = 1 << 31


@attrs.define(eq=False, repr=False)
class Reading:
    """One pass over settings.

    Attributes:
        settings: The settings; problems have their places.
        config: What the settings became, if nothing is wrong.
        objects: Every valid object within, with its path.
        found: What was found so far, each with its rank among the warnings.
    """

    settings: Settings
    config: Any = None
    objects: list[tuple[Path, Any]] = attrs.field(factory=list)
    found: list[tuple[int, Problem]] = attrs.field(factory=list)
    _entered: int = 0

    @property
    def problems(self) -> list[Problem]:
        """Everything that was found, errors and warnings."""
        return [problem for _, problem in self.found]

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.severity == "error" for _, problem in self.found)

    def result(self) -> Any:
        """Return the config.

        Raises:
            ConfigError: With everything that was found, if any of it is an error.
        """
        if self.failed:
            raise ConfigError(self.problems)
        return self.config

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is unlikely to be meant: of rules, then placeholders, then other doubts."""
        ranked = sorted(self.found, key=lambda found: found[0])
        return tuple(problem for _, problem in ranked if problem.severity == "warning")

    @property
    def placeholders(self) -> tuple[Problem, ...]:
        """The placeholders that are not filled in, as errors: nothing can be sent with them."""
        return tuple(
            attrs.evolve(problem, severity="error")
            for rank, problem in self.found
            if rank == _PLACEHOLDERS
        )

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Why nothing can be done with the config: what is wrong, and what is not filled in."""
        wrong = (problem for problem in self.problems if problem.severity == "error")
        return (*wrong, *self.placeholders)

    def enter(self) -> int:
        """Return the rank of an object's warnings: those of what encloses it come first."""
        self._entered += 1
        return self._entered

    def look_at(self, value: Any, path: Path, *, placeholders: bool) -> None:
        """Report what is unlikely to be meant in a text, an address or a secret."""
        text, is_one, doubt = value, is_placeholder, None
        if isinstance(value, Secret):
            text, is_one = value.reveal(), is_secret_placeholder
            doubt = doubt_of_secret(text)
        elif isinstance(value, Address):
            text, doubt = value.address, _doubt_of_address(value)
        elif not isinstance(value, str):
            return
        if placeholders and is_one(text):
            self._warn(_PLACEHOLDERS, path, "W101", PLACEHOLDER, _FILL_IN)
        if doubt:
            self._warn(_DOUBTS, path, *doubt)

    def run_rules(
        self, instance: Any, path: Path, rank: int, invalid: Collection[str] = ()
    ) -> bool:
        """Run the rules of an object whose fields are valid; return whether none is broken."""
        sound = True
        for names, method in rules(type(instance)):
            if not names.intersection(invalid):
                for problem in _run(type(instance), names, method, instance, invalid):
                    sound = sound and problem.severity != "error"
                    full = attrs.evolve(problem, path=joined(path_text(path), problem.path))
                    self.found += [(rank, placed) for placed in self.settings.placed([full])]
        return sound

    def look_through(self, value: Any, path: Path, *, placeholders: bool = True) -> None:
        """Report what is unlikely to be meant in a part of a config, and in what it holds."""
        kind = type(value)
        if isinstance(value, str | Address | Secret):
            self.look_at(value, path, placeholders=placeholders)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                self.look_through(item, (*path, index), placeholders=placeholders)
        elif isinstance(value, Settings) or hasattr(kind, "from_setting"):
            return
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self.look_through(item, (*path, key), placeholders=placeholders)
        elif attrs.has(kind):
            self.run_rules(value, path, self.enter())
            for field in config_fields(kind):
                inner = getattr(value, field.name)
                shows = placeholders and field.options.placeholders
                self.look_through(inner, (*path, field.key), placeholders=shows)

    def _warn(self, rank: int, path: Path, code: str, message: str, remedy: str) -> None:
        problem = self.settings.problem(path, message, remedy, severity="warning", code=code)
        self.found.append((rank, problem))


def reading_of(config: Any, settings: Settings | None = None) -> Reading:
    """Return what was found when these settings became the config, or look through the config."""
    if settings is None:
        settings = Settings({})
    found = settings.found
    if isinstance(found, Reading) and found.config is config:
        return found
    reading = Reading(settings, config)
    reading.look_through(config, ())
    return reading


def warnings(config: Any) -> tuple[Problem, ...]:
    """Return what is unlikely to be meant in a valid config, with relative paths and no places.

    Those are the warnings of the rules of its class and of the classes within, the placeholders
    that are not filled in, and secrets and addresses that look wrong. `Settings.placed` adds file,
    line and column.
    """
    return reading_of(config).warnings


def placeholders(config: Any) -> tuple[Problem, ...]:
    """Return the placeholders that are not filled in, as errors: nothing can be sent with them.

    A secret in angle brackets counts only if it is made of the words that guides use: a password
    may happen to begin with < and end with >.
    """
    return reading_of(config).placeholders


def _run(
    cls: type[Any], names: Collection[str], method: Rule, instance: Any, invalid: Collection[str]
) -> Iterator[Problem]:
    """Run one rule of a config class; what it raises as `Invalid` becomes a problem too."""
    try:
        yield from method(instance)
    except Invalid as error:
        keys = [field.key for field in config_fields(cls) if field.name in names]
        path = keys[0] if len(keys) == 1 else ""
        yield Problem(path, error.message, error.remedy, code=error.code)
    except AttributeError as error:
        # The rule looks at a field that it does not name, and that field is not there.
        if error.obj is not instance or error.name not in invalid:
            raise


def _doubt_of_address(address: Address) -> tuple[str, str, str] | None:
    # A literal such as [192.0.2.1] has its own form; a placeholder has its own warning.
    domain = address.domain
    if not domain or "." in domain or domain.startswith("[") or is_placeholder(address.address):
        return None
    return (
        "W105",
        _("the domain {domain} does not have a dot", domain=named(domain)),
        _("write the full domain, such as `example.com`, unless the name is local"),
    )
