"""A connector package as ``passpost new`` makes it passes its own tests, lint and types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from passpost_cli.scaffold import INSTALL, Names, extension_files, files, write
from passpost_cli.scaffold.files import versions
from passpost_cli.scaffold.guide import updated
from passpost_cli.scaffold.names import MAX_ID

ROOT = Path(__file__).parents[1]
NAMES = Names.of("acme-mail")
SHORTEST, LONGEST = Names.of("a"), Names.of("a-b2" + "c" * (MAX_ID - 4))
# Its class would have the name of the base that it is made from.
AWKWARD = Names.of("sender")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, freshly made."""
    return made(NAMES, tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that it is installed into."""
    target = tmp_path_factory.mktemp("site")
    sources = (str(package), str(package / "stand_in"))
    arguments = ("--no-deps", "--no-build-isolation", "--target", str(target), *sources)
    run(package, "pip", "--quiet", "--disable-pip-version-check", "install", *arguments)
    return target


def made(names: Names, folder: Path) -> Path:
    write(files(names), folder / names.distribution)
    return folder / names.distribution


def beside(path: Path) -> str:
    """Return the value of PYTHONPATH with a folder before those that this process was given."""
    return os.pathsep.join(filter(None, (str(path), os.environ.get("PYTHONPATH"))))


def run(folder: Path, *module: str, path: Path | None = None) -> str:
    """Run a Python module in a folder, as its author would, and give what it prints."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    if path is not None:
        environ["PYTHONPATH"] = beside(path)
    command = [sys.executable, "-m", *module]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(package: Path, site: Path) -> None:
    printed = run(package, "pytest", "-p", "no:cacheprovider", "--quiet", path=site)
    outcome = re.search(r"^(\d+) passed in", printed, re.MULTILINE)
    # Nothing failed, and nothing was skipped; most of it is the suite's.
    assert outcome is not None
    assert int(outcome[1]) > 150
    assert re.search(r"TestAcmeMail: \d+ checks of the connector contract, for 7 lines", printed)


def test_it_is_not_uploaded_before_it_is_finished(site: Path, tmp_path: Path) -> None:
    folder = made(NAMES, tmp_path)
    for project in (folder / "pyproject.toml", folder / "stand_in/pyproject.toml"):
        classifiers = tomllib.loads(project.read_text("utf-8"))["project"]["classifiers"]
        # The index rejects every package that has a classifier of this kind.
        assert "Private :: Do Not Upload" in classifiers
    # Of the last one: neither may be uploaded before the other.
    project.write_text(project.read_text("utf-8").replace("Private :: Do Not Upload", "Typed"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_release.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": beside(site), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    parts = ("'LICENSE'", "README.md", "README.zh-CN.md", "'pyproject.toml'", "/server.py")
    for name in (*parts, "stand_in/LICENSE", "stand_in/pyproject.toml"):
        assert name in done.stdout.partition("finish these first")[2]


@pytest.mark.parametrize("names", [NAMES, SHORTEST, LONGEST, AWKWARD], ids=str)
def test_it_passes_its_own_lint_whatever_its_name(names: Names, tmp_path: Path) -> None:
    folder = made(names, tmp_path)
    run(folder, "ruff", "check", "--no-cache")
    run(folder, "ruff", "format", "--check", "--no-cache")


@pytest.mark.parametrize("names", [NAMES, AWKWARD], ids=str)
def test_it_passes_strict_types(names: Names, tmp_path: Path) -> None:
    # The cache knows the libraries: from the second run on this takes a second.
    cache = ROOT / ".mypy_cache/scaffold"
    folder = made(names, tmp_path)
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
    assert "Success" in run(folder, "mypy", "--cache-dir", str(cache))


@pytest.mark.parametrize(
    "name", ["", "Acme", "a_b", "a-", "1a", "é", "passpost-a", "a" * 31, "a\n"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"a name|leave passpost- out"):
        Names.of(name)


def test_its_files_are_these() -> None:
    assert list(files(NAMES)) == [
        ".github/workflows/ci.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "README.zh-CN.md",
        "pyproject.toml",
        "src/passpost_acme_mail/__init__.py",
        "src/passpost_acme_mail/config.py",
        "src/passpost_acme_mail/hooks.py",
        "src/passpost_acme_mail/py.typed",
        "stand_in/LICENSE",
        "stand_in/README.md",
        "stand_in/pyproject.toml",
        "stand_in/src/passpost_acme_mail_stand_in/__init__.py",
        "stand_in/src/passpost_acme_mail_stand_in/py.typed",
        "stand_in/src/passpost_acme_mail_stand_in/server.py",
        "tests/test_conformance.py",
        "tests/test_hooks.py",
        "tests/test_release.py",
    ]


def test_its_connector_is_short() -> None:
    texts = files(NAMES)
    parts = ("__init__", "config", "hooks")
    lines = [texts[f"src/passpost_acme_mail/{part}.py"].count("\n") for part in parts]
    assert sum(lines) <= 120


def test_no_placeholder_is_left() -> None:
    assert [name for name, text in files(NAMES).items() if re.search(r"@\w+@", text)] == []


def test_its_metadata_have_its_names() -> None:
    project = tomllib.loads(files(NAMES)["pyproject.toml"])["project"]
    assert project["name"] == "passpost-acme-mail"
    assert project["entry-points"] == {
        "passpost.connectors": {"acme-mail": "passpost_acme_mail.hooks"}
    }
    assert f"passpost[http]{versions('0.1.0')}" in project["dependencies"]
    stand_in = tomllib.loads(files(NAMES)["stand_in/pyproject.toml"])["project"]
    assert stand_in["name"] == "passpost-acme-mail-stand-in"
    extra = project["optional-dependencies"]["stand-in"]
    assert extra == [f"passpost-acme-mail-stand-in{versions('0.1.0')}"]
    own, kit = stand_in["dependencies"]
    assert own == f"passpost-acme-mail{versions('0.1.0')}"
    assert kit == f"pytest-passpost{versions('0.1.0')}"


def test_each_kind_is_installed_by_the_command_that_is_named() -> None:
    for kind, made in (("connector", files(NAMES)), ("extension", extension_files(NAMES))):
        assert f"- run: {INSTALL[kind]}\n" in made[".github/workflows/ci.yml"]


def test_the_connector_itself_brings_no_server(site: Path) -> None:
    connector = site / "passpost_acme_mail"
    assert {path.name for path in connector.glob("*.py")} == {
        "__init__.py",
        "config.py",
        "hooks.py",
    }


@pytest.mark.parametrize("guide", ["README.md", "README.zh-CN.md", "stand_in/README.md"])
def test_the_code_of_the_guides_runs(guide: str, package: Path, site: Path) -> None:
    for number, (language, code) in enumerate(FENCE.findall(files(NAMES)[guide])):
        if language == "python":
            (site / f"program_{number}.py").write_text(code, "utf-8")
            run(package, f"program_{number}", path=site)


@pytest.mark.parametrize(
    ("current", "expected"),
    [("0.1.0", ">=0.1,<0.2"), ("0.9.3", ">=0.9,<0.10"), ("1.4.0rc1", ">=1.4,<2")],
)
def test_the_bounds_follow_the_versions_that_may_change_hooks(current: str, expected: str) -> None:
    assert versions(current) == expected


# Extensions.


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extension's package, freshly made, with an installation beside it."""
    folder = tmp_path_factory.mktemp("extension")
    write(extension_files(NAMES), folder / "made")
    arguments = ("--no-deps", "--no-build-isolation", "--target", str(folder / "site"))
    pip = ("pip", "--quiet", "--disable-pip-version-check", "install")
    run(folder, *pip, *arguments, str(folder / "made"))
    return folder


def test_the_tests_of_an_extension_pass(extension: Path) -> None:
    options = ("-p", "no:cacheprovider", "--quiet")
    printed = run(extension / "made", "pytest", *options, path=extension / "site")
    outcome = re.search(r"^(\d+) passed in", printed, re.MULTILINE)
    assert outcome is not None
    assert int(outcome[1]) >= 13


def test_an_extension_is_listed_and_adds_its_command(extension: Path) -> None:
    program = extension / "main.py"
    program.write_text("from passpost_cli import main; main()")
    site = extension / "site"
    assert "acme-mail  passpost-acme-mail 0.1.0: around_delivery, around_send" in run(
        extension, "main", "connectors", path=site
    )
    assert "List the tenants" in run(extension, "main", "acme-mail", "--help", path=site)


@pytest.mark.parametrize("names", [NAMES, SHORTEST, LONGEST, AWKWARD], ids=str)
def test_an_extension_passes_its_own_lint_whatever_its_name(names: Names, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    write(extension_files(names), folder)
    run(folder, "ruff", "check", "--no-cache")
    run(folder, "ruff", "format", "--check", "--no-cache")


def test_an_extension_passes_strict_types(extension: Path) -> None:
    cache = ROOT / ".mypy_cache/scaffold"
    assert "Success" in run(extension / "made", "mypy", "--cache-dir", str(cache))


def test_the_files_of_an_extension_are_these() -> None:
    texts = extension_files(NAMES)
    assert list(texts) == [
        ".github/workflows/ci.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "README.zh-CN.md",
        "pyproject.toml",
        "src/passpost_acme_mail/__init__.py",
        "src/passpost_acme_mail/hooks.py",
        "src/passpost_acme_mail/py.typed",
        "src/passpost_acme_mail/store.py",
        "tests/test_contract.py",
        "tests/test_hooks.py",
    ]
    assert [name for name, text in texts.items() if re.search(r"@\w+@", text)] == []
    assert outline(texts["README.md"]) == outline(texts["README.zh-CN.md"])
    project = tomllib.loads(texts["pyproject.toml"])["project"]
    assert project["entry-points"] == {
        "passpost.extensions": {"acme-mail": "passpost_acme_mail.hooks"}
    }


FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]+`")


def outline(guide: str) -> list[Any]:
    """Return of a guide what a translation leaves as it is."""
    prose = FENCE.sub("", guide)
    headings = [len(mark) for mark in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    commands = [text for language, text in FENCE.findall(guide) if language == "sh"]
    rows = [line.split("|")[1] for line in prose.splitlines() if line.startswith("| ")]
    return [headings, commands, [CODE.findall(row) for row in rows]]


def test_its_guides_say_the_same_in_both_languages() -> None:
    texts = files(NAMES)
    assert outline(texts["README.md"]) == outline(texts["README.zh-CN.md"])
    assert "| 键 | 类型 |" in texts["README.zh-CN.md"]


def test_the_wheel_of_passpost_can_make_it(tmp_path: Path) -> None:
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    run(ROOT, "pip", "--quiet", "--disable-pip-version-check", "wheel", *options, str(ROOT / "cli"))
    (wheel,) = tmp_path.glob("*.whl")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from passpost_cli import scaffold\n"
        "assert sys.argv[1] in scaffold.__file__\n"
        "print(*scaffold.files(scaffold.Names.of('acme-mail')))"
    )
    command = [sys.executable, "-c", program, str(wheel)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert listed.split() == list(files(NAMES))


def test_the_reference_follows_the_config_class(
    package: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.syspath_prepend(str(site))
    texts = files(NAMES)
    damaged = texts["README.zh-CN.md"].replace("| `apiKey` |", "| `old` |")
    write({**texts, "README.zh-CN.md": damaged}, tmp_path / "here")
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "here")])
    for expected in (f"{tmp_path}/here/README.zh-CN.md: rewritten\n", ""):
        # As `python -m` does, which is all that this module is for.
        sys.modules.pop("passpost_cli.scaffold.__main__", None)
        import_module("passpost_cli.scaffold.__main__")
        assert capsys.readouterr().out == expected
    assert (tmp_path / "here/README.zh-CN.md").read_text("utf-8") == texts["README.zh-CN.md"]


START = "<!-- reference: start -->\n"
END = "<!-- reference: end -->\n"


@pytest.mark.parametrize(
    "guide",
    [
        "no markers", START, END + START, START + END + END, START + START + END,
        START + END + START + END, "<!-- check: start -->\n<!-- check: end -->\n",
        START + "<!-- check: start -->\n<!-- check: end -->\n" + END,
    ],
)  # fmt: skip
def test_a_guide_without_its_markers_is_refused(guide: str) -> None:
    with pytest.raises(ValueError, match="reference: start"):
        updated(guide, "acme", object, "en")


def test_an_unknown_part_of_a_guide_is_refused() -> None:
    guide = START + END + START.replace("reference", "chek") + END.replace("reference", "chek")
    with pytest.raises(ValueError, match="unknown part 'chek'"):
        updated(guide, "acme", object, "en")


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        write({"ours": ""}, tmp_path)
    assert listed(tmp_path) == {"mine"}


@pytest.mark.parametrize("name", ["there", "there/a/b"])
def test_what_cannot_be_finished_is_not_begun(tmp_path: Path, name: str) -> None:
    (tmp_path / "there/.git").mkdir(parents=True)
    before = listed(tmp_path)
    with pytest.raises(OSError, match="file"):
        write({"x/one": "1", "file": "2", "file/in": "3"}, tmp_path / name)
    assert listed(tmp_path) == before


def test_what_others_put_there_meanwhile_stays(tmp_path: Path) -> None:
    class Meddled(dict[str, str]):
        def items(self) -> Any:
            yield "ours/one", "1"
            (tmp_path / "new/ours/two").write_text("theirs")
            yield "ours/two", "2"

    with pytest.raises(FileExistsError):
        write(Meddled(), tmp_path / "new")
    assert listed(tmp_path) == {"new", "new/ours", "new/ours/two"}
    assert (tmp_path / "new/ours/two").read_text() == "theirs"


def test_lines_end_alike_on_every_system(package: Path) -> None:
    written: Mapping[str, Callable[[], bytes]] = {
        str(path.relative_to(package)): path.read_bytes
        for path in package.rglob("*")
        if path.is_file() and "build" not in path.parts
    }
    expected = files(NAMES)
    assert {name: written[name]() for name in expected} == {
        name: text.encode() for name, text in expected.items()
    }
