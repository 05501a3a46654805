"""What may import what: the layers of the project, and the short list that authors build on."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from importlib import import_module
from itertools import chain
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import grimp
import pytest
from importlinter import api
from importlinter.application.use_cases import lint_imports

from passpost_cli.scaffold import Names, extension_files, files

ROOT: Final = Path(__file__).parents[1]
SETTINGS: Final = ROOT / "pyproject.toml"
PAGE: Final = ROOT / "docs/en/tutorial/connector.md"
API: Final = ROOT / "docs/en/reference/api.md"

PUBLIC: Final = frozenset(
    f"passpost{module}"
    for module in ("", ".config", ".errors", ".hookspecs", ".http", ".phrases", ".stores", ".wire")
)
"""The modules of core that connectors, extensions and applications import."""
KIT: Final = "pytest_passpost"
"""The one module that tests and stand-ins may import besides."""
OURS: Final = re.compile(r"passpost(_\w+)?|pytest_passpost")

ELSEWHERE: Final = frozenset(
    """
    passpost_celery passpost_console passpost_django passpost_django.allauth passpost_otel
    passpost_outbox passpost_outbox.postgres passpost_outbox.redis passpost_outbox.testing
    passpost_procrastinate passpost_redis passpost_templates passpost_tools.doctor
    passpost_tools.lint passpost_aliyun_dm_stand_in passpost_sendgrid_stand_in
    passpost_ses_stand_in passpost_smtp_stand_in passpost_webhook_stand_in
    """.split()
)
"""The modules of other packages that applications import."""
PROGRAMS: Final = {"passpost", "passpost_cli.scaffold"}
"""The modules that people run."""

BESIDES: Final = {
    # The command line of those who prefer a browser: the four are released together.
    "passpost_console": """
        passpost._config.jsonc passpost._messages.locales passpost._messages.usages passpost._paths
        passpost._plugins.defects passpost._plugins.discovery passpost._templates.syntax
        passpost_cli.command passpost_cli.extensions passpost_cli.failures passpost_cli.guides
        passpost_cli.language passpost_cli.terminal passpost_templates passpost_tools.configuring
        passpost_tools.descriptions passpost_tools.doctor passpost_tools.doctor.summary
        passpost_tools.editing passpost_tools.lint passpost_tools.lint.markup
        passpost_tools.lint.rules passpost_tools.lint.variables passpost_tools.saving
        passpost_tools.setup.questions passpost_tools.setup.writing passpost_tools.spans
        passpost_tools.texts passpost_tools.trial
    """,
    # Its store in Redis has the connections of the other stores there, and its commands are those
    # of the command line, where that is installed.
    "passpost_outbox": """
        passpost_cli.command passpost_cli.exit_codes passpost_cli.extensions passpost_cli.failures
        passpost_cli.helping passpost_cli.language passpost_cli.options passpost_cli.terminal
        passpost_otel passpost_redis
    """,
    # It is an engine of the outbox, whose names are public.
    "passpost_celery": "passpost_outbox",
    "passpost_procrastinate": "passpost_outbox passpost_outbox.postgres",
}
"""What a package of `plugins/` imports besides: each module of another package, by its name."""

TESTS_BESIDES: Final = {
    # They start the same Redis server, and run the whole command line.
    "passpost_outbox": "passpost_redis.testing passpost_cli.program",
}
"""What the tests of a package of `plugins/` import besides."""

BUT_THESE: Final = {
    # It replaces the pool's limit and the certificates that it trusts.
    "plugins/aliyun_dm/tests/test_client.py": {"passpost_http"},
    # A process that vanished is given up sooner, so that the tests need not wait for it.
    "plugins/redis/tests/fleet_worker.py": {"passpost._delivery"},
    # The cut-up replies of the random runs are for phases in which there is a reply.
    "plugins/smtp/tests/test_random_faults.py": {"pytest_passpost.servers.faults"},
    # It lets several emails at a time crash, which the suite's own check does not.
    "plugins/smtp/tests/test_departure.py": {"pytest_passpost.suite.instruments.crashes"},
    # What a host sets for its connectors, without the server of a provider behind a public address.
    "plugins/smtp/tests/test_oauth2.py": {"passpost._network.reachable"},
    # The suite's own collection of responses, with the connector's settings in other forms.
    "plugins/webhook/tests/test_conformance.py": {"pytest_passpost.suite.checks.http"},
}
"""Tests that look inside on purpose."""

MOST_LINES: Final = 400
"""Lines of a file of source: it is read without losing the thread."""
LARGEST_ROOM: Final = 0.25
"""The part of core's lines that one of its packages has at most: a larger one has two subjects."""
MODULE: Final = re.compile(r"(passpost_\w+|pytest_passpost)(\.\w+)*")
IMPORTS: Final = re.compile(r"\b(import_module|__import__|find_spec|resolve_name|exec|eval)$")


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import of a package of ours; no name for all of it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or ".", alias.name) for alias in node.names]
        else:
            continue
        yield from ((m, name) for m, name in names if OURS.fullmatch(m.partition(".")[0]))


