"""One mistake in the settings of a guide: the first problem has its line and names its key."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import attrs

import passpost
from passpost._paths import path_text
from passpost.config import Problem, read
from passpost_tools.lint import lint
from passpost_tools.spans import Spans

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("plugins/*/README*.md"), *ROOT.glob("docs/*/reference/settings.md")]
BLOCK = re.compile(r"^```jsonc\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CONNECTORS = {"aliyun_dm": "aliyun-dm"}
FILES = 200
FREE = {"headers", "recipientCooldowns", "routes", "rates", "params"}
"""Settings whose keys are names of the operator's choice."""


@attrs.frozen
class Example:
    """Settings of a guide that are valid."""

    connector: str | None
    text: str
    known: frozenset[tuple[str | None, str]]
    """The warnings that it has already: of its placeholders, and of usages that it leaves out."""


@attrs.frozen
class Mutant:
    """Settings with mistakes, and where: lines and keys."""

    connector: str | None
    text: str
    mistakes: tuple[tuple[int, str], ...]


def problems_of(connector: str | None, text: str) -> list[Problem]:
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x" * 40)
    host = passpost.Host(environ=environ, installed_extensions=())
    return lint(text, connector=connector, host=host, file="settings.jsonc")


def examples() -> Iterator[Example]:
    for page in sorted(PAGES):
        name = page.parent.name
        for text in BLOCK.findall(page.read_text("utf-8")):
            try:
                settings = read(text)
            except passpost.ConfigError:
                continue
            if not {"connectors", "templates"} & set(settings):
                continue
            own = CONNECTORS.get(name, name if page.parts[-2] != "reference" else "smtp")
            connector = None if "connectors" in settings else own
            found = problems_of(connector, text)
            if all(problem.severity == "warning" for problem in found):
                known = frozenset((problem.code, problem.path) for problem in found)
                yield Example(connector, text, known)


Place = tuple[tuple[str | int, ...], int, int, int]
"""The path of a member, and the offsets of its key, its value and its end."""


def members(text: str) -> list[Place]:
    found = Spans(text).members
    return [(path, one.start, one.value, one.end) for path, one in found.items() if path]


