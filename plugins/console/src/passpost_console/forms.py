"""The form of a connector's settings: generated from its config class, and read back."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost import config
from passpost_console.hiding import MASK
from passpost_tools.setup.questions import is_reference, is_secret, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import passpost
    from passpost_tools.descriptions import FormField, FormVariant

Path = tuple[str, ...]

NONE: Final = ""
"""The kind of a setting with variants that is left out."""

_LEFT_OUT: Final = "templates"
_DATA: Final = ("list", "mapping")
_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|\W+")
_MANY: Final = 120


@attrs.frozen(kw_only=True)
class Input:
    """One input of the form, or a group of them.

    Attributes:
        path: The setting, within the connector's settings.
        field: What the config class says of it.
        kind: ``text``, ``number``, ``choice``, ``secret``, ``data``, ``group`` or ``variants``.
        value: What the input shows: a text, the value of a choice, the index of a variant.
        before: What it shows as long as nobody changes it.
        stored: Whether the settings contain a secret here, which is not shown.
        multiline: Whether it has several lines.
        options: What there is to choose from, as values and labels.
        offered: A reference that could be used instead of a secret.
        placeholder: An example, shown while the input is empty.
        inner: The inputs of a group, or of the variant that was chosen.
        problems: What is wrong with it.
    """

    path: Path
    field: FormField
    kind: str
    value: str = ""
    before: str = ""
    stored: bool = False
    multiline: bool = False
    options: tuple[tuple[str, str], ...] = ()
    offered: str = ""
    placeholder: str = ""
    inner: tuple[Input, ...] = ()
    problems: tuple[passpost.Problem, ...] = ()

    @property
    def name(self) -> str:
        """The name of the input in the form."""
        return ".".join(self.path)

    @property
    def is_filled(self) -> bool:
        """Whether the settings have a value here."""
        return bool(self.value or self.stored or any(one.is_filled for one in self.inner))

    @property
    def has_problem(self) -> bool:
        """Whether something is wrong here or within."""
        return bool(self.problems) or any(one.has_problem for one in self.inner)

    @property
    def comes_first(self) -> bool:
        """Whether the input is shown at once, and not among those that few need."""
        often = self.field.required or self.is_filled or self.has_problem
        return often or self.kind == "variants"


@attrs.frozen
class Form:
    """Makes the inputs of a connector's settings.

    Attributes:
        settings: The settings as they are written.
        chosen: The form that was sent: it says which variants were chosen.
        problems: What is wrong, by the path of the setting.
        prefix: What the offered references begin with.
    """

    settings: Mapping[str, Any]
    chosen: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    problems: Mapping[str, tuple[passpost.Problem, ...]] = attrs.field(factory=dict)
    prefix: str = ""

    def inputs(self, fields: Sequence[FormField]) -> tuple[Input, ...]:
        """Return the inputs, in the order of the config class."""
        shown = (field for field in fields if field.key != _LEFT_OUT)
        return tuple(
            self._input(field, (field.key,), self.settings.get(field.key)) for field in shown
        )

    def _input(self, field: FormField, path: Path, value: Any) -> Input:
        problems = self.problems.get(".".join(path), ())
        made = Input(path=path, field=field, kind="text", problems=problems)
        if field.widget == "object":
            inner = self._within(field.variants[0], path, value)
            return attrs.evolve(made, kind="group", inner=inner)
        if field.widget == "variants" and len(field.variants) > 1:
            return self._variants(made, value)
        if _is_hidden(field):
            return self._secret(made, value)
        return self._leaf(made, value)

    def _within(self, variant: FormVariant, path: Path, value: Any) -> tuple[Input, ...]:
        settings = value if isinstance(value, dict) else {}
        return tuple(
            self._input(field, (*path, field.key), settings.get(field.key))
            for field in variant.fields
        )

    def _variants(self, made: Input, value: Any) -> Input:
        field = made.field
        titles = [(str(index), one.title) for index, one in enumerate(field.variants)]
        options = titles if field.required else [(NONE, ""), *titles]
        kind = self.chosen.get(kind_of(made.name))
        if kind not in dict(options):
            kind = str(_fitting(field.variants, value)) if isinstance(value, dict) else NONE
        inner = () if kind == NONE else self._within(field.variants[int(kind)], made.path, value)
        return attrs.evolve(made, kind="variants", value=kind, options=tuple(options), inner=inner)

    def _secret(self, made: Input, value: Any) -> Input:
        is_open = isinstance(value, str) and is_reference(value)
        is_there = value is not None and not is_open and not _is_placeholder(value)
        return attrs.evolve(
            made,
            kind="secret",
            value=self._typed(made, value if is_open else ""),
            stored=is_there,
            multiline=made.field.widget == "variants",
            offered=self._offered(made.path),
            placeholder=value if _is_placeholder(value) else "",
        )

    def _typed(self, made: Input, value: str) -> str:
        # What somebody typed is not repeated, since it may be a secret; a reference is shown.
        typed = self.chosen.get(made.name, value)
        return typed if is_reference(typed) else ""

    def _leaf(self, made: Input, value: Any) -> Input:
        field = made.field
        text = self.chosen.get(made.name, shown(value))
        is_data = field.widget in _DATA
        kind = "data" if is_data else "number" if field.widget == "number" else "text"
        options: list[tuple[str, str]] = []
        if field.widget == "switch" or field.choices:
            choices = [shown(one) for one in field.choices] or ["true", "false"]
            options = [(one, one) for one in choices]
            kind = "choice"
            if text and text not in choices:
                options.append((text, text))
        return attrs.evolve(
            made,
            kind=kind,
            value="" if _is_placeholder(value) and text == value else text,
            before=shown(value),
            multiline=is_data or field.widget == "multiline" or len(text) > _MANY,
            options=tuple(options),
            placeholder=value if _is_placeholder(value) else shown(field.example),
        )

    def _offered(self, path: Path) -> str:
        words = [part for step in (self.prefix, *path) for part in _CAPITALS.split(step) if part]
        name = re.sub(r"[^A-Z0-9_]", "", "_".join(words).upper())
        return f"${{{name}}}"


def _is_hidden(field: FormField) -> bool:
    return is_secret(field, field.key) or (field.widget == "variants" and len(field.variants) == 1)


def _is_placeholder(value: Any) -> bool:
    return isinstance(value, str) and config.is_placeholder(value)


def _fitting(variants: Sequence[FormVariant], value: Mapping[str, Any]) -> int:
    """Return the variant that has most of the keys, and allows what they say."""

    def fit(index: int) -> tuple[int, int, int]:
        fields = {one.key: one for one in variants[index].fields}
        known = [fields[key] for key in value if key in fields]
        wrong = sum(bool(one.choices) and value[one.key] not in one.choices for one in known)
        lacking = sum(one.required and one.key not in value for one in fields.values())
        return len(known) - 2 * wrong, -lacking, -index

    return max(range(len(variants)), key=fit)


def kind_of(name: str) -> str:
    """Return the name of the input that chooses a variant."""
    return f"{name}:kind"


def shown(value: Any) -> str:
    """Return a value as the text of an input."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(
        value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None
    )


