"""``passpost explain``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from passpost_cli.commands import explain

Run = Callable[..., click.testing.Result]

VALUES = """# Values

What the file is about.

## E101: unknown setting

No setting has this name.

```json
{"prot": 587}
```

## E102: missing setting

Add it.
"""

GUIDE = """# Torn

## Problems in the settings

| Code | Problem | Fix |
| --- | --- | --- |
| `torn-E1` | `key` is missing \\| empty | Set `key`. |
| `torn-W2` | `key` is short | Use a longer one. |
| `acme-E9` | of another connector | … |
"""

TORN = """
import passpost
from passpost_acme import AcmeConfig, parse_config, send_mail

class Guide(dict):
    def __iter__(self):
        {guide}
    def keys(self):
        return iter(self)
    def __getitem__(self, tag):
        return getattr(self, "wrong", {text!r})
    def __bool__(self):
        return True
    def __len__(self):
        return 1

@passpost.hookimpl
def connector_info():
    return passpost.ConnectorInfo(
        id="torn", name={{"en": "Torn"}}, description={{"en": "Torn"}}, config_class=AcmeConfig,
        guide={given},
    )
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Explanations of the test's own in place of those of the package."""
    for tag, text in (("en", VALUES), ("zh-CN", VALUES.replace("unknown setting", "未知配置项"))):
        for area in explain.AREAS:
            file = tmp_path / "explanations" / tag / f"{area}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text if area == "values" else "# Nothing yet\n", "utf-8")
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    return tmp_path


@pytest.fixture
def torn(install: Callable[..., Path]) -> Callable[[str], None]:
    """Return a function that installs a connector with a guide of some kind."""

    def installed(guide: str) -> None:
        given = "{'en': GUIDE}" if not guide else "Guide()"
        source = TORN.format(guide=guide or "yield 'en'", text=GUIDE, given=given)
        install(
            "passpost-torn",
            {"passpost.connectors": {"torn": "torn"}},
            torn=f"GUIDE = {GUIDE!r}\n{source}",
        )

    return installed


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("code", ["E101", "e101"])
def test_a_section_is_printed(run: Run, code: str) -> None:
    result = run("explain", code)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        '## E101: unknown setting\n\nNo setting has this name.\n\n```json\n{"prot": 587}\n```\n'
    )


@pytest.mark.usefixtures("folder")
def test_a_section_in_chinese(run: Run) -> None:
    for tag in ("zh-CN", "zh", "zh-TW"):
        assert "E101: 未知配置项" in run("explain", "E101", "--lang", tag).stdout
    assert "E101: unknown setting" in run("explain", "E101", "--lang", "fr").stdout


@pytest.mark.usefixtures("folder")
def test_a_section_as_json(run: Run) -> None:
    document = json.loads(run("explain", "E102", "--json").stdout)
    assert document == {
        "ok": True, "code": "E102", "title": "missing setting", "area": "values", "text": "Add it."
    }  # fmt: skip


@pytest.mark.usefixtures("folder")
def test_codes_are_listed_with_those_of_connectors(run: Run, torn: Callable[[str], None]) -> None:
    torn("")
    lines = run("explain").stdout.splitlines()
    assert [line.split(maxsplit=1) for line in lines[:2]] == [
        ["E101", "unknown setting"],
        ["E102", "missing setting"],
    ]
    assert [line.split()[0] for line in lines if line.startswith("torn")] == ["torn-E1", "torn-W2"]
    listed = json.loads(run("explain", "--json").stdout)["codes"]
    assert {"code": "torn-W2", "title": "`key` is short", "area": "torn"} in listed


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("code", "problem", "fix"),
    [
        ("W101", "unknown code `W101`", "did you mean `E101`?"),
        ("torn-E3", "unknown code `torn-E3`", "did you mean `torn-E1`?"),
        ("acme-E1", "unknown code `acme-E1`", "to list the codes: passpost explain"),
        ("hunter2", "CODE is not the code of a problem", "passpost explain E101"),
    ],
)
def test_an_unknown_code_says_what_was_meant(
    run: Run, torn: Callable[[str], None], code: str, problem: str, fix: str
) -> None:
    torn("")
    result = run("explain", code, "--json")
    assert result.exit_code == 1
    assert result.stderr == f"passpost: error: {problem}\n  help: {fix}\n"
    assert json.loads(result.stdout)["error"] == {
        "kind": "refused", "message": problem, "remedy": fix
    }  # fmt: skip


@pytest.mark.usefixtures("folder")
def test_a_connectors_code_is_explained_by_its_guide(run: Run, torn: Callable[[str], None]) -> None:
    torn("")
    result = run("explain", "torn-E1")
    assert result.stdout == "## torn-E1: `key` is missing \\| empty\n\nSet `key`.\n"


def test_a_code_of_an_unknown_connector(run: Run) -> None:
    result = run("explain", "nowhere-E1")
    assert result.exit_code == 1
    assert "unknown connector `nowhere`" in result.stderr


@pytest.mark.parametrize("raises", ["raise SystemExit(0)", "1/0", "yield 5/0", "self.wrong = 5"])
def test_a_guide_that_cannot_be_read_names_its_connector(
    run: Run, torn: Callable[[str], None], raises: str
) -> None:
    # The description of the connector is checked once before: it passes.
    torn(f"self.n = getattr(self, 'n', 0) + 1\n        if self.n > 1: {raises}\n        yield 'en'")
    for arguments in (("guide", "torn"), ("explain", "torn-E1")):
        result = run(*arguments)
        assert result.exit_code == 1, result.output
        assert "the guide of the connector `torn` cannot be read: " in result.stderr
    listed = run("guide")
    assert listed.exit_code == 0
    assert "acme" in listed.stdout
    assert "connector `torn`" in listed.stderr


ENGINE = """
| Code | Problem | Fix |
| --- | --- | --- |
| `spare-engine-E1` | {problem} | {fix} |
"""


@pytest.fixture
def engine(install: Callable[..., Path]) -> None:
    """A package without a connector, which cannot be imported without its framework."""
    package = install("passpost-spare-engine", {}) / "passpost_spare_engine"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('set the framework up first')")
    (package / "README.md").write_text(ENGINE.format(problem="`eager` is set", fix="Remove it."))
    chinese = ENGINE.format(problem="设置了 `eager`", fix="删除该项。")
    (package / "README.zh-CN.md").write_text(chinese, "utf-8")


@pytest.mark.usefixtures("engine")
def test_the_code_of_another_package_is_explained_by_its_guide(run: Run) -> None:
    for code in ("spare-engine-E1", "SPARE-ENGINE-e1"):
        result = run("explain", code, "--lang", "en")
        assert result.stdout == "## spare-engine-E1: `eager` is set\n\nRemove it.\n", result.stderr
    assert "删除该项。" in run("explain", "spare-engine-E1", "--lang", "zh").stdout
    assert "spare-engine-E1  `eager` is set" in run("explain").stdout


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("code", ["spare-engine-E2", "os.path-E1", "../spare-engine-E1"])
def test_a_code_that_no_guide_explains(run: Run, code: str) -> None:
    assert run("explain", code).exit_code == 1