def trespasses(source: str, *, own: str, modules: AbstractSet[str] = PUBLIC) -> list[str]:
    """Return the imports of a file that are not of these modules, nor of the package itself."""
    return [
        f"{module}: {name}"
        for module, name in imported(source)
        if not (
            re.fullmatch(own, module.partition(".")[0])
            # A module of a package, or a name of a module.
            or f"{module}.{name}" in modules
            or (module in modules and is_offered(module, name))
        )
    ]


def is_offered(module: str, name: str) -> bool:
    public = module in PUBLIC | ELSEWHERE | {KIT}
    return not name or not public or name in import_module(module).__all__


def sources(*patterns: str) -> list[Path]:
    return sorted(chain.from_iterable(ROOT.glob(pattern) for pattern in patterns))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources("plugins/*/src/**/*.py"), ids=relative)
def test_a_connector_imports_what_is_public(path: Path) -> None:
    package = path.relative_to(ROOT).parts[3]
    besides = set(BESIDES.get(package, "").split())
    assert trespasses(path.read_text("utf-8"), own=package, modules=PUBLIC | besides) == []


@pytest.mark.parametrize("package", BESIDES)
def test_what_a_package_imports_besides_is_listed_for_a_reason(package: str) -> None:
    texts = [path.read_text("utf-8") for path in sources(f"plugins/*/src/{package}/**/*.py")]
    used = [one for text in texts for one in imported(text)]
    found = {module for module, _ in used} | {f"{module}.{name}" for module, name in used}
    assert set(BESIDES[package].split()) - found == set()


@pytest.mark.parametrize("path", sources("plugins/*/stand_in/src/**/*.py"), ids=relative)
def test_a_stand_in_imports_what_is_public_and_the_test_kit(path: Path) -> None:
    package = path.relative_to(ROOT).parts[4]
    own = f"{package}|{package.removesuffix('_stand_in')}"
    assert trespasses(path.read_text("utf-8"), own=own, modules=PUBLIC | {KIT}) == []


@pytest.mark.parametrize("path", sources("plugins/*/tests/**/*.py"), ids=relative)
def test_the_tests_of_a_connector_import_what_is_public(path: Path) -> None:
    package = f"passpost_{path.relative_to(ROOT).parts[1]}"
    besides = f"{BESIDES.get(package, '')} {TESTS_BESIDES.get(package, '')}".split()
    modules = PUBLIC | ELSEWHERE | {KIT, *besides}
    own = f"{package}|{package}_stand_in"
    found = trespasses(path.read_text("utf-8"), own=own, modules=modules)
    assert {line.partition(":")[0] for line in found} == BUT_THESE.get(relative(path), set())


@pytest.mark.parametrize("path", sources("examples/**/*.py"), ids=relative)
def test_an_example_imports_what_is_public(path: Path) -> None:
    modules = PUBLIC | ELSEWHERE | {KIT}
    assert trespasses(path.read_text("utf-8"), own="sign_up", modules=modules) == []