def line_at(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def texts(text: str) -> Iterator[Place]:
    """Return the members of templates that are text."""
    for place in members(text):
        if "templates" in place[0] and place[0][-1] in ("content", "subject", "usageType"):
            yield place


Mutation = Callable[[str, random.Random], "tuple[str, int, str] | None"]


def misspelt_key(text: str, rng: random.Random, within: str = '"{[') -> tuple[str, int, str] | None:
    places = [p for p in members(text) if p[1] != p[2] and "connectors" not in p[0][-2:]]
    places = [p for p in places if text[p[2]] in within or text[p[2]].isalnum()]
    places = [p for p in places if len(str(p[0][-1])) > 3 and not FREE & {*p[0][:-1]}]
    path, start, _, _ = rng.choice(places)
    key = str(path[-1])
    wrong = key[:1] + key[2] + key[1] + key[3:] if key[1] != key[2] else key + "s"
    changed = text[: start + 1] + wrong + text[start + 1 + len(key) :]
    return changed, line_at(text, start), path_text((*path[:-1], wrong))


def wrong_type(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if isinstance(p[0][-1], str) and text[p[2]] not in "{["]
    path, _, value, end = rng.choice(places)
    return text[:value] + "[1, 2]" + text[end:], line_at(text, value), path_text(path)


def bare_value(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    path, _, value, end = rng.choice([p for p in members(text) if text[p[2]] == '"'])
    return text[:value] + "yes" + text[end:], line_at(text, value), path_text(path)


def open_text(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if text[p[2]] == '"']
    # The line of one that ends its line.
    places = [p for p in places if re.match(r",?[ \t]*\n", text[p[3] :])]
    if not places:
        return None
    path, _, value, end = rng.choice(places)
    return text[: end - 1] + text[end:], line_at(text, value), path_text(path)


def missing_comma(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if re.match(r",[ \t]*\n\s*\"", text[p[3] :])]
    if not places:
        return None
    path, _, _, end = rng.choice(places)
    following = re.compile(r"\S").search(text, end + 1)
    assert following
    return text[:end] + text[end + 1 :], line_at(text, following.start()), path_text(path)


def open_tag(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in texts(text) if "}}" in text[p[2] : p[3]]]
    if not places:
        return None
    path, _, value, end = rng.choice(places)
    at = text.rindex("}}", value, end)
    tag = text.rindex("{{", value, at)
    return text[:at] + text[at + 2 :], line_at(text, tag), path_text(path)


def misspelt_variable(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in texts(text) if "{{code}}" in text[p[2] : p[3]]]
    if not places:
        return None
    path, _, value, end = rng.choice(places)
    at = text.index("{{code}}", value, end)
    wrong = rng.choice(["{{cdoe}}", "{{cod}}", "{{Code}}", "{{verificationcode}}"])
    return text[:at] + wrong + text[at + 8 :], line_at(text, at), path_text(path)


def misspelt_usage(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in texts(text) if p[0][-1] == "usageType" and len(text[p[2] : p[3]]) > 6]
    if not places:
        return None
    path, _, value, end = rng.choice(places)
    name = text[value + 1 : end - 1]
    changed = text[: value + 1] + name[:1] + name[2] + name[1] + name[3:] + text[end - 1 :]
    return changed, line_at(text, value), path_text(path)


def unknown_choice(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if p[0][-1] in ("contentType", "use", "port", "fromEmail")]
    if not places:
        return None
    path, _, value, end = rng.choice(places)
    return text[:value] + '"not one, sorry"' + text[end:], line_at(text, value), path_text(path)


def code_in_subject(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in texts(text) if p[0][-1] == "subject" and "{{" not in text[p[2] : p[3]]]
    if not places:
        return None
    path, _, _, end = rng.choice(places)
    return text[: end - 1] + " {{code}}" + text[end - 1 :], line_at(text, end), path_text(path)


def duplicate_key(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if p[1] != p[2] and text[p[2]] not in "{["]
    path, start, _, end = rng.choice(places)
    changed = f"{text[:end]},\n{text[start:end]}{text[end:]}"
    return changed, line_at(text, end) + 1, path_text(path)


def bare_key(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    path, start, _, _ = rng.choice([p for p in members(text) if text[p[1]] == '"' and p[1] != p[2]])
    key = str(path[-1])
    changed = text[:start] + key + text[start + len(key) + 2 :]
    return changed, line_at(text, start), path_text(path)


def missing_value(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    places = [p for p in members(text) if p[1] != p[2] and text[p[2]] not in "{["]
    path, start, value, end = rng.choice(places)
    return text[:value] + text[end:], line_at(text, start), path_text(path)


def extra_comma(text: str, rng: random.Random) -> tuple[str, int, str] | None:
    """Add a comma after one, or on the line below it."""
    places = [p for p in members(text) if text[p[3] : p[3] + 1] == ","]
    if not places:
        return None
    path, _, _, end = rng.choice(places)
    added = rng.choice([",", " ,", "\n  ,"])
    changed = text[: end + 1] + added + text[end + 1 :]
    return changed, line_at(text, end) + added.count("\n"), path_text(path)


MUTATIONS: list[Mutation] = [
    misspelt_key, wrong_type, bare_value, open_text, missing_comma, open_tag, misspelt_variable,
    misspelt_usage, unknown_choice, code_in_subject, duplicate_key, bare_key, missing_value,
    extra_comma,
]  # fmt: skip

EXAMPLES = list(examples())


def mutants() -> list[tuple[str, Example, Mutant]]:
    """Return as many files as are asked for, with each kind of mistake and each example."""
    made = []
    for number, (mutation, example) in enumerate(product(MUTATIONS, EXAMPLES)):
        mutated = mutation(example.text, random.Random(number))  # noqa: S311 - the same each time
        if mutated is not None:
            text, line, key = mutated
            mutant = Mutant(example.connector, text, ((line, key),))
            made.append((mutation.__name__, example, mutant))
    return [made[number * len(made) // FILES] for number in range(FILES)]


def new_in(example: Example, mutant: Mutant) -> list[Problem]:
    found = problems_of(mutant.connector, mutant.text)
    return [one for one in found if (one.code, one.path) not in example.known]


def test_each_kind_of_mistake_is_made() -> None:
    made = mutants()
    assert len(made) == FILES
    assert {name for name, _, _ in made} == {mutation.__name__ for mutation in MUTATIONS}
    assert len({example.text for _, example, _ in made}) > 50


def test_the_first_problem_has_the_line_and_the_key_of_the_mistake() -> None:
    wrong = []
    for name, example, mutant in mutants():
        ((line, key),) = mutant.mistakes
        problems = new_in(example, mutant)
        first = problems[0] if problems else None
        if first is None or (first.line, first.path) != (line, key):
            wrong.append(f"{name}: expected {line}: {key}; found {first}\n{mutant.text}")
        elif first.severity == "error":
            # Errors come before the warnings that the example has had before.
            assert problems_of(mutant.connector, mutant.text)[0] == first
    assert not wrong, f"{len(wrong)} of {FILES}:\n" + "\n\n".join(wrong[:8])


def three(example: Example, number: int) -> Mutant | None:
    """Return an example with three mistakes at different places, none of which hides another."""
    kinds: list[Mutation] = [misspelt_variable, code_in_subject, partial(misspelt_key, within='"')]
    text, mistakes = example.text, []
    for kind in kinds:
        mutated = kind(text, random.Random(number))  # noqa: S311 - likewise
        if mutated is None:
            return None
        text, line, key = mutated
        mistakes.append((line, key))
    outside = "templates" not in mistakes[-1][1]
    return Mutant(example.connector, text, tuple(mistakes)) if outside else None


def test_three_mistakes_are_three_problems() -> None:
    seeds = product(range(10), EXAMPLES)
    made = [(e, m) for number, e in seeds if (m := three(e, number)) is not None]
    chosen = [made[number * len(made) // 20] for number in range(20)]
    for example, mutant in chosen:
        found = {(problem.line, problem.path) for problem in new_in(example, mutant)}
        assert found == set(mutant.mistakes), mutant.text
