"""All pages: links lead somewhere, commands print what is shown, the languages say the same."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

import passpost
import passpost_templates
from passpost import config
from passpost._policy.decision import NEXT, STOP, Result, Retry, Rules, Situation, decide
from passpost.errors import Outcome, Scope
from passpost_cli.program import SUMMARIES
from passpost_cli.scaffold import Names, files, write
from passpost_smtp_stand_in import StandIn

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
CORE = ROOT / "core/README.md"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*/**/*.md"), CORE])
PACKAGES = sorted({*ROOT.glob("*/README*.md"), *ROOT.glob("plugins/**/README*.md")} - {CORE})
STAND_INS = [page for page in PACKAGES if page.parent.name == "stand_in"]
TWINS = [
    (DOCS / "en" / page.relative_to(DOCS / "zh-CN"), page)
    for page in sorted((DOCS / "zh-CN").glob("**/*.md"))
]

FENCE = re.compile(r"^( *)```.*?^ *```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```([\w{}]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def script(path: str) -> ModuleType:
    """Load a script of docs/, which is not a package."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, DOCS / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # attrs and dataclasses look their module up.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


GENERATE = script("generate.py")
SITE = script("build_site.py")
DRAW = script("pictures/draw.py")


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def blocks(page: Path, *languages: str) -> list[str]:
    found = BLOCK.findall(page.read_text("utf-8"))
    return [text for language, text in found if language in languages]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site make of a page's headings."""
    titles = [title for _, title in HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            assert link.startswith("https://"), link
            continue
        target = page.parent / path if path else page
        assert target.is_file(), link
        made = anchor.startswith("passpost-")  # an anchor that the site makes of a module
        assert not anchor or made or anchor in anchors(target), link


@pytest.mark.parametrize("page", sorted(ROOT.glob("plugins/*/README*.md")), ids=shown)
def test_a_readme_leads_to_the_other_language(page: Path) -> None:
    other = "中文版：.*README.zh-CN.md" if page.name == "README.md" else "English: .*README.md"
    assert re.search(f"^{other}", page.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", list(GENERATE.pages()), ids=shown)
def test_what_is_generated_is_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert GENERATE.rewritten(text, GENERATE.language_of(page)) == text, "run `make guides`"


@pytest.mark.parametrize("page", list(GENERATE.pages()), ids=shown)
def test_every_file_on_the_page_is_used_by_a_command(page: Path) -> None:
    commands = GENERATE.COMMAND.findall("".join(blocks(page, "console")))
    for text in blocks(page, "python", "jsonc"):
        name = GENERATE.NAME.match(text)
        assert name, f"a block without the name of its file: {text[:40]}"
        # A program that a command runs may read a settings file.
        programs = [program for program in blocks(page, "python") if program != text]
        assert any(name[1] in using for using in (*commands, *programs)), name[1]


def test_a_page_that_is_out_of_date_is_found() -> None:
    page = "```console\n$ echo $((6 * 7))\n41\n```\n"
    assert GENERATE.rewritten(page) == page.replace("41", "42")


def test_the_number_of_checks_is_right(tmp_path: Path) -> None:
    page = DOCS / "en/reference/conformance.md"
    write(files(Names.of("acme")), tmp_path / "acme")
    # The class that the page shows, and the same without HTTP.
    suites = blocks(page, "python")[0] + '\n\nclass TestTcp(TestAcme):\n    speaks = "tcp"\n'
    (tmp_path / "acme/tests/test_conformance.py").write_text(suites, "utf-8")
    source = os.pathsep.join([str(tmp_path / "acme/src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-c", os.devnull,
         "-p", "no:cacheprovider", "tests/test_conformance.py"],
        cwd=tmp_path / "acme",
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    http, tcp = (done.stdout.count(f"::{name}::") for name in ("TestAcme", "TestTcp"))
    assert http > tcp > 0, done.stdout + done.stderr
    for shown_on, number, expected in (
        (ROOT / "README.md", r"about (\d+) checks", http),
        (ROOT / "README.zh-CN.md", r"约 (\d+) 项检查", http),
        (page, r"get (\d+) checks", http),
        (page, r"or (\d+) if the protocol is not HTTP", tcp),
        (page, r"TestAcme: (\d+) checks", http),
    ):
        assert re.findall(number, shown_on.read_text("utf-8")) == [str(expected)]


def test_a_link_on_the_site_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="top"><a href="b.html#x"></a><a href="c.html"></a>')
    (tmp_path / "b.html").write_text('<a href="a.html#top"></a><a href="https://example.com/d">')
    assert list(SITE.broken_links(tmp_path)) == [
        "a.html: error: `b.html#x` leads nowhere",
        "a.html: error: `c.html` leads nowhere",
    ]


def distributions() -> dict[str, set[str]]:
    """Return the extras of all packages of the workspace."""
    projects = [
        tomllib.loads(path.read_text("utf-8"))["project"]
        for pattern in (
            "*/pyproject.toml",
            "plugins/*/pyproject.toml",
            "plugins/*/*/pyproject.toml",
        )
        for path in ROOT.glob(pattern)
    ]
    return {one["name"]: set(one.get("optional-dependencies", ())) for one in projects}


OTHERS = {"celery", "opentelemetry-sdk", "psycopg"}
"""What a guide installs besides packages of ours: the other side of an integration."""


@pytest.mark.parametrize("page", [*PAGES, *PACKAGES], ids=shown)
def test_packages_to_install_are_there(page: Path) -> None:
    known = distributions()
    shells = "".join(blocks(page, "console", "sh"))
    for line in re.findall(r"^(?:\$ )?pip install (.*)$", shells, re.MULTILINE):
        for package in shlex.split(line):
            name, _, extra = package.rstrip("]").partition("[")
            assert name in known or (page in PACKAGES and name in OTHERS), line
            assert not extra or name in OTHERS or extra in known[name], line


def test_the_page_of_core_lists_its_extras() -> None:
    listed = re.findall(r"^\| `passpost\[(\w+)\]` \|", CORE.read_text("utf-8"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == distributions()["passpost"]


def run(page: Path, program: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a program of a page, and return its variables."""
    names = dict(names or {})
    exec(compile(program, shown(page), "exec"), names)  # noqa: S102 - the page's own
    return names


TEMPLATE = {"usageType": "Generic", "subject": "Your code", "content": "{{code}}"}


def test_the_program_of_core_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = blocks(CORE, "python")
    with StandIn() as provider:
        entry = {"use": "smtp", "settings": dict(provider.settings)}
        application = {"connectors": {"primary": entry}, "templates": [TEMPLATE]}
        (tmp_path / "passpost.jsonc").write_text(json.dumps(application), "utf-8")
        monkeypatch.chdir(tmp_path)
        run(CORE, program)
        (email,) = provider.received
    assert (email.recipient, (email.text or "").strip()) == ("ada@example.com", "493817")


SENDING = """
    accepting = connector(provider.settings)
    rejecting = connector(provider.wrong_settings)
    with passpost.Mailer(accepting) as mailer:
        mailer.send(message)
    with passpost.Mailer(rejecting) as mailer, pytest.raises(passpost.SendError):
        mailer.send(message)
    received = provider.received
"""
"""What the text below the program of a stand-in promises, while the stand-in runs."""


@pytest.mark.parametrize("page", STAND_INS, ids=shown)
def test_the_program_of_a_stand_in_starts_what_an_email_reaches(page: Path) -> None:
    (program,) = blocks(page, "python")
    id_ = page.parents[1].name.replace("_", "-")
    host = passpost.Host()
    at_provider = passpost.Capability.PROVIDER_TEMPLATES in host.info(id_).capabilities
    templates = {} if at_provider else {"templates": [TEMPLATE]}
    names = run(
        page,
        program + SENDING,
        {
            "connector": lambda settings: host.configure(id_, {**settings, **templates}),
            "message": passpost.Message("ada@example.com", "Generic", {"code": "493817"}),
            "passpost": passpost,
            "pytest": pytest,
        },
    )
    assert [email.recipient for email in names["received"]] == ["ada@example.com"]


def test_the_program_of_the_ready_made_templates_prints_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = ROOT / "templates/README.md"
    (program,) = blocks(page, "python")
    run(page, program)
    languages, _, printed = capsys.readouterr().out.partition("\n")
    assert languages == str(passpost_templates.languages())
    templates = [config.parse(passpost.Template, one) for one in json.loads(printed)["templates"]]
    assert {template.locale for template in templates} == {None, "en", "zh"}


PROGRAMS = {CORE, *STAND_INS, ROOT / "templates/README.md"}
"""The pages of packages whose programs run above."""


def test_no_page_of_a_package_has_a_program_that_no_test_runs() -> None:
    shows = {page for page in [CORE, *PACKAGES] if blocks(page, "python")}
    assert {page for page in shows if not has_tests_of_programs(page)} == PROGRAMS


def has_tests_of_programs(page: Path) -> bool:
    """Return whether a test beside a guide takes the programs out of it."""
    tests = [path.read_text("utf-8") for path in page.parent.glob("tests/test_*.py")]
    # A connector's own guide is also what its hook returns.
    takes = re.compile(r"```(?:python|\{kind\})")
    named = (page.name, "connector_info().guide")
    return any(takes.search(text) and any(name in text for name in named) for text in tests)


@pytest.mark.parametrize("page", READMES, ids=shown)
def test_the_settings_of_the_readme_have_no_warning(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct-horse")
    (text,) = [text for text in blocks(page, "jsonc") if "// passpost.jsonc" in text]
    (tmp_path / "passpost.jsonc").write_text(text, "utf-8")
    application = passpost.load(tmp_path / "passpost.jsonc")
    assert [connector.name for connector in application.connectors] == ["primary"]
    assert application.warnings == ()


def code(page: Path) -> list[tuple[str, Any]]:
    """Return the blocks of a page without comments, which are translated."""
    return [
        (language, re.sub(r"(//|  # ).*", "", text))
        for language, text in BLOCK.findall(page.read_text("utf-8"))
        if language != "{toctree}"
    ]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [tuple(READMES), *TWINS],
    ids=lambda page: page.name if page in READMES else shown(page),
)
def test_both_languages_have_the_same_headings_and_code(english: Path, chinese: Path) -> None:
    levels = [[mark for mark, _ in HEADING.findall(prose(page))] for page in (english, chinese)]
    assert levels[0] == levels[1]
    assert code(english) == code(chinese)


IN_ENGLISH = {"是": "yes", "否": "no", "一次": "at once", "分步": "in steps", "任意": "any"}
KEPT = {*IN_ENGLISH.values(), "accepted", *get_args(Outcome), *get_args(Scope)}


def facts(language: str) -> list[list[str]]:
    """Return what the rows of the outcomes say, without the words of either language."""
    page = (DOCS / language / "reference/outcomes.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [[fact(IN_ENGLISH.get(cell.strip(), cell.strip())) for cell in row] for row in rows]


def fact(cell: str) -> str:
    """Return the cell itself if it is a value, and else its codes."""
    codes = re.findall(r"`[^`]+`|\b(?:FIN|RST|\d\d\d|\dxx)\b", cell)
    return cell if cell in KEPT else " ".join(codes)


def test_the_outcomes_are_the_same_in_both_languages() -> None:
    assert len(facts("en")) > 60
    assert facts("zh-CN") == facts("en")


def test_the_pages_that_are_promised_in_chinese_are_there() -> None:
    translated = {str(page.relative_to(DOCS / "zh-CN")) for _, page in TWINS}
    assert translated >= {
        "index.md",
        "tutorial/first-email.md",
        *(f"reference/{name}.md" for name in ("settings", "cli", "errors", "problems", "outcomes")),
        *(f"explanation/{name}.md" for name in ("outcomes", "promises", "security")),
    }


@pytest.mark.parametrize("language", SITE.LANGUAGES)
def test_every_page_is_in_the_navigation(language: str) -> None:
    pages = dict(SITE.sources(language))
    linked = {"index"}
    for path, content in pages.items():
        for kind, text in BLOCK.findall(content.decode(errors="replace")):
            lines = [line for line in text.split() if not line.startswith(":")]
            linked |= {str(path.parent / line) for line in lines if kind == "{toctree}"}
    assert {str(path.with_suffix("")) for path in pages if path.suffix == ".md"} <= linked


@pytest.mark.parametrize("language", SITE.LANGUAGES)
def test_every_command_has_a_section(language: str) -> None:
    titles = HEADING.findall((DOCS / language / "reference/cli.md").read_text("utf-8"))
    commands = {title.strip("`").removeprefix("passpost ") for _, title in titles if "`" in title}
    assert commands == set(SUMMARIES)


@pytest.mark.parametrize("language", SITE.LANGUAGES)
def test_every_fact_of_a_send_error_is_explained(language: str) -> None:
    page = (DOCS / language / "reference/errors.md").read_text("utf-8")
    error = passpost.SendError("it failed", outcome="rejected", scope="network")
    for name in (*error.facts(), "attempts"):
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("language", SITE.LANGUAGES)
def test_every_key_of_an_application_has_a_section(language: str) -> None:
    titles = HEADING.findall((DOCS / language / "reference/settings.md").read_text("utf-8"))
    keys = set(config.json_schema(config.ApplicationSettings)["properties"]) - {"$schema"}
    assert keys <= {title.strip("`").partition(".")[0] for _, title in titles}


NEXT_STEPS = {
    "the error": (STOP, STOP),
    "the same connector again": (Retry, Retry),
    "the next connector": (NEXT, STOP),
    "the next connector, or the same one again if there is no other": (NEXT, Retry),
}


def test_what_comes_after_an_attempt_is_what_the_policy_decides() -> None:
    page = (DOCS / "en/reference/settings.md").read_text("utf-8")
    table = page.partition("| outcome |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 6
    for row in table:
        outcome, scopes, temporary, then = [cell.strip() for cell in row.split("|")[1:-1]]
        steps = NEXT_STEPS[then.partition(", unless")[0]]
        for scope in re.findall(r"`(\w+)`", scopes) or get_args(Scope):
            for flag in {"yes": [True], "no": [False], "": [True, False]}[temporary]:
                result = Result(cast("Any", outcome), scope, flag)
                for step, alternative in zip(steps, (True, False), strict=True):
                    situation = Situation(tries=1, seconds_left=60, alternative=alternative)
                    decision = decide(result, situation, Rules(), 0.5)
                    assert decision is step or (isinstance(decision, Retry) and step is Retry), row


def test_the_errors_on_the_page_are_those_of_the_source() -> None:
    tree = blocks(DOCS / "en/reference/errors.md", "text")[0]
    drawn = re.findall(r"^[│├└─ ]*(\w+)", tree, re.MULTILINE)
    errors = [
        name
        for name in passpost.__all__
        if isinstance(made := getattr(passpost, name), type) and issubclass(made, Exception)
    ]
    assert sorted(drawn) == sorted(errors)


@pytest.mark.parametrize("words", [DRAW.ENGLISH, DRAW.CHINESE], ids=["en", "zh-CN"])
def test_a_picture_is_what_the_script_draws(words: Any) -> None:
    picture = (DOCS / "pictures" / words.file).read_text("utf-8")
    assert picture == DRAW.drawn(words), "run docs/pictures/draw.py"
    assert ET.fromstring(picture).get("aria-label") == words.label  # noqa: S314 - our own


def luminance(color: str) -> float:
    """Return the relative luminance of a color (WCAG 2)."""
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colors", [DRAW.LIGHT, DRAW.DARK], ids=["light", "dark"])
def test_a_picture_can_be_read_in_light_and_dark(colors: dict[str, str]) -> None:
    for text in ("text", "quiet"):
        for ground in ("page", "box", "main"):
            low, high = sorted(luminance(colors[name]) for name in (text, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
