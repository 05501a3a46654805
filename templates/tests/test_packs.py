"""Languages that other packages bring, as the page shows how to add them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest

import passpost
import passpost_templates
from pytest_passpost import Inbox

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = "how-to/ready-made-templates.md"
FILES: Final = dict(
    re.findall(
        r"^```\w+\n# ([\w./]+)\n(.*?)^```$",
        (DOCS / "en" / PAGE).read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)
FRENCH: Final = FILES["example_templates_fr/fr.toml"]

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what installs a language as pip does: a folder, and a record of its entry point."""

    def installed(texts: str, tag: str = "fr", package: str = "example_templates_fr") -> None:
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / f"{tag}.toml").write_text(texts, "utf-8")
        record = tmp_path / f"{package}-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        group = "[passpost.template_packs]"
        (record / "entry_points.txt").write_text(f"{group}\n{tag} = {package}\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    return installed


def test_the_example_of_the_page_adds_a_language(install: Install) -> None:
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    assert project["entry-points"] == {"passpost.template_packs": {"fr": "example_templates_fr"}}
    install(FRENCH)
    assert {"en", "fr", "zh-CN"} <= set(passpost_templates.languages())
    french, *english = passpost_templates.templates("en", "fr")[9:]
    assert (french["usageType"], french["locale"]) == ("Generic", "fr")
    assert all("locale" not in template for template in english)
    made = passpost.Template(
        usage_type="Generic",
        subject=french["subject"],
        content=french["content"],
        content_type="text/html",
        text=french["text"],
    )
    email = made.render({"code": "493817", "expiresInMinutes": 10})
    assert email.text is not None
    assert email.html is not None
    assert "Valable 10 minutes.\n" in email.text
    assert '<html lang="fr" dir="ltr">' in email.html
    assert "Si vous n'avez pas demandé" in email.html


def test_a_language_may_lack_usages(install: Install, passpost_inbox: Inbox) -> None:
    install(FRENCH)
    with pytest.raises(ValueError, match="no template for SignIn in fr"):
        passpost_templates.templates("fr", "en", usages=["SignIn", "Generic"])
    made = passpost_templates.templates("en", "fr", usages=["SignIn", "Generic"])
    assert [template.get("locale") for template in made] == ["en", "en", "fr", None, None]
    with passpost.Mailer.from_settings({**passpost_inbox.application, "templates": made}) as mailer:
        for usage in ("SignIn", "Generic"):
            mailer.send(
                passpost.Message(
                    to="ada@example.com", usage=usage, payload={"code": "493817"}, locale="fr"
                )
            )
    subjects = [mail.subject for mail in passpost_inbox.mails]
    assert subjects == ["Sign in to your account", "Vérifiez votre adresse e-mail"]


def test_the_packs_that_ship_are_found_as_others_are() -> None:
    own = {point.name for point in entry_points(group="passpost.template_packs")}
    assert own >= {"en", "zh-CN"}


def test_a_language_may_have_a_wider_locale_and_run_from_right_to_left(install: Install) -> None:
    install('locale = "ar"\ndir = "rtl"\n' + FRENCH, "ar-EG", "example_templates_ar")
    arabic = passpost_templates.templates("en", "ar-EG", usages=["Generic"])[1]
    assert arabic["locale"] == "ar"
    assert '<html lang="ar-EG" dir="rtl">' in arabic["content"]
    # A code is read from left to right everywhere.
    assert '<span class="strong" dir="ltr"' in arabic["content"]


def test_markup_in_texts_is_text(install: Install) -> None:
    install(FRENCH.replace('"Continuer"', '"<b>Continuer</b> $5"'), "fr-BE", "example_be")
    (template,) = passpost_templates.templates("fr-BE")
    assert "&lt;b&gt;Continuer&lt;/b&gt; $5</a>" in template["content"]


def test_a_package_that_was_installed_for_it_replaces_a_language(install: Install) -> None:
    install(FRENCH.replace("Continuer", "Go on"), "en", "example_templates_en")
    (template,) = passpost_templates.templates("en")
    assert ">Go on</a>" in template["content"]


def test_texts_that_are_missing_are_named(install: Install) -> None:
    lacking = FRENCH.replace('or_code = "', 'of_code = "').replace('heading = "', 'header = "')
    install(lacking, "fr-CA", "example_ca")
    words = re.escape("example_ca/fr-CA.toml lacks shared.or_code, usages.Generic.heading")
    with pytest.raises(ValueError, match=words):
        passpost_templates.templates("fr-CA")


@pytest.mark.parametrize(("texts", "package"), [
    ("[shared", "example_broken"), ("shared = 1", "example_number"),
    ("usages = 1", "example_usages"),
    ('[usages]\nGeneric = "x"', "example_usage"), ("locale = 5\n" + FRENCH, "example_locale"),
    (FRENCH.replace('"Continuer"', "5"), "example_five"), ('dir = "up"\n' + FRENCH, "example_up"),
])  # fmt: skip
def test_a_file_that_is_broken_is_named(install: Install, texts: str, package: str) -> None:
    install(texts, "xx", package)
    with pytest.raises(ValueError, match=re.escape(f"{package}/xx.toml")):
        passpost_templates.templates("xx")


def test_a_package_that_is_gone_harms_the_others_not(install: Install, tmp_path: Path) -> None:
    install(FRENCH, "yy", "example_gone")
    for file in (tmp_path / "example_gone").iterdir():
        file.unlink()
    (tmp_path / "example_gone").rmdir()
    assert passpost_templates.templates("en")
    with pytest.raises(ValueError, match=r"example_gone/yy\.toml cannot be read"):
        passpost_templates.templates("yy")
