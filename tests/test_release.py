"""What a release rests on: versions that fit together, the changelog, and equal metadata."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "release"))

from changelog import collected  # noqa: E402 - scripts, not a package
from packages import TOGETHER, disagreements, projects  # noqa: E402 - likewise

Packages = dict[str, tuple[Path, dict[str, Any]]]


def test_the_versions_here_fit_together() -> None:
    assert list(disagreements(projects())) == []


def with_version(packages: Packages, name: str, version: str) -> Packages:
    folder, project = packages[name]
    return {**packages, name: (folder, {**project, "version": version})}


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        (
            "passpost-cli",
            "0.1.1",
            f"{', '.join(TOGETHER)} must have one version",
        ),
        (
            "passpost-cli",
            "0.1.1",
            "passpost requires passpost-cli==0.1.0, but passpost-cli is 0.1.1",
        ),
        ("passpost-ses", "0.1.1", "passpost-ses-stand-in is 0.1.0, but passpost-ses is 0.1.1"),
        ("passpost-smtp", "0.2.0", "passpost-smtp-stand-in requires passpost-smtp<0.2,>=0.1, but"),
        ("passpost", "0.2.0", "passpost is 0.2.0, but __init__.py says 0.1.0"),
    ],
)
def test_a_version_that_does_not_fit_is_named(name: str, version: str, expected: str) -> None:
    wrong = list(disagreements(with_version(projects(), name, version)))
    assert [line for line in wrong if line.startswith(expected)] != [], wrong


VERSIONS = {"passpost": "0.2.0", "passpost-smtp": "0.1.3"}
OLDER = "# Changelog\n\nAbout it.\n\n## 2026-01-01\n\n### passpost 0.1.0\n\n- The first.\n"


def test_fragments_become_entries_of_their_packages() -> None:
    entries = [
        ("passpost-smtp", "One\nof two lines.\n"),
        ("passpost", "New.\n"),
        ("passpost", "B."),
    ]
    assert collected(OLDER, entries, VERSIONS, "2026-02-02") == OLDER.replace(
        "## 2026-01-01",
        "## 2026-02-02\n\n### passpost 0.2.0\n\n- New.\n- B.\n\n"
        "### passpost-smtp 0.1.3\n\n- One\n  of two lines.\n\n## 2026-01-01",
    )


def test_what_is_unreleased_becomes_part_of_the_release() -> None:
    before = OLDER.replace("2026-01-01", "Unreleased")
    assert collected(before, [("passpost", "New.")], VERSIONS, "2026-02-02") == (
        "# Changelog\n\nAbout it.\n\n## 2026-02-02\n\n### passpost 0.2.0\n\n- The first.\n- New.\n"
    )


def test_a_fragment_of_no_package_stops_the_release() -> None:
    with pytest.raises(ValueError, match="not a package: passpost-stmp"):
        collected(OLDER, [("passpost-stmp", "New.")], VERSIONS, "2026-02-02")


def test_every_fragment_is_of_a_package() -> None:
    fragments = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    named = {name: re.fullmatch(r"([a-z-]+)\.[a-z0-9-]+\.md", name) for name in fragments}
    assert [name for name, match in named.items() if not match or match[1] not in projects()] == []


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    targets = makefile.partition(".PHONY: ")[2].partition("\n")[0].split()
    # `make test` runs this test, and a make within a make says where it is.
    command = ["make", "--no-print-directory", "help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(targets)


# What the metadata of all packages have in common.


def metadata() -> list[tuple[str, dict[str, Any]]]:
    return [(name, project) for name, (_, project) in projects().items()]


SHARED = {
    "readme": "README.md",
    "requires-python": ">=3.11",
    "license": "MIT",
    "license-files": ["LICENSE"],
    "authors": [{"name": "The passpost authors"}],
}
CLASSIFIERS = {
    "Development Status :: 4 - Beta",
    "Operating System :: OS Independent",
    "Programming Language :: Python :: 3 :: Only",
    *(f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)),
    "Typing :: Typed",
}


@pytest.mark.parametrize(("name", "project"), metadata())
def test_the_packages_say_the_same_of_what_they_share(name: str, project: dict[str, Any]) -> None:
    assert {key: project[key] for key in SHARED} == SHARED
    assert set(project["classifiers"]) >= CLASSIFIERS
    folder = projects()[name][0]
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    backend = {"requires": ["hatchling>=1.27"], "build-backend": "hatchling.build"}
    assert settings["build-system"] == backend
    assert (folder / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize(("name", "project"), metadata())
def test_a_description_says_what_the_package_is(name: str, project: dict[str, Any]) -> None:
    kinds = {"passpost": "Send .+", "passpost-cli": "Command line for passpost: .+"}
    kinds |= {"pytest-passpost": "pytest plugin for passpost: .+"}
    kinds |= {"passpost-tools": "What .+ of passpost share"}
    kinds |= {"passpost-templates": "Ready-made templates for passpost: .+"}
    kinds |= {"passpost-django": "Django integration for passpost: .+"}
    kinds |= {"passpost-http": "HTTP for connectors of passpost: .+"}
    kinds |= {"passpost-redis": "Redis stores for passpost: .+"}
    kinds |= {"passpost-otel": "OpenTelemetry for passpost: .+"}
    kinds |= {"passpost-outbox": "Outbox for passpost: .+"}
    kinds |= {"passpost-procrastinate": "Procrastinate engine for passpost: .+"}
    kinds |= {"passpost-celery": "Celery engine for passpost: .+"}
    kinds |= {"passpost-console": "Console for passpost: .+"}
    other = (
        r"\S.+ stand-in for passpost: .+"
        if name.endswith("-stand-in")
        else (r"\S.+ connector for passpost: sign-in codes and password resets via .+")
    )
    assert re.fullmatch(kinds.get(name, other), project["description"])


@pytest.mark.parametrize("name", projects())
def test_a_readme_has_no_link_that_an_index_cannot_follow(name: str) -> None:
    for page in projects()[name][0].glob("README*.md"):
        links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
        assert [link for link in links if not link.startswith(("https://", "#", "mailto:"))] == []