@pytest.mark.parametrize("make", [files, extension_files])
def test_a_new_package_imports_what_is_public(make: Any) -> None:
    for path, text in make(Names.of("acme")).items():
        if path.endswith(".py"):
            kit = not path.startswith("src/")
            own = r"passpost_acme(_stand_in)?" if kit else "passpost_acme"
            modules = PUBLIC | {KIT} if kit else PUBLIC
            assert trespasses(text, own=own, modules=modules) == [], path


# Without the name of the file that the block is a part of.
BLOCK: Final = re.compile(r"^```python\n(?:#[^\n]*\n)*(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"`(passpost_\w+(?:\.\w+)*)\.(\w+)(?:\(.*?\))?`")
RUN: Final = re.compile(r"-m ((?:passpost|pytest_passpost)[\w.]*)")
PAGES: Final = sources(
    "*.md", "docs/**/*.md", "*/README*.md", "plugins/**/README*.md", "examples/**/README*.md"
)


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_page_imports_what_is_public(path: Path) -> None:
    # The packages that readers write.
    own = "passpost_acme(_stand_in)?|passpost_tenants"
    modules = PUBLIC | ELSEWHERE | {KIT}
    for block in BLOCK.findall(path.read_text("utf-8")):
        assert trespasses(dedent(block), own=own, modules=modules) == []


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_page_names_what_is_public(path: Path) -> None:
    text = path.read_text("utf-8")
    assert set(RUN.findall(text)) <= PROGRAMS
    # Neither a code of Django's checks nor a method of the fixture `passpost_inbox` is imported.
    named = [
        (module, name)
        for module, name in INLINE.findall(text)
        if module != "passpost_inbox" and not re.fullmatch(r"[EW]\d+", name)
    ]
    assert [
        f"{module}.{name}"
        for module, name in named
        if f"{module}.{name}" not in ELSEWHERE
        and not (module in ELSEWHERE and is_offered(module, name))
    ] == []


@pytest.mark.parametrize("make", [files, extension_files])
def test_a_new_package_runs_what_is_public(make: Any) -> None:
    assert set(RUN.findall("".join(make(Names.of("acme")).values()))) <= PROGRAMS


def test_the_reference_lists_what_is_public() -> None:
    page = API.read_text("utf-8")
    assert set(re.findall(r"^## `([\w.]+)`$", page, re.MULTILINE)) == PUBLIC | {KIT}
    others = page.partition("\n## Other packages\n")[2]
    assert set(re.findall(r"^\| `([\w.]+)` \|", others, re.MULTILINE)) == ELSEWHERE
    commands = page.partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`python -m ([\w.]+)", commands)) == PROGRAMS


def test_the_page_for_authors_lists_what_is_public() -> None:
    section = PAGE.read_text("utf-8").partition("## What you may import\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)) == PUBLIC | {KIT}


def test_everything_else_in_core_is_private_by_its_name() -> None:
    # py.typed, and the catalogs of translations.
    data = {"py", "locale"}
    top = {path.stem for path in sources("core/src/passpost/[!_]*")} - data
    # The test kit's earlier name.
    assert {f"passpost.{name}" for name in top} == PUBLIC - {"passpost"} | {"passpost.testing"}


# The adapter imports django-allauth, which asks Django for its settings.
@pytest.mark.parametrize("module", sorted(PUBLIC | ELSEWHERE - {"passpost_django.allauth"}))
def test_a_public_module_lists_its_names(module: str) -> None:
    public = import_module(module)
    assert [name for name in public.__all__ if not hasattr(public, name)] == []


# The layers.


@pytest.fixture(scope="module")
def linter() -> dict[str, Any]:
    """What the linter of imports was told."""
    return api.read_configuration(str(SETTINGS))


def test_the_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    kept = lint_imports(str(SETTINGS), cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def test_core_names_no_other_package_but_these() -> None:
    # Imports by name, which the linter does not see: http.py names passpost_http.
    found: dict[str, set[str]] = {}
    for path in sources("core/src/passpost/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = str(node.value) if isinstance(node, ast.Constant) else ""
            if MODULE.fullmatch(name):
                found.setdefault(path.stem, set()).add(name)
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    drawing = page.partition("```text by name\n")[2].partition("\n```")[0]
    assert found == {name: {module} for name, module in map(str.split, drawing.splitlines())}


def test_core_imports_by_a_name_that_it_was_given_in_one_file() -> None:
    found: dict[str, int] = {}
    for path in sources("core/src/passpost/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.search(IMPORTS, ast.unparse(node.func)):
                constant = node.args and isinstance(node.args[0], ast.Constant)
                found[path.name] = found.get(path.name, 0) + (not constant)
    assert {name: count for name, count in found.items() if count} == {"_lazy.py": 2}


def test_no_room_of_core_is_large() -> None:
    lines: Counter[str] = Counter()
    for path in sources("core/src/passpost/**/*.py"):
        room = path.relative_to(ROOT).parts[3]
        lines[room] += len(path.read_text("utf-8").splitlines())
    assert {room for room in lines if lines[room] > LARGEST_ROOM * lines.total()} == set()


def test_no_files_import_each_other_in_a_circle(linter: dict[str, Any]) -> None:
    # The linter compares siblings alone: never a package's __init__ with a file of the package.
    graph = grimp.build_graph(*linter["session_options"]["root_packages"], cache_dir=None)

    def reached(module: str) -> set[str]:
        found: set[str] = set()
        waiting = [module]
        while waiting:
            for other in graph.find_modules_directly_imported_by(waiting.pop()) - found:
                found.add(other)
                waiting.append(other)
        return found

    below = {module: reached(module) for module in graph.modules}
    assert [module for module in graph.modules if module in below[module]] == []


def drawn(package: str) -> list[list[str]]:
    """Return the layers of a drawing in CONTRIBUTING.md: lines of names, from the top down."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    drawing = page.partition(f"```text {package}\n")[2].partition("\n```")[0]
    lines = [line.partition("  ")[0] for line in drawing.splitlines() if not line.startswith(" ")]
    return [sorted(line.split()) for line in lines]


def test_the_drawing_names_files_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`([\w/.*-]*(?:/|\.py))`", page))
    bases = ["", "cli/src/*/", "core/src/passpost/", "core/src/passpost/_delivery/"]
    bases += ["plugins/*/", "plugins/*/src/*/"]
    patterns = {name: name.replace("NAME", "*") for name in named - {"dist/"}}
    missing = [n for n, p in patterns.items() if not any(sources(base + p) for base in bases)]
    assert len(named) > 20
    assert missing == []


@pytest.mark.parametrize("contract", ["packages", "core", "kit"])
def test_the_drawing_shows_the_layers(contract: str, linter: dict[str, Any]) -> None:
    (layers,) = (
        options["layers"] for options in linter["contracts_options"] if options["id"] == contract
    )
    assert drawn(contract) == [sorted(layer.split(" | ")) for layer in layers]


def test_no_file_of_source_is_long() -> None:
    found = sources("*/src/**/*.py", "plugins/**/src/**/*.py")
    assert len(found) > 100
    lines = {relative(path): len(path.read_text("utf-8").splitlines()) for path in found}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_every_package_is_on_every_list(linter: dict[str, Any]) -> None:
    found = sources("*/src/*/__init__.py", "plugins/**/src/*/__init__.py")
    packages = {path.parent.name for path in found}
    tools = tomllib.loads(SETTINGS.read_text("utf-8"))["tool"]
    assert set(linter["session_options"]["root_packages"]) == packages
    assert set(tools["ruff"]["lint"]["isort"]["known-first-party"]) == packages
    assert {relative(path.parents[1]) for path in found} <= set(tools["mypy"]["mypy_path"])
    measured = {name for name in packages if not name.endswith("_stand_in")}
    assert set(tools["coverage"]["run"]["source_pkgs"]) == measured