@attrs.frozen
class Edited:
    """What a form says.

    Attributes:
        settings: The settings that it asks for.
        typed: The secrets that were typed: they are not those of before.
    """

    settings: dict[str, Any] = attrs.field(repr=False)
    typed: frozenset[Path]


def edited(inputs: Sequence[Input], settings: Mapping[str, Any], form: Mapping[str, str]) -> Edited:
    """Return the settings with what a form changes; what it leaves alone stays as it is.

    Args:
        inputs: The inputs of the form, with the variants that it chose.
        settings: The settings as they are written.
        form: The form.
    """
    typed: set[Path] = set()
    return Edited(_object(inputs, settings, form, typed), frozenset(typed))


def _object(
    inputs: Sequence[Input], settings: Any, form: Mapping[str, str], typed: set[Path]
) -> dict[str, Any]:
    made = dict(settings) if isinstance(settings, dict) else {}
    for one in inputs:
        key, old = one.path[-1], made.get(one.path[-1])
        if one.kind in ("group", "variants"):
            new: Any = _group(one, old, form, typed)
        elif one.kind == "secret":
            new = _secret(one, old, form)
            if new is not None and new is not old:
                typed.add(one.path)
        else:
            new = _leaf(one, old, form)
        if new is None:
            made.pop(key, None)
        else:
            made[key] = new
    return made


def _group(one: Input, old: Any, form: Mapping[str, str], typed: set[Path]) -> Any:
    if one.kind == "variants" and one.value == NONE:
        # Left as it is where the form does not ask.
        return None if kind_of(one.name) in form else old
    if old is not None and not isinstance(old, dict):
        return old
    own = old
    if one.kind == "variants":
        known = {inner.path[-1]: inner.field for inner in one.inner}
        own = {key: item for key, item in (old or {}).items() if _fits(known.get(key), item)}
    made = _object(one.inner, own, form, typed)
    return made or (old if old == {} else None)


def _fits(field: FormField | None, value: Any) -> bool:
    return field is not None and not (field.choices and value not in field.choices)


def _secret(one: Input, old: Any, form: Mapping[str, str]) -> Any:
    if form.get(f"{one.name}:remove"):
        return None
    if form.get(f"{one.name}:reference"):
        return one.offered
    text = lines(form.get(one.name, ""))
    if not text:
        # An empty input leaves a secret as it is, and removes a reference that was shown in it.
        return None if one.name in form and isinstance(old, str) and is_reference(old) else old
    if text == old:
        return old if is_reference(text) else str(text)
    return _json(text) if one.multiline and text.lstrip().startswith("{") else text


def _leaf(one: Input, old: Any, form: Mapping[str, str]) -> Any:
    if one.name not in form:
        return old
    text = lines(form[one.name])
    if text == one.before or (not text and _is_placeholder(old)):
        return old
    if not text.strip():
        return None
    if one.kind == "data":
        return _restored(_json(text), old)
    return _finite(value_of(text if one.multiline else text.strip(), one.field), text)


def _json(text: str) -> Any:
    try:
        return _finite(json.loads(text), text)
    except ValueError:
        return text


def _finite(value: Any, text: str) -> Any:
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _restored(new: Any, old: Any) -> Any:
    """Return data with the secrets that its masks stand for: those at the same places."""
    if new == MASK and isinstance(old, str):
        return old
    if isinstance(new, dict):
        inside = old if isinstance(old, dict) else {}
        return {key: _restored(item, inside.get(key)) for key, item in new.items()}
    if isinstance(new, list):
        behind = [*old, *new] if isinstance(old, list) else [None] * len(new)
        return [_restored(item, behind[index]) for index, item in enumerate(new)]
    return new


def lines(text: str) -> str:
    """Return a text as browsers were given it: they send each line end as CR LF."""
    return text.replace("\r\n", "\n")


def leaves(inputs: Sequence[Input]) -> Iterator[Input]:
    """Yield the inputs, and those within groups."""
    for one in inputs:
        yield one
        yield from leaves(one.inner)


def masked_data(
    settings: Mapping[str, Any], hidden: Sequence[tuple[str | int, ...]]
) -> dict[str, Any]:
    """Return settings with a mask in place of each secret."""
    made: dict[str, Any] = json.loads(json.dumps(settings))
    for path in hidden:
        inside: Any = made
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = MASK
    return made
